/**
 * test_candidates.c - gathering and drawing by their definitions; against transformers they are
 * tested in test_sampling.c.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/size.h"
#include "sample/candidates.h"

/* The k best by their definition, with ties, -infinity, and blocks of all sizes. */
static void test_gather(void **state) {
    (void)state;
    enum { MOST = 700 };
    static const size_t sizes[] = {1, 5, 63, 64, 65, 128, 200, MOST};
    static const size_t ks[] = {0, 1, 2, 3, 7, 40, 64, 300, 699, 700, 1000};
    struct candidates list = {0};
    struct rng rng;
    rng_init(&rng, 3, 3);
    for (size_t s = 0; s < N_OF(sizes); s++) {
        for (size_t j = 0; j < N_OF(ks) * 6; j++) {
            size_t n = sizes[s], k = ks[j / 6];
            double levels = j % 3 == 0 ? 1e6 : j % 3 == 1 ? 9 : 2; /* how many differ */
            float scores[MOST];
            for (size_t i = 0; i < n; i++) {
                double uniform = rng_double(&rng);
                scores[i] =
                    j % 2 == 0 || uniform < 0.3 ? (float)floor(uniform * levels) - 1.0f : -INFINITY;
            }
            float lowest = k > 0 && k < n ? candidates_kth_largest(scores, n, k) : -INFINITY;
            assert_true(candidates_gather(&list, scores, n, k));
            size_t found = 0;
            for (size_t i = 0; i < n; i++) {
                if (scores[i] >= lowest && scores[i] > -INFINITY) {
                    assert_true(found < list.n);
                    assert_int_equal(list.ids[found], i);
                    assert_true(list.scores[found] == scores[i]);
                    found++;
                }
            }
            assert_int_equal(list.n, found);
        }
    }
    candidates_release(&list);
}

/* The running sum by its definition, also where candidates are more than the notes cover. */
static void test_draw(void **state) {
    (void)state;
    enum { N = 70000 };
    static float scores[N];
    struct candidates list = {0};
    struct rng rng;
    rng_init(&rng, 4, 4);
    for (size_t i = 0; i < N; i++) {
        scores[i] = (float)(rng_double(&rng) * 9);
    }
    assert_true(candidates_gather(&list, scores, N, 0));
    candidates_weigh(&list);
    double total = 0;
    for (size_t i = 0; i < N; i++) {
        total += (double)list.weights[i];
    }
    for (int round = 0; round < 40; round++) {
        double uniform = round == 0 ? 0.0 : round == 1 ? 0x1.fffffffffffffp-1 : rng_double(&rng);
        double sum = 0;
        size_t wanted = 0;
        while (sum += (double)list.weights[wanted], !(uniform * total < sum)) {
            wanted++;
        }
        assert_int_equal(candidates_draw(&list, uniform), wanted);
    }
    candidates_release(&list);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_gather), cmocka_unit_test(test_draw)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
