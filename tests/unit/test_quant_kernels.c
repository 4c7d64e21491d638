/**
 * test_quant_kernels.c - products with block formats: every kernel set gives the bits of the plain
 * one, for any number of rows, and those are near the products of the widened numbers.
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

#include "base/bytes.h"
#include "base/rng.h"
#include "kernel_check.h"
#include "simulated_vnni.h"
#include "tensor/ops.h"

static const char *const set_names[] = {"generic",    "avx2", "avx2vnni",   "avx512",
                                        "avx512vnni", "neon", "neondotprod"};
#define N_SETS (sizeof set_names / sizeof *set_names)

/* More than the rows from which on any set takes its panels another way. */
enum { MAX_ROWS = 53 };

/* Blocks of any bytes, but for their half-precision factors, which are made finite: all that a
 * file may hold, also what no quantizer would write. */
static unsigned char *random_blocks(struct rng *rng, const struct tensor_type_info *info,
                                    size_t n_blocks) {
    unsigned char *blocks = malloc(n_blocks * info->block_bytes);
    assert_non_null(blocks);
    for (size_t b = 0; b < n_blocks; b++) {
        unsigned char *block = blocks + b * info->block_bytes;
        do {
            for (size_t i = 0; i < info->block_bytes; i++) {
                block[i] = (unsigned char)(rng_u32(rng) & 0xff);
            }
        } while (info->find_not_finite(block, info->block_size) != info->block_size);
    }
    return blocks;
}

static void run(float *y, const struct kernels *set, int n_threads, const struct matrix *w,
                const float *x, size_t n_rows, size_t x_stride) {
    struct compute compute;
    size_t floats = kernels_matmul_scratch(w);
    assert_true(compute_init(&compute, set, n_threads, floats));
    struct matmul_job job = {
        .y = y, .y_stride = w->n_out, .x = x, .x_stride = x_stride, .n_rows = n_rows, .w = w};
    size_t row_bytes = kernels_quantized_row_bytes(w);
    unsigned char *quantized = malloc(row_bytes * n_rows);
    assert_non_null(quantized);
    for (size_t r = 0; r < n_rows; r++) {
        set->quantize_row(quantized + r * row_bytes, x + r * x_stride, w->n_in);
    }
    job.quantized = quantized;
    job.quantized_stride = row_bytes;
    set->matmul_quantized(&job, 0, matrix_n_panels(w), compute.scratch);
    free(quantized);
    compute_release(&compute);
}

/* The greatest error against products of widened weights, relative to the sums of magnitudes. */
static double error_of(const float *y, const struct matrix *w, const float *x, size_t n_rows) {
    double worst = 0;
    float *column = malloc(w->n_in * sizeof *column);
    assert_non_null(column);
    for (size_t n = 0; n < w->n_out; n++) {
        matrix_column(column, w, n);
        for (size_t r = 0; r < n_rows; r++) {
            double sum = 0;
            double size = 0;
            for (size_t k = 0; k < w->n_in; k++) {
                double product = (double)x[r * w->n_in + k] * (double)column[k];
                sum += product;
                size += fabs(product);
            }
            double error = fabs((double)y[r * w->n_out + n] - sum) / (size + 1e-30);
            worst = !(error <= worst) ? error : worst;
        }
    }
    free(column);
    return worst;
}

static void check_sets(const char *what, const struct matrix *w, const float *x) {
    float *wanted = malloc(MAX_ROWS * w->n_out * sizeof *wanted);
    float *found = malloc(MAX_ROWS * w->n_out * sizeof *found);
    assert_true(wanted != NULL && found != NULL);
    run(wanted, &kernels_generic, 1, w, x, MAX_ROWS, w->n_in);
    for (size_t s = 0; s < N_SETS; s++) {
        const struct kernels *set = kernels_or_simulated(set_names[s]);
        for (size_t rows = set == NULL ? MAX_ROWS + 1 : 1; rows <= MAX_ROWS; rows++) {
            memset(found, 0xff, MAX_ROWS * w->n_out * sizeof *found);
            run(found, set, 1, w, x, rows, w->n_in);
            if (memcmp(found, wanted, rows * w->n_out * sizeof *found) != 0) {
                fail_msg("%s with %s, %zu rows: not the same bits", what, set->name, rows);
            }
        }
    }
    free(found);
    free(wanted);
}

