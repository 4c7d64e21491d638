/**
 * history.h - the ids of one text so far, in order, as the rules look at them. How often each came
 * is in tally.h.
 */
#ifndef SAMPLE_HISTORY_H
#define SAMPLE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gen.h"

/** Where an id comes from. */
enum sample_origin { SAMPLE_PROMPT, SAMPLE_NEW };

/** Start from {0}. */
struct history {
    struct gen_ids ids; /**< the prompt, then the new ids */
    size_t n_prompt;    /**< how many of them are the prompt */
};

void history_release(struct history *history);

/** Append an id of the prompt, or a new one. False: out of memory. */
bool history_add(struct history *history, int32_t id, enum sample_origin origin);

/** Add the ids of another to an empty one. False: out of memory. */
bool history_copy(struct history *history, const struct history *from);

/** Whether its last n ids, if it has as many, are these. */
bool history_ends_with(const struct history *history, const int32_t *ids, size_t n);

/** Number of new ids. */
size_t history_n_new(const struct history *history);

#endif
