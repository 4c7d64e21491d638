/**
 * training_optimizer.h - what an optimizer does with every number: plain loops of single IEEE
 * operations, which the compiler turns into vectors of the set (with -fno-math-errno, or the square
 * root would be a call).
 */
#ifndef KERNELS_TRAINING_OPTIMIZER_H
#define KERNELS_TRAINING_OPTIMIZER_H

#include <math.h>

#include "tensor/kernels/training.h"

static void adamw_update(float *restrict w, float *restrict m, float *restrict v,
                         const float *restrict g, size_t n, const struct adamw_factors *factors) {
    const struct adamw_factors f = *factors;
    for (size_t i = 0; i < n; i++) {
        float gradient = g[i] * f.scale;
        float mean = m[i] + f.beta1_rest * (gradient - m[i]);
        float square = f.beta2 * v[i] + f.beta2_rest * gradient * gradient;
        float root = sqrtf(square) * f.root_scale + f.epsilon;
        w[i] = w[i] * f.keep - f.step_size * (mean / root);
        m[i] = mean;
        v[i] = square;
    }
}

#define SQUARES_LANES 16

static double sum_of_squares(const float *x, size_t n) {
    double lanes[SQUARES_LANES] = {0};
    size_t i = 0;
    for (; i + SQUARES_LANES <= n; i += SQUARES_LANES) {
        for (size_t lane = 0; lane < SQUARES_LANES; lane++) {
            lanes[lane] += (double)x[i + lane] * (double)x[i + lane];
        }
    }
    for (size_t lane = 0; i + lane < n; lane++) {
        lanes[lane] += (double)x[i + lane] * (double)x[i + lane];
    }
    double sum = 0;
    for (size_t lane = 0; lane < SQUARES_LANES; lane++) {
        sum += lanes[lane];
    }
    return sum;
}

#endif
