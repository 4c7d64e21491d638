/**
 * test_kernels.c - kernel sets against the generic one, bit for bit, and the generic one against
 * plain loops.
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

#include "base/math.h"
#include "base/rng.h"
#include "kernel_check.h"
#include "kv_head.h"
#include "tensor/float_types.h"
#include "tensor/kernels/kernels.h"
#include "tensor/ops.h"

static const char *const set_names[] = {"generic", "avx2", "avx512", "neon"};
#define N_SETS (sizeof set_names / sizeof *set_names)

/* y = x w (+ bias) by the definition of kernels.h, one element after the other. */
static void plain_matmul(float *y, const float *x, const float *w_rows, const float *bias,
                         size_t n_rows, size_t n_in, size_t n_out) {
    for (size_t r = 0; r < n_rows; r++) {
        for (size_t n = 0; n < n_out; n++) {
            float sum = 0.0f;
            for (size_t k = 0; k < n_in; k++) {
                sum = fmaf(x[r * n_in + k], w_rows[n * n_in + k], sum);
            }
            y[r * n_out + n] = sum + bias[n];
        }
    }
}

struct product {
    size_t n_rows, n_in, n_out;
};

static const struct product products[] = {
    {1, 1, 1},   {1, 16, 16},  {1, 60, 180},  {2, 64, 64},   {3, 33, 48},  {5, 20, 50},
    {7, 17, 31}, {8, 192, 96}, {9, 100, 112}, {15, 64, 256}, {16, 31, 80}, {37, 70, 133},
};

/* One product with every set, weight type and layout, on 1 and 3 threads. */
static void check_product(const struct product *p, enum tensor_type type) {
    struct rng rng;
    rng_init(&rng, 7, (uint64_t)type);
    const struct tensor_type_info *info = tensor_type_info(type);
    size_t n = p->n_in * p->n_out;
    float *x = kernel_check_random(&rng, p->n_rows * p->n_in, 4.0f);
    float *bias = kernel_check_random(&rng, p->n_out, 4.0f);
    float *raw = kernel_check_random(&rng, n, 4.0f);
    float *transposed = kernel_check_random(&rng, n, 4.0f);
    unsigned char *stored = malloc(n * 4);
    unsigned char *stored_transposed = malloc(n * 4);
    float *wanted = kernel_check_random(&rng, p->n_rows * p->n_out, 4.0f);
    float *found = kernel_check_random(&rng, p->n_rows * p->n_out, 4.0f);
    assert_non_null(stored);
    assert_non_null(stored_transposed);
    info->from_f32(stored, raw, n);
    info->to_f32(raw, stored, n);
    for (size_t i = 0; i < n; i++) {
        transposed[i % p->n_in * p->n_out + i / p->n_in] = raw[i];
    }
    info->from_f32(stored_transposed, transposed, n);
    plain_matmul(wanted, x, raw, bias, p->n_rows, p->n_in, p->n_out);
    struct thread_pool *pool = thread_pool_new(2);
    assert_non_null(pool);
    for (int layout = 0; layout < 2; layout++) {
        struct matrix w;
        assert_true(
            matrix_init(&w, layout == 0 ? stored : stored_transposed, type, p->n_in, p->n_out,
                        layout == 0 ? MATRIX_ROWS_ARE_OUTPUTS : MATRIX_ROWS_ARE_INPUTS, pool));
        float *column = kernel_check_random(&rng, p->n_in, 4.0f);
        matrix_column(column, &w, p->n_out - 1);
        kernel_check_same(column, raw + (p->n_out - 1) * p->n_in, p->n_in, "column");
        free(column);
        for (size_t s = 0; s < N_SETS; s++) {
            const struct kernels *set = kernels_by_name(set_names[s]);
            for (int threads = 1; set != NULL && threads <= 3; threads += 2) {
                struct compute compute;
                assert_true(compute_init(&compute, set, threads, kernels_matmul_scratch(&w)));
                struct matmul_job job = {.y = found,
                                         .y_stride = p->n_out,
                                         .x = x,
                                         .x_stride = p->n_in,
                                         .n_rows = p->n_rows,
                                         .w = &w,
                                         .bias = bias};
                op_matmul(&compute, &job);
                kernel_check_same(found, wanted, p->n_rows * p->n_out, set->name);
                compute_release(&compute);
            }
        }
        matrix_release(&w);
    }
    thread_pool_free(pool);
    free(x);
    free(bias);
    free(raw);
    free(transposed);
    free(stored);
    free(stored_transposed);
    free(wanted);
    free(found);
}

