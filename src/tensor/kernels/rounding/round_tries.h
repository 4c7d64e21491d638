/**
 * round_tries.h - rounds a group of neighbours by many pairs of step and minimum side by side, over
 * the vectors of the vec_*.h included before: each number to the target that makes up for the
 * errors before it.
 */
#ifndef KERNELS_ROUND_TRIES_H
#define KERNELS_ROUND_TRIES_H

#include "tensor/kernels/kernels.h"
#include "tensor/kernels/rounding/tries.h"

/* What codes or integers there are, as vectors. */
struct rounding_grid {
    vf least, most, round;
    const struct quant_format *format;
};

/* The integer nearest to x, halves to even, within the grid; *q counts from its least. */
static vf nearest_integer(const struct rounding_grid *grid, vf x, vf *q) {
    x = vf_min(vf_max(x, grid->least), grid->most);
    x = vf_sub(vf_add(x, grid->round), grid->round);
    *q = vf_sub(x, grid->least);
    return x;
}

/* The value of a codebook closest to x, the greater of two; *q is its code. */
static vf nearest_code(const struct rounding_grid *grid, vf x, vf *q) {
    const struct quant_format *format = grid->format;
    vf value = vf_set1((float)(quant_value(format, 0) - format->offset));
    vf nothing = vf_set1(0.0f);
    *q = nothing;
    for (int32_t c = 0; c + 1 < QUANT_CODES; c++) {
        float below = (float)(quant_value(format, c) - format->offset);
        float above = (float)(quant_value(format, c + 1) - format->offset);
        vf between = vf_set1(0.5f * (below + above));
        value = vf_add(value, vf_select_lt(x, between, nothing, vf_set1(above - below)));
        *q = vf_add(*q, vf_select_lt(x, between, nothing, vf_set1(1.0f)));
    }
    return value;
}

/* The targets of number i: its own, and what the errors of the group's numbers before it ask. */
static vf target_of(const struct rounding_group *group, const struct rounding_tries *tries,
                    size_t i, size_t lane) {
    vf target = vf_set1(group->t[i]);
    if (group->u[0] != NULL) {
        const float *u = group->u[i / 16] + i % 16;
        for (size_t j = 0; j < i; j++) {
            target = vf_fma(vf_set1(u[j * 16]), vf_load(&tries->error[j][lane]), target);
        }
    }
    return target;
}

/* 1 / step; 0 for one too small to divide by: all numbers are the minimum then, or nothing. */
static vf inverse_steps(vf step) {
    vf is_tiny = vf_abs(step);
    vf safe = vf_select_lt(is_tiny, vf_set1(0x1p-100f), vf_set1(1.0f), step);
    vf inverse = vf_div(vf_set1(1.0f), safe);
    return vf_select_lt(is_tiny, vf_set1(0x1p-100f), vf_set1(0.0f), inverse);
}

static void round_tries(struct rounding_tries *tries, const struct rounding_group *group) {
    const struct quant_format *format = group->format;
    float least = (float)-format->offset;
    float n_more = (float)((1 << (format->low_bits + format->high_bits)) - 1);
    struct rounding_grid grid = {vf_set1(least), vf_set1(least + n_more), vf_set1(0x1.8p23f),
                                 format};
    for (size_t lane = 0; lane < TRIES_LANES; lane += VF_LANES) {
        vf step = vf_load(&tries->step[lane]);
        vf min = vf_load(&tries->min[lane]);
        vf inverse = inverse_steps(step);
        vf loss = vf_set1(0.0f);
        for (size_t i = 0; i < group->n; i++) {
            vf target = target_of(group, tries, i, lane);
            vf at = vf_mul(vf_sub(target, min), inverse);
            vf q;
            vf value = format->codebook != NULL ? nearest_code(&grid, at, &q)
                                                : nearest_integer(&grid, at, &q);
            vf x = vf_add(vf_mul(step, value), min);
            vf miss = vf_sub(x, target);
            loss = vf_fma(vf_mul(vf_set1(group->cost[i]), miss), miss, loss);
            vf_store(&tries->error[i][lane], vf_sub(vf_set1(group->w[i]), x));
            vf_store(&tries->q[i][lane], q);
        }
        vf_store(&tries->loss[lane], loss);
    }
}

#endif
