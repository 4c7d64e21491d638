/** vec_neon.h - vec_scalar.h's functions with AArch64 NEON: four registers per vector. */
#ifndef KERNELS_VEC_NEON_H
#define KERNELS_VEC_NEON_H

#include <arm_neon.h>
#include <stddef.h>
#include <string.h>

#include "base/inline.h"

#define VF_LANES  16
#define VF_INLINE ALWAYS_INLINE
#define VF_QUADS  4

typedef struct {
    float32x4_t quad[VF_QUADS];
} vf;

#define VF_EACH(expression)                                                                        \
    vf out;                                                                                        \
    for (int i = 0; i < VF_QUADS; i++) {                                                           \
        out.quad[i] = (expression);                                                                \
    }                                                                                              \
    return out

VF_INLINE vf vf_set1(float x) {
    VF_EACH(vdupq_n_f32(x));
}
/* Through bytes, because memory operands may have any alignment. */
VF_INLINE vf vf_load(const void *at) {
    const uint8_t *bytes = at;
    VF_EACH(vreinterpretq_f32_u8(vld1q_u8(bytes + 16 * i)));
}
VF_INLINE void vf_store(float *at, vf x) {
    for (int i = 0; i < VF_QUADS; i++) {
        vst1q_f32(at + 4 * i, x.quad[i]);
    }
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
    const uint8_t *bytes = at;
    VF_EACH(vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(bytes + 8 * i))));
}
VF_INLINE void vf_store_f16(void *at, vf x) {
    uint8_t *bytes = at;
    for (int i = 0; i < VF_QUADS; i++) {
        vst1_u8(bytes + 8 * i, vreinterpret_u8_f16(vcvt_f16_f32(x.quad[i])));
    }
}
VF_INLINE vf vf_load_bf16(const void *at) {
    const uint8_t *bytes = at;
    VF_EACH(vreinterpretq_f32_u32(vshll_n_u16(vreinterpret_u16_u8(vld1_u8(bytes + 8 * i)), 16)));
}
VF_INLINE vf vf_add(vf a, vf b) {
    VF_EACH(vaddq_f32(a.quad[i], b.quad[i]));
}
VF_INLINE vf vf_sub(vf a, vf b) {
    VF_EACH(vsubq_f32(a.quad[i], b.quad[i]));
}
VF_INLINE vf vf_mul(vf a, vf b) {
    VF_EACH(vmulq_f32(a.quad[i], b.quad[i]));
}
VF_INLINE vf vf_div(vf a, vf b) {
    VF_EACH(vdivq_f32(a.quad[i], b.quad[i]));
}
VF_INLINE vf vf_sqrt(vf a) {
    VF_EACH(vsqrtq_f32(a.quad[i]));
}
VF_INLINE vf vf_fma(vf a, vf b, vf c) {
    VF_EACH(vfmaq_f32(c.quad[i], a.quad[i], b.quad[i]));
}
/* By comparison, so that equal zeros and NaN come out as in the other versions. */
VF_INLINE vf vf_select_lt(vf a, vf b, vf if_less, vf otherwise) {
    VF_EACH(vbslq_f32(vcltq_f32(a.quad[i], b.quad[i]), if_less.quad[i], otherwise.quad[i]));
}
VF_INLINE vf vf_min(vf a, vf b) {
    return vf_select_lt(a, b, a, b);
}
VF_INLINE vf vf_max(vf a, vf b) {
    return vf_select_lt(b, a, a, b);
}
VF_INLINE vf vf_abs(vf a) {
    VF_EACH(vabsq_f32(a.quad[i]));
}
VF_INLINE vf vf_copysign(vf magnitude, vf sign) {
    VF_EACH(vbslq_f32(vdupq_n_u32(0x80000000u), sign.quad[i], magnitude.quad[i]));
}
VF_INLINE float32x4_t vf_pow2(int32x4_t n) {
    return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(n, vdupq_n_s32(127)), 23));
}
VF_INLINE float32x4_t vf_times_pow2_quad(float32x4_t x, int32x4_t n) {
    int32x4_t half = vshrq_n_s32(n, 1);
    return vmulq_f32(vmulq_f32(x, vf_pow2(half)), vf_pow2(vsubq_s32(n, half)));
}
VF_INLINE vf vf_times_pow2(vf x, vf n) {
    VF_EACH(vf_times_pow2_quad(x.quad[i], vcvtq_s32_f32(n.quad[i])));
}
VF_INLINE float vf_sum(vf a) {
    float32x4_t first = vaddq_f32(a.quad[0], a.quad[2]);
    float32x4_t four = vaddq_f32(first, vaddq_f32(a.quad[1], a.quad[3]));
    float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
    return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
}
VF_INLINE float vf_greatest(vf a) {
    float lane[VF_LANES];
    vf_store(lane, a);
    for (int half = VF_LANES / 2; half > 0; half /= 2) {
        for (int i = 0; i < half; i++) {
            lane[i] = lane[i] > lane[i + half] ? lane[i] : lane[i + half];
        }
    }
    return lane[0];
}
VF_INLINE void vf_transpose(float *to, size_t to_stride, const float *from, size_t from_stride) {
    for (size_t j = 0; j < VF_LANES; j++) {
        for (size_t i = 0; i < VF_LANES; i++) {
            to[j * to_stride + i] = from[i * from_stride + j];
        }
    }
}

/* ---- integers --------------------------------------------------------------------------------*/

