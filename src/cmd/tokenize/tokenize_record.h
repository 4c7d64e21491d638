/**
 * tokenize_record.h - one text, or the ids of one, in the form that was asked for.
 */
#ifndef CMD_TOKENIZE_TOKENIZE_RECORD_H
#define CMD_TOKENIZE_TOKENIZE_RECORD_H

#include <stddef.h>

#include "cmd/record/record_fields.h"
#include "cmd/tokenize/tokenize.h"
#include "gen.h"

/** How records are written; the same for all of a run. */
struct tokenize_form {
    const struct tokenize_settings *settings;
    const struct gen_tokenizer *tokenizer;
    const char *name; /**< of what is read, for messages */
    bool on_terminal; /**< text must be shown, not obeyed */
    bool color;       /**< of --show */
    size_t width;     /**< of its lines */
};

/** What one thread needs for record after record. Start from {0}. */
struct tokenize_worker {
    struct gen_encoder *encoder; /**< NULL until the first text */
    struct gen_ids ids;
    struct gen_spans spans, characters;
    struct gen_bytes text;
    struct record_fields fields;
    struct gen_bytes others; /**< fields that are not the text, as JSON */
};
void tokenize_worker_release(struct tokenize_worker *worker);

/** A record of many, or the only one. */
struct tokenize_record {
    const char *bytes;
    size_t n;
    uint64_t index;
    uint64_t place; /**< number of its line, or among those that end with a NUL, from 1 on; 0: it is
                         the only one */
    const struct gen_error *error; /**< why it could not be read; else NULL */
};

/**
 * Append what is printed for a record to `out`: also where it fails, if it is one of many, as its
 * place among the others must be kept. err->message then names the place.
 */
enum gen_status tokenize_record(struct gen_bytes *out, struct tokenize_worker *worker,
                                const struct tokenize_form *form,
                                const struct tokenize_record *record, struct gen_error *err);

#endif
