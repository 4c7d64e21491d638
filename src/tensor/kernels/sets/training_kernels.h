/** training_kernels.h - the table of training.h, of one kernel set. */
#ifndef KERNELS_TRAINING_KERNELS_H
#define KERNELS_TRAINING_KERNELS_H

#include "tensor/kernels/attention/training_attention.h"
#include "tensor/kernels/matmul/training_product.h"
#include "tensor/kernels/rows/training_optimizer.h"
#include "tensor/kernels/rows/training_rows.h"

static const struct training_kernels training_kernels = {
    .product = product,
    .attention = training_attention,
    .attention_backward = attention_backward,
    .activate = training_activate,
    .activate_backward = activate_backward,
    .layer_norm_backward = layer_norm_backward,
    .layer_norm_weights = layer_norm_weights,
    .column_sums = column_sums,
    .cross_entropy = cross_entropy,
    .drop = drop,
    .adamw_update = adamw_update,
    .sum_of_squares = sum_of_squares,
};

#endif
