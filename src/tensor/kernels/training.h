/**
 * training.h - the kernels that only training needs, one table for each kernel set.
 *
 * They keep the promise of kernels.h: every number is one chain of operations whose order depends
 * on the shapes alone. Sums over rows are taken in the order of the rows and go on from what
 * is in the result, so that rows may come in several calls.
 */
#ifndef KERNELS_TRAINING_H
#define KERNELS_TRAINING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gen.h"

/** How the operand w of a product lies in memory. */
enum product_w {
    PRODUCT_W_ROWS,         /**< w[k][n] at w + k * w_stride + n */
    PRODUCT_W_PANELS,       /**< as matrix.h packs it: w + (n / 16 * n_inner + k) * 16 + n % 16 */
    PRODUCT_W_PANELS_ACROSS /**< its transpose is packed: w + (k / 16 * n_columns + n) * 16 + k % 16
                             */
};

/**
 * y[m][n] = sum over k of x[m][k] w[k][n], all f32: one accumulator per y, k ascending, one fused
 * multiply-add each, from 0 or, with `add`, from y; then the bias.
 *
 *   y[m][n]  y + m * y_stride + n / 16 * y_panel_stride + n % 16
 *   x[m][k]  x + m * x_stride + k * x_step
 */
struct product_job {
    float *y;
    size_t y_stride, y_panel_stride;
    const float *x;
    size_t x_stride, x_step;
    const float *w;
    enum product_w w_lies;
    size_t w_stride;
    size_t n_rows, n_inner, n_columns;
    const float *bias; /**< [n_columns] or NULL */
    bool add;
};

/** A part of the result: these rows, and the columns of these panels of 16. */
struct product_share {
    size_t row, n_rows; /**< at most PRODUCT_ROWS */
    size_t panel, n_panels;
};

/** Panels that go through a product together. */
#define PRODUCT_PANELS 3
/** Most rows of a share, and the k of a block: so many that the parts of x and w which are read
 *  over and over fit a core's own cache. Multiples of 16. Sets may take blocks of fewer k. */
#define PRODUCT_ROWS  256
#define PRODUCT_INNER 512
/** Floats of scratch that a product needs, for panels of w. */
#define PRODUCT_SCRATCH ((size_t)PRODUCT_PANELS * 16 * PRODUCT_INNER)

/** Which numbers of a row are dropped: those whose hash of (key, index) is below rate * 2^32. */
struct dropout {
    uint64_t key;
    float rate; /**< 0: none is; the others are divided by 1 - rate */
};

/**
 * Causal attention of one head over one whole sequence. Query, key and value of a position lie in
 * one row: at qkv, qkv + n_embd and qkv + 2 n_embd. Rows may be read up to 15 floats after the
 * last head's.
 */
struct training_attention {
    const float *qkv; /**< [n_positions][qkv_stride], from this head's query on */
    float *out;       /**< [n_positions][out_stride]; the backward half reads it */
    size_t qkv_stride, out_stride;
    size_t n_positions, head_size, n_embd;
    float scale;   /**< of the scores before softmax */
    size_t window; /**< positions that each sees, itself the last of them; 0: all before it */
    struct dropout dropout; /**< of the weights of position i: key + i */
    const float *d_out; /**< [n_positions][out_stride] gradient of out; NULL in the forward half */
    float *d_qkv;       /**< [n_positions][qkv_stride] gradient of qkv */
};

/** Positions whose weights the backward half of attention has at a time. */
#define TRAINING_ATTENTION_BLOCK 32

/** Floats from one row of scores to the next in scratch, and positions that its panels have room
 *  for: an odd number of cache lines, where ops.h says why. */
static inline size_t training_attention_stride(size_t n_positions) {
    return ((n_positions + 15) / 16 | 1) * 16;
}
/** Floats of scratch that attention over a head needs. */
size_t training_attention_scratch(size_t n_positions, size_t head_size);

/** The factors of a step of AdamW, rounded once; train/optimizer/adamw.h has the formulas. */
struct adamw_factors {
    float scale;               /**< of gradients */
    float beta1_rest;          /**< 1 - beta1 */
    float beta2, beta2_rest;   /**< beta2, 1 - beta2 */
    float keep;                /**< 1 - rate * decay */
    float step_size;           /**< rate / (1 - beta1^t) */
    float root_scale, epsilon; /**< 1 / sqrt(1 - beta2^t) */
};

struct training_kernels {
    void (*product)(const struct product_job *job, const struct product_share *share,
                    float *scratch);

    /** out of one head; the same bits as kernels.attention where nothing is dropped. */
    void (*attention)(const struct training_attention *job, float *scratch);
    void (*attention_backward)(const struct training_attention *job, float *scratch);

    /** y = activation(x) over n numbers. */
    void (*activate)(float *y, const float *x, size_t n, enum gen_activation activation);
    /** y = activation(x) and d *= activation'(x). */
    void (*activate_backward)(float *y, float *d, const float *x, size_t n,
                              enum gen_activation activation);

    /** One row of layer norm: dx += gradient of x, where dy is that of its result. Keeps in
     *  moments what layer_norm_weights() needs: mean and 1 / deviation of x. */
    void (*layer_norm_backward)(float *dx, float moments[2], const float *dy, const float *x,
                                const float *weight, size_t n, float epsilon);
    /** Columns of layer norm: dweight += and dbias += sums over n_rows rows of n numbers each,
     *  which lie `stride` apart; moments[n_rows][2]. */
    void (*layer_norm_weights)(float *dweight, float *dbias, const float *dy, const float *x,
                               const float *moments, size_t n_rows, size_t stride, size_t n);
    /** sums[n] += sums over n_rows rows of n numbers each, which lie `stride` apart. */
    void (*column_sums)(float *sums, const float *x, size_t n_rows, size_t stride, size_t n);

    /** -ln softmax(x)[target] over n numbers; with factor != 0 x becomes its gradient * factor. */
    double (*cross_entropy)(float *x, size_t n, size_t target, float factor);
    /** y = x with some numbers dropped. */
    void (*drop)(float *y, const float *x, size_t n, struct dropout dropout);

    /** A step of AdamW on n numbers w with moments m and v and gradients g. */
    void (*adamw_update)(float *w, float *m, float *v, const float *g, size_t n,
                         const struct adamw_factors *factors);
    /** Lane i of 16 adds the squares of numbers i, i + 16, ...; then the lanes are added in order.
     */
    double (*sum_of_squares)(const float *x, size_t n);
};

#endif
