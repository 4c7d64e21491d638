/**
 * row_kernels.h - layer norm, softmax, attention and elementwise work, over the vectors of the
 * vec_*.h included before, and the table that collects a kernel set.
 */
#ifndef KERNELS_ROW_KERNELS_H
#define KERNELS_ROW_KERNELS_H

#include "tensor/kernels/limit_kernels.h"
#include "tensor/kernels/matmul_tiles.h"
#include "tensor/kernels/quant_kernels.h"

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

static void layer_norm(float *y, const float *x, const float *weight, const float *bias, size_t n,
                       float epsilon) {
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
        /* Lanes behind the end would count as 0 - mean: store the difference, then cut it. */
        float rest[VF_LANES];
        vf_store(rest, vf_sub(vf_load_part(x + whole, n - whole), vf_set1(mean)));
        vf centered = vf_load_part(rest, n - whole);
        squares = vf_fma(centered, centered, squares);
    }
    float variance = vf_sum(squares) / (float)n;
    vf scale = vf_set1(1.0f / __builtin_sqrtf(variance + epsilon));
    for (size_t i = 0; i < n; i += VF_LANES) {
        vf centered = vf_sub(load_columns(x + i, n - i), vf_set1(mean));
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
        /* Behind the end of the row, load_columns puts zeros into the sum. */
        sum = vf_add(sum, i < whole ? power : load_columns(x + i, n - i));
    }
    vf total = vf_set1(vf_sum(sum));
    for (size_t i = 0; i < n; i += VF_LANES) {
        store_columns(x + i, vf_div(load_columns(x + i, n - i), total), n - i);
    }
}

/*
 * Scores and their weighted sums are matrix products themselves: keys lie in panels of 16
 * positions (columns), values position by position (inner index). The rows of a job see one
 * position more each; what all of them see is computed together, and each row's sum then goes
 * on over the few positions that only later rows see, in the same order as alone.
 */
static void attention(const struct attention_job *job, float *scratch) {
    size_t seen = job->length + job->n_rows - 1; /* by the last row */
    size_t n_panels = (seen + VF_LANES - 1) / VF_LANES;
    size_t stride = n_panels * VF_LANES;
    struct tile scores = {.x = job->q,
                          .x_stride = job->q_stride,
                          .w = (const unsigned char *)job->k,
                          .w_row_bytes = VF_LANES * sizeof(float),
                          .w_panel_bytes = job->head_size * VF_LANES * sizeof(float),
                          .n_k = job->head_size,
                          .y = scratch,
                          .y_stride = stride,
                          .n_columns = stride};
    tile_panels(scores, TENSOR_F32, job->n_rows, n_panels);
    for (size_t r = 0; r < job->n_rows; r++) {
        softmax(scratch + r * stride, job->length + r, job->scale);
    }
    struct tile sums = {.x = scratch,
                        .x_stride = stride,
                        .w = (const unsigned char *)job->v,
                        .w_row_bytes = job->v_stride * sizeof(float),
                        .w_panel_bytes = VF_LANES * sizeof(float),
                        .n_k = job->length,
                        .y = job->out,
                        .y_stride = job->out_stride,
                        .n_columns = job->head_size};
    size_t value_panels = job->v_stride / VF_LANES;
    tile_panels(sums, TENSOR_F32, job->n_rows, value_panels);
    for (size_t r = 1; r < job->n_rows; r++) {
        struct tile rest = sums;
        rest.x += r * stride + job->length;
        rest.w += job->length * rest.w_row_bytes;
        rest.n_k = r;
        rest.y += r * job->out_stride;
        rest.start = rest.y;
        rest.start_stride = job->out_stride;
        tile_panels(rest, TENSOR_F32, 1, value_panels);
    }
}

/* The set's table: `label` as kernels_by_name() knows it, `quant` the end of the names of its
 * functions in quant_kernels.h. */
#define KERNELS_TABLE(label, quant)                                                                \
    {                                                                                              \
        .name = (label), .matmul = matmul, .matmul_quantized = matmul_quantized_##quant,           \
        .quantize_row = quantize_row_##quant, .attention = attention, .layer_norm = layer_norm,    \
        .softmax = softmax, .activate = activate, .add = add, .read_sum = read_sum,                \
        .fma_loop = fma_loop, .int8_loop = int8_loop_##quant                                       \
    }

#endif
