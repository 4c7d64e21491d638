/**
 * test_training_kernels.c - what only training computes: products of every kind against plain
 * loops, bit for bit and with every kernel set; derivatives against differences; dropout.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "kernel_check.h"
#include "tensor/ops_backward.h"

static const char *const set_names[] = {"generic", "avx2", "avx512", "neon"};
#define N_SETS (sizeof set_names / sizeof *set_names)

/* ---- products --------------------------------------------------------------------------------*/

/* A matrix and its product in plain order. */
struct case_product {
    size_t n_rows, n_in, n_out;
    size_t n_padded;             /* n_out rounded up to 16 */
    size_t in, out;              /* op_row_stride() of n_in and n_out */
    float *x, *w, *bias, *d_y;   /* [rows][in], [n_in][n_out], [n_out], [rows][out] */
    float *panels;               /* w as matrix.h packs it */
    float *d_w;                  /* [n_in][n_out] what the gradient of w goes on from */
    float *y, *d_x, *d_w_summed; /* wanted */
};

static float sum_of(float from, const float *a, size_t a_step, const float *b, size_t b_step,
                    size_t n) {
    for (size_t k = 0; k < n; k++) {
        from = fmaf(a[k * a_step], b[k * b_step], from);
    }
    return from;
}

static float *pack(const struct case_product *p, const float *w) {
    float *panels = calloc(p->n_padded * p->n_in, sizeof *panels);
    assert_non_null(panels);
    for (size_t k = 0; k < p->n_in; k++) {
        for (size_t n = 0; n < p->n_out; n++) {
            panels[(n / 16 * p->n_in + k) * 16 + n % 16] = w[k * p->n_out + n];
        }
    }
    return panels;
}

static struct case_product case_new(size_t n_rows, size_t n_in, size_t n_out) {
    struct rng rng;
    rng_init(&rng, n_rows, n_in);
    struct case_product p = {
        .n_rows = n_rows, .n_in = n_in, .n_out = n_out, .n_padded = (n_out + 15) / 16 * 16};
    p.in = op_row_stride(n_in);
    p.out = op_row_stride(n_out);
    p.x = kernel_check_random(&rng, n_rows * p.in, 4.0f);
    p.w = kernel_check_random(&rng, n_in * n_out, 4.0f);
    p.bias = kernel_check_random(&rng, n_out, 4.0f);
    p.d_y = kernel_check_random(&rng, n_rows * p.out, 4.0f);
    p.d_w = kernel_check_random(&rng, n_in * n_out, 4.0f);
    p.panels = pack(&p, p.w);
    p.y = calloc(n_rows * p.out, sizeof *p.y);
    p.d_x = calloc(n_rows * p.in, sizeof *p.d_x);
    p.d_w_summed = malloc(n_in * n_out * sizeof *p.d_w_summed);
    assert_true(p.y != NULL && p.d_x != NULL && p.d_w_summed != NULL);
    for (size_t r = 0; r < n_rows; r++) {
        for (size_t n = 0; n < n_out; n++) {
            p.y[r * p.out + n] = sum_of(0, p.x + r * p.in, 1, p.w + n, n_out, n_in) + p.bias[n];
        }
        for (size_t k = 0; k < n_in; k++) {
            p.d_x[r * p.in + k] = sum_of(0, p.d_y + r * p.out, 1, p.w + k * n_out, 1, n_out);
        }
    }
    for (size_t i = 0; i < n_in * n_out; i++) {
        p.d_w_summed[i] = sum_of(p.d_w[i], p.x + i / n_out, p.in, p.d_y + i % n_out, p.out, n_rows);
    }
    return p;
}

static void case_release(struct case_product *p) {
    float *all[] = {p->x, p->w, p->bias, p->d_y, p->panels, p->d_w, p->y, p->d_x, p->d_w_summed};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        free(all[i]);
    }
}

