/**
 * limit_kernels.h - what a machine can do at most with a kernel set, over the vectors of the
 * vec_*.h included before: reading, and fused multiply-adds. What a model reaches of the two says
 * how much is left to gain.
 */
#ifndef KERNELS_LIMIT_KERNELS_H
#define KERNELS_LIMIT_KERNELS_H

#include "tensor/kernels/matmul/matmul_tiles.h"

/* Sums that are added up side by side, so that an addition never waits for the one before it. */
#define READ_SUMS 4

/* As few operations per byte as there can be, and loads of whole vectors in ascending order. */
static float read_sum(const float *x, size_t n) {
    vf sum[READ_SUMS];
    UNROLL for (size_t s = 0; s < READ_SUMS; s++) {
        sum[s] = vf_set1(0.0f);
    }
    for (size_t i = 0; i < n; i += READ_SUMS * VF_LANES) {
        UNROLL for (size_t s = 0; s < READ_SUMS; s++) {
            sum[s] = vf_add(sum[s], vf_load(x + i + s * VF_LANES));
        }
    }
    return vf_sum(vf_add(vf_add(sum[0], sum[1]), vf_add(sum[2], sum[3])));
}

/* As many sums as a tile of the matrix product has: so many that their additions do not wait for
 * each other, and few enough to stay in registers. */
#define FMA_SUMS    ((size_t)TILE_ROWS * TILE_PANELS)
#define UNROLL_SUMS _Pragma("GCC unroll 32")

static size_t fma_loop(float *sums, float factor, float addend, size_t n_rounds) {
    vf a = vf_set1(factor);
    vf b = vf_set1(addend);
    vf sum[FMA_SUMS];
    UNROLL_SUMS for (size_t s = 0; s < FMA_SUMS; s++) {
        sum[s] = vf_load(sums + s * VF_LANES);
    }
    for (size_t round = 0; round < n_rounds; round++) {
        UNROLL_SUMS for (size_t s = 0; s < FMA_SUMS; s++) {
            sum[s] = vf_fma(sum[s], a, b);
        }
    }
    UNROLL_SUMS for (size_t s = 0; s < FMA_SUMS; s++) {
        vf_store(sums + s * VF_LANES, sum[s]);
    }
    return n_rounds * FMA_SUMS * VF_LANES * 2;
}

_Static_assert(FMA_SUMS *VF_LANES <= KERNELS_LOOP_SUMS, "the caller's sums are too few");
_Static_assert(READ_SUMS *VF_LANES == KERNELS_READ_FLOATS, "read_sum() would read too far");

#endif