static void test_matmul(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof products / sizeof *products; i++) {
        check_product(&products[i], TENSOR_F32);
        check_product(&products[i], TENSOR_F16);
        check_product(&products[i], TENSOR_BF16);
    }
}

static double true_activation(double x, enum gen_activation activation) {
    switch (activation) {
    case GEN_GELU_NEW:
        return 0.5 * x * (1 + tanh(sqrt(2 / acos(-1.0)) * (x + 0.044715 * x * x * x)));
    case GEN_GELU:
        return 0.5 * x * (1 + erf(x / sqrt(2.0)));
    case GEN_SILU:
        return x / (1 + exp(-x));
    case GEN_QUICK_GELU:
        return x / (1 + exp(-1.702 * x));
    case GEN_RELU:
    default:
        return x > 0 ? x : 0;
    }
}

static void test_activations(void **state) {
    (void)state;
    enum { N = 4003 };
    static float x[N], wanted[N], found[N];
    for (int i = 0; i < N; i++) {
        x[i] = ((float)i - N / 2) * 0.01f;
    }
    x[0] = -1e30f;
    x[1] = 1e30f;
    x[2] = -0.0f;
    for (int a = GEN_GELU_NEW; a <= GEN_QUICK_GELU; a++) {
        enum gen_activation activation = (enum gen_activation)a;
        memcpy(wanted, x, sizeof x);
        kernels_generic.activate(wanted, N, activation);
        for (int i = 2; i < N; i++) {
            double truth = true_activation((double)x[i], activation);
            double error = fabs((double)wanted[i] - truth);
            if (error > 2e-7 * fmax(fabs((double)x[i]), 1)) {
                fail_msg("activation %d of %g is %.9g, wanted %.9g", a, (double)x[i],
                         (double)wanted[i], truth);
            }
        }
        for (size_t s = 1; s < N_SETS; s++) {
            const struct kernels *set = kernels_by_name(set_names[s]);
            for (size_t n = set == NULL ? N + 1 : 1; n <= N; n = n < 40 ? n + 1 : n + 1321) {
                memcpy(found, x, sizeof x);
                set->activate(found, n, activation);
                kernel_check_same(found, wanted, n, set->name);
                kernel_check_same(found + n, x + n, N - n, "after the end");
            }
        }
    }
}

/* Sums that overflowed reach the output, whatever the activation: nothing turns NaN into 0. */
static void test_nan_stays(void **state) {
    (void)state;
    for (size_t s = 0; s < N_SETS; s++) {
        const struct kernels *set = kernels_by_name(set_names[s]);
        for (int a = GEN_GELU_NEW; set != NULL && a <= GEN_QUICK_GELU; a++) {
            float x[20] = {[3] = NAN, [18] = NAN};
            set->activate(x, 20, (enum gen_activation)a);
            assert_true(isnan(x[3]) && isnan(x[18]) && x[4] == 0.0f);
        }
        for (size_t i = 0; set != NULL && i < 20; i++) {
            float x[20] = {[3] = 1.0f};
            x[i] = i % 2 == 0 ? NAN : INFINITY; /* scores of which no weights can be made */
            set->softmax(x, 20, 1.0f);
            assert_true(isnan(x[i]));
        }
    }
}

