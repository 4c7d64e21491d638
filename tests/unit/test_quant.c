/** test_quant.c - block formats against ggml: fixtures of tests/golden/make_quant_cases.py. */
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
#include "tensor/quant/quant.h"
#include "tensor/tensor_type.h"

#define FIRST_QUANT TENSOR_Q8_0

/* What ggml says of a type; everything lies in `bytes`. */
struct golden {
    unsigned char *bytes;
    size_t n;
    float *x, *back;
    const unsigned char *blocks;
    size_t n_random;
    float *random_back;
    const unsigned char *random;
};

/* A copy of n floats at any address. */
static float *floats_at(const unsigned char **at, size_t n) {
    float *x = malloc(n * sizeof *x);
    assert_non_null(x);
    memcpy(x, *at, n * sizeof *x);
    *at += n * sizeof *x;
    return x;
}

static void golden_open(struct golden *golden, const struct tensor_type_info *info) {
    char path[100];
    snprintf(path, sizeof path, "tests/golden/quant/%s.bin", info->option_name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    enum { MAX = 1 << 16 };
    golden->bytes = malloc(MAX);
    assert_non_null(golden->bytes);
    size_t size = fread(golden->bytes, 1, MAX, file);
    fclose(file);
    const unsigned char *at = golden->bytes;
    golden->n = bytes_u32(at);
    at += 4;
    golden->x = floats_at(&at, golden->n);
    golden->blocks = at;
    at += golden->n / info->block_size * info->block_bytes;
    golden->back = floats_at(&at, golden->n);
    golden->n_random = bytes_u32(at);
    at += 4;
    golden->random = at;
    at += golden->n_random / info->block_size * info->block_bytes;
    golden->random_back = floats_at(&at, golden->n_random);
    assert_int_equal(at - golden->bytes, size);
}

static void golden_close(struct golden *golden) {
    free(golden->bytes);
    free(golden->x);
    free(golden->back);
    free(golden->random_back);
}

static void assert_same_floats(const float *found, const float *wanted, size_t n,
                               const char *what) {
    for (size_t i = 0; i < n; i++) {
        if (memcmp(found + i, wanted + i, sizeof *found) != 0) {
            fail_msg("%s: number %zu is %.9g, wanted %.9g", what, i, (double)found[i],
                     (double)wanted[i]);
        }
    }
}

static void test_reading(void **state) {
    (void)state;
    for (int type = FIRST_QUANT; type < TENSOR_N_TYPES; type++) {
        const struct tensor_type_info *info = tensor_type_info((enum tensor_type)type);
        struct golden golden;
        golden_open(&golden, info);
        float *found = malloc(golden.n * sizeof *found);
        assert_non_null(found);
        assert_int_equal(info->block_size, info->quant->block_size);
        assert_int_equal(info->block_bytes, info->quant->block_bytes);
        info->to_f32(found, golden.blocks, golden.n);
        assert_same_floats(found, golden.back, golden.n, info->name);
        info->to_f32(found, golden.random, golden.n_random);
        assert_same_floats(found, golden.random_back, golden.n_random, info->name);
        free(found);
        golden_close(&golden);
    }
}

/* Bytes to the common form and back. */
static void test_packing(void **state) {
    (void)state;
    for (int type = FIRST_QUANT; type < TENSOR_N_TYPES; type++) {
        const struct tensor_type_info *info = tensor_type_info((enum tensor_type)type);
        struct golden golden;
        golden_open(&golden, info);
        for (size_t i = 0; info->quant->pack != NULL && i < golden.n_random / info->block_size;
             i++) {
            const unsigned char *block = golden.random + i * info->block_bytes;
            unsigned char packed[QUANT_BYTES_MAX];
            struct quant_block apart;
            quant_unpack(info->quant, &apart, block);
            quant_pack(info->quant, packed, &apart);
            assert_memory_equal(packed, block, info->block_bytes);
        }
        golden_close(&golden);
    }
}

static double squared_error(const float *a, const float *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
    }
    return sum;
}

/* Blocks of 32 are rounded as ggml's are, to the bit; blocks of 256 better in the whole, and never
 * much worse. */
