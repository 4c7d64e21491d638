/**
 * quant.h - block formats: weights as small integers that share scales, as GGUF files hold them.
 *
 * However its bytes lie in the file, a block says of each of its numbers
 *
 *     x = d * scale[g] * (q - offset) + m * min[g]           g = number / group_size
 *
 * where q is a small unsigned integer, d and m are half-precision numbers of the block, scale
 * and min small integers of a group of neighbours:
 *
 *           numbers per    bits of q   offset    scale[g]     min[g]    bytes    bits per
 *           block  group   low  high                                             number
 *   Q8_0      32     32     8    0      128 (1)     1            -         34      8.5
 *   Q4_0      32     32     4    0        8         1            -         18      4.5
 *   Q4_1      32     32     4    0        0         1            1         20      5
 *   Q5_0      32     32     4    1       16         1            -         22      5.5
 *   Q5_1      32     32     4    1        0         1            1         24      6
 *   Q2_K     256     16     2    0        0       0..15        0..15       84      2.625
 *   Q3_K     256     16     2    1        4     -32..31          -        110      3.4375
 *   Q4_K     256     32     4    0        0       0..63        0..63 (2)  144      4.5
 *   Q5_K     256     32     4    1        0       0..63        0..63 (2)  176      5.5
 *   Q6_K     256     16     4    2       32    -128..127         -        210      6.5625
 *
 *   (1) the file holds q - 128 as a signed byte     (2) m is minus the number in the file
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

/* Numbers of a block. */
#define QUANT_SMALL      32
#define QUANT_LARGE      256
#define QUANT_GROUPS_MAX 16 /**< groups of a block */

/* Bytes of a block. */
#define QUANT_BYTES_Q8_0 34
#define QUANT_BYTES_Q4_0 18
#define QUANT_BYTES_Q4_1 20
#define QUANT_BYTES_Q5_0 22
#define QUANT_BYTES_Q5_1 24
#define QUANT_BYTES_Q2_K 84
#define QUANT_BYTES_Q3_K 110
#define QUANT_BYTES_Q4_K 144
#define QUANT_BYTES_Q5_K 176
#define QUANT_BYTES_Q6_K 210

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
    bool has_groups;        /**< scale[] and min[] are stored; else they are 1 */
    bool short_groups;      /**< scale[] and min[] are 0..15: panels hold both in one byte */
    bool subtracts;         /**< the file holds -m */
    size_t d_at, m_at;      /**< where d and m lie in the bytes of a block */
    size_t low_at, high_at; /**< and where the low and the high bits of the numbers */
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

/** The formula above. Every product in it is exact. */
static inline float quant_number(const struct quant_format *format, float d, int32_t scale,
                                 int32_t q, float m, int32_t min) {
    float x = d * (float)scale * (float)(q - format->offset);
    /* Adding 0 where there is no minimum would turn -0 into 0. */
    return format->has_min ? x + m * (float)min : x;
}

/**
 * What struct tensor_type_info wants of a type; n is a multiple of block_size. Numbers that are
 * not finite or beyond the format's reach give a block with an infinite d.
 */
void quant_to_f32(const struct quant_format *format, float *out, const unsigned char *in, size_t n);
void quant_from_f32(const struct quant_format *format, unsigned char *out, const float *in,
                    size_t n);
size_t quant_find_not_finite(const struct quant_format *format, const unsigned char *in, size_t n);

/** quant_legacy.c: blocks of 32. */
extern const struct quant_format quant_q8_0, quant_q4_0, quant_q4_1, quant_q5_0, quant_q5_1;
/** quant_k.c: blocks of 256. */
extern const struct quant_format quant_q2_k, quant_q3_k, quant_q4_k, quant_q5_k, quant_q6_k;

#endif
