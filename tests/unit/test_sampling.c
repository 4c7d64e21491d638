/**
 * test_sampling.c - penalties and filters against transformers (golden/sampling_cases.json), and
 * the draw.
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

#include <cjson/cJSON.h>

#include "base/rng.h"
#include "base/size.h"
#include "gen.h"
#include "sample/candidates.h"
#include "sample/sampler.h"

/* ---- golden cases ------------------------------------------------------------------------ */

static char *read_text(const char *path) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *text = calloc(1, 1 << 20);
    assert_non_null(text);
    assert_in_range(fread(text, 1, (1 << 20) - 1, file), 1, (1 << 20) - 2);
    fclose(file);
    return text;
}

/* null means -infinity. */
static float number_of(const cJSON *item) {
    return cJSON_IsNull(item) ? -INFINITY : (float)item->valuedouble;
}

static float *floats_of(const cJSON *array, size_t n) {
    assert_int_equal(cJSON_GetArraySize(array), n);
    float *floats = calloc(n, sizeof *floats);
    assert_non_null(floats);
    size_t i = 0;
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, array) {
        floats[i++] = number_of(item);
    }
    return floats;
}

static struct gen_ids ids_of(const cJSON *array) {
    struct gen_ids ids = {0};
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, array) {
        int32_t id = item->valueint;
        assert_int_equal(gen_ids_append(&ids, &id, 1), GEN_OK);
    }
    return ids;
}

#define MAX_LIST 8

struct case_options {
    struct gen_sampling sampling;
    struct gen_ids bad_words[MAX_LIST];
    struct gen_logit_bias bias[MAX_LIST];
};

/* All off, as transformers has it, so that a case names what it turns on. */
static struct gen_sampling nothing(void) {
    struct gen_sampling sampling = gen_sampling_default();
    sampling.temperature = 1.0f;
    sampling.top_k = 0;
    sampling.top_p = 1.0f;
    return sampling;
}

static void read_option(struct case_options *options, const cJSON *option) {
    struct gen_sampling *sampling = &options->sampling;
    const struct {
        const char *name;
        float *value;
    } floats[] = {
        {"temperature", &sampling->temperature},
        {"top_p", &sampling->top_p},
        {"min_p", &sampling->min_p},
        {"typical_p", &sampling->typical_p},
        {"repetition_penalty", &sampling->repetition_penalty},
        {"presence_penalty", &sampling->presence_penalty},
        {"frequency_penalty", &sampling->frequency_penalty},
    };
    const struct {
        const char *name;
        int32_t *value;
    } counts[] = {
        {"top_k", &sampling->top_k},
        {"no_repeat_ngram_size", &sampling->no_repeat_ngram_size},
        {"min_new_tokens", &sampling->min_new_tokens},
        {"min_length", &sampling->min_length},
    };
    const cJSON *item = NULL;
    for (size_t i = 0; i < N_OF(floats); i++) {
        if (strcmp(option->string, floats[i].name) == 0) {
            *floats[i].value = (float)option->valuedouble;
            return;
        }
    }
    for (size_t i = 0; i < N_OF(counts); i++) {
        if (strcmp(option->string, counts[i].name) == 0) {
            *counts[i].value = option->valueint;
            return;
        }
    }
    if (strcmp(option->string, "bad_words") == 0) {
        cJSON_ArrayForEach(item, option) {
            assert_true(sampling->n_bad_words < MAX_LIST);
            options->bad_words[sampling->n_bad_words++] = ids_of(item);
        }
    } else if (strcmp(option->string, "logit_bias") == 0) {
        cJSON_ArrayForEach(item, option) {
            assert_true(sampling->n_logit_bias < MAX_LIST);
            options->bias[sampling->n_logit_bias++] = (struct gen_logit_bias){
                .id = cJSON_GetArrayItem(item, 0)->valueint,
                .bias = number_of(cJSON_GetArrayItem(item, 1)),
            };
        }
    } else {
        fail_msg("unknown option %s", option->string);
    }
}

