/**
 * row_kernels.h - layer norm, softmax and elementwise work, over the vectors of the vec_*.h
 * included before, and the table that collects a kernel set.
 */
#ifndef KERNELS_ROW_KERNELS_H
#define KERNELS_ROW_KERNELS_H

#include "tensor/kernels/limit/limit_kernels.h"
#include "tensor/kernels/matmul/matmul_tiles.h"
#include "tensor/kernels/quant/quant_kernels.h"
#include "tensor/kernels/rounding/round_tries.h"

static void add(float *y, const float *a, const float *b, size_t n) {
    for (size_t i = 0; i < n; i += VF_LANES) {
        store_columns(y + i, vf_add(load_columns(a + i, n - i), load_columns(b + i, n - i)), n - i);
    }
}

static void activate(float *y, size_t n, enum gen_activation activation) {
    for (size_t i = 0; i < n; i += VF_LANES) {
        store_columns(y + i, vf_activate(load_columns(y + i, n - i), activation), n - i);
    }
}

/* What brings a row to mean 0 and variance 1: (x - mean) * scale. */
struct row_moments {
    float mean, scale;
};

static struct row_moments row_moments(const float *x, size_t n, float epsilon) {
    vf sum = vf_set1(0.0f);
    for (size_t i = 0; i < n; i += VF_LANES) {
        sum = vf_add(sum, load_columns(x + i, n - i));
    }
    float mean = vf_sum(sum) / (float)n;
    vf squares = vf_set1(0.0f);
    size_t whole = n / VF_LANES * VF_LANES;
    for (size_t i = 0; i < whole; i += VF_LANES) {
        vf centered = vf_sub(vf_load(x + i), vf_set1(mean));
        squares = vf_fma(centered, centered, squares);
    }
    if (whole < n) {
        /* Lanes after the end would count as 0 - mean: store the difference, then cut it. */
        float rest[VF_LANES];
        vf_store(rest, vf_sub(vf_load_part(x + whole, n - whole), vf_set1(mean)));
        vf centered = vf_load_part(rest, n - whole);
        squares = vf_fma(centered, centered, squares);
    }
    float variance = vf_sum(squares) / (float)n;
    return (struct row_moments){mean, 1.0f / __builtin_sqrtf(variance + epsilon)};
}

static void layer_norm(float *y, const float *x, const float *weight, const float *bias, size_t n,
                       float epsilon) {
    struct row_moments moments = row_moments(x, n, epsilon);
    vf mean = vf_set1(moments.mean);
    vf scale = vf_set1(moments.scale);
    for (size_t i = 0; i < n; i += VF_LANES) {
        vf centered = vf_sub(load_columns(x + i, n - i), mean);
        vf normal = vf_mul(centered, scale);
        store_columns(
            y + i, vf_fma(normal, load_columns(weight + i, n - i), load_columns(bias + i, n - i)),
            n - i);
    }
}

/* The greatest of n >= 1 numbers times scale. */
static float scaled_greatest(const float *x, size_t n, vf scale) {
    vf greatest = vf_mul(vf_set1(x[0]), scale);
    size_t whole = n / VF_LANES * VF_LANES;
    for (size_t i = 0; i < whole; i += VF_LANES) {
        greatest = vf_max(greatest, vf_mul(vf_load(x + i), scale));
    }
    if (whole < n && whole > 0) {
        /* Some of them once more: that changes no maximum. */
        return vf_greatest(vf_max(greatest, vf_mul(vf_load(x + n - VF_LANES), scale)));
    }
    for (size_t i = whole; i < n; i++) {
        greatest = vf_max(greatest, vf_mul(vf_set1(x[i]), scale));
    }
    return vf_greatest(greatest);
}

static void softmax(float *x, size_t n, float scale) {
    vf factor = vf_set1(scale);
    vf greatest = vf_set1(scaled_greatest(x, n, factor));
    vf sum = vf_set1(0.0f);
    size_t whole = n / VF_LANES * VF_LANES;
    for (size_t i = 0; i < n; i += VF_LANES) {
        vf power = vf_exp(vf_sub(vf_mul(load_columns(x + i, n - i), factor), greatest));
        store_columns(x + i, power, n - i);
        /* After the end of the row, load_columns puts zeros into the sum. */
        sum = vf_add(sum, i < whole ? power : load_columns(x + i, n - i));
    }
    vf share = vf_set1(1.0f / vf_sum(sum));
    for (size_t i = 0; i < n; i += VF_LANES) {
        store_columns(x + i, vf_mul(load_columns(x + i, n - i), share), n - i);
    }
}

/* The set's table: `label` as kernels_by_name() knows it, `quant` the end of the names of its
 * functions in quant_kernels.h. */
#define KERNELS_TABLE(label, quant)                                                                \
    {                                                                                              \
        .name = (label), .attention_rows = KERNELS_ATTENTION_ROWS / TILE_ROWS * TILE_ROWS,         \
        .matmul = matmul, .matmul_quantized = matmul_quantized_##quant,                            \
        .quantize_row = quantize_row_##quant, .store_kv = store_kv, .attention = attention,        \
        .layer_norm = layer_norm, .softmax = softmax, .activate = activate, .add = add,            \
        .read_sum = read_sum, .fma_loop = fma_loop, .int8_loop = int8_loop_##quant,                \
        .round_tries = round_tries, .training = &training_kernels                                  \
    }

#endif
