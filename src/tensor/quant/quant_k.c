/**
 * quant_k.c - the bytes of the formats of blocks of 256 numbers.
 *
 *   Q2_K   group:u8[16]               low:u8[64]                d:f16 m:f16
 *   Q3_K   high:u8[32]                low:u8[64]  group:u8[12]  d:f16
 *   Q4_K   d:f16 m:f16  group:u8[12]              low:u8[128]
 *   Q5_K   d:f16 m:f16  group:u8[12]  high:u8[32] low:u8[128]
 *   Q6_K   low:u8[128]  high:u8[64]   group:i8[16]              d:f16
 *
 * `low` and `high` are the lower and higher bits of the numbers. Numbers `line` apart share a
 * byte, from its lowest bits up, so that one load and a shift give a line of neighbours; line is
 * 32, and 64 for the low bits of Q6_K.
 */
#include "tensor/quant/quant_k.h"

enum { SIZE = QUANT_LARGE, LINE = 32 };

/* ---- bits of the numbers ---------------------------------------------------------------------*/

/* q[i] |= its `width` bits << up */
static void take_bits(struct quant_block *out, const unsigned char *in, unsigned width, size_t line,
                      unsigned up) {
    unsigned mask = (1u << width) - 1;
    for (uint8_t *q = out->q; q < out->q + SIZE; in += line) {
        for (unsigned shift = 0; shift < 8; shift += width, q += line) {
            for (size_t i = 0; i < line; i++) {
                q[i] = (uint8_t)(q[i] | (in[i] >> shift & mask) << up);
            }
        }
    }
}

/* The other way round: bits q[i] >> down, into bytes that are zero. */
static void put_bits(unsigned char *out, const struct quant_block *in, unsigned width, size_t line,
                     unsigned down) {
    unsigned mask = (1u << width) - 1;
    for (const uint8_t *q = in->q; q < in->q + SIZE; out += line) {
        for (unsigned shift = 0; shift < 8; shift += width, q += line) {
            for (size_t i = 0; i < line; i++) {
                out[i] = (unsigned char)(out[i] | (q[i] >> down & mask) << shift);
            }
        }
    }
}

static void unpack(const struct quant_format *format, struct quant_block *out,
                   const unsigned char *in) {
    for (size_t i = 0; i < SIZE; i++) {
        out->q[i] = 0;
    }
    take_bits(out, in + format->low_at, format->low_bits, format->low_line, 0);
    if (format->high_bits > 0) {
        take_bits(out, in + format->high_at, format->high_bits, format->high_line,
                  format->low_bits);
    }
}

static void put_numbers(const struct quant_format *format, unsigned char *out,
                        const struct quant_block *in) {
    put_bits(out + format->low_at, in, format->low_bits, format->low_line, 0);
    if (format->high_bits > 0) {
        put_bits(out + format->high_at, in, format->high_bits, format->high_line, format->low_bits);
    }
}

/* ---- Q2_K, Q3_K: reading only ----------------------------------------------------------------*/

static void q2_groups(struct quant_block *out, const unsigned char *in) {
    for (size_t g = 0; g < 16; g++) {
        out->scale[g] = (int8_t)(in[g] & 15);
        out->min[g] = in[g] >> 4;
    }
}

/* Scales of six bits, less 32: the lower four lie like nibbles of two times eight, the upper two
 * four to a byte. */
static void q3_groups(struct quant_block *out, const unsigned char *in) {
    const unsigned char *group = in + 96;
    for (size_t g = 0; g < 16; g++) {
        int low = group[g % 8] >> (g < 8 ? 0 : 4) & 15;
        int high = group[8 + g % 4] >> 2 * (g / 4) & 3;
        out->scale[g] = (int8_t)((low | high << 4) - 32);
    }
}

/* ---- Q4_K, Q5_K ------------------------------------------------------------------------------*/

enum { GROUPS_AT = 4 };

