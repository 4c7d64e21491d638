/**
 * tiles.h - what the matrix products share, over the vectors of the vec_*.h included before.
 *
 * A result is computed in tiles of a few rows of x by a few panels of w, small enough for all
 * sums of a tile to stay in registers. matmul_tiles.h makes the sums for plain floats and
 * quant_tiles.h for block formats; what follows a sum is here.
 */
#ifndef KERNELS_TILES_H
#define KERNELS_TILES_H

#include <string.h>

#include "base/inline.h"
#include "tensor/kernels/kernels.h"
#include "tensor/kernels/rows/activations.h"

/* Loops over the rows and panels of a tile must vanish for its sums to live in registers. */
#define UNROLL _Pragma("GCC unroll 8")

/* With one or two rows more panels are taken at once: a sum waits for its own last addition, and
 * only other sums can fill that time. */
#define FEW_ROWS 2

enum tile_kind {
    TILE_FEW, /* one or two rows, several panels */
    TILE_SINGLE,
    TILE_PAIR,
    TILE_MANY,
    TILE_STREAMED, /* few rows, several panels of weights in place; prefetches, as the next two */
    TILE_PACKED,   /* few rows, several panels of packed weights */
    TILE_LONE,     /* few rows, one panel after the other */
    TILE_WIDENING, /* many rows; the first tile leaves the weights packed as f32 for the others */
    N_TILE_KINDS
};

/* Weights that are prefetched while a tile computes: a piece of them every TILE_AHEAD_K k. */
struct tile_ahead {
    const unsigned char *at; /* in the first of the panels */
    const unsigned char *end;
    size_t step;  /* bytes from one prefetched line to the next */
    size_t lines; /* of each panel, in a piece */
    size_t panel_bytes;
};
#define TILE_AHEAD_K 32

/* What a tile computes: sums over n_k inner indices, starting from zero or from `start`. */
struct tile {
    const float *x; /* at the first k */
    size_t x_stride;
    size_t x_step;          /* numbers from one k to the next */
    const unsigned char *w; /* at the first k of the first panel */
    size_t w_row_bytes;
    size_t w_panel_bytes;
    size_t n_k;
    const float *start; /* unfinished sums, with gaps as in y, or NULL */
    size_t start_stride;
    float *y;
    size_t y_stride;
    size_t y_panel_gap; /* numbers between a panel's columns and the next's: 0 but in training */
    size_t n_columns;   /* columns left from the first panel on: may end inside one */
    const struct matmul_job *job; /* what follows the sum, or NULL: nothing */
    size_t column;                /* of the first panel, for the bias */
    enum tile_kind few_rows;      /* for one or two rows; TILE_FEW unless said otherwise */
    struct tile_ahead ahead;      /* what tiles of many rows prefetch */
    bool x_ahead;                 /* whether these prefetch the rows of x that come next */
    bool start_ahead;             /* and for their unfinished sums */
    float *widened;               /* [panel][n_k][16], for TILE_WIDENING */
};

/* Load and store up to 16 numbers: the last panel may have fewer columns. */
ALWAYS_INLINE vf load_columns(const float *at, size_t n) {
    return n >= VF_LANES ? vf_load(at) : vf_load_part(at, n);
}

ALWAYS_INLINE void store_columns(float *at, vf x, size_t n) {
    if (n >= VF_LANES) {
        vf_store(at, x);
    } else {
        vf_store_part(at, x, n);
    }
}

/* The activation is chosen once for a tile, not for each vector, so that several vectors are
 * computed side by side. */
static void tile_activate(vf *sums, size_t n, enum gen_activation activation) {
#define ACTIVATE_CASE(name)                                                                        \
    case name:                                                                                     \
        for (size_t i = 0; i < n; i++) {                                                           \
            sums[i] = vf_activate(sums[i], name);                                                  \
        }                                                                                          \
        break
    switch (activation) {
        ACTIVATE_CASE(GEN_GELU_NEW);
        ACTIVATE_CASE(GEN_GELU);
        ACTIVATE_CASE(GEN_SILU);
        ACTIVATE_CASE(GEN_QUICK_GELU);
    default:
        ACTIVATE_CASE(GEN_RELU);
    }
#undef ACTIVATE_CASE
}

static void tile_add_bias(const struct tile *t, vf *sums, size_t rows, size_t panels) {
    for (size_t p = 0; p < panels; p++) {
        size_t done = p * VF_LANES;
        vf bias = load_columns(t->job->bias + t->column + done, t->n_columns - done);
        for (size_t r = 0; r < rows; r++) {
            sums[r * panels + p] = vf_add(sums[r * panels + p], bias);
        }
    }
}

/* Store a tile's sums, [rows][panels], after doing to them what the job says. Apart from the sums
 * themselves: it is done once per tile, and would be most of the code if it were unrolled with
 * them. */
static void tile_store(const struct tile *t, vf *sums, size_t rows, size_t panels) {
    if (t->job != NULL && t->job->bias != NULL) {
        tile_add_bias(t, sums, rows, panels);
    }
    if (t->job != NULL && t->job->activate) {
        tile_activate(sums, rows * panels, t->job->activation);
    }
    bool add = t->job != NULL && t->job->add;
    for (size_t r = 0; r < rows; r++) {
        for (size_t p = 0; p < panels; p++) {
            size_t done = p * VF_LANES;
            size_t n = t->n_columns - done;
            float *y = t->y + r * t->y_stride + done + p * t->y_panel_gap;
            vf sum = sums[r * panels + p];
            store_columns(y, add ? vf_add(load_columns(y, n), sum) : sum, n);
        }
    }
}

#endif
