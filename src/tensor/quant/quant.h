/**
 * quant.h - block formats: weights as small integers that share scales, as GGUF files hold them.
 *
 * However its bytes lie in the file, a block says of each of its numbers
 *
 *     x = d * scale[g] * (value(q) - offset) + m * min[g]    g = number / group_size
 *
 * where q is a small unsigned integer, value(q) the same or what a codebook has for it, d and m are
 * half-precision numbers of the block, scale and min small integers of a group of neighbours, 1
 * where the format has none of them, and the second term is left out where it has no minimum.
 * (Files of K-types hold -m, see subtracts.)
 *
 * The formats and their numbers are listed in quant_formats.h.
 *
 * Everything that is done with blocks is written once for this common form, struct quant_block;
 * a format adds how to get there from its bytes and back. The products above are exact in f32,
 * so x has one rounding, that of the sum, and agrees with other programs to the bit.
 */
#ifndef TENSOR_QUANT_H
#define TENSOR_QUANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/quant/quant_formats.h"

/* Numbers of a block. */
#define QUANT_SMALL      32
#define QUANT_LARGE      256
#define QUANT_GROUPS_MAX 16  /**< groups of a block */
#define QUANT_BYTES_MAX  210 /**< bytes of a block */

/** One block, unpacked. */
struct quant_block {
    uint8_t q[QUANT_LARGE];
    int8_t scale[QUANT_GROUPS_MAX];
    uint8_t min[QUANT_GROUPS_MAX]; /**< only where the format has a minimum */
    uint16_t d, m;                 /**< half precision, with the sign of the formula above */
};

struct quant_format {
    size_t block_size;  /**< numbers per block */
    size_t block_bytes; /**< bytes per block */
    size_t group_size;  /**< numbers that share scale[g] and min[g] */
    unsigned low_bits;  /**< of q, in files and panels apart from the higher ones */
    unsigned high_bits;
    int offset;
    bool has_min;
    bool has_groups;         /**< scale[] and min[] are stored; else they are 1 */
    bool short_groups;       /**< scale[] and min[] are 0..15: panels hold both in one byte */
    bool subtracts;          /**< the file holds -m */
    const uint8_t *codebook; /**< value(q), 16 of them; NULL: q itself */
    size_t d_at, m_at;       /**< where d and m lie in the bytes of a block */
    size_t low_at, high_at;  /**< and where the low and the high bits of the numbers */
    /** Numbers so far apart share a byte of these, from its lowest bits up. */
    unsigned low_line, high_line;
    /** q of a block from its bytes; scale and min, NULL without has_groups; and all of a block but
     *  d and m back to bytes that are zero. */
    void (*unpack)(const struct quant_format *format, struct quant_block *out,
                   const unsigned char *in);
    void (*unpack_groups)(struct quant_block *out, const unsigned char *in);
    void (*pack)(const struct quant_format *format, unsigned char *out,
                 const struct quant_block *in);
    /** The block that comes closest to x[block_size]; |x| < 2^32. NULL: gen reads it only. */
    void (*quantize)(const struct quant_format *format, struct quant_block *out, const float *x);
};

#define QUANT_F16_SIGN     0x8000u
#define QUANT_F16_INFINITY 0x7c00u

/** Whether a half-precision number, such as d or m, is finite. */
static inline bool quant_is_finite(uint16_t bits) {
    return (bits & QUANT_F16_INFINITY) != QUANT_F16_INFINITY;
}

/** Whole blocks between bytes and the common form. */
void quant_unpack(const struct quant_format *format, struct quant_block *out,
                  const unsigned char *in);
void quant_pack(const struct quant_format *format, unsigned char *out,
                const struct quant_block *in);

/** What the integer q of a block stands for. */
static inline int32_t quant_value(const struct quant_format *format, int32_t q) {
    return format->codebook != NULL ? format->codebook[q] : q;
}

/** The formula above. Every product in it is exact. */
static inline float quant_number(const struct quant_format *format, float d, int32_t scale,
                                 int32_t q, float m, int32_t min) {
    float x = d * (float)scale * (float)(quant_value(format, q) - format->offset);
    /* Adding 0 where there is no minimum would turn -0 into 0. */
    return format->has_min ? x + m * (float)min : x;
}

/**
 * What struct tensor_type_info has of a type; n is a multiple of block_size. Numbers that are
 * not finite or beyond the format's reach give a block with an infinite d.
 */
void quant_to_f32(const struct quant_format *format, float *out, const unsigned char *in, size_t n);
void quant_from_f32(const struct quant_format *format, unsigned char *out, const float *in,
                    size_t n);
size_t quant_find_not_finite(const struct quant_format *format, const unsigned char *in, size_t n);

#define QUANT_CODES 16 /**< of a codebook: the numbers of four bits */
/** The values of IQ4_NL, with their offset. */
extern const uint8_t quant_iq4_nl_values[QUANT_CODES];

/** The formats, quant_q8_0 and so on. */
#define QUANT_DECLARED(LABEL, NAME, ...) extern const struct quant_format quant_##NAME;
QUANT_FORMATS(QUANT_DECLARED)
#undef QUANT_DECLARED

/** What struct quant_format has from its row: quant_q8_0 = {QUANT_Q8_0(QUANT_FIELDS), ... */
#define QUANT_FIELDS(LABEL, NAME, ID, NUMBERS, BYTES, GROUP, LOW, HIGH, OFFSET, MIN, GROUP_BITS,   \
                     SHORT, CODEBOOK, WRITTEN)                                                     \
    .block_size = (NUMBERS), .block_bytes = (BYTES), .group_size = (GROUP), .low_bits = (LOW),     \
    .high_bits = (HIGH), .offset = (OFFSET), .has_min = (MIN), .has_groups = (GROUP_BITS) > 0,     \
    .short_groups = (SHORT), .codebook = (CODEBOOK)

#endif
