/**
 * record_rests.h - what records have besides what is used of them, kept until their answers are
 * written.
 */
#ifndef CMD_RECORD_RECORD_RESTS_H
#define CMD_RECORD_RECORD_RESTS_H

#include "cmd/record/record_fields.h"

/** A queue in the order of the records. Start from {0}. */
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
/** Take the fields that are not used: those whose name is_used() does not know. */
void record_rest_take(struct record_rest *rest, const struct record_fields *fields,
                      bool (*is_used)(const void *context, const char *name), const void *context);
/** What is kept of a record, or NULL. That of those before it is forgotten. */
const struct record_rest *record_rests_of(struct record_rests *rests, uint64_t index);
void record_rests_release(struct record_rests *rests);

#endif