typedef struct {
    uint8x16_t quad[VF_QUADS];
} vb;
typedef struct {
    int32x4_t quad[VF_QUADS];
} vi;

#define VI_DOT_IS_SIGNED 1
#define VI_HAS_PAIRS     0

VF_INLINE vb vb_load(const void *at) {
    const uint8_t *bytes = at;
    vb out;
    for (int i = 0; i < VF_QUADS; i++) {
        out.quad[i] = vld1q_u8(bytes + 16 * i);
    }
    return out;
}
VF_INLINE vb vb_field(vb x, int shift, uint8_t mask) {
    for (int i = 0; i < VF_QUADS; i++) {
        uint8x16_t down = vshlq_u8(x.quad[i], vdupq_n_s8((int8_t)-shift));
        x.quad[i] = vandq_u8(down, vdupq_n_u8(mask));
    }
    return x;
}
VF_INLINE vb vb_join(vb low, vb high, int shift) {
    for (int i = 0; i < VF_QUADS; i++) {
        low.quad[i] = vorrq_u8(low.quad[i], vshlq_u8(high.quad[i], vdupq_n_s8((int8_t)shift)));
    }
    return low;
}
/* table[code] for every byte of `codes`, which are below 16. */
VF_INLINE vb vb_lookup(vb codes, const uint8_t *table) {
    for (int i = 0; i < VF_QUADS; i++) {
        codes.quad[i] = vqtbl1q_u8(vld1q_u8(table), codes.quad[i]);
    }
    return codes;
}
VF_INLINE vi vi_set1(int32_t x) {
    return (vi){{vdupq_n_s32(x), vdupq_n_s32(x), vdupq_n_s32(x), vdupq_n_s32(x)}};
}
VF_INLINE vi vi_load_i8(const void *at) {
    int8x16_t bytes = vreinterpretq_s8_u8(vld1q_u8(at));
    int16x8_t low = vmovl_s8(vget_low_s8(bytes));
    int16x8_t high = vmovl_s8(vget_high_s8(bytes));
    return (vi){{vmovl_s16(vget_low_s16(low)), vmovl_s16(vget_high_s16(low)),
                 vmovl_s16(vget_low_s16(high)), vmovl_s16(vget_high_s16(high))}};
}
VF_INLINE vi vi_load_u8(const void *at) {
    uint8x16_t bytes = vld1q_u8(at);
    int16x8_t low = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(bytes)));
    int16x8_t high = vreinterpretq_s16_u16(vmovl_u8(vget_high_u8(bytes)));
    return (vi){{vmovl_s16(vget_low_s16(low)), vmovl_s16(vget_high_s16(low)),
                 vmovl_s16(vget_low_s16(high)), vmovl_s16(vget_high_s16(high))}};
}
VF_INLINE vi vi_field(vi x, int shift, int32_t mask) {
    for (int i = 0; i < VF_QUADS; i++) {
        x.quad[i] = vandq_s32(vshlq_s32(x.quad[i], vdupq_n_s32(-shift)), vdupq_n_s32(mask));
    }
    return x;
}
VF_INLINE vi vi_add(vi a, vi b) {
    for (int i = 0; i < VF_QUADS; i++) {
        a.quad[i] = vaddq_s32(a.quad[i], b.quad[i]);
    }
    return a;
}
VF_INLINE vi vi_mul(vi a, vi b) {
    for (int i = 0; i < VF_QUADS; i++) {
        a.quad[i] = vmulq_s32(a.quad[i], b.quad[i]);
    }
    return a;
}
VF_INLINE vf vf_from_int(vi x) {
    VF_EACH(vcvtq_f32_s32(x.quad[i]));
}
VF_INLINE vi vi_dot4(vi sum, vb q, const int8_t *x) {
    int32_t bits;
    memcpy(&bits, x, sizeof bits);
    int8x16_t four = vreinterpretq_s8_s32(vdupq_n_s32(bits));
    for (int i = 0; i < VF_QUADS; i++) {
        int8x16_t w = vreinterpretq_s8_u8(q.quad[i]);
#ifdef __ARM_FEATURE_DOTPROD
        sum.quad[i] = vdotq_s32(sum.quad[i], w, four);
#else
        int16x8_t low = vmull_s8(vget_low_s8(w), vget_low_s8(four));
        int16x8_t high = vmull_s8(vget_high_s8(w), vget_high_s8(four));
        int32x4_t pairs = vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high));
        sum.quad[i] = vaddq_s32(sum.quad[i], pairs);
#endif
    }
    return sum;
}
/* As signed bytes, q - 128. */
VF_INLINE vi vi_dot4_8bit(vi sum, vb q, const int8_t *x) {
    for (int i = 0; i < VF_QUADS; i++) {
        q.quad[i] = veorq_u8(q.quad[i], vdupq_n_u8(0x80));
    }
    return vi_dot4(sum, q, x);
}
VF_INLINE int32_t vf_store_i8(int8_t *at, vf x) {
    int32_t sum = 0;
    for (int i = 0; i < VF_QUADS; i++) {
        int32x4_t whole = vcvtq_s32_f32(x.quad[i]);
        int32_t lane[4];
        vst1q_s32(lane, whole);
        for (int j = 0; j < 4; j++) {
            at[4 * i + j] = (int8_t)lane[j];
        }
        sum += vaddvq_s32(whole);
    }
    return sum;
}

#undef VF_EACH

#endif
