/**
 * test_quant_matmul.c - products with weights of block formats: every set, any rows and threads,
 * against the definition in kernels.h to the bit, and against double precision.
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
#include "simulated_vnni.h"
#include "tensor/float_types.h"
#include "tensor/kernels/kernels.h"
#include "tensor/ops.h"

#define FIRST_QUANT TENSOR_Q8_0
#define MAX_ROWS    53

static const char *const set_names[] = {"generic",    "avx2", "avx2vnni",   "avx512",
                                        "avx512vnni", "neon", "neondotprod"};
#define N_SETS (sizeof set_names / sizeof *set_names)

static void *must(void *pointer) {
    assert_non_null(pointer);
    return pointer;
}

/* A product: its weights as rows of random blocks, widened, and as a matrix. */
struct product {
    const struct tensor_type_info *info;
    size_t n_in, n_out;
    unsigned char *blocks;
    float *wide;
    struct matrix w;
    float *x, *bias; /* [MAX_ROWS][n_in], [n_out] */
};

static float random_float(struct rng *rng) {
    return (rng_float(rng) - 0.5f) * 4.0f;
}

/* Blocks of any bits, but for d and m, which are of a weight's size and either sign. */
static void random_blocks(unsigned char *blocks, size_t n, const struct tensor_type_info *info,
                          struct rng *rng) {
    const struct quant_format *format = info->quant;
    for (size_t i = 0; i < n * info->block_bytes; i++) {
        blocks[i] = (unsigned char)(rng_float(rng) * 256.0f);
    }
    for (size_t i = 0; i < n; i++) {
        unsigned char *block = blocks + i * info->block_bytes;
        bytes_put_u16(block + format->d_at, tensor_f16_from_f32(random_float(rng) * 0.01f));
        if (format->has_min) {
            bytes_put_u16(block + format->m_at, tensor_f16_from_f32(random_float(rng) * 0.01f));
        }
    }
}

static void product_init(struct product *p, enum tensor_type type, size_t n_in, size_t n_out) {
    struct rng rng;
    rng_init(&rng, 11, (uint64_t)type);
    *p = (struct product){.info = tensor_type_info(type), .n_in = n_in, .n_out = n_out};
    size_t n_blocks = n_in / p->info->block_size * n_out;
    p->blocks = must(malloc(n_blocks * p->info->block_bytes));
    random_blocks(p->blocks, n_blocks, p->info, &rng);
    p->wide = must(malloc(n_in * n_out * sizeof *p->wide));
    p->info->to_f32(p->wide, p->blocks, n_in * n_out);
    p->x = must(malloc(MAX_ROWS * n_in * sizeof *p->x));
    for (size_t i = 0; i < MAX_ROWS * n_in; i++) {
        /* Some inputs far out, some parts all 0, some tiny. */
        p->x[i] = random_float(&rng) * (i % 50 == 0 ? 20.0f : i / 32 % 9 == 4 ? 0.0f : 1.0f);
        p->x[i] *= i / 32 % 11 == 7 ? 0x1p-110f : 1.0f;
    }
    p->bias = must(malloc(n_out * sizeof *p->bias));
    for (size_t i = 0; i < n_out; i++) {
        p->bias[i] = random_float(&rng);
    }
    struct thread_pool *pool = must(thread_pool_new(2));
    assert_true(matrix_init(&p->w, p->blocks, type, n_in, n_out, MATRIX_ROWS_ARE_OUTPUTS, pool));
    thread_pool_free(pool);
}

static void product_release(struct product *p) {
    matrix_release(&p->w);
    free(p->blocks);
    free(p->wide);
    free(p->x);
    free(p->bias);
}

/* 32 inputs, rounded as kernels.h says. */
static float quantize(int q[32], const float *x) {
    float greatest = 0.0f;
    for (size_t i = 0; i < 32; i++) {
        greatest = fmaxf(greatest, fabsf(x[i]));
    }
    for (size_t i = 0; i < 32; i++) {
        q[i] = greatest < 0x1p-100f ? 0 : (int)rintf(x[i] * (127.0f / greatest));
    }
    return greatest < 0x1p-100f ? 0.0f : greatest / 127.0f;
}

/* sum goes on over 32 k, number `part` of the block, as kernels.h says. */
static float plain_part(float sum, const struct quant_format *format,
                        const struct quant_block *block, size_t part, const float *x) {
    int q[32];
    float d_x = quantize(q, x);
    float d = tensor_f16_to_f32(block->d);
    float m = tensor_f16_to_f32(block->m);
    int dot = 0;
    int inputs = 0;
    int mins = 0;
    for (size_t i = 0; i < 32; i++) {
        size_t g = (part * 32 + i) / format->group_size;
        int scale = format->group_size == 16 ? block->scale[g] : 1;
        dot += scale * (quant_value(format, block->q[part * 32 + i]) - format->offset) * q[i];
        inputs += q[i];
        mins += block->min[g] * q[i];
    }
    if (format->group_size == 16) {
        sum = fmaf((float)dot, d * d_x, sum);
        return format->has_min ? fmaf((float)mins, m * d_x, sum) : sum;
    }
    sum = fmaf((float)dot, d * (float)block->scale[part] * d_x, sum);
    return format->has_min ? fmaf(m * (float)block->min[part], d_x * (float)inputs, sum) : sum;
}

static float plain_element(const struct product *p, size_t row, size_t column) {
    const struct quant_format *format = p->info->quant;
    size_t n_blocks = p->n_in / format->block_size;
    const unsigned char *blocks = p->blocks + column * n_blocks * format->block_bytes;
    float sum = 0.0f;
    for (size_t b = 0; b < n_blocks; b++) {
        struct quant_block block;
        quant_unpack(format, &block, blocks + b * format->block_bytes);
        for (size_t part = 0; part < format->block_size / 32; part++) {
            const float *x = p->x + row * p->n_in + b * format->block_size + part * 32;
            sum = plain_part(sum, format, &block, part, x);
        }
    }
    return sum + p->bias[column];
}

