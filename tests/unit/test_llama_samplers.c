/**
 * test_llama_samplers.c - llama.cpp's samplers, each against a plain statement of itself over
 * random scores and texts; the order of samplers, their random streams, and copies of what they
 * keep.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/size.h"
#include "gen.h"
#include "sample/sampler.h"

#define MAX_VOCAB 32

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

/* ---- against a plain statement ---------------------------------------------------------------*/

static void random_logits(float *logits, size_t n, struct rng *rng, float width) {
    for (size_t i = 0; i < n; i++) {
        logits[i] = (rng_float(rng) + rng_float(rng) - 1.0f) * width;
    }
}

static void softmax(double *p, const float *scores, size_t n) {
    double total = 0, highest = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        highest = (double)scores[i] > highest ? (double)scores[i] : highest;
    }
    for (size_t i = 0; i < n; i++) {
        total += p[i] = exp((double)scores[i] - highest);
    }
    for (size_t i = 0; i < n; i++) {
        p[i] /= total;
    }
}

/* Whether ids at ... at + n of a text are one of the breakers, which have n ids. */
static size_t breaker_at(const struct gen_sampling *sampling, const int32_t *text, size_t n) {
    size_t longest = 0;
    for (size_t i = 0; i < sampling->n_dry_breakers; i++) {
        const struct gen_ids *one = &sampling->dry_breakers[i];
        if (one->n <= n && memcmp(one->data, text, one->n * sizeof *text) == 0 &&
            one->n > longest) {
            longest = one->n;
        }
    }
    return longest;
}

/* What DRY takes off an id: by trying each place before the end. */
static double plain_dry(const struct gen_sampling *sampling, const int32_t *text, size_t n,
                        int32_t id) {
    size_t allowed = (size_t)sampling->dry_allowed_length, limit = n, longest = 0;
    bool any = false;
    for (size_t i = 0; i < n && limit == n; i++) {
        size_t length = breaker_at(sampling, text + n - 1 - i, i + 1);
        limit = length > 0 ? i + 1 - length : n;
    }
    for (size_t at = 1; at < n; at++) { /* the id at that place comes after what repeats itself */
        size_t length = 0;
        while (length < at && text[at - 1 - length] == text[n - 1 - length]) {
            length++;
        }
        length = length < limit ? length : limit;
        if (text[at] == id && length >= allowed) {
            any = true;
            longest = length > longest ? length : longest;
        }
    }
    if (!any || limit < allowed || breaker_at(sampling, &id, 1) > 0) {
        return 0;
    }
    return (double)sampling->dry_multiplier *
           pow((double)sampling->dry_base, (double)(longest - allowed));
}

static void test_dry(void **state) {
    (void)state;
    int32_t first[] = {4}, second[] = {0, 2}, third[] = {0, 2, 1};
    const struct gen_ids breakers[] = {
        {.data = first, .n = 1}, {.data = second, .n = 2}, {.data = third, .n = 3}};
    float logits[5], scores[5];
    struct rng rng;
    rng_init(&rng, 3, 4);
    size_t n_taken = 0;
    for (int round = 0; round < 300; round++) {
        struct gen_sampling sampling = nothing();
        int32_t text[60];
        size_t n = 1 + rng_u32(&rng) % 60;
        sampling.dry_multiplier = 0.7f;
        sampling.dry_base = 1.2f;
        sampling.dry_allowed_length = (int32_t)(rng_u32(&rng) % 4);
        sampling.dry_penalty_last_n = round % 3 == 0 ? -1 : (int32_t)(1 + rng_u32(&rng) % 40);
        sampling.dry_breakers = breakers;
        sampling.n_dry_breakers = rng_u32(&rng) % 4;
        struct gen_sampler *sampler = new_sampler(&sampling, 5, 0);
        for (size_t i = 0; i < n; i++) {
            text[i] = (int32_t)(rng_u32(&rng) % (round % 2 == 0 ? 3 : 5));
        }
        accept_all(sampler, text, n / 2);
        struct gen_sampler *copy = sampler_clone(sampler);
        accept_all(copy, text + n / 2, n - n / 2);
        random_logits(logits, 5, &rng, 3);
        for (int again = 0; again < 2; again++) {
            assert_int_equal(gen_sampler_scores(copy, logits, scores, NULL), GEN_OK);
            size_t window =
                sampling.dry_penalty_last_n < 0 ? n : (size_t)sampling.dry_penalty_last_n;
            window = window < n ? window : n;
            for (int32_t id = 0; id < 5; id++) {
                double less = plain_dry(&sampling, text + n - window, window, id);
                n_taken += less > 0;
                if (fabs((double)(logits[id] - scores[id]) - less) > 1e-4 * (1 + less)) {
                    fail_msg("round %d: id %d loses %g, not %g", round, (int)id,
                             (double)(logits[id] - scores[id]), less);
                }
            }
        }
        gen_sampler_free(copy);
        gen_sampler_free(sampler);
    }
    assert_in_range(n_taken, 300, 2500);
}

