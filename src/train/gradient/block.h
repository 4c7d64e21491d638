/**
 * block.h - one block of the model over a batch, forward and backward:
 *
 *   middle = x + drop(attn.c_proj(attention(attn.c_attn(ln_1(x)))))
 *   out    = middle + drop(mlp.c_proj(activation(mlp.c_fc(ln_2(middle)))))
 */
#ifndef TRAIN_GRADIENT_BLOCK_H
#define TRAIN_GRADIENT_BLOCK_H

#include "tensor/ops_backward.h"
#include "train/gradient/lora.h"
#include "train/gradient/pass_memory.h"

/** Places of dropout in the model: each has masks of its own. */
enum dropout_place { DROPOUT_EMBEDDING, DROPOUT_WEIGHTS, DROPOUT_ATTENTION, DROPOUT_MLP };

/** A batch on its way; nothing in it is owned. */
struct pass_batch {
    const struct compute *compute;
    const struct gen_config *config;
    const struct pass_memory *memory;
    struct training_attention *jobs;        /**< [n_sequences][n_head] */
    const struct lora *lora;                /**< NULL: no adapters */
    const struct lora_pair *lora_gradients; /**< as lora->pairs; NULL where nothing is trained */
    size_t n_sequences, n_positions;
    float dropout; /**< 0 where nothing is trained */
    uint64_t seed;
    size_t first_sequence;
    bool begins; /**< the first batch of a step: gradients of matrices are written, not added */
};

/** Which numbers of the batch's rows are dropped at a place. */
struct row_dropout batch_dropout(const struct pass_batch *batch, size_t layer,
                                 enum dropout_place place);

/** out[R][C] of the layer's x; fills the layer's memory. */
void block_forward(const struct pass_batch *batch, float *out, const struct layer *h, size_t layer);

/** memory->d_x, the gradient of the layer's out, becomes that of its x; those of the weights are
 *  added to `gradients` (NULL: adapters alone are trainable). The layer's memory must be filled. */
void block_backward(const struct pass_batch *batch, const struct layer *gradients,
                    const struct layer *h, size_t layer);

#endif
