/**
 * training_attention.h - attention over a whole sequence and its backward half, over the tiles of
 * matmul_tiles.h.
 *
 * No matrix of all positions by all positions is kept: the backward half computes the weights of
 * a block of positions (rows) anew and is done with them before the next. With P the weights
 * after softmax, S the scaled scores before it, O = P V:
 *
 *   dV = P^T dO     dP = dO V^T     dS = P (dP - rowsum(dO O))     dQ = scale dS K
 *   dK = scale dS^T Q
 *
 * Where weights are dropped, O = drop(P) V: dV is made of drop(P), and dP is drop(dO V^T).
 */
#ifndef KERNELS_TRAINING_ATTENTION_H
#define KERNELS_TRAINING_ATTENTION_H

#include "tensor/kernels/matmul/training_product.h"
#include "tensor/kernels/rows/training_rows.h"

/* Rows of a block of the backward half, and rows whose products are taken together: what they
 * see differs by at most that many positions. */
#define ATTENTION_BLOCK TRAINING_ATTENTION_BLOCK
#define ATTENTION_ROWS  8

_Static_assert(ATTENTION_BLOCK % ATTENTION_ROWS == 0, "blocks are made of whole groups of rows");

static size_t panels_of(size_t n) {
    return (n + VF_LANES - 1) / VF_LANES;
}

/* panels[position / 16][i][16] = rows[position][i]; positions after the end are 0. */
static void attention_pack_panels(float *panels, const float *rows, size_t stride, size_t n,
                                  size_t head_size) {
    for (size_t position = 0; position < n; position += VF_LANES) {
        for (size_t i = 0; i < head_size; i += VF_LANES) {
            const float *from = rows + position * stride + i;
            float *to = panels + position * head_size + i * VF_LANES;
            size_t n_rows = n - position < VF_LANES ? n - position : VF_LANES;
            size_t n_columns = head_size - i < VF_LANES ? head_size - i : VF_LANES;
            if (n_rows == VF_LANES && n_columns == VF_LANES) {
                vf_transpose(to, VF_LANES, from, stride);
            } else {
                transpose_part(to, VF_LANES, from, stride, n_rows, n_columns);
            }
        }
    }
}

/* packed[position][head_size rounded up to 16], zeros after each row. */
static void attention_pack_rows(float *packed, const float *rows, size_t stride, size_t n,
                                size_t head_size) {
    size_t padded = panels_of(head_size) * VF_LANES;
    for (size_t position = 0; position < n; position++) {
        for (size_t i = 0; i < head_size; i += VF_LANES) {
            vf_store(packed + position * padded + i,
                     load_columns(rows + position * stride + i, head_size - i));
        }
    }
}

/* Scratch of a head, cut into its parts. */
struct attention_parts {
    float *key_panels;   /* [positions / 16][head_size][16] */
    float *value_panels; /* the same of the values: backward only */
    float *rows;         /* [positions][head_size rounded up]: values forward, keys backward */
    float *weights;      /* [ATTENTION_BLOCK][stride] */
    float *gradients;    /* the same: of the scores */
    size_t stride;       /* training_attention_stride() */
};

static struct attention_parts attention_parts(float *scratch, size_t n_positions,
                                              size_t head_size) {
    struct attention_parts parts = {.stride = training_attention_stride(n_positions)};
    size_t padded = panels_of(head_size) * VF_LANES;
    parts.key_panels = scratch;
    parts.value_panels = parts.key_panels + parts.stride * padded;
    parts.rows = parts.value_panels + parts.stride * padded;
    parts.weights = parts.rows + parts.stride * padded;
    parts.gradients = parts.weights + ATTENTION_BLOCK * parts.stride;
    return parts;
}

/* y[n_rows][stride] = x[n_rows][head_size] times panels of at least n_positions positions. */
static void attention_scores(float *y, size_t stride, const float *x, size_t x_stride,
                             size_t n_rows, const float *panels, size_t n_positions,
                             size_t head_size) {
    struct tile t = {.x = x,
                     .x_stride = x_stride,
                     .x_step = 1,
                     .w = (const unsigned char *)panels,
                     .w_row_bytes = VF_LANES * sizeof(float),
                     .w_panel_bytes = head_size * VF_LANES * sizeof(float),
                     .n_k = head_size,
                     .y = y,
                     .y_stride = stride,
                     .n_columns = stride};
    tile_panels(t, TENSOR_F32, n_rows, panels_of(n_positions));
}

