/**
 * quant_k_fit.c - how Q4_K, Q5_K and Q6_K choose scales, minimums and integers for the numbers of a
 * block: the least weighted squared error, found by trying steps. Where the chosen bits go is in
 * quant_k.c.
 */
#include <string.h>

#include "tensor/float_types.h"
#include "tensor/quant/quant_k.h"
#include "tensor/tensor_type.h"

/* Steps tried for a group: the range is cut into `most` - SPREAD ... most + SPREAD steps. */
#define TRIES  16
#define SPREAD 1.2f

enum { GROUP_MAX = 32 };

/* A group while it is fitted: numbers x, how much each counts, integers q in least ... most. */
struct group {
    const float *x;
    float weight[GROUP_MAX];
    size_t n;
    double w, wx, wxx; /* sums of weight, weight x, weight x^2 */
    float least, most;
};

/* x = scale * q + min, and the weighted squared error of that. */
struct fit {
    float scale, min;
    double error;
};

/* The nearest integer, halves to even; |x| < 2^22. */
static float nearest(float x) {
    return x + 0x1.8p23f - 0x1.8p23f;
}

/* The integer of a group that stands for x. */
static float round_to(const struct group *group, float x, float inverse, float min) {
    float q = (x - min) * inverse;
    q = q < group->least ? group->least : q;
    q = q > group->most ? group->most : q;
    return nearest(q);
}

/* 0 for a scale too small to divide by: all integers are 0 then. */
static float inverse_of(float scale) {
    float inverse = scale != 0.0f ? 1.0f / scale : 0.0f;
    return __builtin_fabsf(inverse) <= 0x1p100f ? inverse : 0.0f;
}

/* Numbers far from zero count more: rounding them wrongly moves a dot product more. */
static void group_init(struct group *group, const struct quant_format *format, const float *x) {
    double squares = 0.0;
    group->x = x;
    group->w = group->wx = group->wxx = 0.0;
    group->n = format->group_size;
    group->least = (float)-format->offset;
    group->most = group->least + (float)((1 << (format->low_bits + format->high_bits)) - 1);
    for (size_t i = 0; i < group->n; i++) {
        squares += (double)x[i] * (double)x[i];
    }
    float usual = (float)__builtin_sqrt(squares / (double)group->n);
    for (size_t i = 0; i < group->n; i++) {
        group->weight[i] = usual + __builtin_fabsf(x[i]);
        double wx = (double)group->weight[i] * (double)x[i];
        group->w += (double)group->weight[i];
        group->wx += wx;
        group->wxx += wx * (double)x[i];
    }
}

/* Weighted squared error with the best integers for a given scale and minimum. */
static double error_of(const struct group *group, float scale, float min) {
    float inverse = inverse_of(scale);
    double error = 0.0;
    for (size_t i = 0; i < group->n; i++) {
        float q = round_to(group, group->x[i], inverse, min);
        double difference = (double)(scale * q + min - group->x[i]);
        error += (double)group->weight[i] * difference * difference;
    }
    return error;
}

/* Round to the integers that suit `scale` and `min`, then solve for the scale and minimum that
 * fit these best. With has_min the minimum stays <= 0, else 0. */
static struct fit refit(const struct group *group, float scale, float min, bool has_min) {
    float inverse = inverse_of(scale);
    float q[GROUP_MAX];
    double wq = 0.0, wqq = 0.0, wqx = 0.0;
    for (size_t i = 0; i < group->n; i++) {
        q[i] = round_to(group, group->x[i], inverse, min);
    }
    for (size_t i = 0; i < group->n; i++) {
        double weighted = (double)(group->weight[i] * q[i]);
        wq += weighted;
        wqq += weighted * (double)q[i];
        wqx += weighted * (double)group->x[i];
    }
    double best_scale = wqq > 0.0 ? wqx / wqq : 0.0;
    double best_min = 0.0;
    double determinant = group->w * wqq - wq * wq;
    if (has_min && determinant > 0.0) {
        double solved = (wqq * group->wx - wq * wqx) / determinant;
        if (solved < 0.0) {
            best_min = solved;
            best_scale = (group->w * wqx - wq * group->wx) / determinant;
        }
    }
    double error = group->wxx - 2.0 * (best_scale * wqx + best_min * group->wx) +
                   best_scale * (best_scale * wqq + 2.0 * best_min * wq) +
                   best_min * best_min * group->w;
    return (struct fit){(float)best_scale, (float)best_min, error};
}

static void keep_better(struct fit *best, struct fit found) {
    if (found.error < best->error) {
        *best = found;
    }
}

/* From a first scale and minimum to better ones, while that helps. */
static void improve(struct fit *best, const struct group *group, float scale, float min,
                    bool has_min) {
    struct fit fit = refit(group, scale, min, has_min);
    for (int again = 0; again < 2 && fit.error < best->error; again++) {
        *best = fit;
        fit = refit(group, fit.scale, fit.min, has_min);
    }
    keep_better(best, fit);
}

