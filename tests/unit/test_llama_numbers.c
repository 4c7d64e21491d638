/**
 * test_llama_numbers.c - llama.cpp's samplers: the numbers of its tests/test-sampling.cpp. Options
 * are not checked, as it goes beyond the ranges.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/size.h"
#include "gen.h"
#include "sample/sampler.h"

static struct sampler_scratch SCRATCH;

static int setup(void **state) {
    (void)state;
    return sampler_scratch_init(&SCRATCH, 10000) ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    sampler_scratch_release(&SCRATCH);
    return 0;
}

static struct gen_sampling nothing(void) {
    struct gen_sampling sampling = gen_sampling_default();
    sampling.temperature = 1.0f;
    sampling.top_k = 0;
    sampling.top_p = 1.0f;
    return sampling;
}

/* Options are not checked: llama.cpp's own tests go beyond the ranges. */
static struct gen_sampler *new_sampler(const struct gen_sampling *sampling, int32_t n_vocab,
                                       uint64_t seed) {
    struct gen_sampler *sampler = NULL;
    assert_int_equal(sampler_new(&sampler, sampling, n_vocab, seed, 0, 0, &SCRATCH, NULL), GEN_OK);
    return sampler;
}

static void accept_all(struct gen_sampler *sampler, const int32_t *ids, size_t n) {
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(sampler_accept(sampler, ids[i], NULL), GEN_OK);
    }
}

/* ---- llama.cpp's numbers ---------------------------------------------------------------------*/

struct numbers {
    float p[5], expected[5]; /* those after the last are 0, and so are those that are removed */
    struct gen_sampling sampling;
    int32_t text[8];
    size_t n_text;
};

static void check_numbers(const struct numbers *numbers) {
    float logits[5], scores[5], expected[5];
    int32_t n = numbers->p[4] > 0 ? 5 : 4;
    struct gen_sampler *sampler = new_sampler(&numbers->sampling, n, 0);
    double total = 0, total_expected = 0;
    for (int32_t i = 0; i < n; i++) {
        logits[i] = logf(numbers->p[i]);
        expected[i] = numbers->expected[i];
        total_expected += (double)expected[i];
    }
    accept_all(sampler, numbers->text, numbers->n_text);
    assert_int_equal(gen_sampler_scores(sampler, logits, scores, NULL), GEN_OK);
    for (int32_t i = 0; i < n; i++) {
        total += exp((double)scores[i]);
    }
    for (int32_t i = 0; i < n; i++) {
        double p = exp((double)scores[i]) / total;
        if (fabs(p - (double)expected[i] / total_expected) > 1e-5) {
            fail_msg("id %d has probability %g, not %g", (int)i, p,
                     (double)expected[i] / total_expected);
        }
    }
    gen_sampler_free(sampler);
}

#define FOUR                                                                                       \
    { 0.1f, 0.2f, 0.3f, 0.4f }
#define EVEN                                                                                       \
    { 0.2f, 0.2f, 0.2f, 0.2f, 0.2f }

static void test_numbers_of_warpers(void **state) {
    (void)state;
    struct numbers cases[22];
    size_t n = 0;
#define CASE(field, value, ...)                                                                    \
    cases[n] = (struct numbers){.p = FOUR, .expected = {__VA_ARGS__}, .sampling = nothing()};      \
    cases[n++].sampling.field = (value)
    CASE(temperature, 1.0f, 0.1f, 0.2f, 0.3f, 0.4f);
    CASE(dynatemp_range, 0.0f, 0.1f, 0.2f, 0.3f, 0.4f);
    CASE(top_k, 1, 0, 0, 0, 1);
    CASE(top_k, 3, 0, 0.22222f, 0.33333f, 0.44444f);
    CASE(top_k, 4, 0.1f, 0.2f, 0.3f, 0.4f);
    CASE(top_k, 0, 0.1f, 0.2f, 0.3f, 0.4f);
    CASE(top_p, 1e-9f, 0, 0, 0, 1);
    CASE(top_p, 0.8f, 0, 0.22222f, 0.33333f, 0.44444f);
    CASE(top_p, 1.0f, 0.1f, 0.2f, 0.3f, 0.4f);
    CASE(min_p, 0.0f, 0.1f, 0.2f, 0.3f, 0.4f);
    CASE(min_p, 0.24f, 0.1f, 0.2f, 0.3f, 0.4f);
    CASE(min_p, 0.26f, 0, 0.2f, 0.3f, 0.4f);
    CASE(min_p, 0.49f, 0, 0.2f, 0.3f, 0.4f);
    CASE(min_p, 0.51f, 0, 0, 0.3f, 0.4f);
    CASE(min_p, 0.74f, 0, 0, 0.3f, 0.4f);
    CASE(min_p, 0.76f, 0, 0, 0, 1);
    CASE(min_p, 1.0f, 0, 0, 0, 1);
    CASE(top_n_sigma, 1.0f, 0, 0, 0.428571f, 0.571429f);
    CASE(top_n_sigma, 0.0f, 0.1f, 0.2f, 0.3f, 0.4f);
    CASE(top_n_sigma, 3.0f, 0.1f, 0.2f, 0.3f, 0.4f);
#undef CASE
    for (size_t i = 0; i < n; i++) {
        check_numbers(&cases[i]);
    }
}

