/**
 * test_prompt_options.c - prompts with options and numbers of their own, and seeds of texts: each
 * text of a batch is that of a run that has its options, its seed and its prompt alone.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/size.h"
#include "gen.h"
#include "generate_job.h"

#define BASE "tests/golden/models/base"

static const int32_t PROMPT[] = {5, 17, 3, 200, 9, 41, 77, 12, 33, 8, 150, 61};

static int setup(void **state) {
    *state = generate_job_model(BASE);
    return 0;
}

static int teardown(void **state) {
    gen_model_free(*state);
    return 0;
}

/* The text that a run gives for the prompt alone. */
static void check_alone(const struct gen_model *model, const struct generate_text *text,
                        const struct gen_prompt *prompt,
                        const struct gen_generate_options *options) {
    struct generate_job alone = {.options = *options, .n_prompts = 1};
    alone.options.seed = text->seed;
    alone.options.num_return_sequences = 1;
    alone.prompts[0] = (struct gen_prompt){.ids = prompt->ids, .n_ids = prompt->n_ids};
    generate_job_run_well(&alone, model);
    assert_int_equal(alone.texts[0].ids.n, text->ids.n);
    assert_memory_equal(alone.texts[0].ids.data, text->ids.data,
                        text->ids.n * sizeof *text->ids.data);
    assert_int_equal(alone.texts[0].text.n, text->text.n);
    assert_int_equal(alone.texts[0].finish, text->finish);
    assert_int_equal(alone.texts[0].n_best, text->n_best);
    generate_job_release(&alone);
}

/* Seeds are below 2^53, all different, and those of a prompt come from its first. */
static void test_seeds(void **state) {
    (void)state;
    assert_int_equal(gen_text_seed(UINT64_MAX, 0, 0), UINT64_MAX);
    uint64_t seen[400];
    size_t n = 0;
    for (uint64_t index = 0; index < 20; index++) {
        for (uint64_t sequence = 0; sequence < 20; sequence++) {
            uint64_t seed = gen_text_seed(7, index, sequence);
            assert_true(seed < (uint64_t)1 << 53);
            assert_int_equal(seed, gen_text_seed(gen_text_seed(7, index, 0), 0, sequence));
            for (size_t i = 0; i < n; i++) {
                assert_int_not_equal(seen[i], seed);
            }
            seen[n++] = seed;
        }
    }
}

/* The seed that is told gives the same text alone, for each text of a run. */
static void test_seed_gives_text(void **state) {
    struct generate_job job = {.options = gen_generate_options_default(), .n_prompts = 6};
    job.options.seed = 3;
    job.options.max_new_tokens = 15;
    job.options.num_return_sequences = 3;
    for (size_t i = 0; i < job.n_prompts; i++) {
        job.prompts[i] = (struct gen_prompt){.ids = PROMPT, .n_ids = 1 + 2 * i};
    }
    generate_job_run_well(&job, *state);
    assert_int_equal(job.n_texts, 18);
    assert_int_equal(job.texts[0].seed, 3);
    for (size_t i = 0; i < job.n_texts; i++) {
        check_alone(*state, &job.texts[i], &job.prompts[job.texts[i].index], &job.options);
    }
    generate_job_release(&job);
}

/* Options by prompt; what they point to is gone when the next prompt is asked for. */
struct by_prompt {
    struct gen_generate_options options[24];
    struct gen_logit_bias bias;
    struct gen_ids bad_word;
    int32_t bad_ids[2];
    const char *stop[1];
    char stop_text[4];
};

static void vary(struct by_prompt *by, struct gen_generate_options *options, size_t i) {
    *options = gen_generate_options_default();
    options->seed = 100 + i;
    options->max_new_tokens = (int32_t)(4 + i);
    options->num_return_sequences = (int32_t)(1 + i % 3);
    options->n_logprobs = i % 4 == 1 ? 2 : 0;
    options->sampling.temperature = i % 5 == 2 ? 0 : 1 + (float)i / 10;
    options->ignore_eos = i % 2 == 0;
    by->bias = (struct gen_logit_bias){40, i % 3 == 0 ? 9 : -INFINITY};
    by->bad_ids[0] = (int32_t)i;
    by->bad_word = (struct gen_ids){by->bad_ids, 1, 0};
    options->sampling.logit_bias = &by->bias;
    options->sampling.n_logit_bias = 1;
    options->sampling.bad_words = &by->bad_word;
    options->sampling.n_bad_words = 1;
    strcpy(by->stop_text, i % 4 == 3 ? "a" : "th");
    by->stop[0] = by->stop_text;
    options->stop = by->stop;
    options->n_stop = i % 2;
}

