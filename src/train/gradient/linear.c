/**
 * linear.c - a linear layer of training, with the pair of an adapter or without, forward and
 * backward. Products are tensor/ops_backward.c's; which matrix, block.c says.
 */
#include "train/gradient/linear.h"

#include "train/gradient/params.h"

static void multiply(float *rows, size_t n_rows, size_t n, float by) {
    for (size_t row = 0; row < n_rows; row++) {
        float *numbers = rows + row * op_row_stride(n);
        for (size_t i = 0; i < n; i++) {
            numbers[i] *= by;
        }
    }
}

/* low = scale * x a */
static void lower(const struct compute *compute, const struct adapted_linear *linear,
                  const float *x, size_t n_rows) {
    op_linear(compute, linear->low, x, &linear->lora->a, NULL, n_rows);
    multiply(linear->low, n_rows, linear->lora->a.n_out, linear->scale);
}

/* d_low = scale * d_y b^T: the gradient of x a */
static void lower_backward(const struct compute *compute, const struct adapted_linear *linear,
                           const float *d_y, size_t n_rows) {
    const struct matrix *b = &linear->lora->b;
    op_matmul_backward(compute, linear->d_low, d_y, b, n_rows);
    multiply(linear->d_low, n_rows, b->n_in, linear->scale);
}

void linear_forward(const struct compute *compute, float *y, const struct adapted_linear *linear,
                    const float *x, size_t n_rows) {
    op_linear(compute, y, x, &linear->of->matrix, linear->of->bias, n_rows);
    if (linear->lora != NULL) {
        lower(compute, linear, x, n_rows);
        op_linear_add(compute, y, linear->low, &linear->lora->b, n_rows);
    }
}

void linear_backward_input(const struct compute *compute, float *d_x,
                           const struct adapted_linear *linear, const float *d_y, size_t n_rows) {
    op_matmul_backward(compute, d_x, d_y, &linear->of->matrix, n_rows);
    if (linear->lora != NULL) {
        const struct matrix *a = &linear->lora->a;
        lower_backward(compute, linear, d_y, n_rows);
        op_matmul_backward_add(compute, d_x, linear->d_low, a, n_rows);
    }
}

static void pair_backward(const struct compute *compute, const struct linear_gradient *gradient,
                          const struct adapted_linear *linear, const float *d_y, const float *x,
                          size_t n_rows) {
    size_t n_in = linear->of->matrix.n_in;
    size_t n_out = linear->of->matrix.n_out;
    size_t rank = linear->lora->a.n_out;
    lower(compute, linear, x, n_rows);
    op_matmul_weights(compute, params_numbers(&gradient->lora->b), linear->low, d_y, n_rows, rank,
                      n_out, gradient->add);
    lower_backward(compute, linear, d_y, n_rows);
    op_matmul_weights(compute, params_numbers(&gradient->lora->a), x, linear->d_low, n_rows, n_in,
                      rank, gradient->add);
}

void linear_backward_weights(const struct compute *compute, const struct linear_gradient *gradient,
                             const struct adapted_linear *linear, const float *d_y, const float *x,
                             size_t n_rows) {
    size_t n_in = linear->of->matrix.n_in;
    size_t n_out = linear->of->matrix.n_out;
    if (gradient->of != NULL) {
        op_matmul_weights(compute, params_numbers(&gradient->of->matrix), x, d_y, n_rows, n_in,
                          n_out, gradient->add);
        if (gradient->of->bias != NULL) {
            op_bias_weights(compute, gradient->of->bias, d_y, n_rows, n_out);
        }
    }
    if (linear->lora != NULL) {
        pair_backward(compute, gradient, linear, d_y, x, n_rows);
    }
}