static void check_case(const struct case_product *p, const struct kernels *set, int n_threads) {
    struct compute compute;
    assert_true(compute_init(&compute, set, n_threads, PRODUCT_SCRATCH));
    struct matrix w = {.type = TENSOR_F32,
                       .n_in = p->n_in,
                       .n_out = p->n_out,
                       .data = (const unsigned char *)p->panels,
                       .row_stride = 16,
                       .panel_stride = 16 * p->n_in};
    char what[96];
    snprintf(what, sizeof what, "%s, %d threads, %zu x %zu x %zu", set->name, n_threads, p->n_rows,
             p->n_in, p->n_out);
    float *y = calloc(p->n_rows * p->out, sizeof *y);
    float *d_x = calloc(p->n_rows * p->in, sizeof *d_x);
    float *d_w = pack(p, p->d_w);
    float *d_w_wanted = pack(p, p->d_w_summed);
    assert_true(y != NULL && d_x != NULL);
    op_linear(&compute, y, p->x, &w, p->bias, p->n_rows);
    kernel_check_same(y, p->y, p->n_rows * p->out, what);
    op_matmul_backward(&compute, d_x, p->d_y, &w, p->n_rows);
    kernel_check_same(d_x, p->d_x, p->n_rows * p->in, what);
    op_matmul_weights(&compute, d_w, p->x, p->d_y, p->n_rows, p->n_in, p->n_out, true);
    kernel_check_same(d_w, d_w_wanted, p->n_padded * p->n_in, what);
    float *d_w_added = calloc(p->n_padded * p->n_in, sizeof *d_w_added);
    assert_non_null(d_w_added);
    op_matmul_weights(&compute, d_w_added, p->x, p->d_y, p->n_rows, p->n_in, p->n_out, true);
    op_matmul_weights(&compute, d_w, p->x, p->d_y, p->n_rows, p->n_in, p->n_out, false);
    kernel_check_same(d_w, d_w_added, p->n_padded * p->n_in, what);
    free(d_w_added);
    free(y);
    free(d_x);
    free(d_w);
    free(d_w_wanted);
    compute_release(&compute);
}

static void products_equal_plain_loops(void **state) {
    (void)state;
    /* More than a block of k in each place, more than a share of rows, rows of a power of two. What
     * lies between rows is read by no sum, and stays 0 in results. */
    static const size_t shapes[][3] = {{1, 1, 1},      {3, 20, 33},     {37, 512, 50},
                                       {530, 24, 40},  {20, 530, 16},   {9, 18, 530},
                                       {300, 17, 64},  {19, 1024, 70},  {530, 512, 20},
                                       {16, 300, 100}, {520, 1024, 256}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct case_product p = case_new(shapes[i][0], shapes[i][1], shapes[i][2]);
        for (size_t set = 0; set < N_SETS; set++) {
            const struct kernels *kernels = kernels_by_name(set_names[set]);
            if (kernels != NULL) {
                check_case(&p, kernels, 1 + (int)(i % 3));
            }
        }
        case_release(&p);
    }
}

/* ---- derivatives -----------------------------------------------------------------------------*/

/* The activations in double precision. */
static double activation(double x, enum gen_activation kind) {
    switch (kind) {
    case GEN_GELU_NEW:
        return x / 2 * (1 + tanh(sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)));
    case GEN_GELU:
        return x / 2 * (1 + erf(x / sqrt(2)));
    case GEN_SILU:
        return x / (1 + exp(-x));
    case GEN_QUICK_GELU:
        return x / (1 + exp(-1.702 * x));
    case GEN_RELU:
    default:
        return x > 0 ? x : 0;
    }
}

static void derivatives_equal_differences(void **state) {
    (void)state;
    static const enum gen_activation kinds[] = {GEN_GELU_NEW, GEN_GELU, GEN_SILU, GEN_QUICK_GELU,
                                                GEN_RELU};
    enum { N = 1003 };
    float x[N];
    for (size_t i = 0; i < N; i++) {
        x[i] = ((float)i - 501.5f) * 0.02f;
    }
    x[0] = -1e4f;
    x[N - 1] = 1e4f;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        float y[N];
        float d[N];
        for (size_t j = 0; j < N; j++) {
            d[j] = 3.0f;
        }
        kernels_best()->training->activate_backward(y, d, x, N, kinds[i]);
        for (size_t j = 0; j < N; j++) {
            double at = (double)x[j];
            double slope =
                (activation(at + 1e-5, kinds[i]) - activation(at - 1e-5, kinds[i])) / 2e-5;
            assert_true(fabs((double)d[j] - 3 * slope) < 3e-6 * (1 + fabs(slope)));
            assert_true(fabs((double)y[j] - activation(at, kinds[i])) < 1e-6 * (1 + fabs(at)));
        }
    }
}

static void loss_and_its_gradient(void **state) {
    (void)state;
    enum { N = 37 };
    struct rng rng;
    rng_init(&rng, 1, 1);
    float *logits = kernel_check_random(&rng, N, 4.0f);
    double sum = 0;
    for (size_t i = 0; i < N; i++) {
        sum += exp((double)logits[i]);
    }
    for (size_t set = 0; set < N_SETS; set++) {
        const struct kernels *kernels = kernels_by_name(set_names[set]);
        if (kernels == NULL) {
            continue;
        }
        float x[N];
        memcpy(x, logits, sizeof x);
        double loss = kernels->training->cross_entropy(x, N, 5, 0.0f);
        assert_true(fabs(loss - (log(sum) - (double)logits[5])) < 1e-6);
        assert_true(kernels->training->cross_entropy(x, N, 5, 0.25f) == loss);
        for (size_t i = 0; i < N; i++) {
            double wanted = exp((double)logits[i]) / sum - (i == 5);
            assert_true(fabs((double)x[i] - 0.25 * wanted) < 1e-7);
        }
    }
    free(logits);
}

