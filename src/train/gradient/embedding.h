/**
 * embedding.h - the token and position tables of a batch, forward and backward.
 *
 * Where lm_head is tied to the token table both add to the same gradient. What the embedding adds
 * is summed apart, in rows of its own, and put into lm_head's panels when a step ends: otherwise
 * the order of the sum would depend on how the step is cut into batches.
 */
#ifndef TRAIN_GRADIENT_EMBEDDING_H
#define TRAIN_GRADIENT_EMBEDDING_H

#include "tensor/ops.h"
#include "train/gradient/params.h"
#include "train/gradient/pass.h"

struct embedding {
    size_t n_vocab, n_embd;
    float *sums;   /**< [V][C] what the step has added up; NULL where wte is not tied */
    bool *touched; /**< [V] which rows of it are not 0 */
};

/** False if out of memory. Nothing is kept for a model that is not tied or whose tables are not
 *  trainable. */
bool embedding_init(struct embedding *embedding, const struct gen_config *config, bool trains);
void embedding_release(struct embedding *embedding);
/** Bytes that it takes. */
uint64_t embedding_bytes(const struct gen_config *config, bool trains);

/** x[row][C] = wte[id] + wpe[position]. */
void embedding_forward(const struct compute *compute, float *x, const struct weights *weights,
                       const struct train_batch *batch, size_t n_embd);

/** Forget what a step has added up. */
void embedding_begin(struct embedding *embedding);
/** Add d_x, row after row, to the gradients of the tables' rows. */
void embedding_backward(const struct compute *compute, struct embedding *embedding,
                        const struct weights *gradients, const float *d_x,
                        const struct train_batch *batch);
/** Add the tied table's sums to lm_head's gradient. */
void embedding_end(const struct compute *compute, struct embedding *embedding,
                   const struct weights *gradients);

#endif
