/**
 * tries.c - rounds a group of neighbours by many pairs of step and minimum side by side, each
 * number to the target that makes up for the errors before it. Which pairs are tried is search.c's.
 */
#include <string.h>

#include "tensor/quant/rounding/parts.h"

/* The nearest integer, halves to even; |x| < 2^22. */
static float nearest(float x) {
    return x + 0x1.8p23f - 0x1.8p23f;
}

/* 0 for a step too small to divide by: all numbers are the minimum then, or nothing. */
static float inverse_of(float step) {
    float inverse = step != 0.0f ? 1.0f / step : 0.0f;
    return __builtin_fabsf(inverse) <= 0x1p100f ? inverse : 0.0f;
}

/* value(q) - offset of the code that comes closest to x; q. */
static void round_codes(const struct quant_format *format, float *value, float *q) {
    for (size_t l = 0; l < TRIES_LANES; l++) {
        q[l] = 0.0f;
    }
    for (int32_t c = 0; c + 1 < QUANT_CODES; c++) {
        float between = 0.5f * (float)(quant_value(format, c) + quant_value(format, c + 1)) -
                        (float)format->offset;
        for (size_t l = 0; l < TRIES_LANES; l++) {
            q[l] += value[l] >= between ? 1.0f : 0.0f;
        }
    }
    for (size_t l = 0; l < TRIES_LANES; l++) {
        value[l] = (float)(quant_value(format, (int32_t)q[l]) - format->offset);
    }
}

static void round_integers(const struct quant_format *format, float *value, float *q) {
    float least = (float)-format->offset;
    float most = least + (float)((1 << (format->low_bits + format->high_bits)) - 1);
    for (size_t l = 0; l < TRIES_LANES; l++) {
        float x = value[l];
        x = x > least ? x : least;
        x = x < most ? x : most;
        value[l] = nearest(x);
        q[l] = value[l] - least;
    }
}

/* The targets of number i: its own, less what the errors of the group's numbers before it ask. */
static void aim(float *target, const struct tries *tries, const struct group *group, size_t i) {
    for (size_t l = 0; l < TRIES_LANES; l++) {
        target[l] = group->t[i];
    }
    if (group->u[0] == NULL) {
        return;
    }
    const float *u = group->u[i / 16] + i % 16;
    for (size_t j = 0; j < i; j++) {
        float factor = u[j * 16];
        for (size_t l = 0; l < TRIES_LANES; l++) {
            target[l] += factor * tries->error[j][l];
        }
    }
}

void tries_play(struct tries *tries, const struct group *group) {
    const struct quant_format *format = group->format;
    float inverse[TRIES_LANES], target[TRIES_LANES], value[TRIES_LANES];
    for (size_t l = 0; l < TRIES_LANES; l++) {
        inverse[l] = inverse_of(tries->step[l]);
        tries->loss[l] = 0.0f;
    }
    for (size_t i = 0; i < group->n; i++) {
        aim(target, tries, group, i);
        for (size_t l = 0; l < TRIES_LANES; l++) {
            value[l] = (target[l] - tries->min[l]) * inverse[l];
        }
        if (format->codebook != NULL) {
            round_codes(format, value, tries->q[i]);
        } else {
            round_integers(format, value, tries->q[i]);
        }
        for (size_t l = 0; l < TRIES_LANES; l++) {
            float x = tries->step[l] * value[l] + tries->min[l];
            float miss = x - target[l];
            tries->error[i][l] = group->w[i] - x;
            tries->loss[l] += group->cost[i] * miss * miss;
        }
    }
}

size_t tries_best(const struct tries *tries) {
    size_t best = 0;
    for (size_t l = 1; l < TRIES_LANES; l++) {
        if (tries->loss[l] < tries->loss[best]) {
            best = l;
        }
    }
    return best;
}
