/**
 * training_product.h - matrix products of any strides, over the tiles of matmul_tiles.h: what
 * gradients are made of (training.h says which). w is gathered in scratch, a few panels and some
 * hundred k at a time, so that a tile reads one stream of whole vectors whatever the order in
 * which w lies in memory; unfinished sums wait in y, which changes no bit.
 */
#ifndef KERNELS_TRAINING_PRODUCT_H
#define KERNELS_TRAINING_PRODUCT_H

#include "tensor/kernels/matmul_tiles.h"
#include "tensor/kernels/training.h"

_Static_assert(TILE_PANELS <= PRODUCT_PANELS, "a group of panels would not fit the scratch");

/* to[j][i] = from[i][j] for n_rows x n_columns numbers, at most 16 each, the rest of 16 x 16
 * taken as 0; all 16 columns i of a row of `to` are written. */
static void transpose_part(float *to, size_t to_stride, const float *from, size_t from_stride,
                           size_t n_rows, size_t n_columns) {
    float block[VF_LANES * VF_LANES] = {0};
    float turned[VF_LANES * VF_LANES];
    for (size_t i = 0; i < n_rows; i++) {
        memcpy(block + i * VF_LANES, from + i * from_stride, n_columns * sizeof *from);
    }
    vf_transpose(turned, VF_LANES, block, VF_LANES);
    for (size_t j = 0; j < n_columns; j++) {
        vf_store(to + j * to_stride, vf_load(turned + j * VF_LANES));
    }
}

/* Rows k ... k + n_k - 1 of panels panel ... panel + n_panels - 1: [n_k][n_panels][16]. */
static void product_gather_rows(float *to, const struct product_job *job, size_t panel,
                                size_t n_panels, size_t k, size_t n_k) {
    size_t column = panel * VF_LANES;
    bool whole = column + n_panels * VF_LANES <= job->n_columns;
    const float *from = job->w + k * job->w_stride + column;
    for (size_t i = 0; i < n_k; i++) {
        for (size_t p = 0; p < n_panels; p++) {
            const float *at = from + p * VF_LANES;
            vf x = whole ? vf_load(at) : load_columns(at, job->n_columns - column - p * VF_LANES);
            vf_store(to + p * VF_LANES, x);
        }
        to += n_panels * VF_LANES;
        from += job->w_stride;
    }
}

/* The same of a w whose transpose lies in panels: block after block of 16 x 16. */
static void product_gather_panels(float *to, const struct product_job *job, size_t panel,
                                  size_t n_panels, size_t k, size_t n_k) {
    size_t stride = n_panels * VF_LANES;
    for (size_t i = 0; i < n_k; i += VF_LANES) {
        const float *across = job->w + (k + i) * job->n_columns;
        for (size_t p = 0; p < n_panels; p++) {
            size_t column = (panel + p) * VF_LANES;
            size_t left = job->n_columns - column;
            const float *from = across + column * VF_LANES;
            float *at = to + i * stride + p * VF_LANES;
            if (left >= VF_LANES) {
                vf_transpose(at, stride, from, VF_LANES);
            } else {
                transpose_part(at, stride, from, VF_LANES, left, VF_LANES);
            }
        }
    }
}

static void product_panels(const struct product_job *job, const struct product_share *share,
                           size_t panel, size_t n_panels, float *scratch) {
    float *y = job->y + share->row * job->y_stride + panel * job->y_panel_stride;
    struct tile t = {.x_stride = job->x_stride,
                     .x_step = job->x_step,
                     .w = (const unsigned char *)scratch,
                     .w_row_bytes = n_panels * VF_LANES * sizeof(float),
                     .w_panel_bytes = VF_LANES * sizeof(float),
                     .start_stride = job->y_stride,
                     .y = y,
                     .y_stride = job->y_stride,
                     .y_panel_gap = job->y_panel_stride - VF_LANES,
                     .n_columns = job->n_columns - panel * VF_LANES};
    for (size_t k = 0; k < job->n_inner; k += PRODUCT_INNER) {
        size_t left = job->n_inner - k;
        t.n_k = left < PRODUCT_INNER ? left : PRODUCT_INNER;
        (job->w_is_transposed ? product_gather_panels : product_gather_rows)(scratch, job, panel,
                                                                             n_panels, k, t.n_k);
        t.x = job->x + share->row * job->x_stride + k * job->x_step;
        t.start = k > 0 || job->add ? y : NULL;
        tile_panels(t, TENSOR_F32, share->n_rows, n_panels);
    }
}

static void product(const struct product_job *job, const struct product_share *share,
                    float *scratch) {
    for (size_t done = 0; done < share->n_panels; done += PRODUCT_PANELS) {
        size_t left = share->n_panels - done;
        product_panels(job, share, share->panel + done,
                       left < PRODUCT_PANELS ? left : PRODUCT_PANELS, scratch);
    }
}

#endif