/* Scale and minimum of eight groups, six bits each, in twelve bytes:
 *
 *   byte 0..3    scale 0..3   and above it the upper two bits of scale 4..7
 *   byte 4..7    min 0..3     and above it the upper two bits of min 4..7
 *   byte 8..11   lower four bits of scale 4..7, and above them those of min 4..7
 */
static void q45_groups(struct quant_block *out, const unsigned char *in) {
    in += GROUPS_AT;
    for (size_t g = 0; g < 4; g++) {
        out->scale[g] = (int8_t)(in[g] & 63);
        out->min[g] = in[4 + g] & 63;
        out->scale[4 + g] = (int8_t)((in[8 + g] & 15) | in[g] >> 6 << 4);
        out->min[4 + g] = (uint8_t)(in[8 + g] >> 4 | in[4 + g] >> 6 << 4);
    }
}

static void put_groups(unsigned char *out, const struct quant_block *in) {
    for (size_t g = 0; g < 4; g++) {
        unsigned scale = (unsigned)in->scale[4 + g];
        unsigned min = in->min[4 + g];
        out[g] = (unsigned char)((unsigned)in->scale[g] | scale >> 4 << 6);
        out[4 + g] = (unsigned char)(in->min[g] | min >> 4 << 6);
        out[8 + g] = (unsigned char)((scale & 15) | (min & 15) << 4);
    }
}

static void q45_pack(const struct quant_format *format, unsigned char *out,
                     const struct quant_block *in) {
    put_groups(out + GROUPS_AT, in);
    put_numbers(format, out, in);
}

/* ---- Q6_K ------------------------------------------------------------------------------------*/

static void q6_groups(struct quant_block *out, const unsigned char *in) {
    for (size_t g = 0; g < 16; g++) {
        out->scale[g] = (int8_t)in[192 + g]; /* two's complement */
    }
}

static void q6_pack(const struct quant_format *format, unsigned char *out,
                    const struct quant_block *in) {
    put_numbers(format, out, in);
    for (size_t g = 0; g < 16; g++) {
        out[192 + g] = (unsigned char)in->scale[g];
    }
}

/* ---- formats ---------------------------------------------------------------------------------*/

const struct quant_format quant_q2_k = {QUANT_Q2_K(QUANT_FIELDS),
                                        .subtracts = true,
                                        .d_at = 80,
                                        .m_at = 82,
                                        .low_at = 16,
                                        .low_line = LINE,
                                        .unpack = unpack,
                                        .unpack_groups = q2_groups};
const struct quant_format quant_q3_k = {QUANT_Q3_K(QUANT_FIELDS),
                                        .d_at = 108,
                                        .low_at = 32,
                                        .low_line = LINE,
                                        .high_at = 0,
                                        .high_line = LINE,
                                        .unpack = unpack,
                                        .unpack_groups = q3_groups};
const struct quant_format quant_q4_k = {QUANT_Q4_K(QUANT_FIELDS),
                                        .subtracts = true,
                                        .m_at = 2,
                                        .low_at = 16,
                                        .low_line = LINE,
                                        .unpack = unpack,
                                        .unpack_groups = q45_groups,
                                        .pack = q45_pack,
                                        .quantize = quant_k_fit_ranged};
const struct quant_format quant_q5_k = {QUANT_Q5_K(QUANT_FIELDS),
                                        .subtracts = true,
                                        .m_at = 2,
                                        .low_at = 48,
                                        .low_line = LINE,
                                        .high_at = 16,
                                        .high_line = LINE,
                                        .unpack = unpack,
                                        .unpack_groups = q45_groups,
                                        .pack = q45_pack,
                                        .quantize = quant_k_fit_ranged};
const struct quant_format quant_q6_k = {QUANT_Q6_K(QUANT_FIELDS),
                                        .d_at = 208,
                                        .low_at = 0,
                                        .low_line = 2 * LINE,
                                        .high_at = 128,
                                        .high_line = LINE,
                                        .unpack = unpack,
                                        .unpack_groups = q6_groups,
                                        .pack = q6_pack,
                                        .quantize = quant_k_fit_signed};