static float try_steps(const struct group *group, int number) {
    float part = (float)(2 * number - TRIES) / (float)TRIES; /* -1 ... 1 */
    return group->most - group->least + part * SPREAD;
}

static struct fit fit_ranged(const struct group *group) {
    float least = 0.0f;
    float greatest = group->x[0];
    for (size_t i = 0; i < group->n; i++) {
        least = group->x[i] < least ? group->x[i] : least;
        greatest = group->x[i] > greatest ? group->x[i] : greatest;
    }
    struct fit best = {0.0f, least, 0.0};
    best.error = error_of(group, best.scale, best.min);
    for (int i = 0; i <= TRIES && greatest > least; i++) {
        improve(&best, group, (greatest - least) / try_steps(group, i), least, true);
    }
    return best;
}

/* Without a minimum, the number of greatest magnitude becomes about `least`, whose magnitude is
 * one more than that of `most`; and the other way round, where both sides reach as far. */
static struct fit fit_signed(const struct group *group) {
    float greatest = 0.0f;
    for (size_t i = 0; i < group->n; i++) {
        if (__builtin_fabsf(group->x[i]) > __builtin_fabsf(greatest)) {
            greatest = group->x[i];
        }
    }
    struct fit best = {0.0f, 0.0f, error_of(group, 0.0f, 0.0f)};
    for (int i = 0; i <= TRIES && greatest != 0.0f; i++) {
        float scale = 2.0f * greatest / try_steps(group, i);
        improve(&best, group, -scale, 0.0f, false);
        improve(&best, group, scale, 0.0f, false);
    }
    return best;
}

/* ---- the block -------------------------------------------------------------------------------*/

static int clamp(float x, int least, int most) {
    return x < (float)least ? least : x > (float)most ? most : (int)nearest(x);
}

static void store_integers(const struct quant_format *format, struct quant_block *out,
                           const struct group *group, size_t g, float scale, float min) {
    float inverse = inverse_of(scale);
    for (size_t i = 0; i < group->n; i++) {
        float q = round_to(group, group->x[i], inverse, min);
        out->q[g * group->n + i] = (uint8_t)((int)q + format->offset);
    }
}

/* Choose integers for a group's scale and minimum: the best of the nearest and its neighbours. */
static void choose_integers(const struct quant_format *format, struct quant_block *out,
                            const struct group *group, size_t g, struct fit fit, int least,
                            int most) {
    float d = tensor_f16_to_f32(out->d);
    float m = tensor_f16_to_f32(out->m);
    int scale = clamp(fit.scale * inverse_of(d), least, most);
    int min = clamp(fit.min * inverse_of(m), 0, most);
    int min_reach = format->has_min ? 1 : 0;
    double least_error = -1.0;
    for (int s = scale - 1; s <= scale + 1; s++) {
        for (int n = min - min_reach; n <= min + min_reach; n++) {
            if (s < least || s > most || n < 0 || n > most) {
                continue;
            }
            double error = error_of(group, d * (float)s, m * (float)n);
            if (least_error < 0.0 || error < least_error) {
                least_error = error;
                out->scale[g] = (int8_t)s;
                out->min[g] = (uint8_t)n;
            }
        }
    }
    store_integers(format, out, group, g, d * (float)out->scale[g], m * (float)out->min[g]);
}

void quant_k_fit_ranged(const struct quant_format *format, struct quant_block *out,
                        const float *x) {
    enum { MOST = 63 };
    size_t n_groups = format->block_size / format->group_size;
    struct group groups[QUANT_GROUPS_MAX];
    struct fit fits[QUANT_GROUPS_MAX];
    float scale = 0.0f;
    float min = 0.0f;
    for (size_t g = 0; g < n_groups; g++) {
        group_init(&groups[g], format, x + g * format->group_size);
        fits[g] = fit_ranged(&groups[g]);
        scale = fits[g].scale > scale ? fits[g].scale : scale;
        min = fits[g].min < min ? fits[g].min : min;
    }
    out->d = tensor_f16_from_f32(scale / MOST);
    out->m = tensor_f16_from_f32(min / MOST);
    for (size_t g = 0; g < n_groups; g++) {
        choose_integers(format, out, &groups[g], g, fits[g], 0, MOST);
    }
}

void quant_k_fit_signed(const struct quant_format *format, struct quant_block *out,
                        const float *x) {
    enum { LEAST = -128, MOST = 127 };
    size_t n_groups = format->block_size / format->group_size;
    struct group groups[QUANT_GROUPS_MAX];
    struct fit fits[QUANT_GROUPS_MAX];
    float scale = 0.0f;
    for (size_t g = 0; g < n_groups; g++) {
        group_init(&groups[g], format, x + g * format->group_size);
        fits[g] = fit_signed(&groups[g]);
        scale = __builtin_fabsf(fits[g].scale) > __builtin_fabsf(scale) ? fits[g].scale : scale;
    }
    out->d = tensor_f16_from_f32(scale / (float)LEAST);
    out->m = 0;
    for (size_t g = 0; g < n_groups; g++) {
        choose_integers(format, out, &groups[g], g, fits[g], LEAST, MOST);
    }
}
