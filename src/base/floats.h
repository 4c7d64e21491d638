/**
 * floats.h - loops over long arrays of floats, with vectors where the machine has them. What they
 * compute is defined number by number, so every machine gets the same bits.
 */
#ifndef BASE_FLOATS_H
#define BASE_FLOATS_H

#include <stddef.h>

/** Numbers of a block. */
#define FLOATS_BLOCK 64

/** Blocks that n numbers make; the last may be shorter. */
static inline size_t floats_n_blocks(size_t n) {
    return n / FLOATS_BLOCK + (n % FLOATS_BLOCK != 0);
}

/** greatest[i] = the greatest number of block i of x[n]; NaN does not count, -infinity is the
 * least. Of 0 and -0 it may be either. */
void floats_block_greatest(float *greatest, const float *x, size_t n);

/** y[i] = math_exp(x[i] - less) for n numbers; y may be x. */
void floats_exp(float *y, const float *x, size_t n, float less);

/** Index of the first of the greatest of x[n], or n if all are -infinity or NaN. */
size_t floats_first_greatest(const float *x, size_t n);

#endif