/* A sampler that has seen `prompt` and has drawn `new_ids`. */
static struct gen_sampler *sampler_after(const struct gen_sampling *sampling, int32_t n_vocab,
                                         int32_t eos, const struct gen_ids *prompt,
                                         const struct gen_ids *new_ids) {
    struct gen_error err = {0};
    struct gen_sampler *sampler = NULL;
    if (gen_sampler_new(&sampler, sampling, n_vocab, eos, 1, 0, 0, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(gen_sampler_prompt(sampler, prompt->data, prompt->n, NULL), GEN_OK);
    for (size_t i = 0; i < new_ids->n; i++) {
        assert_int_equal(sampler_accept(sampler, new_ids->data[i], NULL), GEN_OK);
    }
    return sampler;
}

static void compare_scores(const char *name, const float *scores, const float *expected, size_t n) {
    for (size_t id = 0; id < n; id++) {
        if (isinf(scores[id]) || isinf(expected[id])) {
            if (scores[id] != expected[id]) {
                fail_msg("%s: id %zu is %g, not %g", name, id, (double)scores[id],
                         (double)expected[id]);
            }
        } else if (fabsf(scores[id] - expected[id]) > 1e-5f * fmaxf(1.0f, fabsf(expected[id]))) {
            fail_msg("%s: id %zu is %.9g, not %.9g", name, id, (double)scores[id],
                     (double)expected[id]);
        }
    }
}

static void check_case(const cJSON *root, const cJSON *item) {
    size_t n_vocab = (size_t)cJSON_GetObjectItem(root, "n_vocab")->valueint;
    const cJSON *option_list = cJSON_GetObjectItem(item, "options");
    char *name = cJSON_PrintUnformatted(option_list);
    struct case_options options = {.sampling = nothing()};
    const cJSON *option = NULL;
    cJSON_ArrayForEach(option, option_list) {
        read_option(&options, option);
    }
    options.sampling.bad_words = options.bad_words;
    options.sampling.logit_bias = options.bias;

    const char *kind = cJSON_GetObjectItem(item, "logits")->valuestring;
    float *logits =
        floats_of(cJSON_GetObjectItem(cJSON_GetObjectItem(root, "logits"), kind), n_vocab);
    float *expected = floats_of(cJSON_GetObjectItem(item, "scores"), n_vocab);
    float *scores = calloc(n_vocab, sizeof *scores);
    assert_non_null(scores);
    struct gen_ids prompt = ids_of(cJSON_GetObjectItem(item, "prompt"));
    struct gen_ids new_ids = ids_of(cJSON_GetObjectItem(item, "new"));
    struct gen_sampler *sampler =
        sampler_after(&options.sampling, (int32_t)n_vocab,
                      cJSON_GetObjectItem(root, "eos")->valueint, &prompt, &new_ids);
    struct gen_error err = {0};
    if (gen_sampler_scores(sampler, logits, scores, &err) != GEN_OK) {
        fail_msg("%s: %s", name, err.message);
    }
    compare_scores(name, scores, expected, n_vocab);

    gen_sampler_free(sampler);
    gen_ids_release(&prompt);
    gen_ids_release(&new_ids);
    for (size_t i = 0; i < options.sampling.n_bad_words; i++) {
        gen_ids_release(&options.bad_words[i]);
    }
    free(logits);
    free(expected);
    free(scores);
    cJSON_free(name);
}

static void test_transformers_cases(void **state) {
    (void)state;
    char *text = read_text("tests/golden/sampling_cases.json");
    cJSON *root = cJSON_Parse(text);
    assert_non_null(root);
    const cJSON *item = NULL;
    int n = 0;
    cJSON_ArrayForEach(item, cJSON_GetObjectItem(root, "cases")) {
        check_case(root, item);
        n++;
    }
    assert_in_range(n, 60, 1000);
    cJSON_Delete(root);
    free(text);
}

/* ---- filters against a plain sort --------------------------------------------------------- */

static int descending(const void *a, const void *b) {
    float x = *(const float *)a;
    float y = *(const float *)b;
    return (x < y) - (x > y);
}

static void test_kth_largest(void **state) {
    (void)state;
    float numbers[500];
    float sorted[500];
    struct rng rng;
    rng_init(&rng, 1, 2);
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < N_OF(numbers); i++) {
            /* Coarse in odd rounds, for ties; some infinities and zeros of both signs. */
            float number = (rng_float(&rng) - 0.5f) * 40.0f;
            numbers[i] = round % 2 ? roundf(number) : number;
            if (i % 50 == 0) {
                numbers[i] = -INFINITY;
            }
        }
        memcpy(sorted, numbers, sizeof sorted);
        qsort(sorted, N_OF(sorted), sizeof *sorted, descending);
        for (size_t k = 1; k <= N_OF(numbers); k++) {
            assert_true(candidates_kth_largest(numbers, N_OF(numbers), k) == sorted[k - 1]);
        }
    }
}

