/** test_floats.c - the loops of base/floats.h against their definition, number by number. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/floats.h"
#include "base/math.h"
#include "base/rng.h"

#define MOST 300

static const float odd[] = {NAN,     INFINITY, -INFINITY, 0.0f,     -0.0f, 1e-40f,
                            -1e-40f, 88.73f,   -104.0f,   -103.97f, 3e38f, -3.0e38f};
#define N_ODD (sizeof odd / sizeof *odd)

static void fill(float *x, size_t n, struct rng *rng) {
    for (size_t i = 0; i < n; i++) {
        double uniform = rng_double(rng);
        x[i] = (float)(uniform * 240.0 - 120.0);
        if (uniform < 0.1) {
            x[i] = odd[(size_t)(rng_double(rng) * N_ODD)];
        }
    }
}

static void test_exp(void **state) {
    (void)state;
    static const float less[] = {0.0f, 7.25f, -3e38f, INFINITY, -INFINITY};
    struct rng rng;
    rng_init(&rng, 1, 1);
    for (size_t n = 0; n <= MOST; n++) {
        float x[MOST + 1], found[MOST + 1];
        fill(x, n, &rng);
        for (size_t j = 0; j < sizeof less / sizeof *less; j++) {
            found[n] = 42.0f;
            floats_exp(found, x, n, less[j]);
            for (size_t i = 0; i < n; i++) {
                float wanted = math_exp(x[i] - less[j]);
                assert_memory_equal(&found[i], &wanted, sizeof wanted);
            }
            assert_true(found[n] == 42.0f);
        }
        memcpy(found, x, n * sizeof *x);
        floats_exp(found, found, n, 1.0f);
        for (size_t i = 0; i < n; i++) {
            assert_true(found[i] == math_exp(x[i] - 1.0f));
        }
    }
}

static void test_greatest(void **state) {
    (void)state;
    struct rng rng;
    rng_init(&rng, 2, 2);
    for (size_t n = 0; n <= MOST; n++) {
        float x[MOST], found[MOST / FLOATS_BLOCK + 2] = {0};
        fill(x, n, &rng);
        if (n % 7 == 3) { /* nothing to be found */
            for (size_t i = 0; i < n; i++) {
                x[i] = i % 2 == 0 ? NAN : -INFINITY;
            }
        }
        size_t first = n;
        float highest = -INFINITY;
        float wanted[MOST / FLOATS_BLOCK + 2] = {0};
        for (size_t i = 0; i < n; i++) {
            float *block = &wanted[i / FLOATS_BLOCK];
            *block = i % FLOATS_BLOCK == 0 ? -INFINITY : *block;
            *block = x[i] > *block ? x[i] : *block;
            if (x[i] > highest) {
                highest = x[i];
                first = i;
            }
        }
        assert_int_equal(floats_n_blocks(n), (n + FLOATS_BLOCK - 1) / FLOATS_BLOCK);
        floats_block_greatest(found, x, n);
        for (size_t i = 0; i < sizeof found / sizeof *found; i++) {
            assert_true(found[i] == wanted[i]);
        }
        assert_int_equal(floats_first_greatest(x, n), first);
    }
}

/* Of many blocks, and of equals in different ones. */
static void test_first_of_equals(void **state) {
    (void)state;
    enum { N = 20011 };
    static float x[N];
    for (size_t at = 0; at < N; at += 613) {
        memset(x, 0, sizeof x);
        x[at] = 1.0f;
        x[N - 1] = 1.0f;
        assert_int_equal(floats_first_greatest(x, N), at);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_exp), cmocka_unit_test(test_greatest),
                                       cmocka_unit_test(test_first_of_equals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
