/**
 * shares.h - the probabilities of candidates at the last step, for rules that learn from that of
 * the id which was drawn.
 */
#ifndef SAMPLE_WARPERS_SHARES_H
#define SAMPLE_WARPERS_SHARES_H

#include "sample/candidates.h"

/** Start from {0}. */
struct shares {
    int32_t *ids; /**< [n], ascending */
    float *p;     /**< [n] */
    size_t n, ids_capacity, p_capacity;
};

void shares_release(struct shares *shares);
/** Those of the candidates, whose weights must be set. False: out of memory. */
bool shares_set(struct shares *shares, const struct candidates *list);
/** Those of another, in the place of what there is. False: out of memory. */
bool shares_copy(struct shares *shares, const struct shares *from);
/** Forget them and return that of an id; 0 where it has none. */
float shares_take(struct shares *shares, int32_t id);

#endif
