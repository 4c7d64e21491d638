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
        /* Lanes behind the end would count as 0 - mean: store the difference, then cut it. */
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
        /* Behind the end of the row, load_columns puts zeros into the sum. */
        sum = vf_add(sum, i < whole ? power : load_columns(x + i, n - i));
    }
    vf share = vf_set1(1.0f / vf_sum(sum));
    for (size_t i = 0; i < n; i += VF_LANES) {
        store_columns(x + i, vf_mul(load_columns(x + i, n - i), share), n - i);
    }
}

/* Round n numbers to f16. */
static void to_f16(uint16_t *out, const float *x, size_t n) {
    size_t whole = n / VF_LANES * VF_LANES;
    for (size_t i = 0; i < whole; i += VF_LANES) {
        vf_store_f16(out + i, vf_load(x + i));
    }
    if (whole < n) {
        uint16_t rest[VF_LANES];
        vf_store_f16(rest, vf_load_part(x + whole, n - whole));
        memcpy(out + whole, rest, (n - whole) * sizeof *rest);
    }
}

static void store_kv_f32(const struct attention_job *job, size_t position, const float *key,
                         const float *value) {
    size_t n = job->head_size;
    float *k = (float *)job->k + position / VF_LANES * n * VF_LANES + position % VF_LANES;
    for (size_t i = 0; i < n; i++) {
        k[i * VF_LANES] = key[i];
    }
    memcpy((float *)job->v + position * job->v_stride, value, n * sizeof *value);
}

static void store_kv_f16(const struct attention_job *job, size_t position, const float *key,
                         const float *value) {
    size_t n = job->head_size;
    uint16_t *k = (uint16_t *)job->k + position / VF_LANES * n * VF_LANES + position % VF_LANES;
    for (size_t done = 0; done < n; done += VF_LANES) {
        uint16_t some[VF_LANES];
        size_t left = n - done < VF_LANES ? n - done : VF_LANES;
        to_f16(some, key + done, left);
        for (size_t i = 0; i < left; i++) {
            k[(done + i) * VF_LANES] = some[i];
        }
    }
    to_f16((uint16_t *)job->v + position * job->v_stride, value, n);
}

static void store_kv(const struct attention_job *job) {
    for (size_t r = 0; r < job->n_rows; r++) {
        const float *key = job->new_k + r * job->q_stride;
        const float *value = job->new_v + r * job->q_stride;
        if (job->type == TENSOR_F16) {
            store_kv_f16(job, job->length - 1 + r, key, value);
        } else {
            store_kv_f32(job, job->length - 1 + r, key, value);
        }
    }
}

/*
 * What each row of `sums` sees beyond the first row's positions: row r sees r of them, whose
 * scores lie behind x and whose values behind w. Rows are few: done in place.
 */
static void attention_rest(const struct tile *sums, enum tensor_type type, size_t n_rows) {
    const unsigned char *values = sums->w + sums->n_k * sums->w_row_bytes;
    for (size_t column = 0; column < sums->n_columns; column += VF_LANES) {
        size_t n = sums->n_columns - column;
        for (size_t r = 1; r < n_rows; r++) {
            const float *weights = sums->x + r * sums->x_stride + sums->n_k;
            float *y = sums->y + r * sums->y_stride + column;
            const unsigned char *w = values;
            vf sum = load_columns(y, n);
            for (size_t k = 0; k < r; k++) {
                sum = vf_fma(vf_set1(weights[k]), load_weights(w, type), sum);
                w += sums->w_row_bytes;
            }
            store_columns(y, sum, n);
        }
        values += sums->w_panel_bytes;
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
    size_t number = tensor_type_info(job->type)->block_bytes;
    size_t n_panels = (seen + VF_LANES - 1) / VF_LANES;
    size_t stride = n_panels * VF_LANES;
    struct tile scores = {.x = job->q,
                          .x_stride = job->q_stride,
                          .x_step = 1,
                          .w = job->k,
                          .w_row_bytes = VF_LANES * number,
                          .w_panel_bytes = job->head_size * VF_LANES * number,
                          .n_k = job->head_size,
                          .y = scratch,
                          .y_stride = stride,
                          .n_columns = stride};
    tile_panels(scores, job->type, job->n_rows, n_panels);
    for (size_t r = 0; r < job->n_rows; r++) {
        softmax(scratch + r * stride, job->length + r, job->scale);
    }
    struct tile sums = {.x = scratch,
                        .x_stride = stride,
                        .x_step = 1,
                        .w = job->v,
                        .w_row_bytes = job->v_stride * number,
                        .w_panel_bytes = VF_LANES * number,
                        .n_k = job->length,
                        .y = job->out,
                        .y_stride = job->out_stride,
                        .n_columns = job->head_size};
    tile_panels(sums, job->type, job->n_rows, job->v_stride / VF_LANES);
    attention_rest(&sums, job->type, job->n_rows);
}

_Static_assert(TILE_ROWS <= KERNELS_ATTENTION_ROWS, "an attention job would have no rows");

/* The set's table: `label` as kernels_by_name() knows it, `quant` the end of the names of its
 * functions in quant_kernels.h. */
#define KERNELS_TABLE(label, quant)                                                                \
    {                                                                                              \
        .name = (label), .attention_rows = KERNELS_ATTENTION_ROWS / TILE_ROWS * TILE_ROWS,         \
        .matmul = matmul, .matmul_quantized = matmul_quantized_##quant,                            \
        .quantize_row = quantize_row_##quant, .store_kv = store_kv, .attention = attention,        \
        .layer_norm = layer_norm, .softmax = softmax, .activate = activate, .add = add,            \
        .read_sum = read_sum, .fma_loop = fma_loop, .int8_loop = int8_loop_##quant,                \
        .training = &training_kernels                                                              \
    }

#endif
