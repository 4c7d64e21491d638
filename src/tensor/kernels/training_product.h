/**
 * training_product.h - matrix products of any strides, over the tiles of matmul_tiles.h: what
 * gradients are made of (training.h says which). Where w does not lie in panels it is gathered in
 * scratch, a few panels and some hundred k at a time, so that a tile reads one stream of whole
 * vectors; unfinished sums wait in y, which changes no bit.
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

/* Numbers from one tile of packed x to the next: what tiles have at the same k shall not fall into
 * the same set of a cache. */
static size_t packed_tile_stride(size_t n_k) {
    return TILE_ROWS * n_k + VF_LANES;
}

/* packed[tile][k][TILE_ROWS] of n_k columns of x from k on, the last tile not whole. */
static void product_pack_x(float *packed, const struct product_job *job,
                           const struct product_share *share, size_t k, size_t n_k) {
    const float *from = job->x + share->row + k * job->x_step;
    size_t stride = packed_tile_stride(n_k);
    size_t n_whole = share->n_rows / TILE_ROWS;
    size_t n_left = share->n_rows % TILE_ROWS;
    for (size_t i = 0; i < n_k; i++) {
        float *to = packed + i * TILE_ROWS;
        for (size_t tile = 0; tile < n_whole; tile++) {
            memcpy(to + tile * stride, from + tile * TILE_ROWS, TILE_ROWS * sizeof *to);
        }
        memcpy(to + n_whole * stride, from + n_whole * TILE_ROWS, n_left * sizeof *to);
        from += job->x_step;
    }
}

/* All rows of a share against a group of panels, for one block of k. */
static void product_tiles(struct tile t, size_t n_rows, size_t n_panels, bool packed) {
    if (!packed) {
        tile_panels(t, TENSOR_F32, n_rows, n_panels);
        return;
    }
    t.x_stride = 1;
    t.x_step = TILE_ROWS;
    for (size_t row = 0; row < n_rows; row += TILE_ROWS) {
        tile_panels(t, TENSOR_F32, n_rows - row < TILE_ROWS ? n_rows - row : TILE_ROWS, n_panels);
        t.x += packed_tile_stride(t.n_k);
        t.y += TILE_ROWS * t.y_stride;
        t.start = t.start == NULL ? NULL : t.start + TILE_ROWS * t.start_stride;
    }
}

/* Where the tile finds panels panel ... panel + n_panels - 1, rows k on. */
static void product_find_w(struct tile *t, const struct product_job *job, size_t panel,
                           size_t n_panels, size_t k, float *scratch) {
    if (job->w_lies == PRODUCT_W_PANELS) {
        t->w = (const unsigned char *)(job->w + (panel * job->n_inner + k) * VF_LANES);
        t->w_row_bytes = VF_LANES * sizeof(float);
        t->w_panel_bytes = job->n_inner * VF_LANES * sizeof(float);
        return;
    }
    (job->w_lies == PRODUCT_W_ROWS ? product_gather_rows : product_gather_panels)(
        scratch, job, panel, n_panels, k, t->n_k);
    t->w = (const unsigned char *)scratch;
    t->w_row_bytes = n_panels * VF_LANES * sizeof(float);
    t->w_panel_bytes = VF_LANES * sizeof(float);
}

static void product(const struct product_job *job, const struct product_share *share,
                    float *scratch) {
    float *packed_x = scratch + PRODUCT_SCRATCH_W;
    const struct matmul_job finish = {.bias = job->bias};
    for (size_t k = 0; k < job->n_inner; k += PRODUCT_INNER) {
        size_t left = job->n_inner - k;
        struct tile t = {.x = job->pack_x ? packed_x
                                          : job->x + share->row * job->x_stride + k * job->x_step,
                         .x_stride = job->x_stride,
                         .x_step = job->x_step,
                         .n_k = left < PRODUCT_INNER ? left : PRODUCT_INNER,
                         .start_stride = job->y_stride,
                         .y_stride = job->y_stride,
                         .y_panel_gap = job->y_panel_stride - VF_LANES,
                         .job = job->bias != NULL && left <= PRODUCT_INNER ? &finish : NULL};
        if (job->pack_x) {
            product_pack_x(packed_x, job, share, k, t.n_k);
        }
        for (size_t done = 0, n; done < share->n_panels; done += n) {
            size_t panel = share->panel + done;
            n = tile_group(share->n_panels - done, PRODUCT_PANELS);
            t.y = job->y + share->row * job->y_stride + panel * job->y_panel_stride;
            t.start = k > 0 || job->add ? t.y : NULL;
            t.column = panel * VF_LANES;
            t.n_columns = job->n_columns - t.column;
            product_find_w(&t, job, panel, n, k, scratch);
            product_tiles(t, share->n_rows, n, job->pack_x);
        }
    }
}

#endif
