/**
 * quant_legacy.c - the formats of blocks of 32 numbers.
 *
 *   Q8_0   d:f16                      q:i8[32]
 *   Q4_0   d:f16                      low:u8[16]
 *   Q4_1   d:f16 m:f16                low:u8[16]
 *   Q5_0   d:f16          high:u8[4]  low:u8[16]
 *   Q5_1   d:f16 m:f16    high:u8[4]  low:u8[16]
 *   IQ4_NL d:f16                      low:u8[16]
 *
 * Byte i of `low` holds the low four bits of number i in its lower half and of number i + 16 in
 * its upper half; bit i of `high`, counted through its bytes, is the fifth bit of number i.
 */
#include "tensor/float_types.h"
#include "tensor/quant/quant.h"
#include "tensor/tensor_type.h"

enum { SIZE = QUANT_SMALL, HALF = SIZE / 2 };

/* ---- bytes -----------------------------------------------------------------------------------*/

static void q8_unpack(const struct quant_format *format, struct quant_block *out,
                      const unsigned char *in) {
    for (size_t i = 0; i < SIZE; i++) {
        out->q[i] =
            (uint8_t)(in[format->low_at + i] + format->offset); /* two's complement, modulo 256 */
    }
}

static void q8_pack(const struct quant_format *format, unsigned char *out,
                    const struct quant_block *in) {
    for (size_t i = 0; i < SIZE; i++) {
        out[format->low_at + i] = (unsigned char)(in->q[i] - format->offset);
    }
}

static void nibbles_unpack(const struct quant_format *format, struct quant_block *out,
                           const unsigned char *in) {
    const unsigned char *high = in + format->high_at;
    const unsigned char *low = in + format->low_at;
    for (size_t i = 0; i < HALF; i++) {
        out->q[i] = low[i] & 15;
        out->q[i + HALF] = low[i] >> 4;
    }
    for (size_t i = 0; format->high_bits > 0 && i < SIZE; i++) {
        out->q[i] |= (uint8_t)((high[i / 8] >> i % 8 & 1) << 4);
    }
}

static void nibbles_pack(const struct quant_format *format, unsigned char *out,
                         const struct quant_block *in) {
    unsigned char *high = out + format->high_at;
    unsigned char *low = out + format->low_at;
    for (size_t i = 0; i < HALF; i++) {
        low[i] = (unsigned char)((in->q[i] & 15) | (in->q[i + HALF] & 15) << 4);
    }
    for (size_t i = 0; format->high_bits > 0 && i < SIZE; i++) {
        high[i / 8] |= (unsigned char)((in->q[i] >> 4) << i % 8);
    }
}

/* ---- rounding --------------------------------------------------------------------------------*/

/* These agree with ggml's reference quantizers to the bit, so that a file is the same whoever
 * wrote it: the quotients are taken of d in f32, of which half precision then is stored. */

static float inverse(float d) {
    return d != 0.0f ? 1.0f / d : 0.0f;
}

/* The nearest integer of 0 ... most to x >= 0. */
static uint8_t nearest(float x, int most) {
    int q = (int)(x + 0.5f);
    return (uint8_t)(q < most ? q : most);
}

/* The greatest magnitude becomes 127. */
static void q8_quantize(const struct quant_format *format, struct quant_block *out,
                        const float *x) {
    float greatest = 0.0f;
    for (size_t i = 0; i < SIZE; i++) {
        float magnitude = __builtin_fabsf(x[i]);
        greatest = magnitude > greatest ? magnitude : greatest;
    }
    float d = greatest / 127.0f;
    float factor = inverse(d);
    out->d = tensor_f16_from_f32(d);
    for (size_t i = 0; i < SIZE; i++) {
        out->q[i] = (uint8_t)((int)__builtin_roundf(x[i] * factor) + format->offset);
    }
}

/* The number of greatest magnitude, with its sign, becomes q = 0: one step more than the other
 * side of the offset has. */
static void signed_quantize(const struct quant_format *format, struct quant_block *out,
                            const float *x) {
    float greatest = 0.0f;
    for (size_t i = 0; i < SIZE; i++) {
        if (__builtin_fabsf(x[i]) > __builtin_fabsf(greatest)) {
            greatest = x[i];
        }
    }
    float d = greatest / (float)-format->offset;
    float factor = inverse(d);
    out->d = tensor_f16_from_f32(d);
    for (size_t i = 0; i < SIZE; i++) {
        /* One addition for offset and rounding: two would round twice. */
        int q = (int)(x[i] * factor + ((float)format->offset + 0.5f));
        out->q[i] = (uint8_t)(q < 2 * format->offset - 1 ? q : 2 * format->offset - 1);
    }
}

