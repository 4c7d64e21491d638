/**
 * kernels.h - the one interface to the fast code.
 *
 * A kernel set is a table of functions compiled for one instruction set: generic.c (plain C, the
 * reference), avx2.c, avx512.c, neon.c. All are made from the same source, matmul_tiles.h,
 * row_kernels.h and attention.h, over the vectors of vec_*.h, and all give the same bits: every
 * output element is one chain of operations whose order depends on the inner dimension alone.
 *
 *  - matmul: one accumulator per output element from 0, k ascending, one fused multiply-add each;
 *    then bias, then activation, then the sum with what is in y.
 *  - matmul with weights of a block format (quant.h): integers times integers. First every 32
 *    neighbours of a row of x are rounded to bytes:
 *        d_x = max |x| / 127      x_q = x * (127 / max |x|) to nearest, ties to even
 *    (x_q and d_x 0 where max |x| < 2^-100; x_q 0 and d_x NaN where an x is not finite). Then one
 *    accumulator per output element from 0, and for every 32 k, ascending, one fused multiply-add
 *    of an exact integer, and one more where the format has a minimum:
 *        groups of 32   dot = sum (q - offset) x_q
 *                       sum = fma(dot, (d * scale) * d_x, sum)
 *                       sum = fma(m * min, d_x * (sum of x_q), sum)
 *        groups of 16   dot = scale[0] * (sum over group 0 of (q - offset) x_q) + the same of 1
 *                       sum = fma(dot, d * d_x, sum)
 *                       sum = fma(min[0] * (sum of x_q over group 0) + the same of 1, m * d_x, sum)
 *    All of dot is computed in integers below 2^24, d * scale and m * min are exact; each product
 *    with d_x is rounded to f32. What follows the sum is as above.
 *  - sums over a row (layer norm, softmax): lane i of 16 adds elements i, i + 16, ...; then lanes
 *    i and i + 8 are added, i + 4, i + 2, i + 1.
 */
#ifndef KERNELS_KERNELS_H
#define KERNELS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gen.h"
#include "tensor/matrix.h"

/** y = x w, and what follows it. */
struct matmul_job {
    float *y; /**< [n_rows][y_stride], the first n_out of each row */
    size_t y_stride;
    const float *x; /**< [n_rows][x_stride], the first n_in of each row */
    size_t x_stride;
    size_t n_rows;
    const struct matrix *w;
    /** For w of a block format: x as quantize_row() makes it, [n_rows][quantized_stride] bytes.
     *  op_matmul() sees to it. */
    const unsigned char *quantized;
    size_t quantized_stride;
    const float *bias; /**< [n_out] or NULL */
    bool activate;     /**< apply `activation` after the bias */
    enum gen_activation activation;
    bool add; /**< y += instead of y = */
};

/**
 * A quantized row of x: n_in bytes x_q, then one of these for every 32 of them. Rows begin at
 * multiples of MEMORY_ALIGNMENT.
 */
struct quantized_part {
    float d;          /**< d_x */
    float scaled_sum; /**< d_x * (sum of the 32 x_q) */
    int32_t sum[2];   /**< of the first 16 x_q, of the second */
    int32_t total;    /**< of both */
};

/**
 * Positions in a block of the KV cache, a multiple of 16. Fewer cost prompts speed, since the tiles
 * of attention end where a block does: attention of 8 rows over 500 positions took 3 % longer than
 * without blocks, and 20 % longer with 64. More gain nothing, leave greater gaps between the heads
 * of short texts, and more is copied where two texts part.
 */
#define KERNELS_KV_BLOCK ((size_t)128)

/**
 * Attention of one head for neighbouring positions of one sequence. Keys and values lie in a cache
 * of f32 or f16 numbers; f16 are rounded once, to nearest even, when they are stored, and widened
 * exactly when read. 65520 and more become infinity, and the output is not finite then, unless the
 * score is -infinity: the position weighs nothing, as with any score so low.
 *
 * The cache of a sequence is a table of blocks of KERNELS_KV_BLOCK positions each. Within a block,
 * at the same place in all, lie the head's keys in panels of 16 positions, [position / 16]
 * [head_size][16], and its values position by position, [position][v_stride].
 */
struct attention_job {
    float *out;     /**< [n_rows][out_stride], the first head_size of each row */
    const float *q; /**< [n_rows][q_stride] */
    size_t out_stride;
    size_t q_stride;
    size_t n_rows;              /**< 1 ... KERNELS_ATTENTION_ROWS */
    size_t length;              /**< row r sees positions 0 ... length + r - 1, itself last; >= 1 */
    size_t window;              /**< but only the last `window` of them; 0: all */
    const float *new_k, *new_v; /**< [n_rows][q_stride] of these positions, for store_kv() */
    enum tensor_type type;      /**< of the cache's numbers: TENSOR_F32 or TENSOR_F16 */
    unsigned char *const *blocks; /**< [position / KERNELS_KV_BLOCK], for all that is seen */
    size_t k_offset;              /**< bytes from a block's beginning to the head's keys in it */
    size_t v_offset;              /**< the same to its values */
    size_t head_size;
    size_t v_stride; /**< head_size rounded up to 16 */
    float scale;     /**< of the scores before softmax */
};

