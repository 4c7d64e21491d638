/**
 * pass.h - forward and backward through the whole model for a batch of sequences.
 *
 * The forward half gives the same bits as a session's (model/forward.h); what the backward half
 * needs of it is kept, per layer, in one arena. The backward half is the mirror of the forward
 * list. Gradients are sums over rows in the order of the batch, continued from batch to batch of a
 * step: two batches one after the other give the same bits as both in one, whatever the threads
 * and kernels.
 */
#ifndef TRAIN_GRADIENT_PASS_H
#define TRAIN_GRADIENT_PASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/pairs.h"
#include "gen.h"
#include "tensor/ops.h"
#include "train/gradient/params.h"

struct lora;

/** n_sequences of n_positions each, as [n_sequences][n_positions]. */
struct train_batch {
    const int32_t *ids;
    const int32_t *targets; /**< the id that should follow, or NO_TARGET */
    size_t n_sequences;
    size_t n_positions; /**< at most n_ctx */
};

struct train_pass_options {
    size_t max_sequences; /**< of a batch */
    size_t max_positions;
    /** Keep only the residual stream at each layer's entry and compute the layer again in the
     *  backward half: a third more work, a fraction of the memory, the same bits. */
    bool recompute;
    bool forward_only;       /**< for validation: nothing is kept */
    float dropout;           /**< of embeddings, attention weights and residual branches; 0: none */
    const struct lora *lora; /**< adapters, then alone trainable; NULL: all weights are */
};

struct train_pass;

/** For params of this shape; `compute` gives the threads and outlives the pass. */
enum gen_status train_pass_new(struct train_pass **out, const struct params *params,
                               const struct train_pass_options *options, struct compute *compute,
                               struct gen_error *err);
void train_pass_free(struct train_pass *pass);

/** Bytes that a pass of these options takes, to say so before and to plan. */
uint64_t train_pass_bytes(const struct gen_config *config,
                          const struct train_pass_options *options);

/** The step of the optimizer that a batch is a part of. */
struct train_step {
    float scale;           /**< of the loss: normally 1 / the counted positions of the whole step */
    uint64_t seed;         /**< of the dropout masks */
    size_t first_sequence; /**< number of the batch's first sequence in the step */
    /** Whether it is the first and the last batch that this pass gets of the step. The first
     *  forgets what is in the gradients, so nobody need make zeros of them. What the token
     *  table as an embedding adds to its gradient as lm_head is summed apart, so that the sum does
     *  not depend on how the step is cut into batches: gradients are whole only when the batch
     *  that `ends` has run. A step that is not ended is forgotten by the next that begins. */
    bool begins, ends;
};

/**
 * -ln p(target) of all counted positions is added to *loss, one after the other, so that a sum over
 * several batches does not depend on where they end; *n_counted grows by their number. With
 * `gradients` each of them becomes, in a batch that begins a step, or else grows by, d(scale *
 * loss) / d(value); without, nothing is dropped and `step` is not looked at. Gradients are an array
 * like params->values or, with adapters, lora->params.values; made by params_new_array(), for what
 * lies between tensors and in padding is never written and has to be 0. Dropout masks depend on the
 * step's seed and the number of the sequence in the step. GEN_BAD_ARGUMENT for ids out of range; a
 * loss that is not finite becomes part of the sum as such.
 */
enum gen_status train_pass_run(struct train_pass *pass, const struct params *params,
                               float *gradients, const struct train_batch *batch,
                               const struct train_step *step, double *loss, size_t *n_counted,
                               struct gen_error *err);

#endif
