/**
 * float_types.h - the types of numbers that are no block format: f32, half precision, bfloat16.
 */
#ifndef TENSOR_FLOAT_TYPES_H
#define TENSOR_FLOAT_TYPES_H

#include <stddef.h>
#include <stdint.h>

/** One half-precision or bfloat16 number widened exactly; f32 rounded to nearest even. */
float tensor_f16_to_f32(uint16_t bits);
uint16_t tensor_f16_from_f32(float value);
float tensor_bf16_to_f32(uint16_t bits);

/** n numbers, in files at any alignment, little-endian: to_f32 and from_f32 of the table of types.
 */
void floats_f32_to_f32(float *out, const unsigned char *in, size_t n);
void floats_f32_from_f32(unsigned char *out, const float *in, size_t n);
void floats_f16_to_f32(float *out, const unsigned char *in, size_t n);
void floats_f16_from_f32(unsigned char *out, const float *in, size_t n);
void floats_bf16_to_f32(float *out, const unsigned char *in, size_t n);
void floats_bf16_from_f32(unsigned char *out, const float *in, size_t n);

#endif
