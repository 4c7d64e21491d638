/**
 * linear.h - a linear layer in training, y = x matrix + bias, forward and backward: the one place
 * where a block's matrices are used and get gradients. With an adapter (lora.h) scale * (x a) b is
 * added.
 */
#ifndef TRAIN_GRADIENT_LINEAR_H
#define TRAIN_GRADIENT_LINEAR_H

#include "tensor/ops_backward.h"
#include "train/gradient/lora.h"

struct adapted_linear {
    const struct linear *of;      /**< f32 in panels */
    const struct lora_pair *lora; /**< NULL: none */
    float scale;                  /**< of the adapter */
    float *low, *d_low;           /**< [n_rows][rank] each, scratch for it */
};

/** Where the gradients of its numbers go: arrays that lie as matrix, bias and pair do. */
struct linear_gradient {
    const struct linear *of; /**< the same layer in the view of the gradients, see params_view();
                                  NULL: matrix and bias are not trainable */
    const struct lora_pair *lora; /**< NULL: none */
    bool add; /**< to what matrices hold, not instead of it; to biases it is always added */
};

/** y[n_rows][n_out] of x[n_rows][n_in]. */
void linear_forward(const struct compute *compute, float *y, const struct adapted_linear *linear,
                    const float *x, size_t n_rows);

/** d_x[n_rows][n_in] of d_y[n_rows][n_out]. */
void linear_backward_input(const struct compute *compute, float *d_x,
                           const struct adapted_linear *linear, const float *d_y, size_t n_rows);

/** The gradients of all that is trainable, of d_y and the x of the forward half. */
void linear_backward_weights(const struct compute *compute, const struct linear_gradient *gradient,
                             const struct adapted_linear *linear, const float *d_y, const float *x,
                             size_t n_rows);

#endif