/* ---- the optimizer ---------------------------------------------------------------------------*/

/* Number by number; train/optimizer/adamw.h has the formulas. */
static void plain_adamw(float *w, float *m, float *v, float g, const struct adamw_factors *f) {
    float gradient = g * f->scale;
    float mean = *m + f->beta1_rest * (gradient - *m);
    float square = f->beta2 * *v + f->beta2_rest * gradient * gradient;
    float root = sqrtf(square) * f->root_scale + f->epsilon;
    *w = *w * f->keep - f->step_size * (mean / root);
    *m = mean;
    *v = square;
}

static double plain_squares(const float *x, size_t n) {
    double lanes[16] = {0};
    for (size_t i = 0; i < n; i++) {
        lanes[i % 16] += (double)x[i] * (double)x[i];
    }
    double sum = 0;
    for (size_t lane = 0; lane < 16; lane++) {
        sum += lanes[lane];
    }
    return sum;
}

static void the_optimizer_is_its_formulas(void **state) {
    (void)state;
    enum { N = 67 };
    const struct adamw_factors factors = {.scale = 0.7f,
                                          .beta1_rest = 0.1f,
                                          .beta2 = 0.95f,
                                          .beta2_rest = 0.05f,
                                          .keep = 0.999f,
                                          .step_size = 3e-3f,
                                          .root_scale = 1.3f,
                                          .epsilon = 1e-8f};
    struct rng rng;
    rng_init(&rng, 5, 0);
    float *start = kernel_check_random(&rng, 4 * N, 4.0f);
    for (size_t i = 0; i < N; i++) {
        start[2 * N + i] = fabsf(start[2 * N + i]) * (i % 7 == 0 ? 0.0f : 1.0f); /* v */
        start[3 * N + i] *= i % 5 == 0 ? 1e-20f : 1.0f;
    }
    for (size_t i = 0; i < N_SETS * N; i++) {
        const struct kernels *kernels = kernels_by_name(set_names[i / N]);
        size_t n = i % N + 1;
        float wanted[4 * N];
        float found[4 * N];
        if (kernels == NULL) {
            continue;
        }
        memcpy(wanted, start, sizeof wanted);
        memcpy(found, start, sizeof found);
        for (size_t j = 0; j < n; j++) {
            plain_adamw(wanted + j, wanted + N + j, wanted + 2 * N + j, wanted[3 * N + j],
                        &factors);
        }
        kernels->training->adamw_update(found, found + N, found + 2 * N, found + 3 * N, n,
                                        &factors);
        kernel_check_same(found, wanted, 4 * (size_t)N, "AdamW");
        assert_true(kernels->training->sum_of_squares(start, n) == plain_squares(start, n));
    }
    free(start);
}

/* ---- dropout ---------------------------------------------------------------------------------*/

static void dropout_drops_its_share(void **state) {
    (void)state;
    enum { N = 100000 };
    float *x = malloc(N * sizeof *x);
    float *y = malloc(N * sizeof *y);
    assert_true(x != NULL && y != NULL);
    for (size_t i = 0; i < N; i++) {
        x[i] = 1.0f;
    }
    for (uint64_t key = 0; key < 20; key++) {
        struct dropout dropout = {.key = key, .rate = 0.2f};
        kernels_best()->training->drop(y, x, N, dropout);
        size_t n_dropped = 0;
        size_t n_pairs = 0;
        for (size_t i = 0; i < N; i++) {
            assert_true(y[i] == 0.0f || fabs((double)y[i] - 1.25) < 1e-6);
            n_dropped += y[i] == 0.0f;
            n_pairs += i > 0 && y[i] == 0.0f && y[i - 1] == 0.0f;
        }
        /* Five deviations of a fair draw, for the numbers and for neighbours together. */
        assert_true(fabs((double)n_dropped - 0.2 * N) < 5 * sqrt(0.16 * N));
        assert_true(fabs((double)n_pairs - 0.04 * N) < 5 * sqrt(0.05 * N));
        kernels_by_name("generic")->training->drop(x, x, N, dropout);
        kernel_check_same(x, y, N, "dropout");
        for (size_t i = 0; i < N; i++) {
            x[i] = 1.0f;
        }
    }
    free(x);
    free(y);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_equal_plain_loops),
        cmocka_unit_test(derivatives_equal_differences),
        cmocka_unit_test(loss_and_its_gradient),
        cmocka_unit_test(the_optimizer_is_its_formulas),
        cmocka_unit_test(dropout_drops_its_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
