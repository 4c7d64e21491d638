/**
 * adamw.h - AdamW (Loshchilov, Hutter 2019, "Decoupled Weight Decay Regularization"), with the
 * formulas of PyTorch's torch.optim.AdamW:
 *
 *   m = m + (1 - beta1) (g - m)                v = beta2 v + (1 - beta2) g^2
 *   w = w (1 - rate decay) - rate / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)
 *
 * g is the gradient times `scale`, the factor of clipping; t counts steps from 1. Elements do not
 * depend on each other and each is made of single IEEE operations, so neither threads nor
 * compilers change a bit. One pass over memory does it all; the gradients are only read.
 */
#ifndef TRAIN_OPTIMIZER_ADAMW_H
#define TRAIN_OPTIMIZER_ADAMW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/ops.h"
#include "train/gradient/params.h"

struct adamw_options {
    double beta1, beta2, epsilon;
    double decay;          /**< per unit of the learning rate */
    bool decay_embeddings; /**< wte and wpe, too; vectors (biases, norms) never decay */
};

/** Sums of one step for each number of the values; arrays like theirs. */
struct adamw {
    struct adamw_options options;
    float *m, *v;
};

/** Moments, all 0; false if out of memory. */
bool adamw_init(struct adamw *adamw, const struct params *params,
                const struct adamw_options *options);
void adamw_release(struct adamw *adamw, const struct params *params);

struct adamw_step {
    double rate, scale;
    uint64_t t;
};

/** One step on a tensor of params->values. */
void adamw_step(struct adamw *adamw, struct params *params, const struct param_tensor *tensor,
                const float *gradients, const struct adamw_step *step,
                const struct compute *compute);

/**
 * The Euclidean norm of n numbers: squares are added in double, in chunks of fixed size, the
 * chunks in their order; the same bits for any threads.
 */
double adamw_norm(const float *numbers, size_t n, const struct compute *compute);

#endif
