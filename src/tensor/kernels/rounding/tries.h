/**
 * tries.h - what the kernel that rounds weights to blocks is given (tensor/quant/rounding/): a
 * group of neighbours of a row, and the many pairs of step and minimum that are tried for it side
 * by side.
 */
#ifndef KERNELS_TRIES_H
#define KERNELS_TRIES_H

#include "tensor/quant/quant.h"

/** Pairs tried at once: two vectors of the vec_*.h. */
#define TRIES_LANES 32

/** A group of at most 32 neighbours. */
struct rounding_group {
    const struct quant_format *format;
    size_t n;
    const float *w;       /**< [n] the numbers themselves */
    float t[QUANT_SMALL]; /**< [n] targets, that make up for all errors before the group */
    const float *cost;    /**< [n] */
    /** U[j][i] within the group at u[i / 16] + j * 16 + i % 16; NULL: it is I. */
    const float *u[2];
};

/** x = step * (value(q) - offset) + min for each lane; what comes of it. */
struct rounding_tries {
    float step[TRIES_LANES], min[TRIES_LANES];
    float loss[TRIES_LANES];               /**< sum of cost (x - target)^2 */
    float error[QUANT_SMALL][TRIES_LANES]; /**< w - x */
    float q[QUANT_SMALL][TRIES_LANES];
};

#endif
