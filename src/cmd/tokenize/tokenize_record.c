/**
 * tokenize_record.c - from a record to its line: the text or the ids in it, encoding or decoding,
 * and every form of output but that of --show, which is tokenize_show.c's. Records are read and
 * given to threads by tokenize_batch.c; all here may run in several at once.
 */
#include "cmd/tokenize/tokenize_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/alloc.h"
#include "cli/ids.h"
#include "cli/json_out.h"
#include "cli/message.h"
#include "cli/terminal_text.h"
#include "cmd/tokenize/tokenize_show.h"
#include "text/json_line.h"
#include "text/lines.h"

void tokenize_worker_release(struct tokenize_worker *worker) {
    gen_encoder_free(worker->encoder);
    gen_ids_release(&worker->ids);
    gen_spans_release(&worker->spans);
    gen_spans_release(&worker->characters);
    gen_bytes_release(&worker->text);
    record_fields_release(&worker->fields);
    gen_bytes_release(&worker->others);
}

#define PLACE_SIZE 340

static void say_place(char where[PLACE_SIZE], const struct tokenize_form *form,
                      const struct tokenize_record *record) {
    if (record->place == 0) {
        snprintf(where, PLACE_SIZE, "%.300s", form->name);
    } else {
        snprintf(where, PLACE_SIZE, "%.300s: %s %llu", form->name,
                 form->settings->null ? "text" : "line", (unsigned long long)record->place);
    }
}

/* Name the place in an error that does not. */
static void add_place(struct gen_error *err, const struct tokenize_form *form,
                      const struct tokenize_record *record) {
    struct gen_error cause = *err;
    char where[PLACE_SIZE];
    say_place(where, form, record);
    message_set(err, cause.status, "%s: %s", where, cause.message);
}

/* ---- what a record has -----------------------------------------------------------------------*/

/* The member of JSON lines that is the text, or the ids. */
static const char *field_name(const struct tokenize_settings *settings) {
    return settings->field != NULL ? settings->field : settings->decode ? "ids" : "text";
}

static bool is_field(const void *context, const char *name) {
    return strcmp(field_name(context), name) == 0;
}

/* Find text, or ids as text, in a line of JSON. */
static enum gen_status read_json(struct tokenize_worker *worker, const struct tokenize_form *form,
                                 const struct tokenize_record *record, const char **text, size_t *n,
                                 struct gen_error *err) {
    const struct tokenize_settings *settings = form->settings;
    char where[PLACE_SIZE];
    say_place(where, form, record);
    enum gen_status status =
        record_fields_read_json(&worker->fields, record->bytes, record->n, where, err);
    if (status != GEN_OK) {
        return status;
    }
    if (settings->json) {
        record_fields_others(&worker->others, &worker->fields, is_field, settings);
    }
    const char *name = field_name(settings);
    const char *kind = settings->decode ? "an array of ids" : "text";
    const struct record_field *field = record_fields_find(&worker->fields, name);
    if (field == NULL) {
        char members[200];
        json_list_members(members, sizeof members, worker->fields.object);
        message_set(err, GEN_BAD_FILE,
                    "%s has no member \"%.80s\", but %s (--field NAME says which is %s)", where,
                    name, members, kind);
        return GEN_BAD_FILE;
    }
    if (!(settings->decode ? cJSON_IsArray(field->value) : cJSON_IsString(field->value))) {
        message_set(err, GEN_BAD_FILE, "%s has a member \"%.80s\" that must be %s, but is %s",
                    where, name, kind, json_kind(field->value));
        return GEN_BAD_FILE;
    }
    *text = settings->decode ? field->spelled.bytes : field->value->valuestring;
    *n = settings->decode ? field->spelled.n : strlen(*text);
    return GEN_OK;
}