/* Ids that have left the window are as if they had never come. */
static void test_window(void **state) {
    (void)state;
    static const int32_t prompt[] = {0, 1, 2, 3, 2}, text[] = {4, 5, 5, 6, 4, 7};
    const float logits[8] = {1, -1, 1, -1, 1, -1, 1, -1};
    for (int32_t last_n = 0; last_n < 14; last_n++) {
        struct gen_sampling sampling = nothing();
        float scores[8];
        sampling.repetition_penalty = 2.0f;
        sampling.presence_penalty = 0.5f;
        sampling.frequency_penalty = 0.25f;
        sampling.repeat_last_n = last_n == 13 ? -1 : last_n;
        struct gen_sampler *first = new_sampler(&sampling, 8, 0);
        assert_int_equal(gen_sampler_prompt(first, prompt, 5, NULL), GEN_OK);
        accept_all(first, text, 2);
        struct gen_sampler *sampler = sampler_clone(first);
        gen_sampler_free(first);
        accept_all(sampler, text + 2, 4);
        assert_int_equal(gen_sampler_scores(sampler, logits, scores, NULL), GEN_OK);
        for (int32_t id = 0; id < 8; id++) {
            int n_all = 0, n_new = 0;
            for (int32_t i = last_n > 11 ? 0 : 11 - last_n; i < 11; i++) {
                n_all += (i < 5 ? prompt[i] : text[i - 5]) == id;
                n_new += i >= 5 && text[i - 5] == id;
            }
            float expected = logits[id];
            expected = n_all == 0 ? expected : expected < 0 ? expected * 2 : expected / 2;
            expected -= n_new > 0 ? 0.25f * (float)n_new + 0.5f : 0.0f;
            assert_true(fabsf(scores[id] - expected) < 1e-6f);
        }
        gen_sampler_free(sampler);
    }
}

static void test_dynamic_temperature(void **state) {
    (void)state;
    struct rng rng;
    rng_init(&rng, 5, 6);
    for (int round = 0; round < 60; round++) {
        struct gen_sampling sampling = nothing();
        float logits[20], scores[20];
        double p[20], entropy = 0;
        sampling.temperature = 0.3f + rng_float(&rng);
        sampling.dynatemp_range = 0.5f;
        sampling.dynatemp_exponent = round % 3 == 0 ? 1.0f : 0.3f + rng_float(&rng) * 2;
        random_logits(logits, 20, &rng, round % 2 == 0 ? 1 : 12);
        softmax(p, logits, 20);
        for (size_t i = 0; i < 20; i++) {
            entropy -= p[i] * log(p[i]);
        }
        double low = fmax((double)sampling.temperature - 0.5, 0);
        double high = (double)sampling.temperature + 0.5;
        double temperature =
            low + (high - low) * pow(entropy / log(20), (double)sampling.dynatemp_exponent);
        struct gen_sampler *sampler = new_sampler(&sampling, 20, 0);
        assert_int_equal(gen_sampler_scores(sampler, logits, scores, NULL), GEN_OK);
        for (size_t i = 0; i < 20; i++) {
            assert_true(fabs((double)scores[i] - (double)logits[i] / temperature) <
                        1e-4 * (1 + fabs((double)scores[i])));
        }
        gen_sampler_free(sampler);
    }
}

