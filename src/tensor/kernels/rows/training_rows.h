/**
 * training_rows.h - the backward halves of layer norm and activations, the loss, dropout, over
 * the vectors of the vec_*.h included before.
 */
#ifndef KERNELS_TRAINING_ROWS_H
#define KERNELS_TRAINING_ROWS_H

#include "base/math.h"
#include "tensor/kernels/rows/row_kernels.h"
#include "tensor/kernels/training.h"

/* ---- activations -----------------------------------------------------------------------------*/

/* 1 / (1 + e^-z) */
VF_INLINE vf vf_sigmoid(vf z) {
    vf decay = vf_exp(vf_sub(vf_set1(0.0f), z));
    return vf_div(vf_set1(1.0f), vf_add(vf_set1(1.0f), decay));
}

/* The derivative of x sigmoid(z) where z has the derivative dz: s + x s (1 - s) dz. */
VF_INLINE vf vf_d_times_sigmoid(vf x, vf z, vf dz) {
    vf s = vf_sigmoid(z);
    vf slope = vf_mul(s, vf_sub(vf_set1(1.0f), s));
    return vf_fma(vf_mul(x, slope), dz, s);
}

/* z = 2 sqrt(2/pi) (x + 0.044715 x^3), so dz = 2 sqrt(2/pi) (1 + 3 0.044715 x^2) */
VF_INLINE vf vf_d_gelu_new(vf x) {
    vf two_sqrt_2_over_pi = vf_set1(0x1.988454p0f);
    vf square = vf_mul(x, x);
    vf cubic = vf_mul(square, vf_set1(0.044715f));
    vf z = vf_mul(two_sqrt_2_over_pi, vf_fma(cubic, x, x));
    vf dz = vf_mul(two_sqrt_2_over_pi, vf_fma(square, vf_set1(0.134145f), vf_set1(1.0f)));
    return vf_d_times_sigmoid(x, z, dz);
}

/* (1 + erf(x / sqrt 2)) / 2 + x e^(-x^2 / 2) / sqrt(2 pi) */
VF_INLINE vf vf_d_gelu(vf x) {
    vf erf = vf_erf(vf_mul(x, vf_set1(0x1.6a09e6p-1f)));
    vf below = vf_fma(erf, vf_set1(0.5f), vf_set1(0.5f));
    vf bell = vf_exp(vf_mul(vf_mul(x, x), vf_set1(-0.5f)));
    return vf_fma(vf_mul(x, bell), vf_set1(0x1.988454p-2f), below);
}

/* The derivative of activation at x, times d. */
VF_INLINE vf vf_activate_backward(vf x, vf d, enum gen_activation activation) {
    switch (activation) {
    case GEN_GELU_NEW:
        return vf_mul(d, vf_d_gelu_new(x));
    case GEN_GELU:
        return vf_mul(d, vf_d_gelu(x));
    case GEN_SILU:
        return vf_mul(d, vf_d_times_sigmoid(x, x, vf_set1(1.0f)));
    case GEN_QUICK_GELU:
        return vf_mul(d, vf_d_times_sigmoid(x, vf_mul(x, vf_set1(1.702f)), vf_set1(1.702f)));
    case GEN_RELU:
    default:
        return vf_select_lt(vf_set1(0.0f), x, d, vf_set1(0.0f));
    }
}

static void training_activate(float *y, const float *x, size_t n, enum gen_activation activation) {
    for (size_t i = 0; i < n; i += VF_LANES) {
        store_columns(y + i, vf_activate(load_columns(x + i, n - i), activation), n - i);
    }
}

static void activate_backward(float *y, float *d, const float *x, size_t n,
                              enum gen_activation activation) {
    for (size_t i = 0; i < n; i += VF_LANES) {
        vf at = load_columns(x + i, n - i);
        vf gradient = vf_activate_backward(at, load_columns(d + i, n - i), activation);
        store_columns(y + i, vf_activate(at, activation), n - i);
        store_columns(d + i, gradient, n - i);
    }
}

/* ---- layer norm ------------------------------------------------------------------------------*/

/*
 * y = normal weight + bias, normal = (x - mean) scale. With g = dy weight:
 * dx = scale (g - mean of g - normal * mean of (g normal)).
 */
static void layer_norm_backward(float *dx, float moments[2], const float *dy, const float *x,
                                const float *weight, size_t n, float epsilon) {
    struct row_moments m = row_moments(x, n, epsilon);
    vf mean = vf_set1(m.mean);
    vf scale = vf_set1(m.scale);
    vf sum = vf_set1(0.0f);
    vf product_sum = vf_set1(0.0f);
    for (size_t i = 0; i < n; i += VF_LANES) {
        vf normal = vf_mul(vf_sub(load_columns(x + i, n - i), mean), scale);
        vf g = vf_mul(load_columns(dy + i, n - i), load_columns(weight + i, n - i));
        sum = vf_add(sum, g);
        product_sum = vf_fma(g, normal, product_sum);
    }
    vf mean_g = vf_set1(vf_sum(sum) / (float)n);
    vf mean_product = vf_set1(-(vf_sum(product_sum) / (float)n));
    for (size_t i = 0; i < n; i += VF_LANES) {
        vf normal = vf_mul(vf_sub(load_columns(x + i, n - i), mean), scale);
        vf g = vf_mul(load_columns(dy + i, n - i), load_columns(weight + i, n - i));
        vf rest = vf_fma(normal, mean_product, vf_sub(g, mean_g));
        store_columns(dx + i, vf_fma(rest, scale, load_columns(dx + i, n - i)), n - i);
    }
    moments[0] = m.mean;
    moments[1] = m.scale;
}