static void test_numbers_of_xtc_and_typical(void **state) {
    (void)state;
    static const struct {
        float threshold, expected[4];
    } xtc[] = {{0.09f, {0, 0, 0, 0.1f}},
               {0.19f, {0, 0, 0.2f, 0.1f}},
               {0.29f, {0, 0.3f, 0.2f, 0.1f}},
               {0.39f, {0.4f, 0.3f, 0.2f, 0.1f}}};
    for (size_t i = 0; i < N_OF(xtc); i++) {
        struct numbers one = {.p = {0.4f, 0.3f, 0.2f, 0.1f}, .sampling = nothing()};
        memcpy(one.expected, xtc[i].expected, sizeof xtc[i].expected);
        one.sampling.xtc_probability = 1.0f;
        one.sampling.xtc_threshold = xtc[i].threshold;
        check_numbers(&one);
    }
    struct numbers typical[] = {
        {.p = {0.97f, 0.01f, 0.01f, 0.01f}, .expected = {0.97f}, .sampling = nothing()},
        {.p = {0.4f, 0.2f, 0.2f, 0.2f}, .expected = {0, 0.2f, 0.2f, 0.2f}, .sampling = nothing()}};
    for (size_t i = 0; i < N_OF(typical); i++) {
        typical[i].sampling.typical_p = 0.5f;
        check_numbers(&typical[i]);
    }
}

static void test_numbers_of_penalties(void **state) {
    (void)state;
    static const struct {
        int32_t text[5];
        size_t n_text;
        float expected[2][5]; /* of a repetition penalty, of the other two */
    } cases[] = {{{0},
                  1,
                  {{0, 0.25f, 0.25f, 0.25f, 0.25f},
                   {0.000011f, 0.249997f, 0.249997f, 0.249997f, 0.249997f}}},
                 {{0, 1, 2},
                  3,
                  {{0, 0, 0, 0.5f, 0.5f}, {0.000023f, 0.000023f, 0.000023f, 0.499966f, 0.499966f}}},
                 {{0, 1, 2, 0, 0},
                  5,
                  {{0, 0, 0, 0.5f, 0.5f}, {0, 0.000023f, 0.000023f, 0.499977f, 0.499977f}}}};
    for (size_t i = 0; i < 2 * N_OF(cases); i++) {
        struct numbers one = {.p = EVEN, .sampling = nothing(), .n_text = cases[i / 2].n_text};
        memcpy(one.text, cases[i / 2].text, sizeof cases[i / 2].text);
        memcpy(one.expected, cases[i / 2].expected[i % 2], sizeof one.expected);
        one.sampling.repeat_last_n = (int32_t)one.n_text;
        one.sampling.repetition_penalty = i % 2 == 0 ? 50.0f : 1.0f;
        one.sampling.presence_penalty = one.sampling.frequency_penalty = i % 2 == 0 ? 0.0f : 5.0f;
        check_numbers(&one);
    }
}

static void test_numbers_of_dry(void **state) {
    (void)state;
    static int32_t three[] = {3};
    static const struct gen_ids breaker = {.data = three, .n = 1};
    const struct {
        float p[5], expected[5];
        int32_t text[8];
        size_t n_text;
        float multiplier;
        int32_t allowed;
        bool breaks;
    } cases[] = {{{.25f, .25f, .25f, .25f}, {.25f, .25f, .25f, .25f}, {0, 1}, 2, 1, 2, false},
                 {{.25f, .25f, .25f, .25f},
                  {0.296923f, 0.296923f, 0.109232f, 0.296923f},
                  {0, 1, 2, 0, 1},
                  5,
                  1,
                  2,
                  false},
                 {EVEN, EVEN, {0, 1, 3, 4, 0, 1}, 6, 1, 2, true},
                 {EVEN,
                  {0.241818f, 0.241818f, 0.032727f, 0.241818f, 0.241818f},
                  {0, 1, 2, 0, 1},
                  5,
                  2,
                  2,
                  false},
                 {EVEN, EVEN, {0, 1, 2, 3, 4, 0, 1}, 7, 1, 4, false}};
    for (size_t i = 0; i < N_OF(cases); i++) {
        struct numbers one = {.sampling = nothing(), .n_text = cases[i].n_text};
        memcpy(one.p, cases[i].p, sizeof one.p);
        memcpy(one.expected, cases[i].expected, sizeof one.expected);
        memcpy(one.text, cases[i].text, sizeof one.text);
        one.sampling.dry_multiplier = cases[i].multiplier;
        one.sampling.dry_base = 1.1f;
        one.sampling.dry_allowed_length = cases[i].allowed;
        one.sampling.dry_penalty_last_n = (int32_t)one.n_text;
        one.sampling.dry_breakers = &breaker;
        one.sampling.n_dry_breakers = cases[i].breaks ? 1 : 0;
        check_numbers(&one);
    }
}