/* The next id of a sampler that has given scores: it draws one, or as a beam does a copy of it
 * takes one of them. */
static int32_t go_on(struct gen_sampler **sampler, const float *logits, const float *scores,
                     int step) {
    int32_t id = 0;
    struct gen_sampler *copy = sampler_clone(*sampler);
    gen_sampler_free(*sampler);
    *sampler = copy;
    if (step % 2 == 0) {
        assert_int_equal(gen_sampler_next(copy, logits, &id, NULL), GEN_OK);
        return id;
    }
    while (scores[id] == -INFINITY) {
        id++;
    }
    accept_all(copy, &id, 1);
    return id;
}

/* What is kept of a text whose ids are drawn, and of a copy of it. */
static void test_mirostat(void **state) {
    (void)state;
    struct gen_sampling sampling = nothing();
    struct rng rng;
    rng_init(&rng, 7, 8);
    sampling.mirostat = 2;
    sampling.mirostat_tau = 2.0f;
    sampling.mirostat_eta = 0.3f;
    sampling.top_k = 1; /* which does not count */
    double mu = 4.0;
    size_t n_cut = 0;
    struct gen_sampler *sampler = new_sampler(&sampling, MAX_VOCAB, 1);
    for (int step = 0; step < 80; step++) {
        float logits[MAX_VOCAB], scores[MAX_VOCAB];
        double p[MAX_VOCAB], left = 0;
        random_logits(logits, MAX_VOCAB, &rng, 5);
        softmax(p, logits, MAX_VOCAB);
        assert_int_equal(gen_sampler_scores(sampler, logits, scores, NULL), GEN_OK);
        for (size_t i = 0; i < MAX_VOCAB; i++) {
            bool stays = scores[i] > -INFINITY;
            left += stays ? p[i] : 0;
            n_cut += !stays;
            if (fabs(-log2(p[i]) - mu) > 1e-4) {
                bool is_best = true;
                for (size_t j = 0; j < MAX_VOCAB; j++) {
                    is_best = is_best && p[j] <= p[i];
                }
                assert_int_equal(stays, is_best || -log2(p[i]) <= mu);
            }
        }
        int32_t id = go_on(&sampler, logits, scores, step);
        mu -= 0.3 * (-log2(p[id] / left) - 2.0);
    }
    assert_in_range(n_cut, 100, 2500);
    gen_sampler_free(sampler);
}

static void test_adaptive_p(void **state) {
    (void)state;
    struct gen_sampling sampling = nothing();
    struct rng rng;
    rng_init(&rng, 9, 10);
    sampling.adaptive_target = 0.3f;
    sampling.adaptive_decay = 0.8f;
    double sum = 0.3 / 0.2, weight = 1 / 0.2;
    struct gen_sampler *sampler = new_sampler(&sampling, MAX_VOCAB, 1);
    for (int step = 0; step < 60; step++) {
        float logits[MAX_VOCAB], scores[MAX_VOCAB];
        double p[MAX_VOCAB];
        random_logits(logits, MAX_VOCAB, &rng, 9);
        softmax(p, logits, MAX_VOCAB);
        double target = fmin(fmax(0.6 - sum / weight, 0), 1);
        assert_int_equal(gen_sampler_scores(sampler, logits, scores, NULL), GEN_OK);
        for (size_t i = 0; i < MAX_VOCAB; i++) {
            double d = fabs(p[i] - target) / 0.3;
            assert_true(fabs((double)scores[i] - (5 - 10 * d * d / (1 + d))) < 1e-3);
        }
        int32_t id = go_on(&sampler, logits, scores, step);
        sum = p[id] + 0.8 * sum;
        weight = 1 + 0.8 * weight;
    }
    gen_sampler_free(sampler);
}