static void test_rounding(void **state) {
    (void)state;
    for (int type = FIRST_QUANT; type < TENSOR_N_TYPES; type++) {
        const struct tensor_type_info *info = tensor_type_info((enum tensor_type)type);
        if (info->from_f32 == NULL) {
            continue;
        }
        struct golden golden;
        golden_open(&golden, info);
        size_t size = golden.n / info->block_size * info->block_bytes;
        unsigned char *blocks = malloc(size);
        float *found = malloc(golden.n * sizeof *found);
        assert_non_null(blocks);
        assert_non_null(found);
        info->from_f32(blocks, golden.x, golden.n);
        if (info->block_size == QUANT_SMALL) {
            assert_memory_equal(blocks, golden.blocks, size);
        }
        info->to_f32(found, blocks, golden.n);
        double ours = squared_error(found, golden.x, golden.n);
        double theirs = squared_error(golden.back, golden.x, golden.n);
        printf("# %s: error %.4f of ggml's\n", info->name, sqrt(ours / theirs));
        assert_true(sqrt(ours) <= sqrt(theirs) * (info->block_size == QUANT_SMALL ? 1.0 : 0.993));
        for (size_t i = 0; i < golden.n; i += info->block_size) {
            ours = squared_error(found + i, golden.x + i, info->block_size);
            theirs = squared_error(golden.back + i, golden.x + i, info->block_size);
            assert_true(ours <= 1.15 * theirs);
        }
        free(blocks);
        free(found);
        golden_close(&golden);
    }
}

/* Constant, empty, tiny and huge blocks: what comes back is close, and nothing is undefined. */
static void test_odd_blocks(void **state) {
    (void)state;
    static const float values[] = {0.0f, -0.0f, 1.0f,     -1.0f,     1e-30f,   -1e-30f,
                                   1e3f, -1e3f, 60000.0f, 0x1p-140f, 0x1p-24f, -0x1p-126f};
    for (int type = FIRST_QUANT; type < TENSOR_N_TYPES; type++) {
        const struct tensor_type_info *info = tensor_type_info((enum tensor_type)type);
        for (size_t v = 0; info->from_f32 != NULL && v < 2 * sizeof values / sizeof *values; v++) {
            float x[QUANT_LARGE];
            float back[QUANT_LARGE];
            unsigned char block[QUANT_BYTES_MAX];
            for (size_t i = 0; i < QUANT_LARGE; i++) {
                x[i] = v % 2 == 0 || i % 7 == 0 ? values[v / 2] : 0.0f;
            }
            info->from_f32(block, x, info->block_size);
            assert_int_equal(info->find_not_finite(block, info->block_size), info->block_size);
            info->to_f32(back, block, info->block_size);
            for (size_t i = 0; i < info->block_size; i++) {
                /* A step of the coarsest format, and half a unit of d's last place at 0. */
                double reach = fabs((double)values[v / 2]) * 0.08 + 0x1p-18;
                assert_true(fabs((double)back[i] - (double)x[i]) <= reach);
            }
        }
    }
}

static void test_not_finite(void **state) {
    (void)state;
    static const float bad[] = {INFINITY, -INFINITY, NAN, 3e38f, -3e38f, 1e10f};
    for (int type = FIRST_QUANT; type < TENSOR_N_TYPES; type++) {
        const struct tensor_type_info *info = tensor_type_info((enum tensor_type)type);
        size_t n = info->block_size;
        float x[2 * QUANT_LARGE];
        unsigned char blocks[2 * QUANT_BYTES_MAX] = {0};
        for (size_t b = 0; info->from_f32 != NULL && b < sizeof bad / sizeof *bad; b++) {
            for (size_t i = 0; i < 2 * n; i++) {
                x[i] = (float)i;
            }
            x[n + 5] = bad[b];
            info->from_f32(blocks, x, 2 * n);
            assert_int_equal(info->find_not_finite(blocks, 2 * n), n);
        }
        memset(blocks, 0, sizeof blocks);
        assert_int_equal(info->find_not_finite(blocks, 2 * n), 2 * n);
        bytes_put_u16(blocks + info->quant->d_at, 0xfe00);
        assert_int_equal(info->find_not_finite(blocks, 2 * n), 0);
        bytes_put_u16(blocks + info->quant->d_at, 0x7bff);
        if (info->quant->has_min) {
            bytes_put_u16(blocks + info->block_bytes + info->quant->m_at, 0x7c00);
            assert_int_equal(info->find_not_finite(blocks, 2 * n), n);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading),    cmocka_unit_test(test_packing),
        cmocka_unit_test(test_rounding),   cmocka_unit_test(test_odd_blocks),
        cmocka_unit_test(test_not_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
