/**
 * generate_batch.c - many prompts from a file or stdin: a line each, as text or JSON, or up to a
 * NUL byte. Bytes are read by cli/input.c; what members of a record are options, record_options.c
 * knows.
 */
#include "cmd/generate/generate_batch.h"

#include <stdio.h>
#include <string.h>

#include "cli/message.h"
#include "cli/signals.h"
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

/* Read the next record that counts: not a blank line of --jsonl, nor a prompt that is left out. */
static enum input_result next_record(struct generate_input *input) {
    for (;;) {
        enum input_result result = input_next(&input->input, &input->record, separator(input),
                                              INPUT_PROMPT_LIMIT, &input->error);
        bool is_prompt =
            result == INPUT_TOO_LONG ||
            (result == INPUT_RECORD && !(input->settings->jsonl && is_blank(&input->record)));
        if (result == INPUT_END || result == INPUT_FAILED ||
            (is_prompt && !leaves_out_next(input))) {
            return result;
        }
        input->n_left_out += is_prompt ? 1 : 0;
    }
}

/* Name the line in an error that does not. */
static void add_place(struct gen_error *err, const char *where) {
    struct gen_error cause = *err;
    message_set(err, cause.status, "%s: %s", where, cause.message);
}

/* Encode the prompt of a record that has been read, and take its options. */
static enum gen_status take_record(struct generate_input *input, struct gen_prompt *prompt,
                                   uint64_t index, const char *where, struct gen_error *err) {
    const struct record_field *field = record_fields_find(&input->fields, "prompt");
    if (field == NULL || !cJSON_IsString(field->value)) {
        char names[200];
        json_list_members(names, sizeof names, input->fields.object);
        message_set(err, GEN_BAD_FILE,
                    "%s has no member \"prompt\" that is text, but %s (it must be "
                    "{\"prompt\":\"...\"})",
                    where, names);
        return GEN_BAD_FILE;
    }
    uint64_t seed = gen_text_seed(input->settings->options.seed, index, 0);
    enum gen_status status = record_options_take(&input->own, input->settings, input->own_length,
                                                 &input->fields, seed, input->tokenizer, err);
    if (status != GEN_OK) {
        add_place(err, where);
        return status;
    }
    prompt->options = input->own.any ? &input->own.options : NULL;
    const char *text = field->value->valuestring;
    return generate_input_encode(input, text, strlen(text), err);
}

/* A line of JSON. */
static enum gen_status take_json(struct generate_input *input, struct gen_prompt *prompt,
                                 uint64_t index, struct gen_error *err) {
    char where[340];
    snprintf(where, sizeof where, "%.300s: line %llu", input->input.name,
             (unsigned long long)input->input.n_records);
    enum gen_status status =
        record_fields_read_json(&input->fields, input->record.data, input->record.n, where, err);
    if (status == GEN_OK) {
        if (input->settings->json) {
            record_rests_add(&input->rests, index, &input->fields);
        }
        status = take_record(input, prompt, index, where, err);
    }
    return status;
}

bool generate_batch_next(struct generate_input *input, struct gen_prompt *prompt) {
    enum gen_status status = GEN_OK;
    enum input_result result = next_record(input);
    uint64_t index = index_of_next(input);
    switch (result) {
    case INPUT_END:
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
        if (input->settings->jsonl) {
            status = take_json(input, prompt, index, &input->error);
            break;
        }
        if (input->settings->lines) {
            input->record.n = text_without_cr(input->record.data, input->record.n);
        }
        status = generate_input_encode(input, input->record.data, input->record.n, &input->error);
        break;
    }
    prompt->error = status != GEN_OK ? &input->error : NULL;
    prompt->n_left_out = input->n_left_out;
    input->next_index = index + 1;
    input->n_left_out = 0;
    return true;
}

bool generate_batch_ready(struct generate_input *input) {
    while (input_ready(&input->input, &input->record, separator(input), INPUT_PROMPT_LIMIT)) {
        if (!input->input.whole) {
            return true; /* the end, or what cannot be read */
        }
        bool blank = input->settings->jsonl && is_blank(&input->record);
        if (!blank && !leaves_out_next(input)) {
            return true;
        }
        input_next(&input->input, &input->record, separator(input), INPUT_PROMPT_LIMIT,
                   &input->error);
        input->n_left_out += blank ? 0 : 1;
    }
    return false;
}
