/**
 * training_product.h - matrix products of any strides, over the tiles of matmul_tiles.h: what
 * gradients are made of (training.h says which). Tiles read w where it lies in panels. Whole rows
 * of w are packed in scratch by the first tile of rows that reads them; else a few panels and some
 * hundred k at a time are gathered there before. Unfinished sums wait in y, which changes no bit.
 */
#ifndef KERNELS_TRAINING_PRODUCT_H
#define KERNELS_TRAINING_PRODUCT_H

#include "tensor/kernels/matmul/matmul_tiles.h"
#include "tensor/kernels/training.h"

_Static_assert(PRODUCT_INNER_ACROSS <= PRODUCT_INNER && PRODUCT_INNER_ACROSS % 16 == 0,
               "scratch has no room for such blocks");
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
            /* The next block is pages away, too far for the hardware to foresee. */
            for (size_t line = 0; line < VF_LANES; line++) {
                __builtin_prefetch(from + (job->n_columns + line) * VF_LANES);
            }
            float *at = to + i * stride + p * VF_LANES;
            if (left >= VF_LANES) {
                vf_transpose(at, stride, from, VF_LANES);
            } else {
                transpose_part(at, stride, from, VF_LANES, left, VF_LANES);
            }
        }
    }
}

/* Panels that a tile cannot read where they are: a group at a time is gathered for all rows. */
static void product_gathered(struct tile t, const struct product_job *job,
                             const struct product_share *share, size_t k, float *scratch) {
    t.w = (const unsigned char *)scratch;
    t.w_panel_bytes = VF_LANES * sizeof(float);
    for (size_t done = 0, n; done < share->n_panels; done += n) {
        n = tile_group(share->n_panels - done, PRODUCT_PANELS);
        (job->w_lies == PRODUCT_W_ROWS ? product_gather_rows : product_gather_panels)(
            scratch, job, share->panel + done, n, k, t.n_k);
        t.w_row_bytes = n * VF_LANES * sizeof(float);
        tile_panels(t, TENSOR_F32, share->n_rows, n);
        tile_next_panels(&t, n);
        t.w = (const unsigned char *)scratch;
    }
}

/* One block of k. Rows of w that have all columns are read by the first tile of rows and packed on
 * the way for the others. */
static void product_block(struct tile t, const struct product_job *job,
                          const struct product_share *share, size_t k, float *scratch) {
    size_t column = share->panel * VF_LANES;
    bool whole = column + share->n_panels * VF_LANES <= job->n_columns;
    if (job->w_lies == PRODUCT_W_PANELS) {
        t.w =
            (const unsigned char *)(job->w + share->panel * VF_LANES * job->n_inner + k * VF_LANES);
        t.w_row_bytes = VF_LANES * sizeof(float);
        t.w_panel_bytes = job->n_inner * VF_LANES * sizeof(float);
        tile_panels(t, TENSOR_F32, share->n_rows, share->n_panels);
    } else if (job->w_lies == PRODUCT_W_ROWS && whole && share->n_rows >= TILE_ROWS) {
        t.w = (const unsigned char *)(job->w + k * job->w_stride + column);
        t.w_row_bytes = job->w_stride * sizeof(float);
        t.w_panel_bytes = VF_LANES * sizeof(float);
        t.widened = scratch;
        const unsigned char *after = k + t.n_k < job->n_inner ? t.w + t.n_k * t.w_row_bytes : NULL;
        tile_panels_ahead(t, TENSOR_F32, share->n_rows, share->n_panels, true, after);
    } else {
        product_gathered(t, job, share, k, scratch);
    }
}

static void product(const struct product_job *job, const struct product_share *share,
                    float *scratch) {
    const struct matmul_job finish = {.bias = job->bias};
    const size_t most = job->x_step == 1 ? PRODUCT_INNER : PRODUCT_INNER_ACROSS;
    for (size_t k = 0; k < job->n_inner; k += most) {
        size_t left = job->n_inner - k;
        size_t column = share->panel * VF_LANES;
        struct tile t = {.x = job->x + share->row * job->x_stride + k * job->x_step,
                         .x_stride = job->x_stride,
                         .x_step = job->x_step,
                         .x_ahead = job->x_step == 1,
                         .n_k = left < most ? left : most,
                         .start_stride = job->y_stride,
                         .y = job->y + share->row * job->y_stride +
                              share->panel * job->y_panel_stride,
                         .y_stride = job->y_stride,
                         .y_panel_gap = job->y_panel_stride - VF_LANES,
                         .n_columns = job->n_columns - column,
                         .job = job->bias != NULL && left <= most ? &finish : NULL,
                         .column = column};
        t.start = k > 0 || job->add ? t.y : NULL;
        t.start_ahead = t.start != NULL;
        product_block(t, job, share, k, scratch);
    }
}

#endif
