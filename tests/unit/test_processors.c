/**
 * test_processors.c - what the rules keep of a text: it grows with each id, a copy of it goes on by
 * itself, and texts that share scratch memory and options draw what each alone draws.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/size.h"
#include "gen.h"
#include "sample/sampler.h"
#include "sample/tally.h"

#define N_VOCAB 40
#define N_STEPS 60

static float LOGITS[N_STEPS][N_VOCAB];
static const int32_t PROMPT[] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5};
static const int32_t EOS = 39;

static struct gen_sampling all_rules(void) {
    static int32_t words[] = {7, 8, 9};
    static const struct gen_ids bad_words[] = {{.data = words, .n = 1}, {.data = words, .n = 3}};
    static const struct gen_sequence_bias sequences[] = {{{.data = words, .n = 2}, 2.0f},
                                                         {{.data = words + 1, .n = 1}, 0.5f}};
    static const struct gen_logit_bias bias[] = {{11, 1.5f}, {12, -INFINITY}};
    struct gen_sampling sampling = gen_sampling_default();
    sampling.temperature = 1.4f;
    sampling.top_k = 30;
    sampling.min_p = 0.01f;
    sampling.typical_p = 0.97f;
    sampling.top_n_sigma = 3.0f;
    sampling.repetition_penalty = 1.2f;
    sampling.presence_penalty = 0.3f;
    sampling.frequency_penalty = 0.2f;
    sampling.no_repeat_ngram_size = 2;
    sampling.min_new_tokens = 20;
    sampling.bad_words = bad_words;
    sampling.n_bad_words = N_OF(bad_words);
    sampling.logit_bias = bias;
    sampling.n_logit_bias = N_OF(bias);
    sampling.sequence_bias = sequences;
    sampling.n_sequence_bias = N_OF(sequences);
    sampling.suppress_tokens = bad_words[0];
    sampling.repeat_last_n = 12;
    sampling.length_decay_factor = 1.1f;
    sampling.dry_multiplier = 0.5f;
    sampling.dry_breakers = bad_words;
    sampling.n_dry_breakers = N_OF(bad_words);
    sampling.dynatemp_range = 0.3f;
    sampling.top_h = 0.9f;
    sampling.epsilon_cutoff = 0.001f;
    sampling.eta_cutoff = 0.001f;
    sampling.xtc_probability = 0.5f;
    sampling.xtc_threshold = 0.05f;
    sampling.adaptive_target = 0.2f;
    return sampling;
}

static int32_t next(struct gen_sampler *sampler, size_t step) {
    int32_t id = -1;
    assert_int_equal(gen_sampler_next(sampler, LOGITS[step], &id, NULL), GEN_OK);
    return id;
}

static struct gen_sampler *begun(struct gen_sampler *sampler) {
    assert_int_equal(gen_sampler_add_eos(sampler, &EOS, 1, NULL), GEN_OK);
    assert_int_equal(gen_sampler_prompt(sampler, PROMPT, N_OF(PROMPT), NULL), GEN_OK);
    return sampler;
}

/* A sampler that has all for itself. */
static struct gen_sampler *alone(const struct gen_sampling *sampling, uint64_t seed) {
    struct gen_sampler *sampler = NULL;
    assert_int_equal(gen_sampler_new(&sampler, sampling, N_VOCAB, -1, seed, 0, 0, NULL), GEN_OK);
    return begun(sampler);
}

static struct gen_sampler *sharing(const struct gen_sampling *sampling, uint64_t seed,
                                   struct sampler_scratch *scratch) {
    struct gen_sampler *sampler = NULL;
    assert_int_equal(sampler_new(&sampler, sampling, N_VOCAB, seed, 0, 0, scratch, NULL), GEN_OK);
    return begun(sampler);
}

static void check_scores(const struct gen_sampler *a, const struct gen_sampler *b, size_t step) {
    float of_a[N_VOCAB], of_b[N_VOCAB];
    assert_int_equal(gen_sampler_scores(a, LOGITS[step], of_a, NULL), GEN_OK);
    assert_int_equal(gen_sampler_scores(b, LOGITS[step], of_b, NULL), GEN_OK);
    assert_memory_equal(of_a, of_b, sizeof of_a);
}

/* The copy draws what the first would have drawn; what becomes of one is nothing to the other. */
static void test_clone(void **state) {
    (void)state;
    const struct gen_sampling sampling = all_rules();
    struct sampler_scratch scratch;
    assert_true(sampler_scratch_init(&scratch, N_VOCAB));
    for (size_t at = 0; at < 25; at += 3) {
        struct gen_sampler *whole = alone(&sampling, 5);
        struct gen_sampler *first = sharing(&sampling, 5, &scratch);
        for (size_t step = 0; step < at; step++) {
            assert_int_equal(next(whole, step), next(first, step));
        }
        struct gen_sampler *copy = sampler_clone(first);
        assert_non_null(copy);
        /* The first takes another way, and ends. */
        for (int32_t id = 20; id < 30; id++) {
            assert_int_equal(sampler_accept(first, id, NULL), GEN_OK);
        }
        next(first, 0);
        gen_sampler_free(first);
        for (size_t step = at; step < 25; step++) {
            check_scores(copy, whole, step);
            assert_int_equal(next(copy, step), next(whole, step));
        }
        gen_sampler_free(copy);
        gen_sampler_free(whole);
    }
    sampler_scratch_release(&scratch);
}