/* Vectors of columns that go through the rows together: a cache line of each array and more. */
#define COLUMN_VECTORS 4

/* One column of vectors: n numbers, at most 16. */
static void layer_norm_weights_vector(float *dweight, float *dbias, const float *dy, const float *x,
                                      const float *moments, size_t n_rows, size_t stride,
                                      size_t n) {
    vf weight = load_columns(dweight, n);
    vf bias = load_columns(dbias, n);
    for (size_t row = 0; row < n_rows; row++) {
        vf centered = vf_sub(load_columns(x + row * stride, n), vf_set1(moments[2 * row]));
        vf normal = vf_mul(centered, vf_set1(moments[2 * row + 1]));
        vf d = load_columns(dy + row * stride, n);
        weight = vf_fma(d, normal, weight);
        bias = vf_add(bias, d);
    }
    store_columns(dweight, weight, n);
    store_columns(dbias, bias, n);
}

static void layer_norm_weights(float *dweight, float *dbias, const float *dy, const float *x,
                               const float *moments, size_t n_rows, size_t stride, size_t n) {
    for (size_t i = 0; i < n; i += VF_LANES) {
        layer_norm_weights_vector(dweight + i, dbias + i, dy + i, x + i, moments, n_rows, stride,
                                  n - i);
    }
}

static void column_sums(float *sums, const float *x, size_t n_rows, size_t stride, size_t n) {
    size_t i = 0;
    for (; i + COLUMN_VECTORS * VF_LANES <= n; i += COLUMN_VECTORS * VF_LANES) {
        vf sum[COLUMN_VECTORS];
        UNROLL for (size_t v = 0; v < COLUMN_VECTORS; v++) {
            sum[v] = vf_load(sums + i + v * VF_LANES);
        }
        for (size_t row = 0; row < n_rows; row++) {
            UNROLL for (size_t v = 0; v < COLUMN_VECTORS; v++) {
                sum[v] = vf_add(sum[v], vf_load(x + row * stride + i + v * VF_LANES));
            }
        }
        UNROLL for (size_t v = 0; v < COLUMN_VECTORS; v++) {
            vf_store(sums + i + v * VF_LANES, sum[v]);
        }
    }
    for (; i < n; i += VF_LANES) {
        vf sum = load_columns(sums + i, n - i);
        for (size_t row = 0; row < n_rows; row++) {
            sum = vf_add(sum, load_columns(x + row * stride + i, n - i));
        }
        store_columns(sums + i, sum, n - i);
    }
}

/* ---- loss ------------------------------------------------------------------------------------*/

/* x = e^(x - greatest) where `keep`; returns the sum of these powers. */
static float sum_of_powers(float *x, size_t n, float greatest, bool keep) {
    vf sum = vf_set1(0.0f);
    size_t whole = n / VF_LANES * VF_LANES;
    for (size_t i = 0; i < n; i += VF_LANES) {
        vf power = vf_exp(vf_sub(load_columns(x + i, n - i), vf_set1(greatest)));
        if (i == whole) {
            /* After the end of the row there must be zeros in the sum. */
            float rest[VF_LANES];
            vf_store(rest, power);
            power = vf_load_part(rest, n - i);
        }
        if (keep) {
            store_columns(x + i, power, n - i);
        }
        sum = vf_add(sum, power);
    }
    return vf_sum(sum);
}

static double cross_entropy(float *x, size_t n, size_t target, float factor) {
    float greatest = scaled_greatest(x, n, vf_set1(1.0f));
    float target_x = x[target];
    float sum = sum_of_powers(x, n, greatest, factor != 0.0f);
    if (factor != 0.0f) {
        vf scale = vf_set1(factor / sum);
        for (size_t i = 0; i < n; i += VF_LANES) {
            store_columns(x + i, vf_mul(load_columns(x + i, n - i), scale), n - i);
        }
        x[target] -= factor;
    }
    return (double)math_log(sum) + ((double)greatest - (double)target_x);
}

/* ---- dropout ---------------------------------------------------------------------------------*/

/* A hash of 32 bits whose every input bit moves every output bit (multipliers found by Wellons'
 * search, "hash prospector", 2018). */
static inline uint32_t dropout_hash(uint64_t key, uint32_t i) {
    uint32_t x = i * 0x9e3779b9u + (uint32_t)key;
    x ^= x >> 16;
    x *= 0x21f0aaadu;
    x ^= x >> 15 ^ (uint32_t)(key >> 32);
    x *= 0xd35a2d97u;
    return x ^ x >> 15;
}

static void drop(float *y, const float *x, size_t n, struct dropout dropout) {
    uint32_t least = (uint32_t)((double)dropout.rate * 0x1p32);
    float factor = 1.0f / (1.0f - dropout.rate);
    for (size_t i = 0; i < n; i++) {
        y[i] = dropout_hash(dropout.key, (uint32_t)i) < least ? 0.0f : x[i] * factor;
    }
}

#endif