/* y[n_rows][head_size] = x[n_rows][n_k] w[n_k][head_size]. */
static void attention_sums(struct tile t, size_t n_rows, size_t head_size, size_t w_stride) {
    t.w_row_bytes = w_stride * sizeof(float);
    t.w_panel_bytes = VF_LANES * sizeof(float);
    t.start_stride = t.y_stride;
    t.n_columns = head_size;
    tile_panels(t, TENSOR_F32, n_rows, panels_of(head_size));
}

static struct dropout attention_dropout(const struct training_attention *job, size_t position) {
    return (struct dropout){.key = job->dropout.key + position, .rate = job->dropout.rate};
}

/* Of n scores only the last `window` are of positions that the row sees: the weight of the others
 * comes out as 0, and so do their gradients. */
static void hide_positions(float *scores, size_t n, size_t window) {
    for (size_t i = 0; window > 0 && i + window < n; i++) {
        scores[i] = -__builtin_inff();
    }
}

/* The weights of positions first ... first + n_rows - 1, as softmax gives them; zeros after each
 * row, up to the end of the panel that the last of them sees. */
static void attention_weights(const struct training_attention *job,
                              const struct attention_parts *parts, float *weights, size_t first,
                              size_t n_rows) {
    size_t stride = job->qkv_stride;
    size_t seen = first + n_rows;
    size_t end = panels_of(seen) * VF_LANES;
    attention_scores(weights, parts->stride, job->qkv + first * stride, stride, n_rows,
                     parts->key_panels, seen, job->head_size);
    for (size_t r = 0; r < n_rows; r++) {
        float *row = weights + r * parts->stride;
        hide_positions(row, first + r + 1, job->window);
        softmax(row, first + r + 1, job->scale);
        memset(row + first + r + 1, 0, (end - first - r - 1) * sizeof *row);
    }
}

static void training_attention(const struct training_attention *job, float *scratch) {
    struct attention_parts parts = attention_parts(scratch, job->n_positions, job->head_size);
    size_t stride = job->qkv_stride;
    attention_pack_panels(parts.key_panels, job->qkv + job->n_embd, stride, job->n_positions,
                          job->head_size);
    attention_pack_rows(parts.rows, job->qkv + 2 * job->n_embd, stride, job->n_positions,
                        job->head_size);
    for (size_t first = 0; first < job->n_positions; first += ATTENTION_ROWS) {
        size_t left = job->n_positions - first;
        size_t n_rows = left < ATTENTION_ROWS ? left : ATTENTION_ROWS;
        attention_weights(job, &parts, parts.weights, first, n_rows);
        for (size_t r = 0; job->dropout.rate > 0.0f && r < n_rows; r++) {
            float *row = parts.weights + r * parts.stride;
            drop(row, row, first + r + 1, attention_dropout(job, first + r));
        }
        struct tile sums = {.x = parts.weights,
                            .x_stride = parts.stride,
                            .x_step = 1,
                            .w = (const unsigned char *)parts.rows,
                            .n_k = first + n_rows,
                            .y = job->out + first * job->out_stride,
                            .y_stride = job->out_stride};
        attention_sums(sums, n_rows, job->head_size, panels_of(job->head_size) * VF_LANES);
    }
}

static float dot(const float *a, const float *b, size_t n) {
    vf sum = vf_set1(0.0f);
    for (size_t i = 0; i < n; i += VF_LANES) {
        sum = vf_fma(load_columns(a + i, n - i), load_columns(b + i, n - i), sum);
    }
    return vf_sum(sum);
}

/* gradients = weights (gradients - mean) scale over n numbers. */
static void scores_backward(float *gradients, const float *weights, size_t n, float mean,
                            float scale) {
    for (size_t i = 0; i < n; i += VF_LANES) {
        vf rest = vf_sub(load_columns(gradients + i, n - i), vf_set1(mean));
        vf part = vf_mul(load_columns(weights + i, n - i), vf_set1(scale));
        store_columns(gradients + i, vf_mul(part, rest), n - i);
    }
}

