/** vec_avx512.h - vec_scalar.h's functions with AVX-512F: one register per vector. */
#ifndef KERNELS_VEC_AVX512_H
#define KERNELS_VEC_AVX512_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/inline.h"

#define VF_LANES  16
#define VF_INLINE ALWAYS_INLINE

typedef __m512 vf;

VF_INLINE vf vf_set1(float x) {
    return _mm512_set1_ps(x);
}
VF_INLINE vf vf_load(const void *at) {
    return _mm512_loadu_ps(at);
}
VF_INLINE void vf_store(float *at, vf x) {
    _mm512_storeu_ps(at, x);
}
VF_INLINE __mmask16 vf_first(size_t n) {
    return (__mmask16)((1u << n) - 1);
}
VF_INLINE vf vf_load_part(const void *at, size_t n) {
    return _mm512_maskz_loadu_ps(vf_first(n), at);
}
VF_INLINE void vf_store_part(float *at, vf x, size_t n) {
    _mm512_mask_storeu_ps(at, vf_first(n), x);
}
VF_INLINE vf vf_load_f16(const void *at) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(at));
}
VF_INLINE void vf_store_f16(void *at, vf x) {
    __m256i half = _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    _mm256_storeu_si256(at, half);
}
VF_INLINE vf vf_load_bf16(const void *at) {
    __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(at));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}
VF_INLINE vf vf_add(vf a, vf b) {
    return _mm512_add_ps(a, b);
}
VF_INLINE vf vf_sub(vf a, vf b) {
    return _mm512_sub_ps(a, b);
}
VF_INLINE vf vf_mul(vf a, vf b) {
    return _mm512_mul_ps(a, b);
}
VF_INLINE vf vf_div(vf a, vf b) {
    return _mm512_div_ps(a, b);
}
VF_INLINE vf vf_sqrt(vf a) {
    return _mm512_sqrt_ps(a);
}
VF_INLINE vf vf_fma(vf a, vf b, vf c) {
    return _mm512_fmadd_ps(a, b, c);
}
VF_INLINE vf vf_min(vf a, vf b) {
    return _mm512_min_ps(a, b);
}
VF_INLINE vf vf_max(vf a, vf b) {
    return _mm512_max_ps(a, b);
}
VF_INLINE vf vf_abs(vf a) {
    return _mm512_abs_ps(a);
}
VF_INLINE vf vf_copysign(vf magnitude, vf sign) {
    __m512i sign_bit = _mm512_set1_epi32((int)0x80000000u);
    /* Ternary logic 0xd8: the sign bit from the second operand, the rest from the first. */
    return _mm512_castsi512_ps(_mm512_ternarylogic_epi32(
        _mm512_castps_si512(magnitude), _mm512_castps_si512(sign), sign_bit, 0xd8));
}
VF_INLINE vf vf_select_lt(vf a, vf b, vf if_less, vf otherwise) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), otherwise, if_less);
}
VF_INLINE vf vf_pow2(__m512i n) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_add_epi32(n, _mm512_set1_epi32(127)), 23));
}
VF_INLINE vf vf_times_pow2(vf x, vf n) {
    __m512i whole = _mm512_cvttps_epi32(n);
    __m512i half = _mm512_srai_epi32(whole, 1);
    return vf_mul(vf_mul(x, vf_pow2(half)), vf_pow2(_mm512_sub_epi32(whole, half)));
}
VF_INLINE __m256 vf_upper(vf a) {
    return _mm256_castsi256_ps(_mm512_extracti64x4_epi64(_mm512_castps_si512(a), 1));
}
VF_INLINE float vf_sum(vf a) {
    __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(a), vf_upper(a));
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
VF_INLINE float vf_greatest(vf a) {
    __m256 eight = _mm256_max_ps(_mm512_castps512_ps256(a), vf_upper(a));
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}
VF_INLINE void vf_transpose(float *to, size_t to_stride, const float *from, size_t from_stride) {
    __m512 pairs[16];
    __m512 fours[16];
    for (size_t i = 0; i < 16; i += 2) {
        __m512 even = _mm512_loadu_ps(from + i * from_stride);
        __m512 odd = _mm512_loadu_ps(from + (i + 1) * from_stride);
        pairs[i] = _mm512_unpacklo_ps(even, odd);
        pairs[i + 1] = _mm512_unpackhi_ps(even, odd);
    }
    /* fours[4 q + j] then holds, in its quarter l, column 4 l + j of rows 4 q ... 4 q + 3. */
    for (size_t i = 0; i < 16; i += 4) {
        for (size_t j = 0; j < 2; j++) {
            __m512d first = _mm512_castps_pd(pairs[i + j]);
            __m512d second = _mm512_castps_pd(pairs[i + j + 2]);
            fours[i + 2 * j] = _mm512_castpd_ps(_mm512_unpacklo_pd(first, second));
            fours[i + 2 * j + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(first, second));
        }
    }
    for (size_t j = 0; j < 4; j++) {
        __m512 even_low = _mm512_shuffle_f32x4(fours[j], fours[4 + j], 0x88);
        __m512 odd_low = _mm512_shuffle_f32x4(fours[j], fours[4 + j], 0xdd);
        __m512 even_high = _mm512_shuffle_f32x4(fours[8 + j], fours[12 + j], 0x88);
        __m512 odd_high = _mm512_shuffle_f32x4(fours[8 + j], fours[12 + j], 0xdd);
        float *at = to + j * to_stride;
        _mm512_storeu_ps(at, _mm512_shuffle_f32x4(even_low, even_high, 0x88));
        _mm512_storeu_ps(at + 4 * to_stride, _mm512_shuffle_f32x4(odd_low, odd_high, 0x88));
        _mm512_storeu_ps(at + 8 * to_stride, _mm512_shuffle_f32x4(even_low, even_high, 0xdd));
        _mm512_storeu_ps(at + 12 * to_stride, _mm512_shuffle_f32x4(odd_low, odd_high, 0xdd));
    }
}