/* ---- the random stream and the draw -------------------------------------------------------- */

static void test_pcg32_reference(void **state) {
    (void)state;
    static const uint32_t expected[] = {0xa15c02b7, 0x7b47f409, 0xba1d3330,
                                        0x83d2f293, 0xbfa4784b, 0xcbed606e};
    struct rng rng;
    rng_init(&rng, 42, 54);
    for (size_t i = 0; i < N_OF(expected); i++) {
        assert_int_equal(rng_u32(&rng), expected[i]);
    }
}

#define N_DRAWN 50

static void draw_many(int32_t *ids, size_t n, const struct gen_sampling *sampling, uint64_t seed,
                      uint64_t index, uint64_t sequence) {
    static const float logits[8] = {0.0f, 1.0f, 2.0f, -1.0f, 0.5f, 1.5f, -3.0f, 0.25f};
    struct gen_sampler *sampler = NULL;
    assert_int_equal(gen_sampler_new(&sampler, sampling, 8, -1, seed, index, sequence, NULL),
                     GEN_OK);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(gen_sampler_next(sampler, logits, &ids[i], NULL), GEN_OK);
    }
    gen_sampler_free(sampler);
}

static void test_same_seed_same_ids(void **state) {
    (void)state;
    struct gen_sampling sampling = nothing();
    int32_t first[N_DRAWN];
    int32_t again[N_DRAWN];
    draw_many(first, N_DRAWN, &sampling, 7, 3, 1);
    draw_many(again, N_DRAWN, &sampling, 7, 3, 1);
    assert_memory_equal(first, again, sizeof first);
}

/* The promise to users: these ids were drawn once and must be drawn for ever, everywhere. */
static void test_drawn_ids_are_pinned(void **state) {
    (void)state;
    struct gen_sampling sampling = nothing();
    static const int32_t expected[12] = {5, 2, 7, 2, 4, 2, 5, 2, 6, 2, 2, 0};
    int32_t ids[12];
    draw_many(ids, 12, &sampling, 42, 0, 0);
    assert_memory_equal(ids, expected, sizeof ids);
}

/* Sequences that differ in seed, prompt or number share no more than chance gives them. */
static void test_neighbours_are_independent(void **state) {
    (void)state;
    struct gen_sampling sampling = nothing();
    static const uint64_t others[][3] = {{8, 3, 1}, {7, 4, 1}, {7, 3, 2}, {7, 1, 3}, {3, 7, 1}};
    int32_t first[400];
    int32_t other[400];
    draw_many(first, 400, &sampling, 7, 3, 1);
    for (size_t i = 0; i < N_OF(others); i++) {
        draw_many(other, 400, &sampling, others[i][0], others[i][1], others[i][2]);
        size_t n_same = 0;
        for (size_t j = 0; j < 400; j++) {
            n_same += first[j] == other[j];
        }
        /* The sum of p^2 is 0.24, so 97 are expected; the standard deviation is 8.6. */
        assert_in_range(n_same, 60, 135);
    }
}

