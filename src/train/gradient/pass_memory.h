/**
 * pass_memory.h - all numbers that a pass works with, in one arena planned up front. Letters as in
 * tensor/ops.h; R = sequences x positions, the rows of a batch, I = n_inner. Rows of n numbers lie
 * op_row_stride(n) apart, but for moments.
 */
#ifndef TRAIN_GRADIENT_PASS_MEMORY_H
#define TRAIN_GRADIENT_PASS_MEMORY_H

#include "train/gradient/pass.h"

/** What the backward half needs of a block (12 C floats a row where I = 4 C). */
struct block_memory {
    float *x;        /**< [R][C] residual stream at its entry */
    float *normal_1; /**< [R][C] ln_1 of it */
    float *qkv;      /**< [R][3 C] */
    float *found;    /**< [R][C] what attention found */
    float *middle;   /**< [R][C] residual stream after attention */
    float *normal_2; /**< [R][C] ln_2 of it */
    float *inner;    /**< [R][I] before the activation */
};

struct pass_memory {
    float *arena;
    size_t n_floats;
    /** [n_layer]; blocks that are not kept share one memory, all or all but x. */
    struct block_memory *h;
    float *last; /**< [R][C] residual stream after the last block; later only the rows that count */

    /* What is forgotten at once, shared by all blocks. */
    float *branch;    /**< [R][C] what a block adds to the residual stream, or a gradient */
    float *activated; /**< [R][I] */
    float *d_x;       /**< [R][C] gradient of the residual stream */
    float *d_dropped; /**< [R][C] the same where branches are dropped; NULL without dropout */
    float *d_wide;    /**< [R][3 C or I] gradient of qkv or inner */
    float *moments;   /**< [R][2] */
    float *low;       /**< [R][rank] x a of an adapter; NULL without */
    float *d_low;     /**< [R][rank] its gradient */

    /* Logits are made and used up a chunk of rows at a time. */
    size_t chunk_rows;
    float *normal_f; /**< [chunk_rows][C] ln_f of the last residual stream */
    float *logits;   /**< [chunk_rows][V] */

    float *scratch; /**< [threads][scratch_stride] */
    size_t scratch_stride;
};

/** Room for a pass with these threads; false if out of memory. */
bool pass_memory_init(struct pass_memory *memory, const struct gen_config *config,
                      const struct train_pass_options *options, int n_threads);
void pass_memory_release(struct pass_memory *memory);

/** Floats that it takes; SIZE_MAX if they cannot be counted. */
size_t pass_memory_floats(const struct gen_config *config, const struct train_pass_options *options,
                          int n_threads);

#endif
