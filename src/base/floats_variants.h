/**
 * floats_variants.h - the loops of floats.h as compiled for one kind of machine each.
 */
#ifndef BASE_FLOATS_VARIANTS_H
#define BASE_FLOATS_VARIANTS_H

#include <stddef.h>

#if defined(__x86_64__) || defined(_M_X64)
#define FLOATS_AVX2 1
void floats_block_greatest_avx2(float *greatest, const float *x, size_t n);
void floats_exp_avx2(float *y, const float *x, size_t n, float less);
#endif

#endif
