/**
 * test_rounding.c - rounding by what inputs look like: the loss that is told is that of the blocks
 * written, it is less than that of plain rounding in every format, and all threads and kernel sets
 * give the same bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/memory.h"
#include "base/rng.h"
#include "tensor/ops_backward.h"
#include "tensor/quant/rounding/rounding.h"
#include "tensor/tensor_type.h"

enum { N = 512, ROWS = 24, INPUTS = 700 };

struct fixture {
    float *x; /* [INPUTS][op_row_stride(N)] */
    float *w; /* [ROWS][N] */
    struct compute compute;
    struct rounding rounding;
};

static float drawn(struct rng *rng) {
    return rng_float(rng) + rng_float(rng) + rng_float(rng) - 1.5f;
}

/* Inputs that hang together: neighbours share most of what they are, and some are far larger. */
static void begin(struct fixture *f, int n_threads, const struct kernels *kernels) {
    struct rng rng;
    rng_init(&rng, 7, 1);
    size_t stride = op_row_stride(N);
    f->x = memory_new_aligned(INPUTS * stride, sizeof *f->x);
    f->w = memory_new(ROWS * N, sizeof *f->w);
    for (size_t r = 0; r < INPUTS; r++) {
        float common = 0.0f;
        for (size_t i = 0; i < N; i++) {
            common = 0.9f * common + drawn(&rng);
            f->x[r * stride + i] = (i % 37 == 0 ? 8.0f : 1.0f) * common;
        }
    }
    for (size_t i = 0; i < ROWS * N; i++) {
        f->w[i] = drawn(&rng) * 0.1f;
    }
    size_t scratch = rounding_scratch(N);
    assert_true(compute_init(&f->compute, kernels, n_threads,
                             scratch > PRODUCT_SCRATCH ? scratch : PRODUCT_SCRATCH));
    float *h = memory_new_aligned((size_t)N * N, sizeof *h);
    op_matmul_weights(&f->compute, h, f->x, f->x, INPUTS, N, N, true);
    assert_true(rounding_init(&f->rounding, &f->compute, h, N, INPUTS, 1e-4));
}

static void end(struct fixture *f) {
    rounding_release(&f->rounding);
    compute_release(&f->compute);
    memory_free_aligned(f->x, INPUTS * op_row_stride(N), sizeof *f->x);
    memory_free(f->w);
}

/* Mean over the inputs of the squared change of all products. */
static double loss_of(const struct fixture *f, const struct tensor_type_info *type,
                      const unsigned char *blocks) {
    float v[N];
    double sum = 0.0;
    size_t row_bytes = N / type->block_size * type->block_bytes;
    for (size_t row = 0; row < ROWS; row++) {
        type->to_f32(v, blocks + row * row_bytes, N);
        for (size_t r = 0; r < INPUTS; r++) {
            double change = 0.0;
            for (size_t i = 0; i < N; i++) {
                change += (double)f->x[r * op_row_stride(N) + i] *
                          ((double)v[i] - (double)f->w[row * N + i]);
            }
            sum += change * change;
        }
    }
    return sum / INPUTS;
}

static void test_less_is_lost(void **state) {
    (void)state;
    struct fixture f;
    begin(&f, 2, kernels_best());
    for (int t = 0; t < TENSOR_N_TYPES; t++) {
        const struct tensor_type_info *type = tensor_type_info((enum tensor_type)t);
        if (type->quant == NULL || type->from_f32 == NULL) {
            continue;
        }
        size_t bytes = ROWS * N / type->block_size * type->block_bytes;
        unsigned char *plain = memory_new(bytes, 1);
        unsigned char *rounded = memory_new(bytes, 1);
        double told = 0.0;
        type->from_f32(plain, f.w, (size_t)ROWS * N);
        assert_true(rounding_rows(&f.rounding, &f.compute, type->quant, rounded, f.w, ROWS, &told));
        double before = loss_of(&f, type, plain);
        double after = loss_of(&f, type, rounded);
        print_message("%-7s %.4g -> %.4g, told %.4g\n", type->name, before, after, told);
        /* The damping counts in what is told. */
        assert_true(told > 0.98 * after && told < 1.1 * after);
        assert_true(after < 0.5 * before);
        memory_free(plain);
        memory_free(rounded);
    }
    end(&f);
}

static void test_same_bytes(void **state) {
    (void)state;
    const struct tensor_type_info *type = tensor_type_info(TENSOR_Q4_K);
    enum { BYTES = ROWS * N / 256 * 144 };
    static unsigned char first[BYTES], other[BYTES];
    for (int i = 0; i < 3; i++) {
        struct fixture f;
        begin(&f, i == 1 ? 3 : 1, i == 2 ? kernels_by_name("generic") : kernels_best());
        /* Rows come in pieces. */
        size_t cut = i == 1 ? 5 : ROWS;
        size_t row_bytes = BYTES / ROWS;
        assert_true(rounding_rows(&f.rounding, &f.compute, type->quant, other, f.w, cut, NULL));
        assert_true(rounding_rows(&f.rounding, &f.compute, type->quant, other + cut * row_bytes,
                                  f.w + cut * N, ROWS - cut, NULL));
        if (i == 0) {
            memcpy(first, other, BYTES);
        }
        assert_memory_equal(first, other, BYTES);
        end(&f);
    }
}

/* Inputs that are never there, and numbers that no block can hold. */
static void test_odd_numbers(void **state) {
    (void)state;
    struct compute compute;
    struct rounding rounding;
    enum { FEW = 64 };
    size_t scratch = rounding_scratch(FEW);
    assert_true(compute_init(&compute, kernels_best(), 1, scratch));
    float *h = memory_new_aligned((size_t)FEW * FEW, sizeof *h);
    assert_true(rounding_init(&rounding, &compute, h, FEW, 10, 0.01));
    const struct tensor_type_info *type = tensor_type_info(TENSOR_Q4_0);
    float w[FEW] = {0};
    unsigned char blocks[36];
    assert_true(rounding_rows(&rounding, &compute, type->quant, blocks, w, 1, NULL));
    float back[FEW];
    type->to_f32(back, blocks, FEW);
    for (size_t i = 0; i < FEW; i++) {
        assert_true(back[i] == 0.0f);
    }
    w[3] = __builtin_inff();
    assert_true(rounding_rows(&rounding, &compute, type->quant, blocks, w, 1, NULL));
    assert_int_not_equal(type->find_not_finite(blocks, FEW), FEW);
    rounding_release(&rounding);
    compute_release(&compute);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_less_is_lost),
                                       cmocka_unit_test(test_same_bytes),
                                       cmocka_unit_test(test_odd_numbers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