/* Weights and gradients of the scores of some rows of a block; `row` is their first there. */
static void attention_rows_backward(const struct training_attention *job,
                                    const struct attention_parts *parts, size_t first, size_t row,
                                    size_t n_rows, size_t end) {
    float *weights = parts->weights + row * parts->stride;
    float *gradients = parts->gradients + row * parts->stride;
    attention_weights(job, parts, weights, first, n_rows);
    attention_scores(gradients, parts->stride, job->d_out + first * job->out_stride,
                     job->out_stride, n_rows, parts->value_panels, first + n_rows, job->head_size);
    for (size_t r = 0; r < n_rows; r++) {
        size_t position = first + r;
        size_t n = position + 1;
        float *p = weights + r * parts->stride;
        float *d = gradients + r * parts->stride;
        float mean = dot(job->d_out + position * job->out_stride,
                         job->out + position * job->out_stride, job->head_size);
        if (job->dropout.rate > 0.0f) {
            drop(d, d, n, attention_dropout(job, position));
        }
        scores_backward(d, p, n, mean, job->scale);
        if (job->dropout.rate > 0.0f) {
            drop(p, p, n, attention_dropout(job, position));
        }
        memset(p + n, 0, (end - n) * sizeof *p);
        memset(d + n, 0, (end - n) * sizeof *d);
    }
    struct tile queries = {.x = gradients,
                           .x_stride = parts->stride,
                           .x_step = 1,
                           .w = (const unsigned char *)parts->rows,
                           .n_k = first + n_rows,
                           .y = job->d_qkv + first * job->qkv_stride,
                           .y_stride = job->qkv_stride};
    attention_sums(queries, n_rows, job->head_size, panels_of(job->head_size) * VF_LANES);
}

/* y[position] += what rows first ... first + n_rows - 1 add to it: x^T w, x their weights or
 * gradients, w their d_out or queries. Positions in the block itself are seen by the rows from
 * theirs on, and begin with this block. */
static void attention_columns(float *y, size_t y_stride, const float *x, size_t x_stride,
                              const float *w, size_t w_stride, size_t first, size_t n_rows,
                              size_t head_size) {
    struct tile t = {.x = x,
                     .x_stride = 1,
                     .x_step = x_stride,
                     .w = (const unsigned char *)w,
                     .n_k = n_rows,
                     .start = y,
                     .y = y,
                     .y_stride = y_stride};
    if (first > 0) {
        attention_sums(t, first, head_size, w_stride);
    }
    t.start = NULL;
    for (size_t r = 0; r < n_rows; r += ATTENTION_ROWS) {
        t.x = x + r * x_stride + first + r;
        t.w = (const unsigned char *)(w + r * w_stride);
        t.n_k = n_rows - r;
        t.y = y + (first + r) * y_stride;
        size_t left = n_rows - r;
        attention_sums(t, left < ATTENTION_ROWS ? left : ATTENTION_ROWS, head_size, w_stride);
    }
}

static void attention_backward(const struct training_attention *job, float *scratch) {
    struct attention_parts parts = attention_parts(scratch, job->n_positions, job->head_size);
    size_t c = job->n_embd;
    size_t stride = job->qkv_stride;
    const float *k = job->qkv + c;
    const float *v = job->qkv + 2 * c;
    attention_pack_panels(parts.key_panels, k, stride, job->n_positions, job->head_size);
    attention_pack_panels(parts.value_panels, v, stride, job->n_positions, job->head_size);
    attention_pack_rows(parts.rows, k, stride, job->n_positions, job->head_size);
    for (size_t first = 0; first < job->n_positions; first += ATTENTION_BLOCK) {
        size_t left = job->n_positions - first;
        size_t n_rows = left < ATTENTION_BLOCK ? left : ATTENTION_BLOCK;
        size_t end = panels_of(first + n_rows) * VF_LANES;
        for (size_t row = 0; row < n_rows; row += ATTENTION_ROWS) {
            size_t n = n_rows - row < ATTENTION_ROWS ? n_rows - row : ATTENTION_ROWS;
            attention_rows_backward(job, &parts, first + row, row, n, end);
        }
        attention_columns(job->d_qkv + 2 * c, stride, parts.weights, parts.stride,
                          job->d_out + first * job->out_stride, job->out_stride, first, n_rows,
                          job->head_size);
        attention_columns(job->d_qkv + c, stride, parts.gradients, parts.stride,
                          job->qkv + first * stride, stride, first, n_rows, job->head_size);
    }
}

#endif
