/**
 * candidates.h - the tokens that may be drawn, which warpers thin out (processor.h), and the draw.
 *
 * The candidates are kept in ascending order of id all the time; a warper only removes some of
 * them, so it does not matter to the draw in which order it looked at them.
 *
 * Arithmetic, the same on every machine: weights are floats, exp(score - highest score) by
 * base/math.h; sums of weights are doubles, added one by one in the order named at each
 * function. A share of the total is formed in double and rounded to float before it is compared
 * with a limit, as torch does (its cumsum of floats adds in double as well).
 *
 * Ties: top-k keeps every token as good as the k-th. Sorting is stable, so of equals the lower
 * id comes first, and top-p, which removes from the low end, removes it first (torch leaves the
 * order of equals open).
 */
#ifndef SAMPLE_CANDIDATES_H
#define SAMPLE_CANDIDATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A candidate's place in a sorted order. */
struct candidate_rank {
    uint32_t key; /**< ascending with the number sorted by */
    uint32_t at;  /**< index into items */
};

/** Start from {0}; memory is kept from one use to the next. */
struct candidates {
    int32_t *ids;   /**< [n] of the candidates, ascending */
    float *scores;  /**< [n] */
    float *weights; /**< [n] exp(score - highest score), set by candidates_weigh() */
    size_t n;
    float highest;                /**< score that has weight 1 */
    struct candidate_rank *ranks; /**< memory for sorting: two halves of n */
    float *block_greatest;        /**< memory for the greatest score of each block */
    size_t ids_capacity, scores_capacity, weights_capacity, ranks_capacity, blocks_capacity;
};

void candidates_release(struct candidates *list);

/** The k-th largest of n numbers without NaN, 1 <= k <= n, counting equals; in linear time. */
float candidates_kth_largest(const float *numbers, size_t n, size_t k);

/**
 * Start over with the k best of n scores (top-k), or with all if k is 0; -INFINITY is never a
 * candidate. False: out of memory.
 */
bool candidates_gather(struct candidates *list, const float *scores, size_t n, size_t k);

/** Set weights from scores; needed after gathering, and where the best one was removed or scores
 *  changed. Scores of infinity become the greatest number. */
void candidates_weigh(struct candidates *list);

/** Sum of all weights, in order of ids. */
double candidates_total_weight(const struct candidates *list);

/** Keep the k best, and all as good as the k-th; k 0: all. */
void candidates_keep_best(struct candidates *list, size_t k);

/** The entropy of the candidates, in nats; needs weights, whose sum is `total`. In order of ids. */
double candidates_entropy(const struct candidates *list, double total);

/** Make log probabilities of the scores; needs weights. */
void candidates_normalize(struct candidates *list);

/** Remove the candidates whose score was set to -INFINITY. */
void candidates_drop_marked(struct candidates *list);

/** A key that orders as the numbers do; not for NaN. */
uint32_t candidates_key(float number);

/** Memory to rank all candidates. */
bool candidates_reserve_ranks(struct candidates *list);

/**
 * Sort list->ranks[n] by key and return the sorted order, which lies in the memory of list->ranks
 * too. Stable.
 */
const struct candidate_rank *candidates_sort_ranks(struct candidates *list);

/**
 * The id of the first candidate, in order of ids, where the running sum of weights exceeds
 * uniform (in [0, 1)) times the sum of all. There must be candidates, and weights.
 */
int32_t candidates_draw(const struct candidates *list, double uniform);

#endif
