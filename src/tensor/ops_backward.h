/**
 * ops_backward.h - the operations of a backward pass, and those of the forward pass that training
 * does otherwise than generation, spread over threads. Letters as in ops.h; d_x is the gradient of
 * the loss with respect to x.
 *
 * Rows of n activations, or of their gradients, lie op_row_stride(n) apart, where ops.h says why.
 * Unless said otherwise, gradients of weights are added to what is in them, row after row in
 * the order of the rows, and gradients of activations are written.
 */
#ifndef TENSOR_OPS_BACKWARD_H
#define TENSOR_OPS_BACKWARD_H

#include "tensor/kernels/training.h"
#include "tensor/ops.h"

/** A matrix product of any strides. */
void op_product(const struct compute *compute, const struct product_job *job);

/** y[n_rows][n_out] = x[n_rows][n_in] w + bias, the same bits as op_matmul(); w in panels of f32,
 *  bias may be NULL. For many rows at once: both x and w are taken in parts that stay in a core's
 *  cache. */
void op_linear(const struct compute *compute, float *y, const float *x, const struct matrix *w,
               const float *bias, size_t n_rows);

/** y += x w, for the same matrices. */
void op_linear_add(const struct compute *compute, float *y, const float *x, const struct matrix *w,
                   size_t n_rows);

/** d_x[n_rows][n_in] = d_y w^T; w in panels of f32, d_y[n_rows][n_out]. */
void op_matmul_backward(const struct compute *compute, float *d_x, const float *d_y,
                        const struct matrix *w, size_t n_rows);
/** d_x += d_y w^T, for the same matrices. */
void op_matmul_backward_add(const struct compute *compute, float *d_x, const float *d_y,
                            const struct matrix *w, size_t n_rows);
/** d_w = x^T d_y, in panels as w, or with `add` d_w += it; x[n_rows][n_in], d_y[n_rows][n_out].
 *  Without `add` the same bits as added to zeros, for less memory traffic. */
void op_matmul_weights(const struct compute *compute, float *d_w, const float *x, const float *d_y,
                       size_t n_rows, size_t n_in, size_t n_out, bool add);
/** d_bias[n] += sums of the columns of d_y[n_rows][n]. */
void op_bias_weights(const struct compute *compute, float *d_bias, const float *d_y, size_t n_rows,
                     size_t n);

/** What layer norm was given, and where its gradients go. */
struct layer_norm_backward {
    float *d_x;               /**< [n_rows][n], added to */
    float *d_weight, *d_bias; /**< [n]; NULL: they are not trainable */
    const float *d_y;         /**< [n_rows][n] */
    const float *x;           /**< [n_rows][n] */
    const float *weight;      /**< [n] */
    float *moments;           /**< [n_rows][2], scratch */
    size_t n_rows, n;
    float epsilon;
};
void op_layer_norm_backward(const struct compute *compute, const struct layer_norm_backward *job);

/** y = activation(x) over n_rows rows of n numbers. */
void op_activate(const struct compute *compute, float *y, const float *x, size_t n_rows, size_t n,
                 enum gen_activation activation);
/** y = activation(x), and d, the gradient of y, becomes that of x. */
void op_activate_backward(const struct compute *compute, float *y, float *d, const float *x,
                          size_t n_rows, size_t n, enum gen_activation activation);

/** Heads of sequences; `backward` says which half. */
void op_training_attention(const struct compute *compute, const struct training_attention *jobs,
                           size_t n_jobs, bool backward);

/** Dropout of rows that are positions of sequences. */
struct row_dropout {
    uint64_t key; /**< of this place in the model */
    float rate;
    size_t first_sequence, n_positions; /**< row r is position r % n_positions of sequence
                                             first_sequence + r / n_positions */
};
/** y = x + branch, of which some numbers are dropped; y may be x. n_rows rows of n numbers. */
void op_residual(const struct compute *compute, float *y, const float *x, const float *branch,
                 size_t n_rows, size_t n, const struct row_dropout *dropout);
/** y = x, with the same numbers dropped; y may be x. */
void op_drop(const struct compute *compute, float *y, const float *x, size_t n_rows, size_t n,
             const struct row_dropout *dropout);

/**
 * losses[r] = -ln softmax(row r)[targets[r]] of n_rows rows of n logits each; with factor != 0 the
 * logits become their gradients times factor.
 */
void op_cross_entropy(const struct compute *compute, double *losses, float *logits, size_t n,
                      const int32_t *targets, size_t n_rows, float factor);

#endif
