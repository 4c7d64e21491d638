/** test_speculate.c - speculation: what is guessed, and that it never changes a text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/size.h"
#include "gen.h"
#include "generate/drafter.h"
#include "generate_job.h"

#define N_CTX 64

/* ---- drafts -----------------------------------------------------------------------------------
 */

#define SLOT 2

/* A text takes a slot. */
static void seat(const struct drafter *drafter, int32_t slot, float temperature) {
    const struct gen_generate_options options = {.sampling.temperature = temperature};
    const struct sequence_rules rules = {.options = &options, .n_ctx = N_CTX};
    const struct sequence sequence = {.rules = &rules};
    drafter->seat(drafter->context, slot, &sequence);
}

static struct drafter drafter_of_slots(void) {
    struct drafter drafter;
    assert_true(drafter_lookup_init(&drafter, SLOT + 1));
    seat(&drafter, SLOT, 0.0f);
    return drafter;
}

static void learn(struct drafter *drafter, size_t n_accepted) {
    const struct text text = {.seat.slot = SLOT};
    const struct draft draft = {.text = &text, .n = DRAFT_MOST};
    drafter->learn(drafter->context, &draft, n_accepted);
}

/* What is guessed after a text; a draft that is there already stays. */
static size_t draft_of(const struct drafter *drafter, int32_t slot, const char *text, size_t n_most,
                       int32_t ids_found[DRAFT_MOST]) {
    int32_t ids[64];
    size_t n = strlen(text);
    for (size_t i = 0; i < n; i++) {
        ids[i] = text[i];
    }
    static const struct sequence_rules rules = {.n_ctx = N_CTX};
    const struct text of = {.sequence = {.rules = &rules, .ids = {.data = ids, .n = n}},
                            .seat.slot = slot};
    struct draft drafts[2] = {{.text = &of, .n_most = n_most},
                              {.text = &of, .n_most = DRAFT_MOST, .n = 1, .ids = {77}}};
    drafter->draft(drafter->context, drafts, 2, 1);
    assert_int_equal(drafts[1].n, 1);
    assert_int_equal(drafts[1].ids[0], 77);
    memcpy(ids_found, drafts[0].ids, sizeof drafts[0].ids);
    return drafts[0].n;
}

/* What is guessed after a text, with the caution that so many failures lead to. */
static void check_draft(const char *text, size_t n_failures, size_t n_most, const char *expected) {
    int32_t draft[DRAFT_MOST];
    struct drafter drafter = drafter_of_slots();
    for (size_t i = 0; i < n_failures; i++) {
        learn(&drafter, 0);
    }
    assert_int_equal(draft_of(&drafter, SLOT, text, n_most, draft), strlen(expected));
    for (size_t i = 0; expected[i] != '\0'; i++) {
        assert_int_equal(draft[i], expected[i]);
    }
    drafter_release(&drafter);
}

static void test_draft(void **state) {
    (void)state;
    check_draft("", 0, 8, "");
    check_draft("a", 0, 8, "");
    check_draft("aa", 0, 8, "");
    check_draft("abcdefgh", 0, 8, "");
    /* One id in common is not enough, two are; as many are guessed as match. */
    check_draft("abcdb", 0, 8, "");
    check_draft("abcdab", 0, 8, "cd");
    check_draft("abcdefgabc", 0, 8, "def");
    check_draft("abcdefgabc", 0, 2, "de");
    check_draft("abcdefgabc", 0, 0, "");
    /* The longest match, of those the last. */
    check_draft("abcX-bcY-abc", 0, 8, "X-b");
    check_draft("bcX+bcY-bc", 0, 8, "Y-");
    /* What follows may be part of the end itself. */
    check_draft("xyxyxy", 0, 8, "xyxy");
    check_draft("aaaaaaaaaaaaaaaaaaaaaa", 0, 8, "aaaaaaaa");
    /* After a failure one more has to match, then two more, six more, ... */
    check_draft("abcdefgabc", 1, 8, "def");
    check_draft("abcdefgabc", 2, 8, "");
    check_draft("0123456789abcdefXY-0123456789abcdef", 4, 8, "XY-01234");
    check_draft("123456789abcdefXY-0123456789abcdef", 4, 8, "");
}

/* How many ids have to match, beyond two: the fewest that lead to a draft. */
static size_t caution(const struct drafter *drafter, int32_t slot) {
    int32_t draft[DRAFT_MOST];
    for (size_t n = 2; n <= 16; n++) {
        char text[64];
        snprintf(text, sizeof text, "%.*s-+%.*s", (int)n, "0123456789abcdef", (int)n,
                 "0123456789abcdef");
        if (draft_of(drafter, slot, text, 8, draft) > 0) {
            return n - 2;
        }
    }
    fail_msg("no draft");
    return 0;
}

