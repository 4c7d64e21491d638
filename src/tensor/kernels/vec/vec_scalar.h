/**
 * vec_scalar.h - vectors of 16 floats in plain C: the reference every other version must equal
 * bit for bit, and what runs on a machine without one of its own.
 *
 * Each vec_*.h defines the type vf (16 floats) and the same functions on it; matmul_tiles.h and
 * row_kernels.h are written in terms of them and compiled once per instruction set.
 * Memory operands may have any alignment.
 */
#ifndef KERNELS_VEC_SCALAR_H
#define KERNELS_VEC_SCALAR_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "tensor/float_types.h"

#define VF_LANES 16
/* Loops, too long to be part of every caller. */
#define VF_INLINE static inline

typedef struct {
    float lane[VF_LANES];
} vf;

#define VF_EACH(expression)                                                                        \
    vf out;                                                                                        \
    for (int i = 0; i < VF_LANES; i++) {                                                           \
        out.lane[i] = (expression);                                                                \
    }                                                                                              \
    return out

VF_INLINE vf vf_set1(float x) {
    VF_EACH(x);
}
VF_INLINE vf vf_load(const void *at) {
    vf out;
    memcpy(&out, at, sizeof out);
    return out;
}
VF_INLINE void vf_store(float *at, vf x) {
    memcpy(at, &x, sizeof x);
}
/* The first n < 16 floats; zeros after them. */
VF_INLINE vf vf_load_part(const void *at, size_t n) {
    vf out = {{0}};
    memcpy(&out, at, n * sizeof(float));
    return out;
}
VF_INLINE void vf_store_part(float *at, vf x, size_t n) {
    memcpy(at, &x, n * sizeof(float));
}
/* 16 half-precision numbers, widened exactly. */
VF_INLINE vf vf_load_f16(const void *at) {
    uint16_t bits[VF_LANES];
    memcpy(bits, at, sizeof bits);
    VF_EACH(tensor_f16_to_f32(bits[i]));
}
/* Rounded to nearest even; overflow gives infinity. */
VF_INLINE void vf_store_f16(void *at, vf x) {
    uint16_t bits[VF_LANES];
    for (int i = 0; i < VF_LANES; i++) {
        bits[i] = tensor_f16_from_f32(x.lane[i]);
    }
    memcpy(at, bits, sizeof bits);
}
VF_INLINE vf vf_load_bf16(const void *at) {
    uint16_t bits[VF_LANES];
    memcpy(bits, at, sizeof bits);
    VF_EACH(tensor_bf16_to_f32(bits[i]));
}
VF_INLINE vf vf_add(vf a, vf b) {
    VF_EACH(a.lane[i] + b.lane[i]);
}
VF_INLINE vf vf_sub(vf a, vf b) {
    VF_EACH(a.lane[i] - b.lane[i]);
}
VF_INLINE vf vf_mul(vf a, vf b) {
    VF_EACH(a.lane[i] * b.lane[i]);
}
VF_INLINE vf vf_div(vf a, vf b) {
    VF_EACH(a.lane[i] / b.lane[i]);
}
VF_INLINE vf vf_sqrt(vf a) {
    VF_EACH(sqrtf(a.lane[i]));
}
VF_INLINE vf vf_fma(vf a, vf b, vf c) {
    VF_EACH(fmaf(a.lane[i], b.lane[i], c.lane[i]));
}
VF_INLINE vf vf_min(vf a, vf b) {
    VF_EACH(a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i]);
}
VF_INLINE vf vf_max(vf a, vf b) {
    VF_EACH(a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]);
}
VF_INLINE vf vf_abs(vf a) {
    VF_EACH(__builtin_fabsf(a.lane[i]));
}
VF_INLINE vf vf_copysign(vf magnitude, vf sign) {
    VF_EACH(__builtin_copysignf(magnitude.lane[i], sign.lane[i]));
}
VF_INLINE vf vf_select_lt(vf a, vf b, vf if_less, vf otherwise) {
    VF_EACH(a.lane[i] < b.lane[i] ? if_less.lane[i] : otherwise.lane[i]);
}
/* 2^n for n in -126 ... 127. */
VF_INLINE float vf_power_of_two(int32_t n) {
    uint32_t bits = (uint32_t)(n + 127) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return power;
}
VF_INLINE vf vf_times_pow2(vf x, vf n) {
    VF_EACH(x.lane[i] * vf_power_of_two((int32_t)n.lane[i] / 2) *
            vf_power_of_two((int32_t)n.lane[i] - (int32_t)n.lane[i] / 2));
}
/* The fixed tree: lanes i and i + 8, then i + 4, i + 2, i + 1. */
VF_INLINE float vf_sum(vf a) {
    for (int half = VF_LANES / 2; half > 0; half /= 2) {
        for (int i = 0; i < half; i++) {
            a.lane[i] += a.lane[i + half];
        }
    }
    return a.lane[0];
}
/* The same tree: which of NaN and a number is the greater depends on their order. */
VF_INLINE float vf_greatest(vf a) {
    for (int half = VF_LANES / 2; half > 0; half /= 2) {
        for (int i = 0; i < half; i++) {
            a.lane[i] = a.lane[i] > a.lane[i + half] ? a.lane[i] : a.lane[i + half];
        }
    }
    return a.lane[0];
}

/* to[j][i] = from[i][j] for 16 rows of 16 numbers each. */
VF_INLINE void vf_transpose(float *to, size_t to_stride, const float *from, size_t from_stride) {
    for (size_t j = 0; j < VF_LANES; j++) {
        for (size_t i = 0; i < VF_LANES; i++) {
            to[j * to_stride + i] = from[i * from_stride + j];
        }
    }
}

#undef VF_EACH

#endif