/** Most rows of an attention job of any set. */
#define KERNELS_ATTENTION_ROWS 12

/** Panels a kernel may widen into its scratch at once. */
#define KERNELS_SCRATCH_PANELS 4
/** From this many rows on, weights are widened or gathered into scratch by the first tile of rows,
 *  for the others. */
#define KERNELS_SCRATCH_ROWS 16
/** Floats of scratch for 32 k of a panel of a block format, unpacked. */
#define KERNELS_WIDENED_FLOATS 352

struct training_kernels;
struct rounding_tries;
struct rounding_group;

struct kernels {
    const char *name;      /**< as struct gen_session_options has them */
    size_t attention_rows; /**< of an attention job, to fill whole tiles */
    /**
     * Columns of panels begin ... end-1 of the product. `scratch` has kernels_matmul_scratch()
     * floats of the calling thread's own.
     */
    void (*matmul)(const struct matmul_job *job, size_t begin, size_t end, float *scratch);
    /** The same for w of a block format, with job->quantized. */
    void (*matmul_quantized)(const struct matmul_job *job, size_t begin, size_t end,
                             float *scratch);
    /** One row of n numbers, a multiple of 32, laid out as struct quantized_part says. */
    void (*quantize_row)(unsigned char *out, const float *x, size_t n);
    /** Put the job's new keys and values into the cache. */
    void (*store_kv)(const struct attention_job *job);
    /** With those of all rows in the cache. next: the job that this thread does after it, or
     * NULL; its keys and values are prefetched where rows are few. scratch:
     * kernels_attention_scratch() floats. */
    void (*attention)(const struct attention_job *job, const struct attention_job *next,
                      float *scratch);
    /** y = (x - mean) / sqrt(variance + epsilon) * weight + bias over n numbers. */
    void (*layer_norm)(float *y, const float *x, const float *weight, const float *bias, size_t n,
                       float epsilon);
    /** x = softmax(scale x) in place over n >= 1 numbers: e^(scale x - the greatest), times one
     * over the sum of these. Attention has it inside; it is here for tests, as activate() is. */
    void (*softmax)(float *x, size_t n, float scale);
    /** y = activation(y) over n numbers. */
    void (*activate)(float *y, size_t n, enum gen_activation activation);
    /** y = a + b over n numbers. */
    void (*add)(float *y, const float *a, const float *b, size_t n);

    /* What gen_meter measures the machine with; their results mean nothing else. */

    /** Read n floats, a multiple of KERNELS_READ_FLOATS; returns their sum in some order. */
    float (*read_sum)(const float *x, size_t n);
    /**
     * n_rounds of sum = sum * factor + addend for as many of the KERNELS_LOOP_SUMS sums as
     * registers hold. Returns the operations done, two for each fused multiply-add.
     */
    size_t (*fma_loop)(float *sums, float factor, float addend, size_t n_rounds);
    /**
     * The same with products of int8: every round adds KERNELS_LOOP_PRODUCTS of them to each
     * of the sums. Both factors come from KERNELS_LOOP_NUMBERS numbers of 0 ... 127. `full`: in the
     * way that weights of all 8 bits need, by their signs where a set has no instruction for them;
     * then sums may fall instead of growing.
     */
    size_t (*int8_loop)(int32_t *sums, const int8_t *numbers, size_t n_rounds, bool full);

    /** Round a group of weights by many steps and minimums at once: rounding/tries.h. */
    void (*round_tries)(struct rounding_tries *tries, const struct rounding_group *group);

    const struct training_kernels *training; /**< training.h */
};

/** Floats that read_sum() takes at a time. */
#define KERNELS_READ_FLOATS 64
/** Numbers of the array that fma_loop() and int8_loop() take. */
#define KERNELS_LOOP_SUMS 512
/** Factors that int8_loop() takes, and products that each sum gets in a round. */
#define KERNELS_LOOP_NUMBERS  512
#define KERNELS_LOOP_PRODUCTS 16

extern const struct kernels kernels_generic;
#if defined(__x86_64__) || defined(_M_X64)
#define KERNELS_X86 1
extern const struct kernels kernels_avx2;
extern const struct kernels kernels_avx2_vnni;
extern const struct kernels kernels_avx512;
extern const struct kernels kernels_avx512_vnni;
#elif defined(__aarch64__)
#define KERNELS_NEON 1
extern const struct kernels kernels_neon;
extern const struct kernels kernels_neon_dotprod;
#endif

/** The fastest set this machine can run. */
const struct kernels *kernels_best(void);
/** A set by its name; NULL if there is none of that name or this machine cannot run it. */
const struct kernels *kernels_by_name(const char *name);
/** The set of that name, or with NULL the fastest; GEN_BAD_ARGUMENT where there is none. */
enum gen_status kernels_choose(const struct kernels **out, const char *name, struct gen_error *err);

/** Floats of scratch a thread needs for products with w, best at a cache line; not all sets use it.
 */
size_t kernels_matmul_scratch(const struct matrix *w);
/** Bytes of a quantized row of n_in numbers; 0 for w that is not of a block format. */
size_t kernels_quantized_row_bytes(const struct matrix *w);
/** Floats of scratch a thread needs for attention over at most n_ctx positions. */
size_t kernels_attention_scratch(size_t n_ctx);

#endif
