/**
 * test_contrastive.c - contrastive search: the texts of transformers 4.55
 * (golden/contrastive.json), the same bits however a search shares the machine, and what options
 * must be.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "base/size.h"
#include "gen.h"
#include "generate_job.h"
#include "golden_texts.h"
#include "tokenizer_files.h"

#define BASE   "tests/golden/models/base"
#define UNTIED "tests/golden/models/untied"

static const int32_t PROMPT[] = {5, 17, 3, 200, 9, 41, 77, 12, 33, 8, 150, 61};

static int setup(void **state) {
    *state = generate_job_model(BASE);
    return 0;
}

static int teardown(void **state) {
    gen_model_free(*state);
    return 0;
}

/* ---- against transformers --------------------------------------------------------------------*/

static struct gen_generate_options options_of(const cJSON *item, int32_t *eos) {
    const cJSON *settings = cJSON_GetObjectItem(item, "settings");
    struct gen_generate_options options = gen_generate_options_default();
    struct gen_sampling *sampling = &options.sampling;
    options.eos = eos;
    options.n_eos = golden_texts_ids(eos, cJSON_GetObjectItem(item, "eos"));
    options.ignore_eos = options.n_eos == 0; /* the model of transformers had none then */
    options.penalty_alpha = (float)golden_texts_number(settings, "penalty_alpha", 0);
    options.max_new_tokens = (int32_t)golden_texts_number(settings, "max_new_tokens", 1);
    sampling->top_k = (int32_t)golden_texts_number(settings, "top_k", 0);
    sampling->no_repeat_ngram_size =
        (int32_t)golden_texts_number(settings, "no_repeat_ngram_size", 0);
    sampling->repetition_penalty = (float)golden_texts_number(settings, "repetition_penalty", 1);
    sampling->min_new_tokens = (int32_t)golden_texts_number(settings, "min_new_tokens", 0);
    sampling->temperature = 0;
    return options;
}

static void check_case(const struct gen_model *model, const cJSON *item, void *context) {
    size_t *n_wrong = context;
    int32_t prompt[GOLDEN_TEXTS_IDS], eos[GOLDEN_TEXTS_IDS], ids[GOLDEN_TEXTS_IDS];
    struct generate_job job = {
        .options = options_of(item, eos), .n_prompts = 1, .has_own_options = true};
    job.prompts[0] = (struct gen_prompt){
        .ids = prompt, .n_ids = golden_texts_ids(prompt, cJSON_GetObjectItem(item, "prompt"))};
    char *what = cJSON_PrintUnformatted(item);
    if (generate_job_run(&job, model) != GEN_OK || job.n_failed > 0) {
        fail_msg("%s%s: %s", job.error.message, job.n_texts > 0 ? job.texts[0].message : "", what);
    }
    size_t n = golden_texts_ids(ids, cJSON_GetObjectItem(item, "ids"));
    assert_int_equal(job.n_texts, 1);
    if (n != job.texts[0].ids.n || memcmp(ids, job.texts[0].ids.data, n * sizeof *ids) != 0) {
        print_message("%zu ids: %s\n", job.texts[0].ids.n, what);
        ++*n_wrong;
    }
    free(what);
    generate_job_release(&job);
}

static void test_transformers(void **state) {
    (void)state;
    size_t n_wrong = 0;
    cJSON *root = golden_texts_read("tests/golden/contrastive.json");
    golden_texts_each(root, check_case, &n_wrong);
    assert_int_equal(n_wrong, 0);
    cJSON_Delete(root);
}

/* ---- however the machine is shared -----------------------------------------------------------*/

#define N_KINDS 9

static void run_kinds(struct generate_job *job, const struct gen_model *model) {
    struct gen_generate_options kinds[N_KINDS];
    job->n_prompts = N_KINDS;
    job->has_own_options = true;
    for (size_t i = 0; i < N_KINDS; i++) {
        kinds[i] = job->options;
        kinds[i].sampling.temperature = 0;
        kinds[i].sampling.top_k = 2 + (int32_t)i % 4;
        kinds[i].penalty_alpha = i % 3 == 0 ? 0.0f : 0.6f;
        kinds[i].num_beams = i % 6 == 3 ? 3 : 1;
        kinds[i].n_logprobs = i % 2 == 0 ? 2 : 0;
        kinds[i].max_new_tokens = 5 + (int32_t)(3 * i) % 20;
        job->prompts[i] =
            (struct gen_prompt){.ids = PROMPT, .n_ids = 1 + i % 7, .options = &kinds[i]};
    }
    generate_job_run_well(job, model);
}

static void test_same_bits(void **state) {
    const struct gen_model *model = *state;
    struct generate_job expected = {.options = gen_generate_options_default()};
    expected.options.batch = 5;
    expected.options.n_threads = 1;
    run_kinds(&expected, model);
    assert_int_equal(expected.n_failed, 0);
    static const int batches[] = {6, 13, 40};
    for (size_t i = 0; i < N_OF(batches); i++) {
        struct generate_job job = {.options = gen_generate_options_default()};
        job.options.batch = batches[i];
        job.options.n_threads = 1 + (int)i % 2;
        run_kinds(&job, model);
        generate_job_check_same(&job, &expected);
        generate_job_release(&job);
    }
    generate_job_release(&expected);
}