/* With exact inputs in double precision, the result may differ by half a step of each input. */
static void assert_near_truth(const struct product *p, float found, size_t row, size_t column) {
    double sum = (double)p->bias[column];
    double reach = 1e-5;
    for (size_t part = 0; part < p->n_in / 32; part++) {
        int q[32];
        const float *x = p->x + row * p->n_in + part * 32;
        double step = (double)quantize(q, x);
        for (size_t i = 0; i < 32; i++) {
            double w = (double)p->wide[column * p->n_in + part * 32 + i];
            sum += w * (double)x[i];
            reach += fabs(w) * step * 0.5001 + fabs(w * (double)x[i]) * 1e-5;
        }
    }
    assert_true(fabs((double)found - sum) <= reach);
}

static void check_sets(const struct product *p, const float *wanted) {
    static const size_t row_counts[] = {1, 2, 8, 17, MAX_ROWS};
    float *found = must(malloc(MAX_ROWS * p->n_out * sizeof *found));
    for (size_t i = 0; i < N_SETS * 2 * 5; i++) {
        const struct kernels *set = kernels_or_simulated(set_names[i / 10]);
        int n_threads = i % 2 == 0 ? 1 : 3;
        size_t n_rows = row_counts[i / 2 % 5];
        struct compute compute;
        if (set == NULL) {
            continue;
        }
        assert_true(compute_init(&compute, set, n_threads, kernels_matmul_scratch(&p->w)));
        /* Room for five rows: more come in turns. With three threads, room for all. */
        size_t room = n_threads == 1 ? 5 : MAX_ROWS;
        assert_true(
            compute_reserve_inputs(&compute, room * kernels_quantized_row_bytes(&p->w) + 63));
        struct matmul_job job = {.y = found,
                                 .y_stride = p->n_out,
                                 .x = p->x,
                                 .x_stride = p->n_in,
                                 .n_rows = n_rows,
                                 .w = &p->w,
                                 .bias = p->bias};
        op_matmul(&compute, &job);
        for (size_t at = 0; at < n_rows * p->n_out; at++) {
            if (memcmp(found + at, wanted + at, sizeof *found) != 0) {
                fail_msg("%s, %s, %zu rows: row %zu column %zu is %.9g, wanted %.9g", p->info->name,
                         set->name, n_rows, at / p->n_out, at % p->n_out, (double)found[at],
                         (double)wanted[at]);
            }
        }
        compute_release(&compute);
    }
    free(found);
}

static const size_t sizes[][2] = {{32, 16}, {96, 50}, {256, 16}, {512, 33}, {768, 1}, {1024, 80}};

static void test_products(void **state) {
    (void)state;
    for (int type = FIRST_QUANT; type < TENSOR_N_TYPES; type++) {
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            struct product p;
            if (sizes[s][0] % tensor_type_info((enum tensor_type)type)->block_size != 0) {
                continue;
            }
            product_init(&p, (enum tensor_type)type, sizes[s][0], sizes[s][1]);
            float *wanted = must(malloc(MAX_ROWS * p.n_out * sizeof *wanted));
            for (size_t i = 0; i < MAX_ROWS * p.n_out; i++) {
                wanted[i] = plain_element(&p, i / p.n_out, i % p.n_out);
                assert_near_truth(&p, wanted[i], i / p.n_out, i % p.n_out);
            }
            check_sets(&p, wanted);
            free(wanted);
            product_release(&p);
        }
    }
}

/* What was packed comes out again, to the bit, and takes little more room than in the file. */
static void test_columns(void **state) {
    (void)state;
    for (int type = FIRST_QUANT; type < TENSOR_N_TYPES; type++) {
        struct product p;
        product_init(&p, (enum tensor_type)type, 768, 2 * MATRIX_PANEL);
        size_t bytes = p.n_in / p.info->block_size * p.info->block_bytes * p.n_out;
        assert_true((double)p.w.packed_bytes <= (double)bytes * 1.05);
        product_release(&p);
        product_init(&p, (enum tensor_type)type, 512, 37);
        float column[512];
        for (size_t n = 0; n < p.n_out; n++) {
            matrix_column(column, &p.w, n);
            assert_memory_equal(column, p.wide + n * p.n_in, sizeof column);
        }
        product_release(&p);
    }
}

/* Inputs that are not finite make their row's result so, and no other. */
static void test_bad_inputs(void **state) {
    (void)state;
    static const float bad[] = {INFINITY, -INFINITY, NAN};
    for (size_t i = 0; i < N_SETS * 3; i++) {
        const struct kernels *set = kernels_or_simulated(set_names[i / 3]);
        struct product p;
        struct compute compute;
        float y[2 * 16];
        if (set == NULL) {
            continue;
        }
        product_init(&p, TENSOR_Q8_0, 64, 16);
        p.x[40] = bad[i % 3];
        assert_true(compute_init(&compute, set, 1, kernels_matmul_scratch(&p.w)));
        assert_true(compute_reserve_inputs(&compute, 2 * kernels_quantized_row_bytes(&p.w)));
        struct matmul_job job = {
            .y = y, .y_stride = 16, .x = p.x, .x_stride = 64, .n_rows = 2, .w = &p.w};
        op_matmul(&compute, &job);
        for (size_t n = 0; n < 16; n++) {
            assert_true(isnan(y[n]));
            assert_true(isfinite(y[16 + n]));
        }
        compute_release(&compute);
        product_release(&p);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_bad_inputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