/* Frequencies of 20000 draws follow the scores: chi-square with n - 1 degrees of freedom. */
static void test_draw_follows_probabilities(void **state) {
    (void)state;
    static const float logits[8] = {0.0f, 1.0f, 2.0f, -1.0f, 0.5f, 1.5f, -3.0f, 0.25f};
    struct gen_sampling options[] = {nothing(), nothing(), nothing(), gen_sampling_default()};
    options[1].temperature = 2.0f;
    options[2].top_k = 3;
    /* 99.9 % quantiles of chi-square for 1 to 7 degrees of freedom. */
    static const double quantile[] = {0, 10.83, 13.82, 16.27, 18.47, 20.52, 22.46, 24.32};
    static int32_t ids[20000];
    for (size_t i = 0; i < N_OF(options); i++) {
        draw_many(ids, N_OF(ids), &options[i], 11, i, 0);
        struct gen_sampler *sampler = NULL;
        float scores[8];
        assert_int_equal(gen_sampler_new(&sampler, &options[i], 8, -1, 1, 0, 0, NULL), GEN_OK);
        assert_int_equal(gen_sampler_scores(sampler, logits, scores, NULL), GEN_OK);
        gen_sampler_free(sampler);
        double counts[8] = {0};
        double total = 0.0;
        for (size_t j = 0; j < N_OF(ids); j++) {
            counts[ids[j]]++;
        }
        for (size_t id = 0; id < 8; id++) {
            total += exp((double)scores[id]);
        }
        double chi_square = 0.0;
        size_t n_possible = 0;
        for (size_t id = 0; id < 8; id++) {
            double expected = exp((double)scores[id]) / total * (double)N_OF(ids);
            if (expected == 0.0) {
                assert_true(counts[id] == 0.0);
                continue;
            }
            n_possible++;
            chi_square += (counts[id] - expected) * (counts[id] - expected) / expected;
        }
        assert_true(n_possible >= 2);
        if (chi_square > quantile[n_possible - 1]) {
            fail_msg("options %zu: chi-square %g", i, chi_square);
        }
    }
}

static void test_greedy_takes_the_first_of_the_best(void **state) {
    (void)state;
    static const float logits[5] = {1.0f, 3.0f, -2.0f, 3.0f, NAN};
    struct gen_sampling sampling = gen_sampling_default();
    sampling.temperature = 0.0f;
    struct gen_sampler *sampler = NULL;
    int32_t id = -1;
    assert_int_equal(gen_sampler_new(&sampler, &sampling, 5, -1, 1, 0, 0, NULL), GEN_OK);
    assert_int_equal(gen_sampler_next(sampler, logits, &id, NULL), GEN_OK);
    assert_int_equal(id, 1);
    gen_sampler_free(sampler);
}

/* Whatever the logits, an id in range comes out and never a forbidden one. */
static void test_odd_logits(void **state) {
    (void)state;
    static const float odd[][4] = {
        {NAN, 1.0f, NAN, -INFINITY},      {INFINITY, INFINITY, 0.0f, 1.0f},
        {3e38f, -3e38f, 3e38f, -3e38f},   {-3e38f, -3e38f, -3.4e38f, -INFINITY},
        {1e-40f, -1e-40f, 0.0f, -0.0f},   {-INFINITY, -INFINITY, -INFINITY, 0.0f},
        {-INFINITY, 5.0f, NAN, INFINITY},
    };
    const float temperatures[] = {0.0f, 1e-6f, 0.5f, 1.0f, 1e30f};
    for (size_t i = 0; i < N_OF(odd); i++) {
        for (size_t j = 0; j < N_OF(temperatures); j++) {
            struct gen_sampling sampling = gen_sampling_default();
            sampling.temperature = temperatures[j];
            sampling.min_p = 0.01f;
            sampling.typical_p = 0.9f;
            sampling.top_k = 3;
            struct gen_sampler *sampler = NULL;
            int32_t id = -1;
            assert_int_equal(gen_sampler_new(&sampler, &sampling, 4, -1, 1, 0, 0, NULL), GEN_OK);
            for (int k = 0; k < 10; k++) {
                assert_int_equal(gen_sampler_next(sampler, odd[i], &id, NULL), GEN_OK);
                assert_in_range(id, 0, 3);
                assert_true(odd[i][id] > -INFINITY);
            }
            gen_sampler_free(sampler);
        }
    }
}

/* llama.cpp's vectors for its sampler: logits are ln 0.1, ln 0.2, ln 0.3 and ln 0.4, of which one
 * standard deviation leaves two and three leave all. One that is forbidden before does not count.
 */
