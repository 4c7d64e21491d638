/**
 * kernel_check.c - numbers for kernels and the comparison of their results. Needs nothing but base,
 * so that the tests of another machine's kernels have it, too.
 */
#include "kernel_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

float *kernel_check_random(struct rng *rng, size_t n, float scale) {
    float *x = malloc((n + 1) * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++) {
        x[i] = (rng_float(rng) - 0.5f) * scale;
    }
    return x;
}

void kernel_check_same(const float *found, const float *expected, size_t n, const char *what) {
    for (size_t i = 0; i < n; i++) {
        if (memcmp(found + i, expected + i, sizeof *found) != 0) {
            fail_msg("%s: element %zu is %.9g, not %.9g", what, i, (double)found[i],
                     (double)expected[i]);
        }
    }
}