/* XTC takes no random number of the draw, and excludes as often as it should. */
static void test_xtc(void **state) {
    (void)state;
    const float logits[4] = {2.0f, 1.8f, 1.5f, -1.0f};
    struct gen_sampling without = nothing(), never = nothing(), half = nothing();
    size_t n_excluded = 0;
    never.xtc_probability = 1e-9f;
    half.xtc_probability = 0.5f;
    struct gen_sampler *plain = new_sampler(&without, 4, 5), *same = new_sampler(&never, 4, 5);
    struct gen_sampler *often = new_sampler(&half, 4, 5);
    for (int step = 0; step < 400; step++) {
        float scores[4], again[4];
        int32_t a, b, c;
        assert_int_equal(gen_sampler_next(plain, logits, &a, NULL), GEN_OK);
        assert_int_equal(gen_sampler_next(same, logits, &b, NULL), GEN_OK);
        assert_int_equal(a, b);
        assert_int_equal(gen_sampler_scores(often, logits, scores, NULL), GEN_OK);
        assert_int_equal(gen_sampler_scores(often, logits, again, NULL), GEN_OK);
        assert_memory_equal(scores, again, sizeof scores);
        assert_int_equal(gen_sampler_next(often, logits, &c, NULL), GEN_OK);
        bool excluded = scores[0] == -INFINITY;
        assert_int_equal(scores[1] == -INFINITY, excluded);
        assert_true(scores[2] == logits[2] && scores[3] == logits[3]);
        assert_true(scores[c] > -INFINITY);
        n_excluded += excluded;
    }
    assert_in_range(n_excluded, 160, 240);
    gen_sampler_free(plain);
    gen_sampler_free(same);
    gen_sampler_free(often);
    /* Beams have as many left as they ask for. */
    half.xtc_probability = 1.0f;
    struct gen_sampler *beam = new_sampler(&half, 4, 5);
    float scores[4];
    sampler_keep_at_least(beam, 3);
    assert_int_equal(gen_sampler_scores(beam, logits, scores, NULL), GEN_OK);
    assert_true(scores[0] == logits[0]);
    gen_sampler_free(beam);
}

/* ---- the order -------------------------------------------------------------------------------*/

