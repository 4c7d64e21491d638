/**
 * floats.c - the loops of floats.h in plain C, and the choice of the AVX2 versions in floats_avx2.c
 * where the CPU has it. Both give the same bits.
 */
#include "base/floats.h"

#include <math.h>

#include "base/floats_variants.h"
#include "base/math.h"
#include "base/size.h"

static void block_greatest(float *greatest, const float *x, size_t n) {
    for (size_t begin = 0; begin < n; begin += FLOATS_BLOCK) {
        size_t end = n - begin < FLOATS_BLOCK ? n : begin + FLOATS_BLOCK;
        float highest = -INFINITY;
        for (size_t i = begin; i < end; i++) {
            highest = x[i] > highest ? x[i] : highest;
        }
        greatest[begin / FLOATS_BLOCK] = highest;
    }
}

#ifdef FLOATS_AVX2
static int has_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#endif

void floats_block_greatest(float *greatest, const float *x, size_t n) {
#ifdef FLOATS_AVX2
    if (has_avx2()) {
        floats_block_greatest_avx2(greatest, x, n);
        return;
    }
#endif
    block_greatest(greatest, x, n);
}

void floats_exp(float *y, const float *x, size_t n, float less) {
#ifdef FLOATS_AVX2
    if (has_avx2()) {
        floats_exp_avx2(y, x, n, less);
        return;
    }
#endif
    for (size_t i = 0; i < n; i++) {
        y[i] = math_exp(x[i] - less);
    }
}

/* Blocks whose greatest numbers are found at a time. */
#define MANY 64

size_t floats_first_greatest(const float *x, size_t n) {
    float highest = -INFINITY;
    size_t at = n; /* where the block with the highest begins */
    for (size_t first = 0; first < n; first += MANY * FLOATS_BLOCK) {
        float greatest[MANY];
        size_t some = size_min(n - first, MANY * FLOATS_BLOCK);
        floats_block_greatest(greatest, x + first, some);
        for (size_t block = 0; block < floats_n_blocks(some); block++) {
            if (greatest[block] > highest) {
                highest = greatest[block];
                at = first + block * FLOATS_BLOCK;
            }
        }
    }
    while (at < n && x[at] != highest) {
        at++;
    }
    return at;
}