/* exp of the vector kernels is base/math's: through softmax of two numbers, one of them 0. */
static void test_softmax(void **state) {
    (void)state;
    struct rng rng;
    rng_init(&rng, 3, 3);
    for (size_t n = 1; n < 140; n++) {
        float *x = kernel_check_random(&rng, n, 4.0f);
        float *wanted = kernel_check_random(&rng, n, 4.0f);
        memcpy(wanted, x, n * sizeof *x);
        kernels_generic.softmax(wanted, n, 1.5f);
        double sum = 0;
        double total = 0;
        for (size_t i = 0; i < n; i++) {
            total += exp(1.5 * (double)x[i]);
        }
        for (size_t i = 0; i < n; i++) {
            sum += (double)wanted[i];
            assert_true(fabs((double)wanted[i] - exp(1.5 * (double)x[i]) / total) < 1e-6);
        }
        assert_true(fabs(sum - 1) < 1e-5);
        for (size_t s = 1; s < N_SETS; s++) {
            const struct kernels *set = kernels_by_name(set_names[s]);
            if (set != NULL) {
                float *found = kernel_check_random(&rng, n, 4.0f);
                memcpy(found, x, n * sizeof *x);
                set->softmax(found, n, 1.5f);
                kernel_check_same(found, wanted, n, set->name);
                free(found);
            }
        }
        free(x);
        free(wanted);
    }
}

static void test_layer_norm_and_add(void **state) {
    (void)state;
    struct rng rng;
    rng_init(&rng, 4, 4);
    for (size_t n = 1; n < 100; n++) {
        float *x = kernel_check_random(&rng, n, 4.0f);
        float *weight = kernel_check_random(&rng, n, 4.0f);
        float *bias = kernel_check_random(&rng, n, 4.0f);
        float *wanted = kernel_check_random(&rng, n, 4.0f);
        float *found = kernel_check_random(&rng, n, 4.0f);
        kernels_generic.layer_norm(wanted, x, weight, bias, n, 1e-5f);
        double mean = 0;
        double variance = 0;
        for (size_t i = 0; i < n; i++) {
            mean += (double)x[i] / (double)n;
        }
        for (size_t i = 0; i < n; i++) {
            variance += ((double)x[i] - mean) * ((double)x[i] - mean) / (double)n;
        }
        for (size_t i = 0; i < n; i++) {
            double truth =
                ((double)x[i] - mean) / sqrt(variance + 1e-5) * (double)weight[i] + (double)bias[i];
            assert_true(fabs(truth - (double)wanted[i]) < 1e-4);
        }
        for (size_t s = 1; s < N_SETS; s++) {
            const struct kernels *set = kernels_by_name(set_names[s]);
            if (set != NULL) {
                set->layer_norm(found, x, weight, bias, n, 1e-5f);
                kernel_check_same(found, wanted, n, set->name);
                set->add(found, x, bias, n);
                for (size_t i = 0; i < n; i++) {
                    assert_true(found[i] == x[i] + bias[i]);
                }
            }
        }
        free(x);
        free(weight);
        free(bias);
        free(wanted);
        free(found);
    }
}

static const size_t head_sizes[] = {1, 16, 20, 48, 64, 128, 144};
static const enum tensor_type kv_types[] = {TENSOR_F32, TENSOR_F16};

/* Keys and values lie where kernels.h says, rounded once by tensor_type.h's definition. */
static void check_stored(const struct kv_head *head, const float *keys, const float *values,
                         size_t positions, const char *name) {
    const struct tensor_type_info *info = tensor_type_info(head->type);
    for (size_t p = 0; p < positions; p++) {
        const unsigned char *block = head->blocks[p / KERNELS_KV_BLOCK];
        size_t in_block = p % KERNELS_KV_BLOCK;
        for (size_t i = 0; i < head->size; i++) {
            size_t k_at = (in_block / 16 * head->size + i) * 16 + in_block % 16;
            size_t v_at = in_block * head->v_stride + i;
            unsigned char key[4], value[4];
            info->from_f32(key, keys + p * head->size + i, 1);
            info->from_f32(value, values + p * head->size + i, 1);
            if (memcmp(block + head->k_offset + k_at * info->block_bytes, key, info->block_bytes) !=
                    0 ||
                memcmp(block + head->v_offset + v_at * info->block_bytes, value,
                       info->block_bytes) != 0) {
                fail_msg("%s, %s, head size %zu: stored otherwise", name, info->name, head->size);
            }
        }
    }
}

