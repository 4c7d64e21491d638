/**
 * run.h - what a list of layers is played on.
 *
 * An architecture lists what a block does (arch/gpt2.c); who plays the list knows where activations
 * lie and what of them is kept. There are two: inference (model/forward.c), where buffers share
 * memory and keys and values go into a cache, and training (train/gradient/block.c), where a
 * block's buffers are kept for the way back, branches are dropped and adapters trained. The kernels
 * are theirs, too.
 *
 * A call names buffers, never memory. Rows are the tokens of the batch, letters as in tensor/ops.h.
 *
 * What a list may rely on, so that the players can do with little memory (a test plays every
 * architecture's list against these rules):
 *   - a block is one branch of the residual stream after another: a norm of X, operations on what
 * it gave, and a product that is ADDED to X, which ends the branch;
 *   - NORMAL_1, FOUND and NORMAL_2 may share memory: each is read before the next is written;
 *   - a product that is ACTIVATED goes to INNER, one that is ADDED to X;
 *   - the way back is the same list upside down, each call once.
 */
#ifndef ARCH_RUN_H
#define ARCH_RUN_H

#include "arch/layers.h"

/** Buffers of a block, by what is in them. */
enum run_buffer {
    X,        /**< [rows][C] the residual stream */
    NORMAL_1, /**< [rows][C] ln_1 of it */
    FOUND,    /**< [rows][C] what attention found */
    NORMAL_2, /**< [rows][C] ln_2 of the residual stream */
    INNER     /**< [rows][n_inner] the inner layer of the MLP, after its activation */
};

/** What is done with a product. */
enum run_after {
    ACTIVATED, /**< the activation function of the model */
    ADDED      /**< added to what the buffer holds */
};

struct run;

/** The operations; `out` is written, `in` read. Backward, the gradient of `in` is made of that of
 *  `out` (with ADDED the latter stays, as a sum hands it to both sides), and those of the weights.
 */
struct run_operations {
    void (*norm)(struct run *run, enum run_buffer out, enum run_buffer in, const struct norm *norm);
    /** attention over c_attn of `in`, causal, all heads */
    void (*attention)(struct run *run, enum run_buffer out, enum run_buffer in,
                      const struct layer *h);
    void (*linear)(struct run *run, enum run_buffer out, enum run_buffer in,
                   const struct linear *linear, enum run_after after);
};

/** The first member of the player's own struct. */
struct run {
    const struct run_operations *forward;
    const struct run_operations *backward; /**< NULL: the player does not train */
};

static inline void run_norm(struct run *run, enum run_buffer out, enum run_buffer in,
                            const struct norm *norm) {
    run->forward->norm(run, out, in, norm);
}

static inline void run_attention(struct run *run, enum run_buffer out, enum run_buffer in,
                                 const struct layer *h) {
    run->forward->attention(run, out, in, h);
}

static inline void run_linear(struct run *run, enum run_buffer out, enum run_buffer in,
                              const struct linear *linear, enum run_after after) {
    run->forward->linear(run, out, in, linear, after);
}

static inline void run_norm_backward(struct run *run, enum run_buffer out, enum run_buffer in,
                                     const struct norm *norm) {
    run->backward->norm(run, out, in, norm);
}

static inline void run_attention_backward(struct run *run, enum run_buffer out, enum run_buffer in,
                                          const struct layer *h) {
    run->backward->attention(run, out, in, h);
}

static inline void run_linear_backward(struct run *run, enum run_buffer out, enum run_buffer in,
                                       const struct linear *linear, enum run_after after) {
    run->backward->linear(run, out, in, linear, after);
}

#endif
