/**
 * history.h - the ids of one sequence so far, as the rules look at them: in order, and
 * each distinct id once with the number of times it was generated.
 */
#ifndef SAMPLE_HISTORY_H
#define SAMPLE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gen.h"

/** One distinct id. */
struct history_entry {
    int32_t id;
    uint32_t n_new; /**< times among the new ids; 0: in the prompt only */
};

struct history {
    struct gen_ids ids; /**< the prompt, then the new ids */
    size_t n_prompt;    /**< how many of them are the prompt */
    struct history_entry *entries;
    size_t n_entries;
    size_t capacity;
    uint32_t *entry_of; /**< [n_vocab] 1 + index into entries; 0: not seen yet */
};

/** An empty history over n_vocab ids. history_release() also after a failure. */
bool history_init(struct history *history, size_t n_vocab);
void history_release(struct history *history);

/** Append ids (all below n_vocab) of the prompt, or new ones. False: out of memory. */
bool history_add_prompt(struct history *history, const int32_t *ids, size_t n);
bool history_add_new(struct history *history, int32_t id);

/** Whether its last n ids, if it has as many, are these. */
bool history_ends_with(const struct history *history, const int32_t *ids, size_t n);

/** Number of new ids. */
size_t history_n_new(const struct history *history);

#endif