/* Find text, or ids as text, in a record. */
static enum gen_status read_record(struct tokenize_worker *worker, const struct tokenize_form *form,
                                   const struct tokenize_record *record, const char **text,
                                   size_t *n, struct gen_error *err) {
    worker->others.n = 0;
    if (record->error != NULL) {
        *err = *record->error;
        add_place(err, form, record);
        return err->status;
    }
    if (form->settings->jsonl) {
        return read_json(worker, form, record, text, n, err);
    }
    *text = record->bytes;
    *n = form->settings->lines ? text_without_cr(record->bytes, record->n) : record->n;
    return GEN_OK;
}

/* ---- forms -----------------------------------------------------------------------------------*/

/* Write a number in front of text[at]; where it begins. */
static size_t put_before(char *text, size_t at, size_t number) {
    do {
        text[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return at;
}

/* [[0,5],[5,6]]; a pair at once, as a large file has millions. */
static void put_spans(struct json_out *json, const char *name, const struct gen_spans *spans) {
    json_out_open(json, name, '[');
    for (size_t i = 0; i < spans->n; i++) {
        char pair[48];
        size_t at = sizeof pair;
        pair[--at] = ']';
        at = put_before(pair, at, spans->data[i].end);
        pair[--at] = ',';
        at = put_before(pair, at, spans->data[i].begin);
        pair[--at] = '[';
        json_out_raw(json, NULL, pair + at, sizeof pair - at);
    }
    json_out_close(json, ']');
}

static void put_pieces(struct json_out *json, const struct tokenize_worker *worker,
                       const struct gen_tokenizer *tokenizer) {
    json_out_open(json, "tokens", '[');
    for (size_t i = 0; i < worker->ids.n; i++) {
        size_t n;
        const char *piece = gen_tokenizer_piece(tokenizer, worker->ids.data[i], &n);
        json_out_string(json, NULL, piece, n);
    }
    json_out_close(json, ']');
    /* A part of a character is U+FFFD above. */
    json_out_open(json, "bytes", '[');
    for (size_t i = 0; i < worker->ids.n; i++) {
        size_t n;
        const char *piece = gen_tokenizer_piece(tokenizer, worker->ids.data[i], &n);
        json_out_bytes(json, NULL, piece, n);
    }
    json_out_close(json, ']');
}

/* The members of an object for ids; text[n] is what they were made of. */
static void put_json(struct json_out *json, struct tokenize_worker *worker,
                     const struct tokenize_form *form, bool alone, const char *text, size_t n) {
    json_out_ids(json, "ids", worker->ids.data, worker->ids.n);
    if (alone) {
        put_pieces(json, worker, form->tokenizer);
    }
    if (form->settings->offsets) {
        alloc_grow(&worker->characters.data, &worker->characters.capacity, worker->spans.n,
                   sizeof *worker->spans.data);
        if (worker->spans.n > 0) {
            memcpy(worker->characters.data, worker->spans.data,
                   worker->spans.n * sizeof *worker->spans.data);
        }
        worker->characters.n = worker->spans.n;
        gen_spans_count_characters(worker->characters.data, worker->characters.n, text, n);
        put_spans(json, "offsets", &worker->characters);
        put_spans(json, "byte_offsets", &worker->spans);
    }
    json_out_uint(json, alone ? "count" : "n_tokens", worker->ids.n);
}

/* An object for a record, what is in it or, with `err`, why there is nothing. */
static void write_json(struct gen_bytes *out, struct tokenize_worker *worker,
                       const struct tokenize_form *form, const struct tokenize_record *record,
                       const char *text, size_t n, const struct gen_error *err) {
    struct json_out json = {.text = *out};
    json_out_open(&json, NULL, '{');
    if (record->place > 0) {
        json_out_uint(&json, "index", record->index);
    }
    if (err != NULL) {
        json_out_string(&json, "error", err->message, strlen(err->message));
    } else if (form->settings->decode) {
        json_out_string(&json, "text", worker->text.data, worker->text.n);
    } else {
        put_json(&json, worker, form, record->place == 0, text, n);
    }
    if (worker->others.n > 0) {
        json_out_raw(&json, "input", worker->others.data, worker->others.n);
    }
    json_out_close(&json, '}');
    alloc_append(&json.text, "\n", 1);
    *out = json.text;
}

static void end_record(struct gen_bytes *out, const struct tokenize_form *form) {
    alloc_append(out, form->settings->null && !form->settings->show ? "" : "\n", 1);
}

static void write_ids(struct gen_bytes *out, struct tokenize_worker *worker,
                      const struct tokenize_form *form, const char *text) {
    if (form->settings->show) {
        const struct tokenize_show show = {
            .tokenizer = form->tokenizer, .width = form->width, .color = form->color};
        tokenize_show(out, &show, text, &worker->ids, &worker->spans);
    } else if (form->settings->count) {
        char count[24];
        int n = snprintf(count, sizeof count, "%zu", worker->ids.n);
        alloc_append(out, count, (size_t)n);
    } else {
        ids_format(out, worker->ids.data, worker->ids.n, ' ');
    }
    end_record(out, form);
}

/* Text that was decoded; alone it is written as it is, without anything after it. */
static void write_text(struct gen_bytes *out, const struct tokenize_worker *worker,
                       const struct tokenize_form *form, const struct tokenize_record *record) {
    if (form->on_terminal) {
        terminal_text_append(out, worker->text.data, worker->text.n);
    } else {
        alloc_append(out, worker->text.data, worker->text.n);
    }
    if (record->place > 0) {
        end_record(out, form);
    }
}

/* ---- both ------------------------------------------------------------------------------------*/

static enum gen_status decode(struct tokenize_worker *worker, const struct tokenize_form *form,
                              const struct tokenize_record *record, const char *text, size_t n,
                              struct gen_error *err) {
    char where[PLACE_SIZE];
    say_place(where, form, record);
    enum gen_status status = ids_parse(&worker->ids, text, n, where, err);
    if (status == GEN_OK) {
        status = gen_tokenizer_decode(form->tokenizer, worker->ids.data, worker->ids.n,
                                      &worker->text, err);
        if (status != GEN_OK) {
            add_place(err, form, record);
        }
    }
    return status;
}

static enum gen_status encode(struct tokenize_worker *worker, const struct tokenize_form *form,
                              const struct tokenize_record *record, const char *text, size_t n,
                              struct gen_error *err) {
    const struct tokenize_settings *settings = form->settings;
    bool with_spans = settings->offsets || settings->show;
    enum gen_status status = GEN_OK;
    if (worker->encoder == NULL) {
        status = gen_encoder_new(&worker->encoder, form->tokenizer, err);
    }
    if (status == GEN_OK) {
        status = gen_encoder_encode(worker->encoder, text, n, settings->special, &worker->ids,
                                    with_spans ? &worker->spans : NULL, err);
    }
    if (status != GEN_OK) {
        add_place(err, form, record);
    }
    return status;
}

enum gen_status tokenize_record(struct gen_bytes *out, struct tokenize_worker *worker,
                                const struct tokenize_form *form,
                                const struct tokenize_record *record, struct gen_error *err) {
    const struct tokenize_settings *settings = form->settings;
    const char *text = "";
    size_t n = 0;
    worker->ids.n = worker->spans.n = worker->text.n = 0;
    enum gen_status status = read_record(worker, form, record, &text, &n, err);
    if (status == GEN_OK) {
        status = settings->decode ? decode(worker, form, record, text, n, err)
                                  : encode(worker, form, record, text, n, err);
    }
    if (status != GEN_OK && record->place == 0) {
        return status;
    }
    if (settings->json) {
        write_json(out, worker, form, record, text, n, status == GEN_OK ? NULL : err);
    } else if (status != GEN_OK) {
        end_record(out, form);
    } else if (settings->decode) {
        write_text(out, worker, form, record);
    } else {
        write_ids(out, worker, form, text);
    }
    return status;
}
