/**
 * test_attention_window.c - attention of rows that see only the last positions: against plain
 * double precision, and the same bits for a row alone, with others, and with every kernel set.
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

#include "base/size.h"
#include "kernel_check.h"
#include "kv_head.h"
#include "simulated_vnni.h"
#include "tensor/float_types.h"
#include "tensor/kernels/kernels.h"

enum { N_CTX = 300, SIZE = 20, MAX_ROWS = KERNELS_ATTENTION_ROWS };

static const char *const set_names[] = {"generic", "avx2", "avx512", "neon"};
static const size_t windows[] = {1, 7, 15, 16, 17, 40, 128, 130, 299, 1000};

/* Queries, keys and values of N_CTX positions, and a cache with these keys and values. */
struct fixture {
    float *q, *keys, *values, *scratch;
    struct kv_head head;
};

static float stored(float x, enum tensor_type type) {
    return type == TENSOR_F16 ? tensor_f16_to_f32(tensor_f16_from_f32(x)) : x;
}

static struct attention_job job_of(const struct fixture *f, size_t first, size_t n_rows,
                                   size_t window, float *out) {
    struct attention_job job = kv_head_job(&f->head);
    job.out = out;
    job.q = f->q + first * SIZE;
    job.new_k = f->keys + first * SIZE;
    job.new_v = f->values + first * SIZE;
    job.n_rows = n_rows;
    job.length = first + 1;
    job.window = window;
    return job;
}

static struct fixture fixture_new(enum tensor_type type) {
    struct rng rng;
    rng_init(&rng, 12, (uint64_t)type);
    struct fixture f = {.head = kv_head_new(SIZE, N_CTX, type)};
    f.q = kernel_check_random(&rng, N_CTX * SIZE, 4.0f);
    f.keys = kernel_check_random(&rng, N_CTX * SIZE, 4.0f);
    f.values = kernel_check_random(&rng, N_CTX * SIZE, 4.0f);
    f.scratch = kernel_check_random(&rng, kernels_attention_scratch(N_CTX), 4.0f);
    for (size_t p = 0; p < N_CTX; p++) {
        struct attention_job job = job_of(&f, p, 1, 0, NULL);
        kernels_generic.store_kv(&job);
    }
    return f;
}

static void fixture_free(struct fixture *f) {
    free(f->q);
    free(f->keys);
    free(f->values);
    free(f->scratch);
    kv_head_free(&f->head);
}

/* The row at `position` alone, by the plain set. */
static void row_alone(const struct fixture *f, size_t position, size_t window, float *out) {
    struct attention_job job = job_of(f, position, 1, window, out);
    kernels_generic.attention(&job, NULL, f->scratch);
}

/* What transformers' GPT-Neo computes: its mask of a local layer is j > i - window. */
static void plain_attention(const struct fixture *f, size_t position, size_t window, double *out) {
    double total = 0;
    memset(out, 0, SIZE * sizeof *out);
    for (size_t p = 0; p <= position; p++) {
        if ((long)p <= (long)position - (long)window) {
            continue;
        }
        double score = 0;
        for (size_t i = 0; i < SIZE; i++) {
            score += (double)f->q[position * SIZE + i] *
                     (double)stored(f->keys[p * SIZE + i], f->head.type);
        }
        double weight = exp(score * (double)0.3f);
        total += weight;
        for (size_t i = 0; i < SIZE; i++) {
            out[i] += weight * (double)stored(f->values[p * SIZE + i], f->head.type);
        }
    }
    for (size_t i = 0; i < SIZE; i++) {
        out[i] /= total;
    }
}

static void check_against_plain(enum tensor_type type) {
    struct fixture f = fixture_new(type);
    for (size_t w = 0; w < N_OF(windows); w++) {
        for (size_t p = 0; p < N_CTX; p++) {
            float found[SIZE];
            double wanted[SIZE];
            row_alone(&f, p, windows[w], found);
            plain_attention(&f, p, windows[w], wanted);
            for (size_t i = 0; i < SIZE; i++) {
                if (!(fabs((double)found[i] - wanted[i]) < 2e-6)) {
                    fail_msg("window %zu, position %zu: %g, must be %g", windows[w], p,
                             (double)found[i], wanted[i]);
                }
            }
        }
    }
    fixture_free(&f);
}

static void test_against_plain(void **state) {
    (void)state;
    check_against_plain(TENSOR_F32);
    check_against_plain(TENSOR_F16);
}

/* Rows first ... first + n - 1 together, whatever comes next. */
static void check_together(const struct fixture *f, const struct kernels *set, size_t first,
                           size_t n, size_t window, const float *wanted) {
    float found[MAX_ROWS * SIZE];
    struct attention_job next = job_of(f, (first * 7 + n) % N_CTX, 1, window, NULL);
    const struct attention_job *nexts[] = {NULL, &next};
    for (size_t i = 0; i < N_OF(nexts); i++) {
        struct attention_job job = job_of(f, first, n, window, found);
        memset(found, 0xff, sizeof found);
        set->attention(&job, nexts[i], f->scratch);
        kernel_check_same(found, wanted + first * SIZE, n * SIZE, set->name);
    }
}

static void check_same_bits(enum tensor_type type) {
    struct fixture f = fixture_new(type);
    static float wanted[N_CTX * SIZE];
    for (size_t w = 0; w < N_OF(windows); w++) {
        for (size_t p = 0; p < N_CTX; p++) {
            row_alone(&f, p, windows[w], wanted + p * SIZE);
        }
        for (size_t s = 0; s < N_OF(set_names); s++) {
            const struct kernels *set = kernels_or_simulated(set_names[s]);
            for (size_t first = 0; set != NULL && first < N_CTX; first += 11) {
                for (size_t n = 1; n <= MAX_ROWS && first + n <= N_CTX; n++) {
                    check_together(&f, set, first, n, windows[w], wanted);
                }
            }
        }
    }
    fixture_free(&f);
}

static void test_same_bits(void **state) {
    (void)state;
    check_same_bits(TENSOR_F32);
    check_same_bits(TENSOR_F16);
}

/* A window that all positions fit in changes no bit. */
static void test_wide_window(void **state) {
    (void)state;
    struct fixture f = fixture_new(TENSOR_F32);
    for (size_t p = 0; p < N_CTX; p++) {
        float all[SIZE], wide[SIZE];
        row_alone(&f, p, 0, all);
        row_alone(&f, p, p + 1, wide);
        kernel_check_same(wide, all, SIZE, "a wide window");
    }
    fixture_free(&f);
}

/* Positions out of the window are not looked at, whatever they hold. */
static void test_unseen_keys(void **state) {
    (void)state;
    enum { WINDOW = 5, AT = 40 };
    struct fixture f = fixture_new(TENSOR_F32);
    float before[SIZE], after[SIZE];
    row_alone(&f, AT, WINDOW, before);
    for (size_t p = 0; p <= AT - WINDOW; p++) {
        for (size_t i = 0; i < SIZE; i++) {
            f.keys[p * SIZE + i] = NAN;
        }
        struct attention_job job = job_of(&f, p, 1, 0, NULL);
        kernels_generic.store_kv(&job);
    }
    row_alone(&f, AT, WINDOW, after);
    kernel_check_same(after, before, SIZE, "keys out of the window");
    fixture_free(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_plain),
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_wide_window),
        cmocka_unit_test(test_unseen_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