static void check_left(const struct gen_sampling *sampling, const float *logits, const char *left) {
    float scores[5];
    struct gen_error err = {0};
    struct gen_sampler *sampler = NULL;
    if (gen_sampler_new(&sampler, sampling, 5, -1, 1, 0, 0, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    accept_all(sampler, (const int32_t[]){0}, 1);
    assert_int_equal(gen_sampler_scores(sampler, logits, scores, &err), GEN_OK);
    for (size_t i = 0; i < 5; i++) {
        if ((scores[i] > -INFINITY) != (left[i] == '+')) {
            fail_msg("%s: id %zu", sampling->samplers, i);
        }
    }
    gen_sampler_free(sampler);
}

static void test_order(void **state) {
    (void)state;
    const float logits[5] = {logf(0.4f), logf(0.3f), logf(0.2f), logf(0.06f), logf(0.04f)};
    struct gen_sampling sampling = nothing();
    sampling.top_k = 2;
    sampling.top_p = 0.5f;
    sampling.temperature = 100.0f;
    sampling.samplers = "top_k;top_p"; /* 4/7 is above half */
    check_left(&sampling, logits, "+----");
    sampling.samplers = "Top-P;TOPK"; /* 0.4 is not */
    check_left(&sampling, logits, "++---");
    sampling.samplers = "temperature;nucleus";
    check_left(&sampling, logits, "+++--");
    sampling.samplers = "nucleus;temp";
    check_left(&sampling, logits, "++---");
    sampling.repetition_penalty = 3.0f; /* of id 0, below all but the last then */
    sampling.samplers = "penalties;top-k";
    check_left(&sampling, logits, "-++--");
    sampling.samplers = "top-k;penalties";
    check_left(&sampling, logits, "++---");
    sampling.samplers = "top_k"; /* and no penalty */
    check_left(&sampling, logits, "++---");
    sampling.top_k = 3;
    sampling.samplers = "top_k;penalties;typ-p;min_p;top_h;dry;top_n_sigma;epsilon_cutoff;xtc";
    check_left(&sampling, logits, "+++--");
}

static void test_refused(void **state) {
    (void)state;
    static const struct {
        const char *samplers;
        int32_t mirostat, last_n, dry_last_n;
        float target;
        const char *words;
    } cases[] = {{"top_k;magic", 0, 0, 0, -1,
                  "samplers names \"magic\", but must name some of penalties, dry, top_n_sigma, "
                  "temperature, "
                  "top_h, top_k, top_p, min_p, typ_p, epsilon_cutoff, eta_cutoff, xtc, adaptive_p, "
                  "separated "
                  "by ;"},
                 {"", 0, 0, 0, -1, "samplers names \"\""},
                 {"top_k;", 0, 0, 0, -1, "samplers names \"\""},
                 {"top_p_top_p_top_p_top_p_top_p", 0, 0, 0, -1, "samplers names \"top_p_top_p"},
                 {"top_k;top_p;topk", 0, 0, 0, -1, "samplers names top_k twice"},
                 {"top_k", 2, 0, 0, -1, "but mirostat takes the place"},
                 {NULL, 1, 0, 0, -1, "mirostat is 1, but must be 0 (off) or 2"},
                 {NULL, 0, -2, 0, -1, "repeat_last_n is -2"},
                 {NULL, 0, 0, -2, -1, "dry_penalty_last_n is -2"},
                 {NULL, 0, 0, 0, -0.5f, "adaptive_target is -0.5"},
                 {NULL, 0, 0, 0, NAN, "adaptive_target is nan"}};
    for (size_t i = 0; i < N_OF(cases); i++) {
        struct gen_sampling sampling = nothing();
        struct gen_sampler *sampler = NULL;
        struct gen_error err = {0};
        sampling.samplers = cases[i].samplers;
        sampling.mirostat = cases[i].mirostat;
        sampling.repeat_last_n = cases[i].last_n;
        sampling.dry_penalty_last_n = cases[i].dry_last_n;
        sampling.adaptive_target = cases[i].target;
        assert_int_equal(gen_sampler_new(&sampler, &sampling, 5, -1, 1, 0, 0, &err),
                         GEN_BAD_ARGUMENT);
        if (strstr(err.message, cases[i].words) == NULL) {
            fail_msg("\"%s\" does not contain \"%s\"", err.message, cases[i].words);
        }
    }
}

/* A sampler lives on when what its options pointed to is gone. */
static void test_copied(void **state) {
    (void)state;
    char order[] = "penalties;dry;top_k";
    int32_t ids[] = {1, 2};
    struct gen_ids breaker = {.data = ids, .n = 2};
    struct gen_sequence_bias bias = {{.data = ids, .n = 1}, -INFINITY};
    struct gen_sampling sampling = nothing();
    struct gen_sampler *sampler = NULL;
    const float logits[5] = {0, 5, 4, 3, 2};
    float scores[5];
    sampling.samplers = order;
    sampling.dry_multiplier = 1;
    sampling.dry_breakers = &breaker;
    sampling.n_dry_breakers = 1;
    sampling.sequence_bias = &bias;
    sampling.n_sequence_bias = 1;
    sampling.suppress_tokens = (struct gen_ids){.data = ids + 1, .n = 1};
    sampling.top_k = 2;
    assert_int_equal(gen_sampler_new(&sampler, &sampling, 5, -1, 1, 0, 0, NULL), GEN_OK);
    memset(order, 'x', sizeof order - 1);
    memset(ids, -1, sizeof ids);
    memset(&breaker, -1, sizeof breaker);
    memset(&bias, -1, sizeof bias);
    accept_all(sampler, (const int32_t[]){0, 1, 0, 1}, 4);
    assert_int_equal(gen_sampler_scores(sampler, logits, scores, NULL), GEN_OK);
    assert_true(scores[3] == 3 && scores[4] == 2 && scores[1] == -INFINITY);
    assert_true(scores[0] == -INFINITY && scores[2] == -INFINITY);
    gen_sampler_free(sampler);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dry),
        cmocka_unit_test(test_window),
        cmocka_unit_test(test_dynamic_temperature),
        cmocka_unit_test(test_mirostat),
        cmocka_unit_test(test_adaptive_p),
        cmocka_unit_test(test_xtc),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_copied),
    };
    return cmocka_run_group_tests_name("llama samplers", tests, setup, teardown);
}