static void check_type(enum tensor_type type, size_t n_in, size_t n_out) {
    const struct tensor_type_info *info = tensor_type_info(type);
    struct rng rng;
    rng_init(&rng, (uint64_t)type, n_out);
    struct thread_pool *pool = thread_pool_new(2);
    assert_non_null(pool);
    unsigned char *blocks = random_blocks(&rng, info, n_in / info->block_size * n_out);
    struct matrix w;
    assert_true(matrix_init(&w, blocks, type, n_in, n_out, MATRIX_ROWS_ARE_OUTPUTS, pool));
    float *x = kernel_check_random(&rng, MAX_ROWS * n_in, 3.0f);
    memset(x + n_in, 0, 64 * sizeof *x); /* inputs of nothing at all */
    x[2 * n_in + 5] = 1000.0f;           /* and one that outshines its neighbours */
    float *wanted = malloc(2 * n_out * sizeof *wanted);
    assert_non_null(wanted);
    run(wanted, &kernels_generic, 1, &w, x, 2, n_in); /* without the outlier's row */
    double error = error_of(wanted, &w, x, 2);
    free(wanted);
    if (!(error < 0.02)) {
        fail_msg("%s: off by %g of the sum of magnitudes", info->name, error);
    }
    check_sets(info->name, &w, x);
    free(x);
    matrix_release(&w);
    free(blocks);
    thread_pool_free(pool);
}

static void test_all_formats(void **state) {
    (void)state;
    int n_formats = 0;
    for (int t = 0; t < TENSOR_N_TYPES; t++) {
        enum tensor_type type = (enum tensor_type)t;
        size_t block = tensor_type_info(type)->block_size;
        if (block > 1) {
            check_type(type, 512, 16 * 9 + 5);
            check_type(type, block, 1);
            check_type(type, 256, 64);
            n_formats++;
        }
    }
    assert_int_equal(n_formats, 11);
}

/* The greatest integers there can be: blocks of one byte throughout but for d and m, inputs all as
 * large as the largest, of one sign or of either. */
static void test_extremes(void **state) {
    (void)state;
    static const unsigned char bytes[] = {0x00, 0x0f, 0x1f, 0x7f, 0x80, 0x81, 0xe0, 0xf0, 0xff};
    static float x[MAX_ROWS * 512];
    for (size_t i = 0; i < sizeof x / sizeof *x; i++) {
        size_t row = i / 512;
        x[i] =
            row % 4 == 0 || (row % 4 == 1 && i % 2 == 0) || (row % 4 == 2 && i % 64 < 32) ? 1 : -1;
    }
    struct thread_pool *pool = thread_pool_new(1);
    assert_non_null(pool);
    for (size_t i = 0; i < TENSOR_N_TYPES * sizeof bytes; i++) {
        const struct tensor_type_info *info =
            tensor_type_info((enum tensor_type)(i / sizeof bytes));
        if (info->block_size == 1) {
            continue;
        }
        static unsigned char blocks[512 * 16 * 2];
        memset(blocks, bytes[i % sizeof bytes], sizeof blocks);
        for (size_t b = 0; b < 512 / info->block_size * 16; b++) {
            unsigned char *block = blocks + b * info->block_bytes;
            bytes_put_u16(block + info->quant->d_at, 0x3c00);
            if (info->quant->has_min) {
                bytes_put_u16(block + info->quant->m_at, 0x3c00);
            }
        }
        struct matrix w;
        assert_true(matrix_init(&w, blocks, (enum tensor_type)(i / sizeof bytes), 512, 16,
                                MATRIX_ROWS_ARE_OUTPUTS, pool));
        check_sets(info->name, &w, x);
        matrix_release(&w);
    }
    thread_pool_free(pool);
}

/* Rows that cannot be rounded to bytes make NaN, in every set; tiny ones make nothing. */
static void test_odd_rows(void **state) {
    (void)state;
    static const float odd[] = {NAN, INFINITY, -INFINITY, 1e-31f, -1e-40f, 3e38f, -0.0f};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        for (size_t at = 0; at < 32; at += 5) {
            float x[32];
            for (size_t j = 0; j < 32; j++) {
                x[j] = i < 3 || i == 5 ? (float)j : 0.0f;
            }
            x[at] = odd[i];
            unsigned char wanted[32 + sizeof(struct quantized_part)];
            kernels_generic.quantize_row(wanted, x, 32);
            struct quantized_part part;
            memcpy(&part, wanted + 32, sizeof part);
            assert_int_equal(isnan(part.d) != 0, i < 3);
            for (size_t s = 1; s < N_SETS; s++) {
                const struct kernels *set = kernels_or_simulated(set_names[s]);
                unsigned char found[sizeof wanted];
                if (set != NULL) {
                    set->quantize_row(found, x, 32);
                    struct quantized_part other;
                    memcpy(&other, found + 32, sizeof other);
                    assert_memory_equal(found, wanted, 32);
                    assert_true(isnan(part.d) ? isnan(other.d) && isnan(other.scaled_sum)
                                              : memcmp(&part, &other, sizeof part) == 0);
                }
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_formats),
        cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_odd_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
