/** vec_avx2.h - vec_scalar.h's functions with AVX2, FMA and F16C: two registers per vector. */
#ifndef KERNELS_VEC_AVX2_H
#define KERNELS_VEC_AVX2_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/inline.h"

#define VF_LANES  16
#define VF_INLINE ALWAYS_INLINE

typedef struct {
    __m256 low, high;
} vf;

#define VF_BOTH(operation)                                                                         \
    (vf) {                                                                                         \
        operation(a.low, b.low), operation(a.high, b.high)                                         \
    }

VF_INLINE vf vf_set1(float x) {
    return (vf){_mm256_set1_ps(x), _mm256_set1_ps(x)};
}
VF_INLINE vf vf_load(const void *at) {
    const float *floats = at;
    return (vf){_mm256_loadu_ps(floats), _mm256_loadu_ps(floats + 8)};
}
VF_INLINE void vf_store(float *at, vf x) {
    _mm256_storeu_ps(at, x.low);
    _mm256_storeu_ps(at + 8, x.high);
}
VF_INLINE vf vf_load_part(const void *at, size_t n) {
    float whole[VF_LANES] = {0};
    memcpy(whole, at, n * sizeof(float));
    return vf_load(whole);
}
VF_INLINE void vf_store_part(float *at, vf x, size_t n) {
    float whole[VF_LANES];
    vf_store(whole, x);
    memcpy(at, whole, n * sizeof(float));
}
VF_INLINE vf vf_load_f16(const void *at) {
    const __m128i *eights = at;
    return (vf){_mm256_cvtph_ps(_mm_loadu_si128(eights)),
                _mm256_cvtph_ps(_mm_loadu_si128(eights + 1))};
}
VF_INLINE void vf_store_f16(void *at, vf x) {
    __m128i *eights = at;
    _mm_storeu_si128(eights, _mm256_cvtps_ph(x.low, _MM_FROUND_TO_NEAREST_INT));
    _mm_storeu_si128(eights + 1, _mm256_cvtps_ph(x.high, _MM_FROUND_TO_NEAREST_INT));
}
VF_INLINE __m256 vf_widen_bf16(__m128i eight) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(eight), 16));
}
VF_INLINE vf vf_load_bf16(const void *at) {
    const __m128i *eights = at;
    return (vf){vf_widen_bf16(_mm_loadu_si128(eights)), vf_widen_bf16(_mm_loadu_si128(eights + 1))};
}
VF_INLINE vf vf_add(vf a, vf b) {
    return VF_BOTH(_mm256_add_ps);
}
VF_INLINE vf vf_sub(vf a, vf b) {
    return VF_BOTH(_mm256_sub_ps);
}
VF_INLINE vf vf_mul(vf a, vf b) {
    return VF_BOTH(_mm256_mul_ps);
}
VF_INLINE vf vf_div(vf a, vf b) {
    return VF_BOTH(_mm256_div_ps);
}
VF_INLINE vf vf_sqrt(vf a) {
    return (vf){_mm256_sqrt_ps(a.low), _mm256_sqrt_ps(a.high)};
}
VF_INLINE vf vf_fma(vf a, vf b, vf c) {
    return (vf){_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}
VF_INLINE vf vf_min(vf a, vf b) {
    return VF_BOTH(_mm256_min_ps);
}
VF_INLINE vf vf_max(vf a, vf b) {
    return VF_BOTH(_mm256_max_ps);
}
VF_INLINE vf vf_abs(vf a) {
    vf b = vf_set1(-0.0f);
    return (vf){_mm256_andnot_ps(b.low, a.low), _mm256_andnot_ps(b.high, a.high)};
}
VF_INLINE vf vf_copysign(vf magnitude, vf sign) {
    vf a = vf_abs(magnitude);
    __m256 bit = _mm256_set1_ps(-0.0f);
    vf b = {_mm256_and_ps(sign.low, bit), _mm256_and_ps(sign.high, bit)};
    return VF_BOTH(_mm256_or_ps);
}
VF_INLINE vf vf_select_lt(vf a, vf b, vf if_less, vf otherwise) {
    return (vf){
        _mm256_blendv_ps(otherwise.low, if_less.low, _mm256_cmp_ps(a.low, b.low, _CMP_LT_OQ)),
        _mm256_blendv_ps(otherwise.high, if_less.high, _mm256_cmp_ps(a.high, b.high, _CMP_LT_OQ))};
}
VF_INLINE __m256 vf_pow2(__m256i n) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23));
}
VF_INLINE __m256 vf_times_pow2_half(__m256 x, __m256 n) {
    __m256i whole = _mm256_cvttps_epi32(n);
    __m256i half = _mm256_srai_epi32(whole, 1);
    return _mm256_mul_ps(_mm256_mul_ps(x, vf_pow2(half)), vf_pow2(_mm256_sub_epi32(whole, half)));
}
VF_INLINE vf vf_times_pow2(vf x, vf n) {
    return (vf){vf_times_pow2_half(x.low, n.low), vf_times_pow2_half(x.high, n.high)};
}
VF_INLINE float vf_sum(vf a) {
    __m256 eight = _mm256_add_ps(a.low, a.high);
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
VF_INLINE float vf_greatest(vf a) {
    __m256 eight = _mm256_max_ps(a.low, a.high);
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}
/* One of the four 8 x 8 corners. */
VF_INLINE void vf_transpose_8(float *to, size_t to_stride, const float *from, size_t from_stride) {
    __m256 pairs[8];
    for (size_t i = 0; i < 8; i += 2) {
        __m256 even = _mm256_loadu_ps(from + i * from_stride);
        __m256 odd = _mm256_loadu_ps(from + (i + 1) * from_stride);
        pairs[i] = _mm256_unpacklo_ps(even, odd);
        pairs[i + 1] = _mm256_unpackhi_ps(even, odd);
    }
    for (size_t j = 0; j < 2; j++) {
        __m256 first_low = _mm256_shuffle_ps(pairs[j], pairs[2 + j], 0x44);
        __m256 first_high = _mm256_shuffle_ps(pairs[4 + j], pairs[6 + j], 0x44);
        __m256 second_low = _mm256_shuffle_ps(pairs[j], pairs[2 + j], 0xee);
        __m256 second_high = _mm256_shuffle_ps(pairs[4 + j], pairs[6 + j], 0xee);
        float *at = to + 2 * j * to_stride;
        _mm256_storeu_ps(at, _mm256_permute2f128_ps(first_low, first_high, 0x20));
        _mm256_storeu_ps(at + to_stride, _mm256_permute2f128_ps(second_low, second_high, 0x20));
        at += 4 * to_stride;
        _mm256_storeu_ps(at, _mm256_permute2f128_ps(first_low, first_high, 0x31));
        _mm256_storeu_ps(at + to_stride, _mm256_permute2f128_ps(second_low, second_high, 0x31));
    }
}
VF_INLINE void vf_transpose(float *to, size_t to_stride, const float *from, size_t from_stride) {
    for (size_t i = 0; i < VF_LANES; i += 8) {
        for (size_t j = 0; j < VF_LANES; j += 8) {
            vf_transpose_8(to + j * to_stride + i, to_stride, from + i * from_stride + j,
                           from_stride);
        }
    }
}

/* ---- integers --------------------------------------------------------------------------------*/

typedef struct {
    __m256i low, high;
} vb;
typedef vb vi;

/* VI_DPBUSD: the instruction that adds four products to each of 8 integers, if there is one. */
#ifdef VI_DPBUSD
#define VI_DOT_IS_SIGNED 0
#define VI_HAS_PAIRS     0
#else
#define VI_DOT_IS_SIGNED 1
#define VI_HAS_PAIRS     1
#endif

VF_INLINE vb vb_load(const void *at) {
    const __m256i *halves = at;
    return (vb){_mm256_loadu_si256(halves), _mm256_loadu_si256(halves + 1)};
}
VF_INLINE void vb_store(void *at, vb x) {
    __m256i *halves = at;
    _mm256_storeu_si256(halves, x.low);
    _mm256_storeu_si256(halves + 1, x.high);
}
VF_INLINE vb vb_field(vb x, int shift, uint8_t mask) {
    __m256i bits = _mm256_set1_epi8((char)mask);
    return (vb){_mm256_and_si256(_mm256_srli_epi16(x.low, shift), bits),
                _mm256_and_si256(_mm256_srli_epi16(x.high, shift), bits)};
}
VF_INLINE vb vb_join(vb low, vb high, int shift) {
    return (vb){_mm256_or_si256(low.low, _mm256_slli_epi16(high.low, shift)),
                _mm256_or_si256(low.high, _mm256_slli_epi16(high.high, shift))};
}
/* table[code] for every byte of `codes`, which are below 16. */
VF_INLINE vb vb_lookup(vb codes, const uint8_t *table) {
    __m256i twice = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)table));
    return (vb){_mm256_shuffle_epi8(twice, codes.low), _mm256_shuffle_epi8(twice, codes.high)};
}
VF_INLINE vi vi_set1(int32_t x) {
    return (vi){_mm256_set1_epi32(x), _mm256_set1_epi32(x)};
}
VF_INLINE vi vi_load_i8(const void *at) {
    __m128i bytes = _mm_loadu_si128(at);
    return (vi){_mm256_cvtepi8_epi32(bytes), _mm256_cvtepi8_epi32(_mm_srli_si128(bytes, 8))};
}
VF_INLINE vi vi_load_u8(const void *at) {
    __m128i bytes = _mm_loadu_si128(at);
    return (vi){_mm256_cvtepu8_epi32(bytes), _mm256_cvtepu8_epi32(_mm_srli_si128(bytes, 8))};
}
VF_INLINE vi vi_field(vi x, int shift, int32_t mask) {
    __m256i bits = _mm256_set1_epi32(mask);
    return (vi){_mm256_and_si256(_mm256_srai_epi32(x.low, shift), bits),
                _mm256_and_si256(_mm256_srai_epi32(x.high, shift), bits)};
}
VF_INLINE vi vi_add(vi a, vi b) {
    return (vi){_mm256_add_epi32(a.low, b.low), _mm256_add_epi32(a.high, b.high)};
}
VF_INLINE vi vi_mul(vi a, vi b) {
    return (vi){_mm256_mullo_epi32(a.low, b.low), _mm256_mullo_epi32(a.high, b.high)};
}
VF_INLINE vf vf_from_int(vi x) {
    return (vf){_mm256_cvtepi32_ps(x.low), _mm256_cvtepi32_ps(x.high)};
}
VF_INLINE __m256i vi_four(const int8_t *x) {
    int32_t four;
    memcpy(&four, x, sizeof four);
    return _mm256_set1_epi32(four);
}
#ifdef VI_DPBUSD
VF_INLINE vi vi_dot4(vi sum, vb q, const int8_t *x) {
    __m256i four = vi_four(x);
    return (vi){VI_DPBUSD(sum.low, q.low, four), VI_DPBUSD(sum.high, q.high, four)};
}
VF_INLINE vi vi_dot4_8bit(vi sum, vb q, const int8_t *x) {
    return vi_dot4(sum, q, x);
}
#else
/* No instruction, but it keeps additions in the order written. Without it compilers turn the chain
 * of additions to one sum into a tree, whose intermediate results do not fit into the registers. */