/* ---- integers --------------------------------------------------------------------------------*/

typedef __m512i vb;
typedef __m512i vi;
/* Shifted by operators: the intrinsics want a number that is a constant even unoptimized. */
typedef uint16_t vb_words __attribute__((vector_size(64)));

#ifdef __AVX512VNNI__
#define VI_DOT_IS_SIGNED 0
#define VI_HAS_PAIRS     0
#else
#define VI_DOT_IS_SIGNED 1
#define VI_HAS_PAIRS     1
#endif

VF_INLINE vb vb_load(const void *at) {
    return _mm512_loadu_si512(at);
}
VF_INLINE vb vb_field(vb x, int shift, uint8_t mask) {
    vb_words down = (vb_words)x >> shift;
    return _mm512_and_si512((__m512i)down, _mm512_set1_epi8((char)mask));
}
VF_INLINE vb vb_join(vb low, vb high, int shift) {
    vb_words up = (vb_words)high << shift;
    return _mm512_or_si512(low, (__m512i)up);
}
/* table[code] for every byte of `codes`, which are below 16. */
VF_INLINE vb vb_lookup(vb codes, const uint8_t *table) {
    __m128i once = _mm_loadu_si128((const __m128i *)table);
    return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(once), codes);
}
VF_INLINE vi vi_set1(int32_t x) {
    return _mm512_set1_epi32(x);
}
VF_INLINE vi vi_load_i8(const void *at) {
    return _mm512_cvtepi8_epi32(_mm_loadu_si128(at));
}
VF_INLINE vi vi_load_u8(const void *at) {
    return _mm512_cvtepu8_epi32(_mm_loadu_si128(at));
}
VF_INLINE vi vi_field(vi x, int shift, int32_t mask) {
    return _mm512_and_si512(_mm512_srav_epi32(x, _mm512_set1_epi32(shift)),
                            _mm512_set1_epi32(mask));
}
VF_INLINE vi vi_add(vi a, vi b) {
    return _mm512_add_epi32(a, b);
}
VF_INLINE vi vi_mul(vi a, vi b) {
    return _mm512_mullo_epi32(a, b);
}
VF_INLINE vf vf_from_int(vi x) {
    return _mm512_cvtepi32_ps(x);
}
VF_INLINE __m512i vi_four(const int8_t *x) {
    int32_t four;
    memcpy(&four, x, sizeof four);
    return _mm512_set1_epi32(four);
}
#ifdef __AVX512VNNI__
VF_INLINE vi vi_dot4(vi sum, vb q, const int8_t *x) {
    return _mm512_dpbusd_epi32(sum, q, vi_four(x));
}
VF_INLINE vi vi_dot4_8bit(vi sum, vb q, const int8_t *x) {
    return vi_dot4(sum, q, x);
}
#else
/* Keeps additions in the order written, as in vec_avx2.h. */
VF_INLINE vi vi_in_order(vi sum) {
    __asm__("" : "+v"(sum));
    return sum;
}
/* Pairs of products, added in 16 bits: those of one step cannot overflow them with q of at most 7
 * bits; how many steps vi_add_pairs() may add, quant_steps_in_pairs() says. */
VF_INLINE vi vi_pairs(vb q, const int8_t *x) {
    return _mm512_maddubs_epi16(q, vi_four(x));
}
VF_INLINE vi vi_add_pairs(vi pairs, vb q, const int8_t *x) {
    return vi_in_order(_mm512_add_epi16(pairs, vi_pairs(q, x)));
}
VF_INLINE vi vi_join_pairs(vi sum, vi pairs) {
    return vi_in_order(_mm512_add_epi32(sum, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1))));
}
VF_INLINE vi vi_dot4(vi sum, vb q, const int8_t *x) {
    return vi_join_pairs(sum, vi_pairs(q, x));
}
/* q - 128 in its absolute value, its sign given to x: |q - 128| |x| 2 <= 32512 just fits. */
VF_INLINE vi vi_dot4_8bit(vi sum, vb q, const int8_t *x) {
    __m512i w = _mm512_xor_si512(q, _mm512_set1_epi8((char)0x80));
    __mmask64 negative = _mm512_movepi8_mask(w);
    __m512i four = vi_four(x);
    __m512i turned = _mm512_mask_sub_epi8(four, negative, _mm512_setzero_si512(), four);
    return vi_join_pairs(sum, _mm512_maddubs_epi16(_mm512_abs_epi8(w), turned));
}
#endif
VF_INLINE int32_t vf_store_i8(int8_t *at, vf x) {
    __m512i whole = _mm512_cvtps_epi32(x);
    _mm_storeu_si128((__m128i *)at, _mm512_cvtepi32_epi8(whole));
    return _mm512_reduce_add_epi32(whole);
}

#endif