static void test_top_n_sigma(void **state) {
    (void)state;
    static const float logits[5] = {-2.3025851f, -1.6094379f, -INFINITY, -1.2039728f, -0.9162907f};
    static const struct {
        float n;
        bool stays[5];
    } cases[] = {{1.0f, {false, false, false, true, true}},
                 {3.0f, {true, true, false, true, true}},
                 {0.0f, {true, true, false, true, true}},
                 {1e-9f, {false, false, false, false, true}}};
    for (size_t i = 0; i < N_OF(cases); i++) {
        struct gen_sampling sampling = nothing();
        struct gen_sampler *sampler = NULL;
        float scores[5];
        sampling.top_n_sigma = cases[i].n;
        assert_int_equal(gen_sampler_new(&sampler, &sampling, 5, -1, 1, 0, 0, NULL), GEN_OK);
        assert_int_equal(gen_sampler_scores(sampler, logits, scores, NULL), GEN_OK);
        for (size_t id = 0; id < 5; id++) {
            assert_true(scores[id] == (cases[i].stays[id] ? logits[id] : -INFINITY));
        }
        gen_sampler_free(sampler);
    }
}

static void test_everything_forbidden(void **state) {
    (void)state;
    static const float logits[3] = {0.0f, 1.0f, 2.0f};
    const struct gen_logit_bias bias[] = {{0, -INFINITY}, {1, -INFINITY}};
    struct gen_sampling sampling = gen_sampling_default();
    sampling.logit_bias = bias;
    sampling.n_logit_bias = 2;
    sampling.min_new_tokens = 1;
    struct gen_error err = {0};
    struct gen_sampler *sampler = NULL;
    float scores[3];
    int32_t id = -1;
    assert_int_equal(gen_sampler_new(&sampler, &sampling, 3, 2, 1, 0, 0, NULL), GEN_OK);
    assert_int_equal(gen_sampler_next(sampler, logits, &id, &err), GEN_BAD_ARGUMENT);
    assert_non_null(strstr(err.message, "forbid every token"));
    assert_non_null(strstr(err.message, "min_length leaves none"));
    assert_int_equal(gen_sampler_scores(sampler, logits, scores, NULL), GEN_BAD_ARGUMENT);
    assert_int_equal(id, -1);
    gen_sampler_free(sampler);
}

/* ---- options ------------------------------------------------------------------------------ */

static void expect_refused(const struct gen_sampling *sampling, const char *words) {
    struct gen_error err = {0};
    struct gen_sampler *sampler = NULL;
    assert_int_equal(gen_sampler_new(&sampler, sampling, 10, 9, 1, 0, 0, &err), GEN_BAD_ARGUMENT);
    assert_null(sampler);
    assert_int_equal(err.status, GEN_BAD_ARGUMENT);
    if (strstr(err.message, words) == NULL) {
        fail_msg("\"%s\" does not contain \"%s\"", err.message, words);
    }
}

static void test_option_ranges(void **state) {
    (void)state;
    struct gen_sampling s;
#define REFUSED(field, value, words)                                                               \
    s = gen_sampling_default();                                                                    \
    s.field = (value);                                                                             \
    expect_refused(&s, words)
    REFUSED(temperature, -0.1f, "temperature is -0.1, but must be");
    REFUSED(temperature, NAN, "temperature is nan");
    REFUSED(temperature, INFINITY, "temperature is inf");
    REFUSED(top_k, -1, "top_k is -1, but must be 0 (off) or more");
    REFUSED(top_p, 0.0f, "top_p is 0, but must be above 0");
    REFUSED(top_p, 1.01f, "top_p is 1.01");
    REFUSED(top_p, NAN, "top_p is nan");
    REFUSED(min_p, -0.5f, "min_p is -0.5");
    REFUSED(min_p, 1.5f, "min_p is 1.5");
    REFUSED(typical_p, 0.0f, "typical_p is 0");
    REFUSED(typical_p, 2.0f, "typical_p is 2");
    REFUSED(top_n_sigma, -1.0f, "top_n_sigma is -1, but must be");
    REFUSED(top_n_sigma, NAN, "top_n_sigma is nan");
    REFUSED(repetition_penalty, 0.0f, "repetition_penalty is 0");
    REFUSED(repetition_penalty, -1.0f, "repetition_penalty is -1");
    REFUSED(repetition_penalty, NAN, "repetition_penalty is nan");
    REFUSED(presence_penalty, 2.5f, "presence_penalty is 2.5, but must be from -2 to 2");
    REFUSED(frequency_penalty, -2.5f, "frequency_penalty is -2.5");
    REFUSED(frequency_penalty, NAN, "frequency_penalty is nan");
    REFUSED(no_repeat_ngram_size, -3, "no_repeat_ngram_size is -3");
    REFUSED(min_new_tokens, -1, "min_new_tokens is -1");
    REFUSED(min_length, -1, "min_length is -1");
#undef REFUSED
}

