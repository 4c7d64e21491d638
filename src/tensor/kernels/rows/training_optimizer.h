/**
 * training_optimizer.h - what an optimizer does with every number, over the vectors of the vec_*.h
 * included before. Single IEEE operations in one order, for the same bits in any set.
 */
#ifndef KERNELS_TRAINING_OPTIMIZER_H
#define KERNELS_TRAINING_OPTIMIZER_H

#include <string.h>

#include "tensor/kernels/matmul/tiles.h"
#include "tensor/kernels/training.h"

struct adamw_vectors {
    vf w, m, v;
};

ALWAYS_INLINE struct adamw_vectors adamw_step(struct adamw_vectors now, vf g,
                                              const struct adamw_factors *f) {
    vf gradient = vf_mul(g, vf_set1(f->scale));
    vf mean = vf_add(now.m, vf_mul(vf_set1(f->beta1_rest), vf_sub(gradient, now.m)));
    vf square = vf_add(vf_mul(vf_set1(f->beta2), now.v),
                       vf_mul(vf_mul(vf_set1(f->beta2_rest), gradient), gradient));
    vf root = vf_add(vf_mul(vf_sqrt(square), vf_set1(f->root_scale)), vf_set1(f->epsilon));
    vf change = vf_mul(vf_set1(f->step_size), vf_div(mean, root));
    return (struct adamw_vectors){vf_sub(vf_mul(now.w, vf_set1(f->keep)), change), mean, square};
}

static void adamw_update(float *restrict w, float *restrict m, float *restrict v,
                         const float *restrict g, size_t n, const struct adamw_factors *factors) {
    const struct adamw_factors f = *factors;
    size_t i = 0;
    for (; i + VF_LANES <= n; i += VF_LANES) {
        struct adamw_vectors now = {vf_load(w + i), vf_load(m + i), vf_load(v + i)};
        now = adamw_step(now, vf_load(g + i), &f);
        vf_store(w + i, now.w);
        vf_store(m + i, now.m);
        vf_store(v + i, now.v);
    }
    if (i < n) {
        size_t rest = n - i;
        struct adamw_vectors now = {vf_load_part(w + i, rest), vf_load_part(m + i, rest),
                                    vf_load_part(v + i, rest)};
        now = adamw_step(now, vf_load_part(g + i, rest), &f);
        vf_store_part(w + i, now.w, rest);
        vf_store_part(m + i, now.m, rest);
        vf_store_part(v + i, now.v, rest);
    }
}

/* Double precision, which the vec_*.h do not have, as the compilers' own vectors. */
#define SQUARES_LANES 16
#define SQUARES_PARTS 4
#define SQUARES_PART  (SQUARES_LANES / SQUARES_PARTS)
typedef float square_floats __attribute__((vector_size(16)));
typedef double square_doubles __attribute__((vector_size(32)));

static double sum_of_squares(const float *x, size_t n) {
    square_doubles sums[SQUARES_PARTS] = {{0}};
    double lanes[SQUARES_LANES];
    size_t i = 0;
    for (; i + SQUARES_LANES <= n; i += SQUARES_LANES) {
        UNROLL for (size_t part = 0; part < SQUARES_PARTS; part++) {
            square_floats some;
            memcpy(&some, x + i + part * SQUARES_PART, sizeof some);
            square_doubles wide = __builtin_convertvector(some, square_doubles);
            sums[part] += wide * wide;
        }
    }
    for (size_t lane = 0; lane < SQUARES_LANES; lane++) {
        lanes[lane] = sums[lane / SQUARES_PART][lane % SQUARES_PART];
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
