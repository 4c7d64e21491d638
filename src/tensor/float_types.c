/**
 * float_types.c - F32, F16 and BF16 as files have them, widened to f32 and rounded from it, one
 * number or many. Block formats are in quant/.
 */
#include "tensor/float_types.h"

#include <string.h>

#include "base/bytes.h"

static uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

float tensor_bf16_to_f32(uint16_t bits) {
    return float_of((uint32_t)bits << 16);
}

static uint16_t number_to_bf16(float value) {
    uint32_t bits = bits_of(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u) {
        return (uint16_t)(bits >> 16 | 0x40); /* NaN stays NaN, whatever its low bits */
    }
    /* Half of the last place, less one where the last bit is even: ties go to even. */
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}

float tensor_f16_to_f32(uint16_t bits) {
    uint32_t sign = (uint32_t)(bits & 0x8000u) << 16;
    uint32_t exponent = bits >> 10 & 0x1fu;
    uint32_t fraction = bits & 0x3ffu;
    if (exponent == 0) {
        /* Subnormal or zero: fraction * 2^-24, exact in f32. */
        float magnitude = (float)fraction * 0x1p-24f;
        return float_of(sign | bits_of(magnitude));
    }
    uint32_t wide = exponent == 0x1f ? 0xffu : exponent + 112;
    return float_of(sign | wide << 23 | fraction << 13);
}

uint16_t tensor_f16_from_f32(float value) {
    uint32_t bits = bits_of(value);
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000u);
    uint32_t magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u) {
        return (uint16_t)(sign | 0x7e00u);
    }
    if (magnitude >= 0x477ff000u) {
        return (uint16_t)(sign | 0x7c00u); /* 65520 and more round to infinity */
    }
    if (magnitude < 0x38800000u) {
        /* Below 2^-14: adding 1/2 puts the unit 2^-24 of half-precision subnormals at the last
         * place of a float, and the addition rounds to nearest even. */
        float shifted = float_of(magnitude) + 0.5f;
        return (uint16_t)(sign | (bits_of(shifted) - bits_of(0.5f)));
    }
    uint32_t rounded = magnitude + 0xfffu + (magnitude >> 13 & 1);
    return (uint16_t)(sign | ((rounded - (112u << 23)) >> 13));
}

void floats_f32_to_f32(float *out, const unsigned char *in, size_t n) {
    for (size_t i = 0; i < n; i++) {
        out[i] = float_of(bytes_u32(in + 4 * i));
    }
}

void floats_f32_from_f32(unsigned char *out, const float *in, size_t n) {
    for (size_t i = 0; i < n; i++) {
        bytes_put_u32(out + 4 * i, bits_of(in[i]));
    }
}

void floats_f16_to_f32(float *out, const unsigned char *in, size_t n) {
    for (size_t i = 0; i < n; i++) {
        out[i] = tensor_f16_to_f32(bytes_u16(in + 2 * i));
    }
}

void floats_f16_from_f32(unsigned char *out, const float *in, size_t n) {
    for (size_t i = 0; i < n; i++) {
        bytes_put_u16(out + 2 * i, tensor_f16_from_f32(in[i]));
    }
}

void floats_bf16_to_f32(float *out, const unsigned char *in, size_t n) {
    for (size_t i = 0; i < n; i++) {
        out[i] = tensor_bf16_to_f32(bytes_u16(in + 2 * i));
    }
}

void floats_bf16_from_f32(unsigned char *out, const float *in, size_t n) {
    for (size_t i = 0; i < n; i++) {
        bytes_put_u16(out + 2 * i, number_to_bf16(in[i]));
    }
}