/* ---- options and ends ------------------------------------------------------------------------*/

static struct generate_job search(void) {
    struct generate_job job = {.options = gen_generate_options_default(), .n_prompts = 1};
    job.options.penalty_alpha = 0.6f;
    job.options.sampling.top_k = 4;
    job.options.sampling.temperature = 0;
    job.options.max_new_tokens = 8;
    job.has_own_options = true;
    job.prompts[0] = (struct gen_prompt){.ids = PROMPT, .n_ids = 4};
    return job;
}

static void check_refused(struct generate_job *job, const struct gen_model *model,
                          const char *part) {
    enum gen_status status = generate_job_run(job, model);
    const char *message = status != GEN_OK ? job->error.message : job->texts[0].message;
    assert_true(status == GEN_BAD_ARGUMENT || job->n_failed == 1);
    if (strstr(message, part) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", message, part);
    }
    generate_job_release(job);
}

static void test_bad_options(void **state) {
    struct generate_job job = search();
    job.options.penalty_alpha = 1.5f;
    check_refused(&job, *state, "penalty_alpha is 1.5");
    job = search();
    job.options.penalty_alpha = NAN;
    check_refused(&job, *state, "penalty_alpha is");
    job = search();
    job.options.sampling.top_k = 1;
    check_refused(&job, *state, "top_k is 1");
    job = search();
    job.options.sampling.top_k = 257;
    check_refused(&job, *state, "top_k is 257");
    job = search();
    job.options.num_beams = 2;
    check_refused(&job, *state, "num_beams is 2");
    job = search();
    job.options.num_return_sequences = 2;
    check_refused(&job, *state, "num_return_sequences is 2");
    job = search();
    job.options.sampling.temperature = 1;
    check_refused(&job, *state, "temperature is 1");
    job = search();
    job.options.slide = true;
    check_refused(&job, *state, "context slides");
    job = search();
    job.options.batch = 3;
    check_refused(&job, *state, "raise batch");
    job = search();
    job.want_logits = true;
    check_refused(&job, *state, "leave penalty_alpha out");
}

/* No new ids; one id that is allowed; none. */
static void test_few(void **state) {
    struct gen_logit_bias bias[GENERATE_JOB_VOCAB];
    struct generate_job job = search();
    job.options.max_new_tokens = 0;
    generate_job_run_well(&job, *state);
    assert_int_equal(job.n_texts, 1);
    assert_int_equal(job.texts[0].ids.n, 0);
    generate_job_release(&job);
    for (int32_t i = 0; i < GENERATE_JOB_VOCAB; i++) {
        bias[i] = (struct gen_logit_bias){i, i == 60 ? 0.0f : -INFINITY};
    }
    for (int left = 1; left >= 0; left--) {
        bias[60].bias = left == 1 ? 0.0f : -INFINITY;
        job = search();
        job.options.sampling.logit_bias = bias;
        job.options.sampling.n_logit_bias = GENERATE_JOB_VOCAB;
        if (left == 1) {
            generate_job_run_well(&job, *state);
            assert_int_equal(job.texts[0].ids.n, 8);
            generate_job_release(&job);
        } else {
            check_refused(&job, *state, "logit_bias leaves none");
        }
    }
}

/* The context of the model ends the text. */
static void test_context(void **state) {
    struct generate_job job = search();
    job.options.max_new_tokens = -1;
    job.options.ignore_eos = true;
    generate_job_run_well(&job, *state);
    assert_int_equal(job.texts[0].finish, GEN_FINISH_CONTEXT);
    assert_int_equal(job.texts[0].ids.n + 4, gen_model_config(*state)->n_ctx);
    generate_job_release(&job);
}

/* A candidate whose logits are not finite fails the prompt, and none of the others. */
static void test_not_finite(void **state) {
    (void)state;
    struct gen_model *model = generate_job_model(UNTIED);
    struct generate_job job = search();
    generate_job_run_well(&job, model);
    int32_t poison = job.texts[0].ids.data[3];
    generate_job_release(&job);
    gen_model_free(model);
    model = generate_job_poisoned(UNTIED, poison);
    const struct gen_logit_bias forbidden = {poison, -INFINITY};
    job = search();
    struct gen_generate_options careful = job.options;
    careful.sampling.logit_bias = &forbidden;
    careful.sampling.n_logit_bias = 1;
    job.n_prompts = 2;
    job.prompts[1] = (struct gen_prompt){.ids = PROMPT, .n_ids = 4, .options = &careful};
    generate_job_run_well(&job, model);
    assert_int_equal(job.n_failed, 1);
    assert_int_equal(job.n_texts, 2);
    assert_int_equal(job.texts[0].finish, GEN_FINISH_ERROR);
    assert_true(job.texts[0].ids.n < 20); /* what had been chosen before */
    assert_int_equal(job.texts[1].ids.n, 8);
    generate_job_release(&job);
    gen_model_free(model);
}

static void test_canceled(void **state) {
    for (int at = 1; at < 9; at++) {
        struct generate_job job = search();
        job.refuse_go_on = at;
        assert_int_equal(generate_job_run(&job, *state), GEN_CANCELED);
        assert_int_equal(job.n_texts, at > 1);
        generate_job_release(&job);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transformers), cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_bad_options),  cmocka_unit_test(test_few),
        cmocka_unit_test(test_context),      cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_canceled),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
