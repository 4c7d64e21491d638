/** vec_avx512.h - vec_scalar.h's functions with AVX-512F: one register per vector. */
#ifndef KERNELS_VEC_AVX512_H
#define KERNELS_VEC_AVX512_H

#include <immintrin.h>
#include <stddef.h>

#define VF_LANES 16

typedef __m512 vf;

static inline vf vf_set1(float x) {
    return _mm512_set1_ps(x);
}
static inline vf vf_load(const void *at) {
    return _mm512_loadu_ps(at);
}
static inline void vf_store(float *at, vf x) {
    _mm512_storeu_ps(at, x);
}
static inline __mmask16 vf_first(size_t n) {
    return (__mmask16)((1u << n) - 1);
}
static inline vf vf_load_part(const void *at, size_t n) {
    return _mm512_maskz_loadu_ps(vf_first(n), at);
}
static inline void vf_store_part(float *at, vf x, size_t n) {
    _mm512_mask_storeu_ps(at, vf_first(n), x);
}
static inline vf vf_load_f16(const void *at) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(at));
}
static inline vf vf_load_bf16(const void *at) {
    __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(at));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}
static inline vf vf_add(vf a, vf b) {
    return _mm512_add_ps(a, b);
}
static inline vf vf_sub(vf a, vf b) {
    return _mm512_sub_ps(a, b);
}
static inline vf vf_mul(vf a, vf b) {
    return _mm512_mul_ps(a, b);
}
static inline vf vf_div(vf a, vf b) {
    return _mm512_div_ps(a, b);
}
static inline vf vf_fma(vf a, vf b, vf c) {
    return _mm512_fmadd_ps(a, b, c);
}
static inline vf vf_min(vf a, vf b) {
    return _mm512_min_ps(a, b);
}
static inline vf vf_max(vf a, vf b) {
    return _mm512_max_ps(a, b);
}
static inline vf vf_abs(vf a) {
    return _mm512_abs_ps(a);
}
static inline vf vf_copysign(vf magnitude, vf sign) {
    __m512i sign_bit = _mm512_set1_epi32((int)0x80000000u);
    /* Ternary logic 0xd8: the sign bit from the second operand, the rest from the first. */
    return _mm512_castsi512_ps(_mm512_ternarylogic_epi32(
        _mm512_castps_si512(magnitude), _mm512_castps_si512(sign), sign_bit, 0xd8));
}
static inline vf vf_select_lt(vf a, vf b, vf if_less, vf otherwise) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), otherwise, if_less);
}
static inline vf vf_pow2(vf n) {
    __m512i biased = _mm512_add_epi32(_mm512_cvttps_epi32(n), _mm512_set1_epi32(127));
    return _mm512_castsi512_ps(_mm512_slli_epi32(biased, 23));
}
static inline __m256 vf_upper(vf a) {
    return _mm256_castsi256_ps(_mm512_extracti64x4_epi64(_mm512_castps_si512(a), 1));
}
static inline float vf_sum(vf a) {
    __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(a), vf_upper(a));
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
static inline float vf_greatest(vf a) {
    return _mm512_reduce_max_ps(a);
}

#endif
