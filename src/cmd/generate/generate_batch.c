/**
 * generate_batch.c - many prompts from a file or stdin: a line each, as text or JSON, up to a
 * NUL byte, or records of CSV. Bytes are read by cli/input.c; what members of a record are options,
 * record_options.c knows.
 */
#include "cmd/generate/generate_batch.h"

#include <stdio.h>
#include <string.h>

#include "cli/alloc.h"
#include "cli/message.h"
#include "cli/signals.h"
#include "cmd/generate/file_names.h"
#include "cmd/generate/record_template.h"
#include "text/json_line.h"
#include "text/lines.h"

static bool is_blank(const struct gen_bytes *record) {
    return text_is_blank(record->data, record->n);
}

static char separator(const struct generate_input *input) {
    return input->settings->null ? '\0' : '\n';
}

/* The number of the next prompt. */
static uint64_t index_of_next(const struct generate_input *input) {
    return input->next_index + input->n_left_out;
}

/* Whether the next prompt is another run's, or answered already. */
static bool leaves_out_next(const struct generate_input *input) {
    uint64_t index = index_of_next(input);
    uint64_t n_shards = (uint64_t)input->settings->n_shards;
    return (n_shards > 0 && index % n_shards + 1 != (uint64_t)input->settings->shard) ||
           (input->resumes && index <= input->last_answered);
}

/* ---- lines and records -----------------------------------------------------------------------*/

/* What the next line is read into: the record, or with CSV its next line. */
static struct gen_bytes *line_of(struct generate_input *input) {
    return input->settings->csv ? &input->next_line : &input->record;
}

/* Most bytes of the next line. */
static size_t line_limit(const struct generate_input *input) {
    size_t n = input->is_open ? input->record.n : 0;
    return n < INPUT_PROMPT_LIMIT ? INPUT_PROMPT_LIMIT - n : 0;
}

/* Put a line of CSV to those of its record before it; the record may be whole now. */
static void join_line(struct generate_input *input) {
    if (!input->is_open) {
        input->record.n = 0;
    } else if (input->record.n < INPUT_PROMPT_LIMIT) {
        alloc_append(&input->record, "\n", 1);
    }
    alloc_append(&input->record, input->next_line.data, input->next_line.n);
    input->is_open = record_csv_is_open(input->is_open, input->next_line.data, input->next_line.n);
    input->is_whole = !input->is_open;
}

/* Read a record; one of CSV may have several lines, of which some are read. */
static enum input_result read_record(struct generate_input *input) {
    enum input_result result = INPUT_RECORD;
    while (!input->is_whole && result == INPUT_RECORD) {
        result = input_next(&input->input, line_of(input), separator(input), line_limit(input),
                            &input->error);
        if (!input->settings->csv) {
            return result;
        }
        if (result == INPUT_RECORD) {
            join_line(input);
        }
    }
    if (result == INPUT_END && input->is_open) {
        result = INPUT_RECORD; /* what is wrong with it, its reader says */
    }
    input->is_open = input->is_whole = false;
    return result;
}

/* The same as far as it needs no waiting; false where it would. Sets *is_record where a whole
 * record has been read, which read_record() then gives out. */
static bool try_record(struct generate_input *input, bool *is_record) {
    const struct input *lines = &input->input;
    while (!input->is_whole) {
        if (!input_ready(&input->input, line_of(input), separator(input), line_limit(input))) {
            return false;
        }
        *is_record = lines->whole && !lines->too_long;
        if (!*is_record || !input->settings->csv) {
            return true; /* the end, or what cannot be read, or a record that is a line */
        }
        input_next(&input->input, &input->next_line, '\n', line_limit(input), &input->error);
        join_line(input);
    }
    *is_record = true;
    return true;
}

/* Whether a blank line is no prompt. */
static bool passes_over_blanks(const struct generate_input *input) {
    return generate_has_fields(input->settings);
}

/* Read the next record that counts: not a blank line, nor a prompt that is left out. */
static enum input_result next_record(struct generate_input *input) {
    for (;;) {
        enum input_result result = read_record(input);
        bool is_prompt =
            result == INPUT_TOO_LONG ||
            (result == INPUT_RECORD && !(passes_over_blanks(input) && is_blank(&input->record)));
        if (result == INPUT_END || result == INPUT_FAILED ||
            (is_prompt && !leaves_out_next(input))) {
            return result;
        }
        input->n_left_out += is_prompt ? 1 : 0;
    }
}

#define PLACE_SIZE 340

/* The line, the last one where a record has several. */
static void say_place(char where[PLACE_SIZE], const struct generate_input *input) {
    snprintf(where, PLACE_SIZE, "%.300s: line %llu", input->input.name,
             (unsigned long long)input->input.n_records);
}

/* The names of the fields of CSV, once. False after a message, or where there is nothing. */
static bool has_names(struct generate_input *input) {
    if (!input->settings->csv || input->csv.n > 0) {
        return true;
    }
    char where[PLACE_SIZE];
    enum input_result result;
    do {
        result = read_record(input);
    } while (result == INPUT_RECORD && is_blank(&input->record));
    say_place(where, input);
    enum gen_status status = result == INPUT_END ? GEN_OK : input->error.status;
    if (result == INPUT_RECORD) {
        status = record_csv_read_names(&input->csv, input->record.data, input->record.n, where,
                                       &input->error);
    }
    if (status != GEN_OK && signals_caught() == 0) {
        input->failed = true;
        message("%s", input->error.message);
    }
    return result == INPUT_RECORD && status == GEN_OK;
}

/* Name the line in an error that does not. */
static void add_place(struct gen_error *err, const char *where) {
    struct gen_error cause = *err;
    message_set(err, cause.status, "%s: %s", where, cause.message);
}

