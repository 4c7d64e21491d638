/**
 * floats_avx2.c - the loops of floats.h with AVX2 and FMA, 8 floats at a time. Compiled with these
 * enabled; floats.c enters it only where the CPU has them.
 */
#include "base/floats_variants.h"

#ifdef FLOATS_AVX2

#include <immintrin.h>
#include <math.h>
#include <string.h>

#include "base/floats.h"

/* The operations of math_steps.h for 8 floats. */
#define LANES     8
#define VF_INLINE static inline
typedef __m256 vf;

static inline vf vf_set1(float x) {
    return _mm256_set1_ps(x);
}
static inline vf vf_add(vf a, vf b) {
    return _mm256_add_ps(a, b);
}
static inline vf vf_sub(vf a, vf b) {
    return _mm256_sub_ps(a, b);
}
static inline vf vf_mul(vf a, vf b) {
    return _mm256_mul_ps(a, b);
}
static inline vf vf_fma(vf a, vf b, vf c) {
    return _mm256_fmadd_ps(a, b, c);
}
/* a < b ? a : b, so b where one of them is NaN; the greater is the same. */
static inline vf vf_min(vf a, vf b) {
    return _mm256_min_ps(a, b);
}
static inline vf vf_max(vf a, vf b) {
    return _mm256_max_ps(a, b);
}
static inline vf vf_abs(vf a) {
    return _mm256_andnot_ps(vf_set1(-0.0f), a);
}
static inline vf vf_copysign(vf magnitude, vf sign) {
    return _mm256_or_ps(vf_abs(magnitude), _mm256_and_ps(vf_set1(-0.0f), sign));
}
static inline vf vf_select_lt(vf a, vf b, vf if_less, vf otherwise) {
    return _mm256_blendv_ps(otherwise, if_less, _mm256_cmp_ps(a, b, _CMP_LT_OQ));
}
static inline vf vf_pow2(__m256i n) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23));
}
static inline vf vf_times_pow2(vf x, vf n) {
    __m256i whole = _mm256_cvttps_epi32(n);
    __m256i half = _mm256_srai_epi32(whole, 1);
    return _mm256_mul_ps(_mm256_mul_ps(x, vf_pow2(half)), vf_pow2(_mm256_sub_epi32(whole, half)));
}

#include "base/math_steps.h"
#include "base/size.h"

/* The first n <= LANES numbers, -infinity after them. */
static vf load_first(const float *x, size_t n) {
    float some[LANES];
    for (size_t i = 0; i < LANES; i++) {
        some[i] = i < n ? x[i] : -INFINITY;
    }
    return _mm256_loadu_ps(some);
}

void floats_exp_avx2(float *y, const float *x, size_t n, float less) {
    vf highest = vf_set1(less);
    size_t whole = n / LANES * LANES;
    for (size_t i = 0; i < whole; i += LANES) {
        _mm256_storeu_ps(y + i, vf_exp(vf_sub(_mm256_loadu_ps(x + i), highest)));
    }
    float last[LANES];
    _mm256_storeu_ps(last, vf_exp(vf_sub(load_first(x + whole, n - whole), highest)));
    for (size_t i = whole; i < n; i++) {
        y[i] = last[i - whole];
    }
}

static float greatest_of(vf lanes) {
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(lanes), _mm256_extractf128_ps(lanes, 1));
    __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

void floats_block_greatest_avx2(float *greatest, const float *x, size_t n) {
    for (size_t begin = 0; begin < n; begin += FLOATS_BLOCK) {
        size_t left = size_min(n - begin, FLOATS_BLOCK);
        size_t whole = left / LANES * LANES;
        vf lanes = vf_set1(-INFINITY);
        for (size_t i = 0; i < whole; i += LANES) {
            lanes = vf_max(_mm256_loadu_ps(x + begin + i), lanes);
        }
        if (whole < left) {
            lanes = vf_max(load_first(x + begin + whole, left - whole), lanes);
        }
        greatest[begin / FLOATS_BLOCK] = greatest_of(lanes);
    }
}

#endif
