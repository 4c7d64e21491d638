/**
 * pair_order.h - which pairs are learned from in which step.
 *
 * Each epoch shuffles the pairs, puts those of some steps together in the order of their lengths,
 * so that a step has pairs about as long and little is wasted, and shuffles the steps. What is left
 * over when pairs are divided into steps is the last step of the epoch, a smaller one. Where a pair
 * comes depends on the seed, the epoch and the number of pairs in a step alone.
 */
#ifndef DATA_PAIR_ORDER_H
#define DATA_PAIR_ORDER_H

#include "data/pairs.h"
#include "gen.h"

/** Some of all pairs, by their numbers. */
struct pair_set {
    const struct pairs *pairs;
    uint32_t *which;
    size_t n;
};

/**
 * Divide pairs into those to learn from and the last `share` of them, in an order that depends on
 * the seed, to hold out: at least one where the share is above 0, but never all where it is below
 * 1. These lie in the order of their lengths. Release both in any case.
 */
enum gen_status pair_set_divide(struct pair_set *learned, struct pair_set *held,
                                const struct pairs *pairs, double share, uint64_t seed,
                                struct gen_error *err);
void pair_set_release(struct pair_set *set);

struct pair_order {
    const struct pair_set *set;
    uint64_t seed;
    size_t step_pairs;           /**< of a step, at most set->n */
    size_t n_full;               /**< steps of an epoch that have as many */
    size_t n_steps;              /**< of an epoch: with a smaller last one for the rest */
    uint64_t epoch;              /**< that the following are of */
    uint32_t *sequence;          /**< [set->n] indices of the set */
    uint32_t *steps;             /**< [n_full] a permutation */
    struct pair_by_length *room; /**< to sort in */
};

enum gen_status pair_order_init(struct pair_order *order, const struct pair_set *set,
                                size_t step_pairs, uint64_t seed, struct gen_error *err);
void pair_order_release(struct pair_order *order);

/** The number of the pair that comes as number i, which counts on over the epochs. */
size_t pair_order_at(struct pair_order *order, uint64_t i);

#endif
