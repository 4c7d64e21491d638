/**
 * quant_plain.h - the matrix product with weights of a block format in plain C, one number after
 * the other: what kernels.h defines, and quant_tiles.h must equal bit for bit. Every 32 k of a
 * panel are unpacked once and used for some rows.
 */
#ifndef KERNELS_QUANT_PLAIN_H
#define KERNELS_QUANT_PLAIN_H

#include <math.h>

#include "tensor/kernels/matmul/tiles.h"
#include "tensor/quant/quant_panel.h"

/* ---- inputs ----------------------------------------------------------------------------------*/

/* Below this, 127 / greatest could overflow; such inputs count as 0. */
#define QUANT_LEAST_INPUT 0x1p-100f

/* The greatest magnitude of 32 numbers; compared as integers, so that infinity and NaN win. */
static float quant_greatest(const float *x) {
    uint32_t greatest = 0;
    for (size_t i = 0; i < QUANT_SMALL; i++) {
        uint32_t bits;
        memcpy(&bits, x + i, sizeof bits);
        bits &= 0x7fffffffu;
        greatest = bits > greatest ? bits : greatest;
    }
    float magnitude;
    memcpy(&magnitude, &greatest, sizeof magnitude);
    return magnitude;
}

/* Integers and what belongs to them for 32 numbers. */
static void quantize_part(int8_t *q, struct quantized_part *part, const float *x) {
    float greatest = quant_greatest(x);
    float factor = 0.0f;
    *part = (struct quantized_part){0};
    if (!(greatest < __builtin_inff())) {
        part->d = __builtin_nanf("");
    } else if (greatest >= QUANT_LEAST_INPUT) {
        part->d = greatest / 127.0f;
        factor = 127.0f / greatest;
    }
    for (size_t i = 0; i < QUANT_SMALL; i++) {
        /* Adding and taking away 1.5 * 2^23 rounds to an integer. */
        float rounded = factor == 0.0f ? 0.0f : x[i] * factor + 0x1.8p23f - 0x1.8p23f;
        q[i] = (int8_t)rounded;
        part->sum[i / 16] += q[i];
    }
    part->total = part->sum[0] + part->sum[1];
    part->scaled_sum = part->d * (float)part->total;
}

static void quantize_row(unsigned char *out, const float *x, size_t n) {
    for (size_t i = 0; i < n / QUANT_SMALL; i++) {
        int8_t q[QUANT_SMALL];
        struct quantized_part part;
        quantize_part(q, &part, x + i * QUANT_SMALL);
        memcpy(out + i * QUANT_SMALL, q, sizeof q);
        memcpy(out + n + i * sizeof part, &part, sizeof part);
    }
}

/* ---- products --------------------------------------------------------------------------------*/

/* Rows for which a part of a panel is unpacked once. */
#define QUANT_ROWS 16

/* Sums of products of a column over one group. */
static int32_t quant_dot(const struct quant_part *part, const int8_t *x, size_t column,
                         size_t first, size_t n, int offset) {
    int32_t dot = 0;
    for (size_t k = first; k < first + n; k++) {
        dot += (part->q[k / 4][column * 4 + k % 4] - offset) * x[k];
    }
    return dot;
}

/* sum[column] goes on over 32 k. */
static void quant_add_part(float *sum, const struct quant_format *format,
                           const struct quant_part *part, const int8_t *x,
                           const struct quantized_part *input) {
    for (size_t c = 0; c < QUANT_COLUMNS; c++) {
        const int32_t scale[2] = {part->scale[0][c], part->scale[1][c]};
        const int32_t min[2] = {part->min[0][c], part->min[1][c]};
        float d = part->d[c];
        float m = part->m[c];
        if (format->group_size == QUANT_SMALL) {
            int32_t dot = quant_dot(part, x, c, 0, 32, format->offset);
            sum[c] = fmaf((float)dot, d * (float)scale[0] * input->d, sum[c]);
            if (format->has_min) {
                sum[c] = fmaf(m * (float)min[0], input->scaled_sum, sum[c]);
            }
        } else {
            int32_t dot = scale[0] * quant_dot(part, x, c, 0, 16, format->offset) +
                          scale[1] * quant_dot(part, x, c, 16, 16, format->offset);
            sum[c] = fmaf((float)dot, d * input->d, sum[c]);
            if (format->has_min) {
                int32_t mins = min[0] * input->sum[0] + min[1] * input->sum[1];
                sum[c] = fmaf((float)mins, m * input->d, sum[c]);
            }
        }
    }
}

/* Rows first ... first + n-1 of the product with one panel. */
static void quant_rows(const struct matmul_job *job, size_t panel, size_t first, size_t n) {
    const struct matrix *w = job->w;
    const unsigned char *data = w->data + panel * w->quant.panel_bytes;
    const unsigned char *rows = job->quantized + first * job->quantized_stride;
    float sums[QUANT_ROWS][VF_LANES] = {{0}};
    for (size_t i = 0; i < w->quant.n_parts; i++) {
        struct quant_part part;
        quant_panel_unpack(&w->quant, &part, data, i);
        for (size_t r = 0; r < n; r++) {
            const unsigned char *row = rows + r * job->quantized_stride;
            struct quantized_part input;
            int8_t x[QUANT_SMALL];
            memcpy(x, row + i * sizeof x, sizeof x);
            memcpy(&input, row + w->n_in + i * sizeof input, sizeof input);
            quant_add_part(sums[r], w->quant.format, &part, x, &input);
        }
    }
    vf out[QUANT_ROWS];
    memcpy(out, sums, sizeof out);
    size_t column = panel * VF_LANES;
    struct tile store = {.y = job->y + first * job->y_stride + column,
                         .y_stride = job->y_stride,
                         .n_columns = w->n_out - column,
                         .job = job,
                         .column = column};
    tile_store(&store, out, n, 1);
}

static void matmul_quantized(const struct matmul_job *job, size_t begin, size_t end,
                             float *scratch) {
    (void)scratch;
    for (size_t panel = begin; panel < end; panel++) {
        for (size_t first = 0; first < job->n_rows; first += QUANT_ROWS) {
            size_t left = job->n_rows - first;
            quant_rows(job, panel, first, left < QUANT_ROWS ? left : QUANT_ROWS);
        }
    }
}

/* ---- the limit -------------------------------------------------------------------------------*/

#define INT8_SUMS 16

static size_t int8_loop(int32_t *sums, const int8_t *numbers, size_t n_rounds, bool full) {
    (void)full;
    for (size_t round = 0; round < n_rounds; round++) {
        const int8_t *x = numbers + round % INT8_SUMS * KERNELS_LOOP_PRODUCTS;
        for (size_t s = 0; s < INT8_SUMS; s++) {
            for (size_t i = 0; i < KERNELS_LOOP_PRODUCTS; i++) {
                sums[s] += numbers[s * KERNELS_LOOP_PRODUCTS + i] * x[i];
            }
        }
    }
    return n_rounds * INT8_SUMS * KERNELS_LOOP_PRODUCTS * 2;
}

#endif