VF_INLINE __m256i vi_in_order(__m256i sum) {
    __asm__("" : "+x"(sum));
    return sum;
}
/* Pairs of products, added in 16 bits: those of one step cannot overflow them with q of at most 7
 * bits; how many steps vi_add_pairs() may add, quant_steps_in_pairs() says. */
VF_INLINE vi vi_pairs(vb q, const int8_t *x) {
    __m256i four = vi_four(x);
    return (vi){_mm256_maddubs_epi16(q.low, four), _mm256_maddubs_epi16(q.high, four)};
}
VF_INLINE vi vi_add_pairs(vi pairs, vb q, const int8_t *x) {
    vi more = vi_pairs(q, x);
    return (vi){vi_in_order(_mm256_add_epi16(pairs.low, more.low)),
                vi_in_order(_mm256_add_epi16(pairs.high, more.high))};
}
VF_INLINE __m256i vi_join_half(__m256i sum, __m256i pairs) {
    return vi_in_order(_mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1))));
}
VF_INLINE vi vi_join_pairs(vi sum, vi pairs) {
    return (vi){vi_join_half(sum.low, pairs.low), vi_join_half(sum.high, pairs.high)};
}
VF_INLINE vi vi_dot4(vi sum, vb q, const int8_t *x) {
    return vi_join_pairs(sum, vi_pairs(q, x));
}
/* q - 128 in its absolute value, its sign given to x: |q - 128| |x| 2 <= 32512 just fits. */
VF_INLINE vi vi_dot4_8bit(vi sum, vb q, const int8_t *x) {
    __m256i bit = _mm256_set1_epi8((char)0x80);
    __m256i four = vi_four(x);
    __m256i low = _mm256_xor_si256(q.low, bit);
    __m256i high = _mm256_xor_si256(q.high, bit);
    vi pairs = {_mm256_maddubs_epi16(_mm256_abs_epi8(low), _mm256_sign_epi8(four, low)),
                _mm256_maddubs_epi16(_mm256_abs_epi8(high), _mm256_sign_epi8(four, high))};
    return vi_join_pairs(sum, pairs);
}
/* For quant_widened.h: q - 128 apart in magnitude and sign, and products with it. */
VF_INLINE vb vb_magnitude(vb q) {
    __m256i bit = _mm256_set1_epi8((char)0x80);
    return (vb){_mm256_abs_epi8(_mm256_xor_si256(q.low, bit)),
                _mm256_abs_epi8(_mm256_xor_si256(q.high, bit))};
}
VF_INLINE vb vb_sign(vb q) {
    /* q as a signed byte is below 0 where q - 128 is not. */
    __m256i last = _mm256_set1_epi8(-1);
    return (vb){_mm256_cmpgt_epi8(q.low, last), _mm256_cmpgt_epi8(q.high, last)};
}
VF_INLINE vi vi_dot4_signed(vi sum, vb magnitude, vb sign, const int8_t *x) {
    __m256i four = vi_four(x);
    vi pairs = {_mm256_maddubs_epi16(magnitude.low, _mm256_xor_si256(four, sign.low)),
                _mm256_maddubs_epi16(magnitude.high, _mm256_xor_si256(four, sign.high))};
    return vi_join_pairs(sum, pairs);
}
/* sum + the magnitudes below 0: -(products of them with -1). */
VF_INLINE vi vi_add_negative(vi sum, vb magnitude, vb sign) {
    __m256i minus = _mm256_set1_epi16(-1);
    __m256i low = _mm256_madd_epi16(_mm256_maddubs_epi16(magnitude.low, sign.low), minus);
    __m256i high = _mm256_madd_epi16(_mm256_maddubs_epi16(magnitude.high, sign.high), minus);
    return (vi){_mm256_add_epi32(sum.low, low), _mm256_add_epi32(sum.high, high)};
}
/* Two numbers of 16 bits in each of 32; the sums of two products of such. */
VF_INLINE vi vi_both(vi even, vi odd) {
    return (vi){_mm256_blend_epi16(even.low, _mm256_slli_epi32(odd.low, 16), 0xaa),
                _mm256_blend_epi16(even.high, _mm256_slli_epi32(odd.high, 16), 0xaa)};
}
VF_INLINE vi vi_madd(vi a, vi b) {
    return (vi){_mm256_madd_epi16(a.low, b.low), _mm256_madd_epi16(a.high, b.high)};
}
VF_INLINE vi vi_join_scaled(vi sum, vi pairs, vi scale) {
    vi products = vi_madd(pairs, scale);
    return (vi){vi_in_order(_mm256_add_epi32(sum.low, products.low)),
                vi_in_order(_mm256_add_epi32(sum.high, products.high))};
}
#endif
VF_INLINE int32_t vf_store_i8(int8_t *at, vf x) {
    __m256i low = _mm256_cvtps_epi32(x.low);
    __m256i high = _mm256_cvtps_epi32(x.high);
    __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xd8);
    __m128i bytes =
        _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    _mm_storeu_si128((__m128i *)at, bytes);
    __m256i eight = _mm256_add_epi32(low, high);
    __m128i four = _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
    __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xb1)));
}

#undef VF_BOTH

#endif
