/**
 * test_meter.c - what measuring rests on: that the kernels do the work they say, and what a pass
 * costs.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gen_bench.h"
#include "tensor/kernels/kernels.h"

static const char *const set_names[] = {"generic",    "avx2", "avx2vnni",   "avx512",
                                        "avx512vnni", "neon", "neondotprod"};
#define N_SETS (sizeof set_names / sizeof *set_names)

/* Every number is read: each changes the sum. */
static void test_read_sum(void **state) {
    (void)state;
    float x[2 * KERNELS_READ_FLOATS];
    const size_t n = sizeof x / sizeof *x;
    for (size_t i = 0; i < n; i++) {
        x[i] = 1.0f;
    }
    for (size_t s = 0; s < N_SETS; s++) {
        const struct kernels *set = kernels_by_name(set_names[s]);
        for (size_t i = 0; set != NULL && i < n; i++) {
            x[i] = 8.0f;
            assert_true(set->read_sum(x, n) == (float)n + 7.0f);
            x[i] = 1.0f;
        }
    }
}

/* As many operations as it says are done, one after the other on each sum, and no others. */
static void test_fma_loop(void **state) {
    (void)state;
    const size_t n_rounds = 5;
    for (size_t s = 0; s < N_SETS; s++) {
        const struct kernels *set = kernels_by_name(set_names[s]);
        if (set == NULL) {
            continue;
        }
        float sums[KERNELS_LOOP_SUMS];
        for (size_t i = 0; i < KERNELS_LOOP_SUMS; i++) {
            sums[i] = (float)i;
        }
        size_t n_operations = set->fma_loop(sums, 0.7f, 0.3f, n_rounds);
        assert_int_equal(n_operations % (2 * n_rounds), 0);
        size_t n_sums = n_operations / 2 / n_rounds;
        assert_in_range(n_sums, 16, KERNELS_LOOP_SUMS);
        for (size_t i = 0; i < KERNELS_LOOP_SUMS; i++) {
            float wanted = (float)i;
            for (size_t round = 0; i < n_sums && round < n_rounds; round++) {
                wanted = fmaf(wanted, 0.7f, 0.3f);
            }
            assert_true(sums[i] == wanted);
        }
    }
}

/* The same for products of bytes: with ones, a sum grows by their number. With all 8 bits the
 * ones may stand for something else, but all for the same. */
static void test_int8_loop(void **state) {
    (void)state;
    const size_t n_rounds = 5;
    for (size_t s = 0; s < N_SETS * 2; s++) {
        const struct kernels *set = kernels_by_name(set_names[s / 2]);
        bool full = s % 2 == 1;
        if (set == NULL) {
            continue;
        }
        int32_t sums[KERNELS_LOOP_SUMS];
        int8_t numbers[KERNELS_LOOP_NUMBERS];
        for (size_t i = 0; i < KERNELS_LOOP_SUMS; i++) {
            sums[i] = (int32_t)i;
        }
        memset(numbers, 1, sizeof numbers);
        size_t n_operations = set->int8_loop(sums, numbers, n_rounds, full);
        size_t n_products = n_rounds * KERNELS_LOOP_PRODUCTS;
        assert_int_equal(n_operations % (2 * n_products), 0);
        size_t n_sums = n_operations / 2 / n_products;
        assert_in_range(n_sums, 16, KERNELS_LOOP_SUMS);
        int32_t product = sums[0] / (int32_t)n_products;
        assert_true(full ? product != 0 : product == 1);
        for (size_t i = 0; i < KERNELS_LOOP_SUMS; i++) {
            int32_t grown = i < n_sums ? (int32_t)n_products * product : 0;
            assert_int_equal(sums[i], (int32_t)i + grown);
        }
    }
}

static void test_meter(void **state) {
    (void)state;
    struct gen_meter_options options = gen_meter_options_default();
    options.buffer_bytes = 3000001;
    options.n_threads = 2;
    options.seconds = 0;
    struct gen_meter *meter;
    struct gen_error err;
    assert_int_equal(gen_meter_new(&meter, &options, &err), GEN_OK);
    assert_in_range(gen_meter_buffer_bytes(meter), 3000001, 6000000);
    double rate;
    assert_int_equal(gen_meter_measure(meter, GEN_LIMIT_READ, &rate, &err), GEN_OK);
    assert_true(rate > 0 && isfinite(rate));
    assert_int_equal(gen_meter_measure(meter, GEN_LIMIT_F32, &rate, &err), GEN_OK);
    assert_true(rate > 0 && isfinite(rate));
    assert_int_equal(gen_meter_measure(meter, GEN_LIMIT_INT8, &rate, &err), GEN_OK);
    assert_true(rate > 0 && isfinite(rate));
    gen_meter_free(meter);
    gen_meter_free(NULL);
}