/* Numbers at the edges of f16: half ways, subnormals, the greatest, overflow, infinity. */
static const float f16_edges[] = {1.00048828125f, 1.00146484375f, -0.0f,      0x1p-24f,
                                  0x1p-25f,       0x1.8p-25f,     -0x1p-26f,  0x1.ff8p-15f,
                                  0x1.ffcp-15f,   65504.0f,       65519.996f, 65520.0f,
                                  -1e30f,         HUGE_VALF,      1e-40f,     0x1.004p-14f};

static void test_store_kv(void **state) {
    (void)state;
    enum { POSITIONS = 170 };
    struct rng rng;
    rng_init(&rng, 6, 6);
    for (size_t h = 0; h < sizeof head_sizes / sizeof *head_sizes; h++) {
        size_t size = head_sizes[h];
        float *keys = kernel_check_random(&rng, POSITIONS * size, 4.0f);
        float *values = kernel_check_random(&rng, POSITIONS * size, 4.0f);
        for (size_t i = 0; i < sizeof f16_edges / sizeof *f16_edges; i++) {
            keys[i * 3 % (POSITIONS * size)] = f16_edges[i];
            values[i * 5 % (POSITIONS * size)] = f16_edges[i];
        }
        for (size_t s = 0; s < N_SETS; s++) {
            const struct kernels *set = kernels_by_name(set_names[s]);
            for (size_t t = 0; set != NULL && t < 2; t++) {
                struct kv_head head = kv_head_new(size, POSITIONS, kv_types[t]);
                struct attention_job job = kv_head_job(&head);
                size_t turn = 0;
                for (size_t p = 0; p < POSITIONS; p += job.n_rows) {
                    size_t rows = 1 + turn++ % KERNELS_ATTENTION_ROWS;
                    job.n_rows = POSITIONS - p < rows ? POSITIONS - p : rows;
                    job.length = p + 1;
                    job.new_k = keys + p * size;
                    job.new_v = values + p * size;
                    set->store_kv(&job);
                }
                check_stored(&head, keys, values, POSITIONS, set->name);
                kv_head_free(&head);
            }
        }
        free(keys);
        free(values);
    }
}

/* Attention of several rows at once equals that of each row alone, and every set's the same. */
static void check_attention(struct rng *rng, size_t size, enum tensor_type type) {
    enum { N_CTX = 300, MAX_ROWS = KERNELS_ATTENTION_ROWS };
    struct kv_head head = kv_head_new(size, N_CTX, type);
    float *q = kernel_check_random(rng, MAX_ROWS * size, 4.0f);
    float *new = kernel_check_random(rng, N_CTX * size, 4.0f);
    float *wanted = kernel_check_random(rng, MAX_ROWS * size, 4.0f);
    float *found = kernel_check_random(rng, MAX_ROWS * size, 4.0f);
    float *scratch = kernel_check_random(rng, kernels_attention_scratch(N_CTX), 4.0f);
    struct attention_job job = kv_head_job(&head);
    job.q = q;
    for (size_t p = 0; p < N_CTX; p++) {
        job.n_rows = 1;
        job.length = p + 1;
        job.new_k = new + p *size;
        job.new_v = new + (N_CTX - 1 - p) * size;
        kernels_generic.store_kv(&job);
    }
    for (size_t length = 1; length + MAX_ROWS <= N_CTX; length += 37) {
        for (size_t r = 0; r < MAX_ROWS; r++) {
            struct attention_job alone = job;
            alone.q = q + r * size;
            alone.out = wanted + r * size;
            alone.n_rows = 1;
            alone.length = length + r;
            kernels_generic.attention(&alone, NULL, scratch);
        }
        for (size_t s = 0; s < N_SETS; s++) {
            const struct kernels *set = kernels_by_name(set_names[s]);
            for (size_t rows = set == NULL ? MAX_ROWS + 1 : 1; rows <= MAX_ROWS; rows++) {
                job.out = found;
                job.n_rows = rows;
                job.length = length;
                memset(found, 0xff, rows * size * sizeof *found);
                set->attention(&job, NULL, scratch);
                kernel_check_same(found, wanted, rows * size, set->name);
                /* What comes next changes no bit, however long it is. */
                for (size_t n = 1; n <= N_CTX; n += 96) {
                    struct attention_job next = job;
                    next.length = n;
                    memset(found, 0xff, rows * size * sizeof *found);
                    set->attention(&job, &next, scratch);
                    kernel_check_same(found, wanted, rows * size, set->name);
                }
            }
        }
    }
    free(q);
    free(new);
    free(wanted);
    free(found);
    free(scratch);
    kv_head_free(&head);
}

