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

#include "tensor/kernels/activations.h"
#include "tensor/kernels/kernels.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))
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
    TILE_STREAMED, /* few rows, several panels of weights in place; asks ahead, as the next two */
    TILE_PACKED,   /* few rows, several panels of packed weights */
    TILE_LONE,     /* few rows, one panel after the other */
    TILE_WIDENING, /* many rows; the first tile leaves the weights packed as f32 for the others */
    N_TILE_KINDS
};

/* Weights that are asked for beside computing: a piece of them every TILE_AHEAD_K k. */
struct tile_ahead {
    const unsigned char *at; /* in the first of the panels */
    const unsigned char *end;
    size_t step;  /* bytes from one line to ask for to the next */
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
    struct tile_ahead ahead;      /* what tiles of many rows ask for in advance */
    bool x_ahead;                 /* whether these ask for the rows of x that come next */
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

static vf finish(vf sum, const struct matmul_job *job, const float *y, size_t column, size_t n) {
    if (job->bias != NULL) {
        sum = vf_add(sum, load_columns(job->bias + column, n));
    }
    if (job->activate) {
        sum = vf_activate(sum, job->activation);
    }
    return job->add ? vf_add(load_columns(y, n), sum) : sum;
}

/* Store a tile's sums, each followed by what the job says. Apart from the sums themselves: it is
 * done once per tile, and would be most of the code if it were unrolled with them. */
static void tile_store(const struct tile *t, const vf *sums, int rows, int panels) {
    for (int r = 0; r < rows; r++) {
        for (int p = 0; p < panels; p++) {
            size_t done = (size_t)p * VF_LANES;
            size_t n = t->n_columns - done;
            float *y = t->y + (size_t)r * t->y_stride + done + (size_t)p * t->y_panel_gap;
            vf out = sums[r * panels + p];
            if (t->job != NULL) {
                out = finish(out, t->job, y, t->column + done, n);
            }
            store_columns(y, out, n);
        }
    }
}

#endif
