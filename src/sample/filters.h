/**
 * filters.h - the warpers and the draw: which tokens may be drawn, and which one is.
 *
 * The candidates are kept in ascending order of id all the time; a filter only removes some of
 * them, so it does not matter to the draw in which order a filter looked at them.
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
#ifndef SAMPLE_FILTERS_H
#define SAMPLE_FILTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A candidate's place in a sorted order. */
struct filters_rank {
    uint32_t key; /**< ascending with the number sorted by */
    uint32_t at;  /**< index into items */
};

/** Start from {0}; memory is kept from one use to the next. */
struct filters {
    int32_t *ids;   /**< [n] of the candidates, ascending */
    float *scores;  /**< [n] */
    float *weights; /**< [n] exp(score - highest score), set by filters_weigh() */
    size_t n;
    float highest;              /**< score that has weight 1 */
    struct filters_rank *ranks; /**< memory for sorting: two halves of n */
    float *block_greatest;      /**< memory for the greatest score of each block */
    size_t ids_capacity, scores_capacity, weights_capacity, ranks_capacity, blocks_capacity;
};

void filters_release(struct filters *filters);

/** The k-th largest of n numbers without NaN, 1 <= k <= n, counting equals; in linear time. */
float filters_kth_largest(const float *numbers, size_t n, size_t k);

/**
 * Start over with the k best of n scores (top-k), or with all if k is 0; -INFINITY is never a
 * candidate. False: out of memory, as for the filters below.
 */
bool filters_gather(struct filters *filters, const float *scores, size_t n, size_t k);

/** Set weights from scores; needed after gathering and after typical-p. */
void filters_weigh(struct filters *filters);

/**
 * top-p: in ascending order of score, remove candidates while the share of all removed ones is
 * at most 1 - p. The best one stays. Sums run in that order.
 */
bool filters_top_p(struct filters *filters, float p);

/** min-p: remove candidates less probable than p times the most probable one. */
void filters_min_p(struct filters *filters, float p);

/**
 * typical-p: order the candidates by |-log p - entropy|; the first ones, up to the one whose
 * weight brings the share to p, stay, with all that are equally typical. The total and the
 * entropy are summed in order of ids, the shares in the order of typicality.
 */
bool filters_typical_p(struct filters *filters, float p);

/**
 * The id of the first candidate, in order of ids, where the running sum of weights exceeds
 * uniform (in [0, 1)) times the sum of all. There must be candidates, and weights.
 */
int32_t filters_draw(const struct filters *filters, double uniform);

#endif
