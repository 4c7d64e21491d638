/**
 * logprobs.h - what the model thought of each new id: log-softmax of its raw logits, as
 * sample/log_softmax.h has it.
 */
#ifndef GENERATE_LOGPROBS_H
#define GENERATE_LOGPROBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gen.h"

/** The record of one sequence. Start from {0}. */
struct logprobs {
    struct gen_logprob *best;   /**< [n_steps][n_best], best first, of equals the lower id */
    struct gen_logprob *chosen; /**< [n_steps] */
    size_t n_steps;
    size_t best_capacity, chosen_capacity;
};

/** The same record, of n_best at each step. False: out of memory. Release also after a failure. */
bool logprobs_clone(struct logprobs *logprobs, const struct logprobs *from, size_t n_best);
void logprobs_release(struct logprobs *logprobs);

/**
 * Record one step: the n_best <= n_vocab most probable ids (the same number at each step), and
 * the id chosen. False: out of memory.
 */
bool logprobs_add(struct logprobs *logprobs, const float *logits, size_t n_vocab, size_t n_best,
                  int32_t chosen);

#endif
