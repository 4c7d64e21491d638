#include "train/linear.h"

#include "train/params.h"

void linear_forward(const struct compute *compute, float *y, const struct linear *linear,
                    const float *x, size_t n_rows) {
    op_linear(compute, y, linear->w->n_out, x, linear->w, linear->bias, n_rows);
}

void linear_backward_input(const struct compute *compute, float *d_x, const struct linear *linear,
                           const float *d_y, size_t n_rows) {
    op_matmul_backward(compute, d_x, d_y, linear->w->n_out, linear->w, n_rows);
}

void linear_backward_weights(const struct compute *compute, const struct linear_gradient *gradient,
                             const struct linear *linear, const float *d_y, const float *x,
                             size_t n_rows) {
    size_t n_in = linear->w->n_in;
    size_t n_out = linear->w->n_out;
    op_matmul_weights(compute, params_numbers(gradient->w), x, d_y, n_out, n_rows, n_in, n_out);
    op_bias_weights(compute, gradient->bias, d_y, n_rows, n_out);
}
