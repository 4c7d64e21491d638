/**
 * test_same_bits.c - what has no value that is the right one: results of our own exp, tanh, square
 * roots and sums, which must not depend on the machine, the compiler or the kernel set. Where the
 * arithmetic that kernels.h defines is changed on purpose, so are these numbers, and
 * PROMPT_CACHE_BITS of generate/prompt_cache_file.h, so that no file keeps keys and values of the
 * old one.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "simulated_vnni.h"
#include "tensor/kernels/kernels.h"

enum { N = 1600, N_ACTIVATIONS = GEN_QUICK_GELU + 1 };

/* FNV-1a */
static uint32_t hash(const void *bytes, size_t n) {
    const unsigned char *at = bytes;
    uint32_t h = 2166136261U;
    for (size_t i = 0; i < n; i++) {
        h = (h ^ at[i]) * 16777619U;
    }
    return h;
}

static void fill(float *x, uint64_t stream) {
    struct rng rng;
    rng_init(&rng, 1, stream);
    for (size_t i = 0; i < N; i++) {
        x[i] = (rng_float(&rng) - 0.5f) * 16.0f;
    }
}

static void check(const void *bytes, size_t n, uint32_t wanted, const char *set, const char *what) {
    if (hash(bytes, n) != wanted) {
        fail_msg("%s of %s kernels: 0x%08x, wanted 0x%08x", what, set, hash(bytes, n), wanted);
    }
}

static void check_set(const struct kernels *set) {
    static const uint32_t activations[N_ACTIVATIONS] = {
        [GEN_GELU_NEW] = 0x129945af, [GEN_GELU] = 0x02365b8f,       [GEN_RELU] = 0x4f67892b,
        [GEN_SILU] = 0x0fdcb922,     [GEN_QUICK_GELU] = 0xdfaa7a7d,
    };
    float x[N], weight[N], bias[N], y[N];
    unsigned char rows[N + N / 32 * sizeof(struct quantized_part)];
    fill(x, 1);
    fill(weight, 2);
    fill(bias, 3);
    for (int a = 0; a < N_ACTIVATIONS; a++) {
        memcpy(y, x, sizeof y);
        set->activate(y, N, (enum gen_activation)a);
        check(y, sizeof y, activations[a], set->name, "an activation");
    }
    memcpy(y, x, sizeof y);
    set->softmax(y, N, 0.7f);
    check(y, sizeof y, 0xf4375178, set->name, "softmax");
    set->layer_norm(y, x, weight, bias, N, 1e-5f);
    check(y, sizeof y, 0x2187bc3c, set->name, "layer norm");
    set->quantize_row(rows, x, N);
    check(rows, sizeof rows, 0x6e955f63, set->name, "quantized row");
}

/* One that is not a number, in each place: where it is not spread over the row depends on the order
 * in which the greatest is looked for, and that is the same too. Only what kind of NaN it is may
 * differ. */
static void check_nan(const struct kernels *set) {
    enum { MOST = 40 };
    float x[N];
    fill(x, 4);
    for (size_t n = 1; n <= MOST; n++) {
        for (size_t at = 0; at < n; at++) {
            float y[MOST];
            float wanted[MOST];
            memcpy(y, x, sizeof y);
            y[at] = NAN;
            memcpy(wanted, y, sizeof y);
            set->softmax(y, n, 0.7f);
            kernels_generic.softmax(wanted, n, 0.7f);
            for (size_t i = 0; i < n; i++) {
                assert_true(isnan(y[i]) ? isnan(wanted[i])
                                        : memcmp(&y[i], &wanted[i], sizeof *y) == 0);
            }
        }
    }
}

static void each_set(void (*check_it)(const struct kernels *set)) {
    static const char *const names[] = {"generic",    "avx2", "avx2vnni",   "avx512",
                                        "avx512vnni", "neon", "neondotprod"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct kernels *set = kernels_or_simulated(names[i]);
        if (set != NULL) {
            check_it(set);
        }
    }
}

static void test_same_nan(void **state) {
    (void)state;
    each_set(check_nan);
}

static void test_same_bits(void **state) {
    (void)state;
    each_set(check_set);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_bits),
                                       cmocka_unit_test(test_same_nan)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