/* From the smallest number to the greatest. */
static void ranged_quantize(const struct quant_format *format, struct quant_block *out,
                            const float *x) {
    int most = (1 << (format->low_bits + format->high_bits)) - 1;
    float least = x[0];
    float greatest = x[0];
    for (size_t i = 1; i < SIZE; i++) {
        least = x[i] < least ? x[i] : least;
        greatest = x[i] > greatest ? x[i] : greatest;
    }
    float d = (greatest - least) / (float)most;
    float factor = inverse(d);
    out->d = tensor_f16_from_f32(d);
    out->m = tensor_f16_from_f32(least);
    for (size_t i = 0; i < SIZE; i++) {
        out->q[i] = nearest((x[i] - least) * factor, most);
    }
}

/* ---- IQ4_NL ----------------------------------------------------------------------------------*/

/* Of the values themselves, -127 ... 113, the steps are finer near zero, where weights are many. */
const uint8_t quant_iq4_nl_values[QUANT_CODES] = {1,   24,  45,  63,  79,  93,  106, 118,
                                                  129, 141, 153, 166, 181, 197, 217, 241};

/* The code whose value comes closest to x, the greater of two. */
static uint8_t closest(const struct quant_format *format, float x) {
    uint8_t code = 0;
    while (code < QUANT_CODES - 1) {
        int below = quant_value(format, code) - format->offset;
        int above = quant_value(format, code + 1) - format->offset;
        if (x - (float)below < (float)above - x) {
            break;
        }
        code++;
    }
    return code;
}

/* Round to the codes that 1 / `inverse` leads to, then solve for the d that suits these best: the
 * least sum of x^2 (x - d value)^2. That is the less, the greater qx^2 / qq. */
struct fit {
    float qx, qq;
};
static struct fit fit_codes(const struct quant_format *format, const float *x, float inverse) {
    struct fit fit = {0.0f, 0.0f};
    for (size_t i = 0; i < SIZE; i++) {
        float value =
            (float)(quant_value(format, closest(format, inverse * x[i])) - format->offset);
        float weight = x[i] * x[i];
        fit.qx += weight * value * x[i];
        fit.qq += weight * value * value;
    }
    return fit;
}

/* The number of greatest magnitude is tried as the first value, as its opposite, and as 7 integers
 * to both sides of the former. */
static void codes_quantize(const struct quant_format *format, struct quant_block *out,
                           const float *x) {
    enum { TRIES = 7 };
    const float least_magnitude = 1e-15f; /* below it x^2 would be nothing */
    float greatest = 0.0f;
    for (size_t i = 0; i < SIZE; i++) {
        if (__builtin_fabsf(x[i]) > __builtin_fabsf(greatest)) {
            greatest = x[i];
        }
    }
    float first = (float)(quant_value(format, 0) - format->offset);
    float d = 0.0f;
    if (__builtin_fabsf(greatest) >= least_magnitude) {
        struct fit fit = fit_codes(format, x, 1.0f / (-greatest / first));
        d = fit.qx / fit.qq;
        float best = d * fit.qx;
        for (int i = -TRIES; i <= TRIES; i++) {
            fit = fit_codes(format, x, ((float)i + first) / greatest);
            if (fit.qq > 0.0f && fit.qx * fit.qx > best * fit.qq) {
                d = fit.qx / fit.qq;
                best = d * fit.qx;
            }
        }
    }
    out->d = tensor_f16_from_f32(d);
    float factor = inverse(d);
    for (size_t i = 0; i < SIZE; i++) {
        out->q[i] = closest(format, x[i] * factor);
    }
}

/* ---- formats ---------------------------------------------------------------------------------*/

#define NIBBLES .low_line = HALF, .m_at = 2, .unpack = nibbles_unpack, .pack = nibbles_pack

const struct quant_format quant_q8_0 = {
    QUANT_Q8_0(QUANT_FIELDS), .low_at = 2,     .low_line = SIZE,
    .unpack = q8_unpack,      .pack = q8_pack, .quantize = q8_quantize,
};
const struct quant_format quant_q4_0 = {
    QUANT_Q4_0(QUANT_FIELDS),
    NIBBLES,
    .low_at = 2,
    .quantize = signed_quantize,
};
const struct quant_format quant_q4_1 = {
    QUANT_Q4_1(QUANT_FIELDS),
    NIBBLES,
    .low_at = 4,
    .quantize = ranged_quantize,
};
const struct quant_format quant_q5_0 = {
    QUANT_Q5_0(QUANT_FIELDS), NIBBLES,     .high_at = 2,
    .high_line = 1,           .low_at = 6, .quantize = signed_quantize,
};
const struct quant_format quant_q5_1 = {
    QUANT_Q5_1(QUANT_FIELDS), NIBBLES,     .high_at = 4,
    .high_line = 1,           .low_at = 8, .quantize = ranged_quantize,
};
const struct quant_format quant_iq4_nl = {
    QUANT_IQ4_NL(QUANT_FIELDS),
    NIBBLES,
    .low_at = 2,
    .quantize = codes_quantize,
};