/* Which id is the lowest that is left, by the formulas of test_sampler_queue. */
static int32_t lowest_left(const struct gen_sampling *sampling) {
    int32_t lowest = 1;
    for (const char *at = sampling->samplers; at != NULL; at = strchr(at, ';')) {
        at += *at == ';';
        if (strncmp(at, "top_k", 5) == 0) {
            lowest = lowest > 10000 - sampling->top_k ? lowest : 10000 - sampling->top_k;
        } else if (strncmp(at, "top_p", 5) == 0) {
            int32_t all = 10000 * 9999 / 2 - lowest * (lowest - 1) / 2, sum = 0, id = 10000;
            while (id > lowest && sum < (int32_t)ceilf(sampling->top_p * (float)all)) {
                sum += --id;
            }
            lowest = id;
        } else {
            int32_t least = (int32_t)ceilf(sampling->min_p * 9999.0f);
            lowest = lowest > least ? lowest : least;
        }
    }
    return lowest;
}

/* test_sampler_queue: which is the lowest id that is left. Id 0 has no probability. */
static void test_queues(void **state) {
    (void)state;
    static float logits[10000], scores[10000];
    static const struct {
        const char *samplers;
        int32_t top_k;
        float top_p, min_p;
    } cases[] = {{"top_k", 10000, 1, 1},
                 {"top_k", 1, 1, 1},
                 {"min_p", 10000, 1, 1},
                 {"min_p", 10000, 1, 1e-12f},
                 {"top_k", 100, 1, 1},
                 {"top_p", 10000, 0.0003f, 1},
                 {"top_p", 10000, 0.8f, 1},
                 {"min_p", 10000, 1, 9997.9f / 9999.0f},
                 {"min_p", 10000, 1, 0.1f},
                 {"top_k;top_p", 100, 0.8f, 0.1f},
                 {"top_k;min_p", 100, 0.8f, 0.1f},
                 {"top_p;top_k", 100, 0.8f, 0.1f},
                 {"top_p;min_p", 100, 0.8f, 0.1f},
                 {"min_p;top_k", 100, 0.8f, 0.1f},
                 {"min_p;top_p", 100, 0.8f, 9997.9f / 9999.0f},
                 {"min_p;top_p", 100, 0.8f, 0.1f},
                 {"top_k;top_p;min_p", 100, 0.8f, 0.1f},
                 {"min_p;top_k;top_p", 100, 0.8f, 0.1f},
                 {"top_p;min_p;top_k", 100, 0.8f, 0.1f}};
    for (int32_t i = 0; i < 10000; i++) {
        logits[i] = logf((float)i);
    }
    for (size_t i = 0; i < N_OF(cases); i++) {
        struct gen_sampling sampling = gen_sampling_default();
        sampling.samplers = cases[i].samplers;
        sampling.top_k = cases[i].top_k;
        sampling.top_p = cases[i].top_p;
        sampling.min_p = cases[i].min_p;
        int32_t lowest = lowest_left(&sampling), found = 0;
        struct gen_sampler *sampler = new_sampler(&sampling, 10000, 0);
        assert_int_equal(gen_sampler_scores(sampler, logits, scores, NULL), GEN_OK);
        while (scores[found] == -INFINITY) {
            found++;
        }
        if (found != lowest) {
            fail_msg("%s: the lowest id is %d, not %d", cases[i].samplers, (int)found, (int)lowest);
        }
        gen_sampler_free(sampler);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_of_warpers),
        cmocka_unit_test(test_numbers_of_xtc_and_typical),
        cmocka_unit_test(test_numbers_of_penalties),
        cmocka_unit_test(test_numbers_of_dry),
        cmocka_unit_test(test_queues),
    };
    return cmocka_run_group_tests_name("llama numbers", tests, setup, teardown);
}
