/**
 * int8_limit.h - what a machine can do at most with products of bytes, over the vectors of the
 * vec_*.h included before; the counterpart of fma_loop() in limit_kernels.h. It takes the tile of
 * quant_tiles.h and the step that costs least: with few bits, where VI_HAS_PAIRS, products are
 * added in 16 bits, whatever overflows there; with all 8, where there is no instruction for them,
 * weights are as quant_widened.h has them, if the set does that.
 */
#ifndef KERNELS_INT8_LIMIT_H
#define KERNELS_INT8_LIMIT_H

#include "tensor/kernels/quant/quant_tiles.h"

#define INT8_SUMS   ((size_t)QUANT_TILE_ROWS * QUANT_TILE_PANELS)
#define UNROLL_SUMS _Pragma("GCC unroll 32")
/* Bytes of x for each row, which the rounds take in turn: were they always the same, the compiler
 * could multiply before the loop, and only add in it. */
#define INT8_ROW 64

/* KERNELS_LOOP_PRODUCTS products more for each sum. */
ALWAYS_INLINE void int8_round(vi sum[INT8_SUMS], const vb q[QUANT_TILE_PANELS], const int8_t *x) {
#if VI_HAS_PAIRS
    vi pairs[INT8_SUMS];
#endif
    UNROLL for (size_t i = 0; i < KERNELS_LOOP_PRODUCTS; i += 4) {
        UNROLL_SUMS for (size_t s = 0; s < INT8_SUMS; s++) {
            const int8_t *four = x + s / QUANT_TILE_PANELS * INT8_ROW + i;
            vb some = q[s % QUANT_TILE_PANELS];
#if VI_HAS_PAIRS
            pairs[s] = i == 0 ? vi_pairs(some, four) : vi_add_pairs(pairs[s], some, four);
#else
            sum[s] = vi_dot4(sum[s], some, four);
#endif
        }
    }
#if VI_HAS_PAIRS
    UNROLL_SUMS for (size_t s = 0; s < INT8_SUMS; s++) {
        sum[s] = vi_join_pairs(sum[s], pairs[s]);
    }
#endif
}

ALWAYS_INLINE void int8_round_full(vi sum[INT8_SUMS], const vb q[QUANT_TILE_PANELS],
                                   const int8_t *x) {
    UNROLL for (size_t i = 0; i < KERNELS_LOOP_PRODUCTS; i += 4) {
        UNROLL_SUMS for (size_t s = 0; s < INT8_SUMS; s++) {
            const int8_t *four = x + s / QUANT_TILE_PANELS * INT8_ROW + i;
            vb some = q[s % QUANT_TILE_PANELS];
#if QUANT_TILE_ROWS_WIDENED
            sum[s] = vi_dot4_signed(sum[s], vb_magnitude(some), vb_sign(some), four);
#else
            sum[s] = vi_dot4_8bit(sum[s], some, four);
#endif
        }
    }
}

/* `full` is a constant. */
ALWAYS_INLINE size_t int8_rounds(int32_t *sums, const int8_t *numbers, size_t n_rounds, bool full) {
    vb q[QUANT_TILE_PANELS];
    vi sum[INT8_SUMS];
    UNROLL for (size_t p = 0; p < QUANT_TILE_PANELS; p++) {
        q[p] = vb_load(numbers + p * QUANT_LINE);
    }
    UNROLL_SUMS for (size_t s = 0; s < INT8_SUMS; s++) {
        memcpy(&sum[s], sums + s * VF_LANES, sizeof sum[s]);
    }
    for (size_t round = 0; round < n_rounds; round++) {
        const int8_t *x = numbers + round * KERNELS_LOOP_PRODUCTS % INT8_ROW;
        full ? int8_round_full(sum, q, x) : int8_round(sum, q, x);
    }
    UNROLL_SUMS for (size_t s = 0; s < INT8_SUMS; s++) {
        memcpy(sums + s * VF_LANES, &sum[s], sizeof sum[s]);
    }
    return n_rounds * INT8_SUMS * VF_LANES * KERNELS_LOOP_PRODUCTS * 2;
}

static size_t int8_loop(int32_t *sums, const int8_t *numbers, size_t n_rounds, bool full) {
    return full ? int8_rounds(sums, numbers, n_rounds, true)
                : int8_rounds(sums, numbers, n_rounds, false);
}

_Static_assert(INT8_SUMS *VF_LANES <= KERNELS_LOOP_SUMS, "the caller's sums are too few");
_Static_assert(QUANT_TILE_ROWS *INT8_ROW <= KERNELS_LOOP_NUMBERS,
               "the caller's numbers are too few");
_Static_assert(QUANT_TILE_PANELS *QUANT_LINE <= KERNELS_LOOP_NUMBERS,
               "the caller's numbers are too few");

#endif