/* Encode the text of the prompt of a record. */
static enum gen_status encode_record(struct generate_input *input, const char *where,
                                     struct gen_error *err) {
    if (input->template != NULL) {
        struct gen_bytes text = {0};
        enum gen_status status =
            record_template_fill(&text, input->template, &input->fields, where, err);
        if (status == GEN_OK) {
            status = generate_input_encode(input, text.data, text.n, err);
        }
        gen_bytes_release(&text);
        return status;
    }
    const struct record_field *field = record_fields_find(&input->fields, "prompt");
    if (field != NULL && cJSON_IsString(field->value)) {
        const char *text = field->value->valuestring;
        return generate_input_encode(input, text, strlen(text), err);
    }
    const char *wrong;
    char names[200];
    if (field != NULL) {
        wrong = "has a member \"prompt\" that must be text, but is";
        snprintf(names, sizeof names, "%s", json_kind(field->value));
    } else {
        wrong =
            input->settings->csv ? "has no field \"prompt\", but" : "has no member \"prompt\", but";
        json_list_members(names, sizeof names, input->fields.object);
    }
    message_set(err, GEN_BAD_FILE, "%s %s %s (%s)", where, wrong, names,
                input->settings->csv ? "name one so, or give --template"
                                     : "it must be {\"prompt\":\"...\"}");
    return GEN_BAD_FILE;
}

/* Encode the prompt of a record that has been read, and take its options. */
static enum gen_status take_record(struct generate_input *input, struct gen_prompt *prompt,
                                   uint64_t index, const char *where, struct gen_error *err) {
    uint64_t seed = gen_text_seed(input->settings->options.seed, index, 0);
    enum gen_status status = record_options_take(&input->own, input->settings, input->own_length,
                                                 &input->fields, seed, input->tokenizer, err);
    if (status != GEN_OK) {
        add_place(err, where);
        return status;
    }
    prompt->options = input->own.any ? &input->own.options : NULL;
    return encode_record(input, where, err);
}

/* Whether a field is an option or, if it is none of a template, the prompt. */
static bool is_used(const void *context, const char *name) {
    const struct generate_input *input = context;
    return (input->template == NULL && strcmp(name, "prompt") == 0) || record_options_is(name);
}

/* A record with fields. */
static enum gen_status take_fields(struct generate_input *input, struct gen_prompt *prompt,
                                   struct record_rest *rest, struct gen_error *err) {
    char where[PLACE_SIZE];
    say_place(where, input);
    const struct gen_bytes *record = &input->record;
    enum gen_status status =
        input->settings->csv
            ? record_csv_read(&input->csv, &input->fields, record->data, record->n, where, err)
            : record_fields_read_json(&input->fields, record->data, record->n, where, err);
    if (status == GEN_OK) {
        if (!input->settings->quiet) {
            record_notes_say(&input->notes, &input->fields, input->template, where,
                             input->progress);
        }
        if (input->settings->json) {
            record_rest_take(rest, &input->fields, is_used, input);
        }
    }
    if (status == GEN_OK) {
        status = take_record(input, prompt, index_of_next(input), where, err);
    }
    return status;
}

/* The list has come to its end. One that ends before what --resume found answered is another one,
 * or was cut or emptied: then its prompts would be passed over for those that were there before. */
static void check_end(struct generate_input *input) {
    if (input->resumes && index_of_next(input) <= input->last_answered && !input->failed &&
        signals_caught() == 0) {
        input->failed = true;
        message(
            "%.300s: ends before the prompt with index %llu, which %.300s answers already: another "
            "list? (give another --output, or --first-index if the list was cut)",
            input->input.name, (unsigned long long)input->last_answered,
            message_name(input->settings->output));
    }
}

bool generate_batch_next(struct generate_input *input, struct gen_prompt *prompt) {
    if (!has_names(input)) {
        check_end(input);
        return false;
    }
    enum gen_status status = GEN_OK;
    enum input_result result = next_record(input);
    uint64_t index = index_of_next(input);
    struct record_rest *rest = NULL;
    bool has_fields = generate_has_fields(input->settings);
    if (has_fields || input->settings->output_dir != NULL) {
        rest = record_rests_add(&input->rests, index);
    }
    switch (result) {
    case INPUT_END:
        check_end(input);
        return false;
    case INPUT_FAILED:
        if (signals_caught() == 0) {
            input->failed = true;
            message("%s", input->error.message);
        }
        return false;
    case INPUT_TOO_LONG:
        status = GEN_BAD_FILE;
        break;
    case INPUT_RECORD:
        if (rest != NULL && has_fields) {
            status = take_fields(input, prompt, rest, &input->error);
            break;
        }
        if (input->settings->lines) {
            input->record.n = text_without_cr(input->record.data, input->record.n);
        }
        status = generate_input_encode(input, input->record.data, input->record.n, &input->error);
        break;
    }
    if (status == GEN_OK && input->settings->output_dir != NULL) {
        const struct gen_generate_options *options =
            prompt->options != NULL ? prompt->options : &input->settings->options;
        status = file_names_make(&rest->name, input->settings, options, &input->fields, index,
                                 &input->error);
    }
    prompt->error = status != GEN_OK ? &input->error : NULL;
    prompt->n_left_out = input->n_left_out;
    input->next_index = index + 1;
    input->n_left_out = 0;
    return true;
}

bool generate_batch_ready(struct generate_input *input) {
    bool is_record;
    while (try_record(input, &is_record)) {
        bool blank = is_record && passes_over_blanks(input) && is_blank(&input->record);
        bool is_names = input->settings->csv && input->csv.n == 0;
        if (!is_record || is_names || (!blank && !leaves_out_next(input))) {
            return true;
        }
        read_record(input);
        input->n_left_out += blank ? 0 : 1;
    }
    return false;
}
