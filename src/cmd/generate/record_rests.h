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

/** Keep the fields of a prompt that are neither options nor, if it is no field of a template, its
 *  "prompt"; nothing if there are none. */
void record_rests_add(struct record_rests *rests, uint64_t index,
                      const struct record_fields *fields, bool has_template);
/** The fields kept of a prompt as a JSON object, or NULL. Those of the prompts before it are
 *  forgotten. */
const struct gen_bytes *record_rests_of(struct record_rests *rests, uint64_t index);
void record_rests_release(struct record_rests *rests);

#endif