/* A copy of a sampler that owns its options borrows them. */
static void test_clone_of_owner(void **state) {
    (void)state;
    struct gen_sampling sampling = all_rules();
    struct gen_sampler *owner = alone(&sampling, 8), *other = alone(&sampling, 8);
    memset(&sampling, 0, sizeof sampling);
    next(owner, 0);
    next(other, 0);
    struct gen_sampler *copy = sampler_clone(owner);
    assert_non_null(copy);
    for (size_t step = 1; step < 20; step++) {
        assert_int_equal(next(copy, step), next(other, step));
    }
    gen_sampler_free(copy);
    next(owner, 1);
    gen_sampler_free(owner);
    gen_sampler_free(other);
}

/* Texts that draw in turn from one scratch memory. */
static void test_shared_scratch(void **state) {
    (void)state;
    const struct gen_sampling sampling = all_rules();
    struct sampler_scratch scratch;
    struct gen_sampler *apart[3], *together[3];
    assert_true(sampler_scratch_init(&scratch, N_VOCAB));
    for (uint64_t i = 0; i < 3; i++) {
        apart[i] = alone(&sampling, i);
        together[i] = sharing(&sampling, i, &scratch);
    }
    for (size_t step = 0; step < 25; step++) {
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(next(together[i], step), next(apart[i], step));
        }
    }
    for (size_t i = 0; i < 3; i++) {
        gen_sampler_free(apart[i]);
        gen_sampler_free(together[i]);
    }
    sampler_scratch_release(&scratch);
}

/* The error names the rule in a copy, too. */
static void test_dead_end(void **state) {
    (void)state;
    struct gen_sampling sampling = gen_sampling_default();
    sampling.no_repeat_ngram_size = 1;
    struct gen_sampler *sampler = alone(&sampling, 1);
    for (int32_t id = 0; id < N_VOCAB; id++) {
        assert_int_equal(sampler_accept(sampler, id, NULL), GEN_OK);
    }
    struct gen_sampler *copy = sampler_clone(sampler);
    int32_t id;
    struct gen_error err = {0};
    assert_int_equal(gen_sampler_next(copy, LOGITS[0], &id, &err), GEN_BAD_ARGUMENT);
    assert_string_equal(err.message, "the sampling options forbid every token after 40 new ones: "
                                     "no_repeat_ngram_size leaves none (relax it)");
    gen_sampler_free(copy);
    gen_sampler_free(sampler);
}

static uint32_t times(const struct tally *tally, int32_t id) {
    for (size_t i = 0; i < tally->n_entries; i++) {
        if (tally->entries[i].id == id) {
            return tally->entries[i].n;
        }
    }
    return 0;
}

static void test_tally(void **state) {
    (void)state;
    struct tally *tally = tally_new(N_VOCAB);
    assert_non_null(tally);
    uint32_t expected[N_VOCAB] = {0};
    struct tally *early = tally_clone(tally);
    for (int32_t i = 0; i < 500; i++) {
        int32_t id = i * i % 37;
        assert_true(tally_add(tally, id));
        expected[id]++;
    }
    struct tally *clone = tally_clone(tally);
    assert_true(tally_add(tally, 0));
    for (int32_t id = 0; id < N_VOCAB; id++) {
        assert_int_equal(times(early, id), 0);
        assert_int_equal(times(clone, id), expected[id]);
        assert_int_equal(times(tally, id), expected[id] + (id == 0));
    }
    assert_true(tally_add(clone, 38));
    assert_int_equal(times(clone, 38), 1);
    assert_int_equal(times(tally, 38), 0);
    tally_free(early);
    tally_free(clone);
    tally_free(tally);
    tally_free(NULL);
}

int main(void) {
    uint32_t random = 1;
    for (size_t i = 0; i < N_STEPS; i++) {
        for (size_t j = 0; j < N_VOCAB; j++) {
            random = random * 1664525u + 1013904223u;
            LOGITS[i][j] = (float)(random >> 16) / 16384.0f;
        }
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clone),          cmocka_unit_test(test_clone_of_owner),
        cmocka_unit_test(test_shared_scratch), cmocka_unit_test(test_dead_end),
        cmocka_unit_test(test_tally),
    };
    return cmocka_run_group_tests_name("processors", tests, NULL, NULL);
}