static void assert_refused(int n_threads, const char *kernels, double seconds) {
    struct gen_meter_options options = gen_meter_options_default();
    options.buffer_bytes = 1;
    options.n_threads = n_threads;
    options.kernels = kernels;
    options.seconds = seconds;
    struct gen_meter *meter;
    struct gen_error err;
    assert_int_equal(gen_meter_new(&meter, &options, &err), GEN_BAD_ARGUMENT);
    assert_null(meter);
}

static void test_meter_refuses(void **state) {
    (void)state;
    assert_refused(-1, NULL, 0);
    assert_refused(1025, NULL, 0);
    assert_refused(1, "sse9", 0);
    assert_refused(1, NULL, -1);
    assert_refused(1, NULL, 3601);
    assert_refused(1, NULL, (double)NAN);
}

/* 2 layers, width 64, inner width 256, 512 tokens. */
static void test_cost(void **state) {
    (void)state;
    struct gen_model_options options = gen_model_options_default();
    struct gen_model *model;
    struct gen_error err;
    const char *path = "tests/golden/models/base";
    assert_int_equal(gen_model_open(&model, path, &options, &err), GEN_OK);
    struct gen_cost cost = gen_model_cost(model);
    assert_int_equal(cost.row_int8_operations + cost.head_int8_operations, 0);
    assert_false(cost.full_int8);
    size_t layer = 64 * 192 + 64 * 64 + 2 * 64 * 256;
    assert_int_equal(cost.row_operations, 2 * (layer + 64 * 128));
    assert_int_equal(cost.head_operations, 2 * (layer - 64 * 128 + 64 * 512));
    assert_int_equal(cost.weight_bytes, 4 * (cost.row_operations + cost.head_operations) / 2);
    assert_int_equal(cost.seen_numbers, 2 * 2 * 64);
    assert_int_equal(cost.row_seen_operations, 2 * 2 * 64);
    assert_int_equal(cost.head_seen_operations, 2 * 2 * 64);
    gen_model_free(model);
    options.metadata_only = true;
    assert_int_equal(gen_model_open(&model, path, &options, &err), GEN_OK);
    cost = gen_model_cost(model);
    assert_int_equal(cost.weight_bytes + cost.row_operations + cost.row_seen_operations, 0);
    gen_model_free(model);
}

/* Width 16, the second of 2 layers local. */
static void test_cost_of_local_layers(void **state) {
    (void)state;
    struct gen_model *model;
    struct gen_error err;
    assert_int_equal(gen_model_open(&model, "tests/golden/models/neo-words", NULL, &err), GEN_OK);
    struct gen_cost cost = gen_model_cost(model);
    assert_int_equal(cost.window, 16);
    assert_int_equal(cost.seen_numbers, 2 * 16);
    assert_int_equal(cost.local_numbers, 2 * 16);
    assert_int_equal(cost.row_seen_operations, 2 * 2 * 16);
    assert_int_equal(cost.head_seen_operations + cost.row_local_operations, 0);
    assert_int_equal(cost.head_local_operations, 2 * 2 * 16);
    gen_model_free(model);
}

/* The embedded model's matrices are of 8 bits, all of them. */
static void test_cost_q8_0(void **state) {
    (void)state;
    struct gen_model *model;
    struct gen_error err;
    assert_int_equal(gen_model_open(&model, "models/tales-6m.gguf", NULL, &err), GEN_OK);
    struct gen_cost cost = gen_model_cost(model);
    assert_int_equal(cost.row_int8_operations, cost.row_operations);
    assert_int_equal(cost.head_int8_operations, cost.head_operations);
    assert_true(cost.full_int8);
    gen_model_free(model);
}

/* Half-precision weights are half as heavy, and cost as many operations. */
static void test_cost_f16(void **state) {
    (void)state;
    struct gen_model *model;
    struct gen_error err;
    assert_int_equal(gen_model_open(&model, "tests/golden/models/f16", NULL, &err), GEN_OK);
    struct gen_cost cost = gen_model_cost(model);
    assert_int_equal(cost.weight_bytes, cost.row_operations + cost.head_operations);
    gen_model_free(model);
}

static void test_clock(void **state) {
    (void)state;
    double start = gen_clock();
    assert_true(isfinite(start) && gen_clock() >= start);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_sum),
        cmocka_unit_test(test_fma_loop),
        cmocka_unit_test(test_int8_loop),
        cmocka_unit_test(test_meter),
        cmocka_unit_test(test_meter_refuses),
        cmocka_unit_test(test_cost),
        cmocka_unit_test(test_cost_of_local_layers),
        cmocka_unit_test(test_cost_q8_0),
        cmocka_unit_test(test_cost_f16),
        cmocka_unit_test(test_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
