/**
 * record_rests.h - what records of many prompts have besides prompt and options, kept until their
 * texts are written.
 */
#ifndef CMD_GENERATE_RECORD_RESTS_H
#define CMD_GENERATE_RECORD_RESTS_H

#include "cmd/generate/record_fields.h"

/** A queue in the order of the prompts. Start from {0}. */
struct record_rests {
    struct record_rest *data;
    size_t first, n, capacity;
};

struct record_rest {
    uint64_t index;
    struct gen_bytes object; /**< fields, as a JSON object; no bytes: there are none */
    struct gen_bytes name;   /**< of the file for its text, {{sequence}} still in it */
};

/** A rest at the end of the queue, to be filled; good until the next call. */
struct record_rest *record_rests_add(struct record_rests *rests, uint64_t index);
/** Take the fields that are neither options nor of the name `text`: that of what is answered, or
 *  NULL if that is a template's. */
void record_rest_take(struct record_rest *rest, const struct record_fields *fields,
                      const char *text);
/** What is kept of a prompt, or NULL. That of the prompts before it is forgotten. */
const struct record_rest *record_rests_of(struct record_rests *rests, uint64_t index);
void record_rests_release(struct record_rests *rests);

#endif
