/**
 * ranks.h - processes that train one model together (struct gen_ranks in gen_train.h): who does
 * what, and how they agree.
 *
 * Everything here takes `ranks` NULL for a process alone, and is then nothing. The rule that keeps
 * ranks from waiting for each other for ever: between two meetings each does what it can fail at,
 * and takes its status to the next meeting; whoever failed there ends all. So all ranks come to
 * the same meetings in the same order, whatever happens to one of them.
 */
#ifndef TRAIN_RANKS_H
#define TRAIN_RANKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gen_train.h"

/** GEN_BAD_ARGUMENT unless numbers and functions can be those of ranks. */
enum gen_status ranks_check(const struct gen_ranks *ranks, struct gen_error *err);

/** Whether this is the rank that writes. */
bool ranks_leads(const struct gen_ranks *ranks);

/** Of n items this rank has *first ... *end - 1; no rank has more than one item more than another.
 */
void ranks_share(uint64_t *first, uint64_t *end, const struct gen_ranks *ranks, uint64_t n);

/** Threads of this rank: n_threads, or for 0 its share of the cores; 0 without ranks. */
int ranks_threads(const struct gen_ranks *ranks, int n_threads);

/**
 * A meeting. With GEN_OK from all it is GEN_OK for all; else all get the status and the message of
 * the first rank that has another; where that is not rank 0 the message names it.
 */
enum gen_status ranks_join(const struct gen_ranks *ranks, enum gen_status status,
                           struct gen_error *err);

/** A meeting that also sums: values[n] over all ranks, n at most 8. */
enum gen_status ranks_sum(const struct gen_ranks *ranks, double *values, size_t n,
                          enum gen_status status, struct gen_error *err);

/** The sum of n gradients over all ranks, in place. All come to it with GEN_OK. */
enum gen_status ranks_sum_gradients(const struct gen_ranks *ranks, float *gradients, size_t n,
                                    struct gen_error *err);

/** An error on all ranks unless they all have the same value. All come to it with GEN_OK. */
enum gen_status ranks_compare(const struct gen_ranks *ranks, uint64_t value, struct gen_error *err);

#endif
