/**
 * parts.h - what the files of this folder share: a group of neighbours on its way, and the many
 * pairs of step and minimum that are tried for it side by side.
 */
#ifndef ROUNDING_PARTS_H
#define ROUNDING_PARTS_H

#include "tensor/quant/quant.h"

/** Pairs tried at once. Loops over them have no order among them, so that compilers make vectors
 *  of them. */
#define TRIES_LANES 32

/** A group of at most 32 neighbours. */
struct group {
    const struct quant_format *format;
    size_t n;
    const float *w;       /**< [n] the numbers themselves */
    float t[QUANT_SMALL]; /**< [n] targets, that make up for all errors before the group */
    const float *cost;    /**< [n] */
    /** U[j][i] within the group at u[i / 16] + j * 16 + i % 16; NULL: it is I. */
    const float *u[2];
};

/** x = step * (value(q) - offset) + min for each lane; what comes of it. */
struct tries {
    float step[TRIES_LANES], min[TRIES_LANES];
    float loss[TRIES_LANES];               /**< sum of cost (x - t)^2 */
    float error[QUANT_SMALL][TRIES_LANES]; /**< w - x */
    float q[QUANT_SMALL][TRIES_LANES];
};

/** Round the group by all pairs. */
void tries_play(struct tries *tries, const struct group *group);
/** The lane of least loss, the first of equal ones. */
size_t tries_best(const struct tries *tries);

/** A step and a minimum; min 0 where the format has none. */
struct pair {
    float step, min;
};

/** The best pair of any numbers; with `below` minimums are not above 0. */
struct pair search_pair(struct tries *tries, const struct group *group, bool below);
/** The best pair of half-precision numbers. Leaves the lane that made it in *lane. */
struct pair search_halves(struct tries *tries, const struct group *group, size_t *lane);

#endif
