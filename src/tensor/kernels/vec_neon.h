/** vec_neon.h - vec_scalar.h's functions with AArch64 NEON: four registers per vector. */
#ifndef KERNELS_VEC_NEON_H
#define KERNELS_VEC_NEON_H

#include <arm_neon.h>
#include <stddef.h>
#include <string.h>

#define VF_LANES 16
#define VF_QUADS 4

typedef struct {
    float32x4_t quad[VF_QUADS];
} vf;

#define VF_EACH(expression)                                                                        \
    vf out;                                                                                        \
    for (int i = 0; i < VF_QUADS; i++) {                                                           \
        out.quad[i] = (expression);                                                                \
    }                                                                                              \
    return out

static inline vf vf_set1(float x) {
    VF_EACH(vdupq_n_f32(x));
}
/* Through bytes, because memory operands may have any alignment. */
static inline vf vf_load(const void *at) {
    const uint8_t *bytes = at;
    VF_EACH(vreinterpretq_f32_u8(vld1q_u8(bytes + 16 * i)));
}
static inline void vf_store(float *at, vf x) {
    for (int i = 0; i < VF_QUADS; i++) {
        vst1q_f32(at + 4 * i, x.quad[i]);
    }
}
static inline vf vf_load_part(const void *at, size_t n) {
    float whole[VF_LANES] = {0};
    memcpy(whole, at, n * sizeof(float));
    return vf_load(whole);
}
static inline void vf_store_part(float *at, vf x, size_t n) {
    float whole[VF_LANES];
    vf_store(whole, x);
    memcpy(at, whole, n * sizeof(float));
}
static inline vf vf_load_f16(const void *at) {
    const uint8_t *bytes = at;
    VF_EACH(vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(bytes + 8 * i))));
}
static inline vf vf_load_bf16(const void *at) {
    const uint8_t *bytes = at;
    VF_EACH(vreinterpretq_f32_u32(vshll_n_u16(vreinterpret_u16_u8(vld1_u8(bytes + 8 * i)), 16)));
}
static inline vf vf_add(vf a, vf b) {
    VF_EACH(vaddq_f32(a.quad[i], b.quad[i]));
}
static inline vf vf_sub(vf a, vf b) {
    VF_EACH(vsubq_f32(a.quad[i], b.quad[i]));
}
static inline vf vf_mul(vf a, vf b) {
    VF_EACH(vmulq_f32(a.quad[i], b.quad[i]));
}
static inline vf vf_div(vf a, vf b) {
    VF_EACH(vdivq_f32(a.quad[i], b.quad[i]));
}
static inline vf vf_fma(vf a, vf b, vf c) {
    VF_EACH(vfmaq_f32(c.quad[i], a.quad[i], b.quad[i]));
}
/* By comparison, so that equal zeros and NaN come out as in the other versions. */
static inline vf vf_select_lt(vf a, vf b, vf if_less, vf otherwise) {
    VF_EACH(vbslq_f32(vcltq_f32(a.quad[i], b.quad[i]), if_less.quad[i], otherwise.quad[i]));
}
static inline vf vf_min(vf a, vf b) {
    return vf_select_lt(a, b, a, b);
}
static inline vf vf_max(vf a, vf b) {
    return vf_select_lt(b, a, a, b);
}
static inline vf vf_abs(vf a) {
    VF_EACH(vabsq_f32(a.quad[i]));
}
static inline vf vf_copysign(vf magnitude, vf sign) {
    VF_EACH(vbslq_f32(vdupq_n_u32(0x80000000u), sign.quad[i], magnitude.quad[i]));
}
static inline vf vf_pow2(vf n) {
    VF_EACH(vreinterpretq_f32_s32(
        vshlq_n_s32(vaddq_s32(vcvtq_s32_f32(n.quad[i]), vdupq_n_s32(127)), 23)));
}
static inline float vf_sum(vf a) {
    float32x4_t first = vaddq_f32(a.quad[0], a.quad[2]);
    float32x4_t four = vaddq_f32(first, vaddq_f32(a.quad[1], a.quad[3]));
    float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
    return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
}
static inline float vf_greatest(vf a) {
    vf half = vf_max(a, (vf){{a.quad[2], a.quad[3], a.quad[2], a.quad[3]}});
    float lane[VF_LANES];
    vf_store(lane, half);
    float greatest = lane[0];
    for (int i = 1; i < VF_LANES / 2; i++) {
        greatest = greatest > lane[i] ? greatest : lane[i];
    }
    return greatest;
}

#undef VF_EACH

#endif