/* A text that does not repeat itself is left alone after few failures; success is quick to
 * bring back trust. */
static void test_learn(void **state) {
    (void)state;
    static const size_t expected[] = {0, 1, 3, 7, 14, 14};
    struct drafter drafter = drafter_of_slots();
    for (size_t i = 0; i < N_OF(expected); i++) {
        assert_int_equal(caution(&drafter, SLOT), expected[i]);
        learn(&drafter, 0);
    }
    for (int i = 0; i < 4; i++) {
        learn(&drafter, 1);
    }
    assert_int_equal(caution(&drafter, SLOT), 0);
    drafter_release(&drafter);
    drafter_release(&drafter); /* {0} */
}

/* Where ids are drawn at random it takes more to begin with; slots know nothing of each other. */
static void test_seat(void **state) {
    (void)state;
    struct drafter drafter = drafter_of_slots();
    assert_int_equal(caution(&drafter, SLOT), 0);
    seat(&drafter, SLOT, 0.5f);
    assert_int_equal(caution(&drafter, SLOT), 3);
    seat(&drafter, 1, 0.0f);
    learn(&drafter, 0);
    assert_int_equal(caution(&drafter, SLOT), 7);
    assert_int_equal(caution(&drafter, 1), 0);
    seat(&drafter, SLOT, 0.0f);
    assert_int_equal(caution(&drafter, SLOT), 0);
    drafter_release(&drafter);
}

/* ---- texts ------------------------------------------------------------------------------------
 */

static int32_t PLAIN[60], LOOP[60], ECHO[60];

static int setup(void **state) {
    *state = generate_job_model("tests/golden/models/base");
    return 0;
}

static int teardown(void **state) {
    gen_model_free(*state);
    return 0;
}

static struct generate_job job_of(bool speculate, float temperature, uint64_t seed) {
    struct generate_job job = {.options = gen_generate_options_default()};
    job.options.n_threads = 1;
    job.options.batch = 1;
    job.options.sampling.temperature = temperature;
    job.options.seed = seed;
    job.options.ignore_eos = true;
    job.options.slide = true;
    job.options.max_new_tokens = 150;
    job.options.speculate = speculate;
    job.prompts[0] = (struct gen_prompt){.ids = PLAIN, .n_ids = 7};
    job.prompts[1] = (struct gen_prompt){.ids = PLAIN, .n_ids = N_OF(PLAIN)};
    job.prompts[2] = (struct gen_prompt){.ids = LOOP, .n_ids = 40};
    job.prompts[3] = (struct gen_prompt){.ids = ECHO, .n_ids = N_OF(ECHO)};
    job.prompts[4] = (struct gen_prompt){.ids = LOOP, .n_ids = 1};
    job.n_prompts = 5;
    return job;
}

static size_t n_guessed(const struct generate_job *job) {
    size_t n = 0;
    for (size_t i = 0; i < job->n_texts; i++) {
        n += job->texts[i].n_guessed;
    }
    return n;
}

typedef void change(struct gen_generate_options *options);

/* Run a job with and without speculation; returns the ids that were guessed. */
static size_t check_same(const struct gen_model *model, float temperature, uint64_t seed,
                         change *change_options) {
    struct generate_job with = job_of(true, temperature, seed);
    struct generate_job without = job_of(false, temperature, seed);
    change_options(&with.options);
    change_options(&without.options);
    generate_job_run_well(&with, model);
    generate_job_run_well(&without, model);
    generate_job_check_same(&with, &without);
    size_t guessed = n_guessed(&with);
    assert_int_equal(n_guessed(&without), 0);
    if (with.options.batch == 1) { /* each id guessed saves a pass */
        assert_int_equal(with.n_passes + guessed, without.n_passes);
    }
    generate_job_release(&with);
    generate_job_release(&without);
    return guessed;
}

static void change_nothing(struct gen_generate_options *options) {
    (void)options;
}

static void no_slide(struct gen_generate_options *options) {
    options->slide = false;
    options->ignore_eos = false;
}

/* Ends within a draft. */
static void short_texts(struct gen_generate_options *options) {
    options->max_new_tokens = 7;
    options->num_return_sequences = 3;
}

static void stop_strings(struct gen_generate_options *options) {
    static const char *const strings[] = {"e", "th", "s "};
    options->stop = strings;
    options->n_stop = N_OF(strings);
}