static void test_option_lists(void **state) {
    (void)state;
    struct gen_sampling s = gen_sampling_default();
    int32_t ids[] = {3, 10, -1};
    struct gen_ids words[2] = {{.data = ids, .n = 1}, {.data = ids, .n = 2}};
    s.bad_words = words;
    s.n_bad_words = 2;
    expect_refused(&s, "bad word 1 has id 10 but ids are from 0 to 9");
    words[1].n = 0;
    expect_refused(&s, "bad word 1 has no ids");
    words[1] = (struct gen_ids){.data = ids + 2, .n = 1};
    expect_refused(&s, "bad word 1 has id -1");

    s = gen_sampling_default();
    struct gen_logit_bias bias[2] = {{4, 1.0f}, {4, 2.0f}};
    s.logit_bias = bias;
    s.n_logit_bias = 2;
    expect_refused(&s, "logit_bias is given twice for id 4");
    bias[1].id = 10;
    expect_refused(&s, "logit_bias is for id 10");
    bias[1] = (struct gen_logit_bias){5, NAN};
    expect_refused(&s, "logit_bias of id 5 is nan");
    bias[1].bias = INFINITY;
    expect_refused(&s, "logit_bias of id 5 is inf");

    s = gen_sampling_default();
    struct gen_sampler *sampler = NULL;
    assert_int_equal(gen_sampler_new(&sampler, &s, 0, -1, 1, 0, 0, NULL), GEN_BAD_ARGUMENT);
    assert_int_equal(gen_sampler_new(&sampler, &s, 10, 10, 1, 0, 0, NULL), GEN_BAD_ARGUMENT);
    assert_int_equal(gen_sampler_new(&sampler, &s, 10, -1, 1, 0, 0, NULL), GEN_OK);
    assert_int_equal(gen_sampler_prompt(sampler, ids, 2, NULL), GEN_BAD_ARGUMENT);
    gen_sampler_free(sampler);
    gen_sampler_free(NULL);
}

/* Copies are made: the caller's arrays may go away. */
static void test_option_arrays_are_copied(void **state) {
    (void)state;
    static const float logits[3] = {0.0f, 1.0f, 2.0f};
    struct gen_logit_bias bias = {2, -INFINITY};
    int32_t bad = 1;
    struct gen_ids word = {.data = &bad, .n = 1};
    struct gen_sampling s = gen_sampling_default();
    s.logit_bias = &bias;
    s.n_logit_bias = 1;
    s.bad_words = &word;
    s.n_bad_words = 1;
    struct gen_sampler *sampler = NULL;
    int32_t id = -1;
    assert_int_equal(gen_sampler_new(&sampler, &s, 3, -1, 1, 0, 0, NULL), GEN_OK);
    bias = (struct gen_logit_bias){0, -INFINITY};
    bad = 0;
    assert_int_equal(gen_sampler_next(sampler, logits, &id, NULL), GEN_OK);
    assert_int_equal(id, 0);
    gen_sampler_free(sampler);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transformers_cases),
        cmocka_unit_test(test_kth_largest),
        cmocka_unit_test(test_pcg32_reference),
        cmocka_unit_test(test_same_seed_same_ids),
        cmocka_unit_test(test_drawn_ids_are_pinned),
        cmocka_unit_test(test_neighbours_are_independent),
        cmocka_unit_test(test_draw_follows_probabilities),
        cmocka_unit_test(test_greedy_takes_the_first_of_the_best),
        cmocka_unit_test(test_odd_logits),
        cmocka_unit_test(test_top_n_sigma),
        cmocka_unit_test(test_everything_forbidden),
        cmocka_unit_test(test_option_ranges),
        cmocka_unit_test(test_option_lists),
        cmocka_unit_test(test_option_arrays_are_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