static void test_attention(void **state) {
    (void)state;
    struct rng rng;
    rng_init(&rng, 5, 5);
    for (size_t h = 0; h < sizeof head_sizes / sizeof *head_sizes; h++) {
        check_attention(&rng, head_sizes[h], TENSOR_F32);
        check_attention(&rng, head_sizes[h], TENSOR_F16);
    }
}

/* Against a sum in double over the f16 numbers themselves: what is read is what was stored. */
static void test_attention_reads_f16(void **state) {
    (void)state;
    enum { LENGTH = 40, SIZE = 20 };
    struct rng rng;
    rng_init(&rng, 7, 7);
    float *q = kernel_check_random(&rng, SIZE, 4.0f);
    float *new = kernel_check_random(&rng, LENGTH * SIZE, 4.0f);
    float *scratch = kernel_check_random(&rng, kernels_attention_scratch(LENGTH), 4.0f);
    struct kv_head head = kv_head_new(SIZE, LENGTH, TENSOR_F16);
    struct attention_job job = kv_head_job(&head);
    for (size_t p = 0; p < LENGTH; p++) {
        job.n_rows = 1;
        job.length = p + 1;
        job.new_k = job.new_v = new + p *SIZE;
        kernels_generic.store_kv(&job);
    }
    double weights[LENGTH], total = 0, wanted[SIZE] = {0};
    for (size_t p = 0; p < LENGTH; p++) {
        double score = 0;
        for (size_t i = 0; i < SIZE; i++) {
            score +=
                (double)q[i] * (double)tensor_f16_to_f32(tensor_f16_from_f32(new[p * SIZE + i]));
        }
        total += weights[p] = exp(score * 0.3);
    }
    for (size_t p = 0; p < LENGTH; p++) {
        for (size_t i = 0; i < SIZE; i++) {
            wanted[i] += weights[p] / total *
                         (double)tensor_f16_to_f32(tensor_f16_from_f32(new[p * SIZE + i]));
        }
    }
    float found[SIZE];
    job.q = q;
    job.out = found;
    job.n_rows = 1;
    kernels_generic.attention(&job, NULL, scratch);
    for (size_t i = 0; i < SIZE; i++) {
        assert_true(fabs((double)found[i] - wanted[i]) < 2e-6);
    }
    free(q);
    free(new);
    free(scratch);
    kv_head_free(&head);
}

int main(void) {
    for (size_t s = 0; s < N_SETS; s++) {
        printf("kernels %s: %s\n", set_names[s],
               kernels_by_name(set_names[s]) != NULL ? "tested" : "skipped: not on this machine");
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matmul),
        cmocka_unit_test(test_activations),
        cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_layer_norm_and_add),
        cmocka_unit_test(test_store_kv),
        cmocka_unit_test(test_attention),
        cmocka_unit_test(test_attention_reads_f16),
        cmocka_unit_test(test_nan_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