static bool next_varied(void *context, struct gen_prompt *prompt) {
    struct generate_job *job = context;
    static struct by_prompt by; /* NOLINT: overwritten by the next prompt, as a caller may */
    memset(&by, 0x55, sizeof by);
    if (job->n_asked == job->n_prompts) {
        return false;
    }
    vary(&by, &by.options[0], job->n_asked);
    *prompt = (struct gen_prompt){
        .ids = PROMPT, .n_ids = 1 + job->n_asked % 12, .options = &by.options[0]};
    job->n_asked++;
    return true;
}

static void test_options(void **state) {
    for (int32_t batch = 1; batch <= 16; batch *= 4) {
        struct generate_job job = {.options = gen_generate_options_default(),
                                   .n_prompts = 24,
                                   .next = next_varied,
                                   .has_own_options = true};
        job.options.batch = batch;
        generate_job_run_well(&job, *state);
        assert_int_equal(job.n_texts, 48);
        for (size_t i = 0; i < job.n_texts; i++) {
            const struct generate_text *text = &job.texts[i];
            struct by_prompt by;
            vary(&by, &by.options[0], (size_t)text->index);
            const struct gen_prompt prompt = {.ids = PROMPT,
                                              .n_ids = (size_t)(1 + text->index % 12)};
            assert_int_equal(text->seed, gen_text_seed(100 + text->index, 0, text->sequence));
            check_alone(*state, text, &prompt, &by.options[0]);
        }
        generate_job_release(&job);
    }
}

/* Options that are bad fail their prompt, and no other. */
static void test_bad_options(void **state) {
    struct generate_job job = {
        .options = gen_generate_options_default(), .n_prompts = 3, .has_own_options = true};
    struct gen_generate_options bad = job.options;
    bad.sampling.top_p = 2;
    job.options.max_new_tokens = 3;
    for (size_t i = 0; i < 3; i++) {
        job.prompts[i] = (struct gen_prompt){.ids = PROMPT, .n_ids = 3};
    }
    job.prompts[1].options = &bad;
    generate_job_run_well(&job, *state);
    assert_int_equal(job.n_texts, 3);
    assert_int_equal(job.n_failed, 1);
    assert_int_equal(job.texts[1].finish, GEN_FINISH_ERROR);
    assert_non_null(strstr(job.texts[1].message, "top_p"));
    assert_int_equal(job.texts[2].ids.n, 3);
    assert_int_equal(job.texts[2].seed, gen_text_seed(0, 2, 0));
    generate_job_release(&job);
}

/* A list that was cut: its prompts have the numbers and texts that they have in the whole one. */
static void test_left_out(void **state) {
    struct generate_job all = {.options = gen_generate_options_default(), .n_prompts = 12};
    struct generate_job some = {.options = gen_generate_options_default(), .n_prompts = 3};
    all.options.max_new_tokens = some.options.max_new_tokens = 9;
    for (size_t i = 0; i < all.n_prompts; i++) {
        all.prompts[i] = (struct gen_prompt){.ids = PROMPT, .n_ids = 1 + i % 12};
    }
    static const uint64_t chosen[] = {4, 5, 10};
    for (size_t i = 0; i < N_OF(chosen); i++) {
        some.prompts[i] = all.prompts[chosen[i]];
        some.prompts[i].n_left_out = i == 0 ? chosen[0] : chosen[i] - chosen[i - 1] - 1;
    }
    generate_job_run_well(&all, *state);
    generate_job_run_well(&some, *state);
    assert_int_equal(some.n_texts, 3);
    for (size_t i = 0; i < N_OF(chosen); i++) {
        const struct generate_text *text = &all.texts[chosen[i]];
        assert_int_equal(some.texts[i].index, chosen[i]);
        assert_int_equal(some.texts[i].seed, text->seed);
        assert_int_equal(some.texts[i].ids.n, text->ids.n);
        assert_memory_equal(some.texts[i].ids.data, text->ids.data,
                            text->ids.n * sizeof *text->ids.data);
    }
    generate_job_release(&all);
    generate_job_release(&some);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seeds),    cmocka_unit_test(test_seed_gives_text),
        cmocka_unit_test(test_options),  cmocka_unit_test(test_bad_options),
        cmocka_unit_test(test_left_out),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