static void logprobs_and_penalties(struct gen_generate_options *options) {
    options->n_logprobs = 4;
    options->sampling.frequency_penalty = 0.05f;
    options->sampling.repetition_penalty = 1.01f;
}

static void batch_of_3(struct gen_generate_options *options) {
    options->batch = 3;
    options->num_return_sequences = 2;
}

static void test_same_text(void **state) {
    static change *const changes[] = {change_nothing, no_slide,   short_texts,
                                      stop_strings,   batch_of_3, logprobs_and_penalties};
    /* At the low ones a model with random weights repeats itself, at 1.5 it does not. */
    static const float temperatures[] = {0.0f, 0.1f, 0.4f, 1.5f};
    for (size_t i = 0; i < N_OF(changes); i++) {
        for (size_t j = 0; j < N_OF(temperatures); j++) {
            size_t guessed = 0;
            uint64_t n_seeds = temperatures[j] > 0.0f ? 4 : 1;
            for (uint64_t seed = 1; seed <= n_seeds; seed++) {
                guessed += check_same(*state, temperatures[j], seed, changes[i]);
            }
            /* Otherwise nothing was tested. */
            bool is_short =
                changes[i] == stop_strings || (changes[i] == short_texts && temperatures[j] > 0.0f);
            assert_true(guessed > 0 || temperatures[j] > 0.1f || is_short);
        }
    }
}

/* A greedy text that goes round in circles takes far fewer passes. */
static void test_fewer_passes(void **state) {
    struct generate_job job = job_of(true, 0.0f, 0);
    job.prompts[0] = job.prompts[2];
    job.n_prompts = 1;
    job.options.slide = false;
    job.options.max_new_tokens = -1;
    generate_job_run_well(&job, *state);
    assert_int_equal(job.texts[0].ids.n, N_CTX - 40);
    assert_true(job.n_passes <= N_CTX - 40 - 10);
    assert_int_equal(job.n_passes, N_CTX - 40 - job.texts[0].n_guessed);
    generate_job_release(&job);
}

/* Where the sink wants logits there are no rows of drafts. */
static void test_logits(void **state) {
    struct generate_job with = job_of(true, 0.0f, 0);
    struct generate_job without = job_of(false, 0.0f, 0);
    with.want_logits = without.want_logits = true;
    generate_job_run_well(&with, *state);
    generate_job_run_well(&without, *state);
    generate_job_check_same(&with, &without);
    assert_int_equal(n_guessed(&with), 0);
    assert_int_equal(with.n_rows, without.n_rows);
    assert_memory_equal(with.logits, without.logits,
                        with.n_rows * GENERATE_JOB_VOCAB * sizeof *with.logits);
    generate_job_release(&with);
    generate_job_release(&without);
}

/* The model that was trained, with words in place of noise. */
static void test_tales(void **state) {
    (void)state;
    struct gen_model *model = generate_job_model("models/tales-6m.gguf");
    const char *text = "Once upon a time there was a king. Once upon a time there was a";
    struct gen_ids ids = {0};
    assert_int_equal(
        gen_tokenizer_encode(gen_model_tokenizer(model), text, strlen(text), false, &ids, NULL),
        GEN_OK);
    for (uint64_t seed = 0; seed < 4; seed++) {
        struct generate_job with = job_of(true, seed == 0 ? 0.0f : 0.6f, seed);
        struct generate_job without = job_of(false, seed == 0 ? 0.0f : 0.6f, seed);
        with.prompts[0] = without.prompts[0] = (struct gen_prompt){.ids = ids.data, .n_ids = ids.n};
        with.n_prompts = without.n_prompts = 1;
        generate_job_run_well(&with, model);
        generate_job_run_well(&without, model);
        generate_job_check_same(&with, &without);
        assert_int_equal(with.n_passes + with.texts[0].n_guessed, without.n_passes);
        assert_true(seed > 0 || with.texts[0].n_guessed > 0);
        generate_job_release(&with);
        generate_job_release(&without);
    }
    gen_ids_release(&ids);
    gen_model_free(model);
}

int main(void) {
    for (int32_t i = 0; i < (int32_t)N_OF(PLAIN); i++) {
        PLAIN[i] = (i * 37 + 11) % 500;
        LOOP[i] = i % 5 + 100;
        ECHO[i] = (i % 20 * 37 + 11) % 500;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_draft),        cmocka_unit_test(test_learn),
        cmocka_unit_test(test_seat),         cmocka_unit_test(test_same_text),
        cmocka_unit_test(test_fewer_passes), cmocka_unit_test(test_logits),
        cmocka_unit_test(test_tales),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
