/**
 * test_beams.c - beam search and beam sampling: the texts and scores of transformers
 * (golden/beams.json), the same bits however a search shares the machine, and its ends.
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
    const cJSON *stopping = cJSON_GetObjectItem(settings, "early_stopping");
    struct gen_generate_options options = gen_generate_options_default();
    struct gen_sampling *sampling = &options.sampling;
    options.seed = (uint64_t)cJSON_GetObjectItem(item, "seed")->valuedouble;
    options.eos = eos;
    options.n_eos = golden_texts_ids(eos, cJSON_GetObjectItem(item, "eos"));
    options.ignore_eos = options.n_eos == 0; /* the model of transformers had none then */
    options.num_beams = (int32_t)golden_texts_number(settings, "num_beams", 1);
    options.max_new_tokens = (int32_t)golden_texts_number(settings, "max_new_tokens", 1);
    options.num_return_sequences =
        (int32_t)golden_texts_number(settings, "num_return_sequences", 1);
    options.length_penalty = (float)golden_texts_number(settings, "length_penalty", 1);
    options.early_stopping = cJSON_IsString(stopping) ? GEN_EARLY_STOPPING_NEVER
                             : cJSON_IsTrue(stopping) ? GEN_EARLY_STOPPING_TRUE
                                                      : GEN_EARLY_STOPPING_FALSE;
    sampling->no_repeat_ngram_size =
        (int32_t)golden_texts_number(settings, "no_repeat_ngram_size", 0);
    sampling->repetition_penalty = (float)golden_texts_number(settings, "repetition_penalty", 1);
    sampling->min_new_tokens =
        options.n_eos > 0 ? (int32_t)golden_texts_number(settings, "min_new_tokens", 0) : 0;
    bool samples = cJSON_IsTrue(cJSON_GetObjectItem(item, "samples"));
    sampling->temperature = samples ? (float)golden_texts_number(settings, "temperature", 1) : 0.0f;
    sampling->top_k = (int32_t)golden_texts_number(settings, "top_k", 0);
    sampling->top_p = (float)golden_texts_number(settings, "top_p", 1);
    sampling->min_p = (float)golden_texts_number(settings, "min_p", 0);
    sampling->typical_p = (float)golden_texts_number(settings, "typical_p", 1);
    return options;
}

static void check_case(const struct gen_model *model, const cJSON *item, void *context) {
    (void)context;
    int32_t prompt[GOLDEN_TEXTS_IDS], eos[GOLDEN_TEXTS_IDS], ids[GOLDEN_TEXTS_IDS];
    struct generate_job job = {
        .options = options_of(item, eos), .n_prompts = 1, .has_own_options = true};
    job.prompts[0] = (struct gen_prompt){
        .ids = prompt, .n_ids = golden_texts_ids(prompt, cJSON_GetObjectItem(item, "prompt"))};
    char *what = cJSON_PrintUnformatted(item);
    if (generate_job_run(&job, model) != GEN_OK || job.n_failed > 0) {
        fail_msg("%s%s: %s", job.error.message, job.texts[0].message, what);
    }
    const cJSON *expected = cJSON_GetObjectItem(item, "texts");
    assert_int_equal(job.n_texts, cJSON_GetArraySize(expected));
    for (size_t i = 0; i < job.n_texts; i++) {
        const struct generate_text *text = &job.texts[i];
        const cJSON *one = cJSON_GetArrayItem(expected, (int)i);
        size_t n = golden_texts_ids(ids, cJSON_GetObjectItem(one, "ids"));
        double score = cJSON_GetObjectItem(one, "score")->valuedouble;
        bool good = n == text->ids.n && memcmp(ids, text->ids.data, n * sizeof *ids) == 0 &&
                    text->has_score &&
                    fabs((double)text->score - score) <= 1e-4 + 1e-6 * fabs(score);
        if (!good) {
            fail_msg("text %zu, of %zu ids with score %g: %s", i, text->ids.n, (double)text->score,
                     what);
        }
    }
    free(what);
    generate_job_release(&job);
}

/* All texts of each search, in order, and their scores. */
static void test_transformers(void **state) {
    (void)state;
    cJSON *root = golden_texts_read("tests/golden/beams.json");
    golden_texts_each(root, check_case, NULL);
    cJSON_Delete(root);
}

/* ---- however the machine is shared -----------------------------------------------------------*/

/* Searches of several kinds, and texts that are drawn one by one between them. */
static void set_kinds(struct gen_generate_options *kinds, size_t n, struct generate_job *job) {
    static const int32_t beams[] = {4, 1, 2, 7};
    for (size_t i = 0; i < n; i++) {
        kinds[i] = job->options;
        kinds[i].num_beams = beams[i % N_OF(beams)];
        kinds[i].num_return_sequences = kinds[i].num_beams > 2 ? 3 : 1;
        kinds[i].sampling.temperature = i % 3 == 0 ? 0.0f : 0.9f;
        kinds[i].n_logprobs = i % 2 == 0 ? 2 : 0;
        kinds[i].max_new_tokens = 5 + (int32_t)(3 * i) % 20;
        kinds[i].seed = 100 + i;
    }
}

#define N_KINDS 12

static void run_kinds(struct generate_job *job, const struct gen_model *model) {
    struct gen_generate_options kinds[N_KINDS];
    job->n_prompts = N_KINDS;
    job->has_own_options = true;
    set_kinds(kinds, N_KINDS, job);
    for (size_t i = 0; i < N_KINDS; i++) {
        job->prompts[i] =
            (struct gen_prompt){.ids = PROMPT, .n_ids = 1 + i % N_OF(PROMPT), .options = &kinds[i]};
    }
    generate_job_run_well(job, model);
}

static void test_same_bits(void **state) {
    const struct gen_model *model = *state;
    struct generate_job expected = {.options = gen_generate_options_default()};
    expected.options.batch = 7;
    expected.options.n_threads = 1;
    run_kinds(&expected, model);
    assert_int_equal(expected.n_failed, 0);
    static const int batches[] = {0, 8, 9, 40};
    for (size_t i = 0; i < N_OF(batches); i++) {
        struct generate_job job = {.options = gen_generate_options_default()};
        job.options.batch = batches[i];
        job.options.n_threads = 1 + (int)i % 2;
        job.options.speculate = i != 1;
        run_kinds(&job, model);
        generate_job_check_same(&job, &expected);
        for (size_t j = 0; j < job.n_texts; j++) {
            assert_true(job.texts[j].score == expected.texts[j].score);
        }
        generate_job_release(&job);
    }
    generate_job_release(&expected);
}

/* A search goes on when the context slides, and finds what a search over the last ids would. */
static void test_slides(void **state) {
    const struct gen_model *model = *state;
    struct generate_job job = {.options = gen_generate_options_default(), .n_prompts = 1};
    job.options.num_beams = 3;
    job.options.sampling.temperature = 0;
    job.options.slide = true;
    job.options.ignore_eos = true;
    job.options.max_new_tokens = gen_model_config(model)->n_ctx + 20;
    job.prompts[0] = (struct gen_prompt){.ids = PROMPT, .n_ids = N_OF(PROMPT)};
    generate_job_run_well(&job, model);
    assert_int_equal(job.n_failed, 0);
    assert_int_equal(job.texts[0].ids.n, job.options.max_new_tokens);
    generate_job_release(&job);
}

/* Keys and values of one search are good for the next on the same engine. */
static void test_engine_lives(void **state) {
    const struct gen_model *model = *state;
    struct gen_engine_options options = gen_engine_options_default();
    struct gen_engine *engine = NULL;
    struct gen_error err;
    options.batch = 6;
    assert_int_equal(gen_engine_new(&engine, model, &options, &err), GEN_OK);
    struct generate_job first = {.options = gen_generate_options_default(), .n_prompts = 1};
    first.options.num_beams = 4;
    first.options.sampling.temperature = 0;
    first.options.num_return_sequences = 2;
    first.has_own_options = true;
    first.prompts[0] = (struct gen_prompt){.ids = PROMPT, .n_ids = N_OF(PROMPT)};
    struct generate_job second = first;
    first.engine = second.engine = engine;
    generate_job_run_well(&first, model);
    generate_job_run_well(&second, model);
    assert_int_equal(first.texts[0].n_cached, 0);
    assert_int_equal(second.texts[0].n_cached, N_OF(PROMPT) - 1);
    assert_true(second.texts[0].score == first.texts[0].score);
    assert_int_equal(second.texts[1].ids.n, first.texts[1].ids.n);
    assert_memory_equal(second.texts[1].ids.data, first.texts[1].ids.data,
                        first.texts[1].ids.n * sizeof(int32_t));
    generate_job_release(&first);
    generate_job_release(&second);
    gen_engine_free(engine);
}

/* ---- its ends --------------------------------------------------------------------------------*/

static struct generate_job search_of(int32_t num_beams) {
    struct generate_job job = {.options = gen_generate_options_default(), .n_prompts = 1};
    job.options.num_beams = num_beams;
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
    struct generate_job job = search_of(0);
    check_refused(&job, *state, "num_beams is 0");
    job = search_of(GEN_MAX_BEAMS + 1);
    check_refused(&job, *state, "num_beams is 257");
    job = search_of(3);
    job.options.num_return_sequences = 4;
    check_refused(&job, *state, "raise num_beams");
    job = search_of(3);
    job.options.length_penalty = NAN;
    check_refused(&job, *state, "length_penalty is");
    job = search_of(3);
    job.options.batch = 2;
    check_refused(&job, *state, "raise batch");
    job = search_of(3);
    job.want_logits = true;
    check_refused(&job, *state, "logits");
    job = search_of(3);
    job.options.eos = &(int32_t){512};
    job.options.n_eos = 1;
    check_refused(&job, *state, "eos 0 is 512");
}

/* No new ids: the texts are empty and have no score. */
static void test_no_new_ids(void **state) {
    struct generate_job job = search_of(3);
    job.options.max_new_tokens = 0;
    job.options.num_return_sequences = 2;
    generate_job_run_well(&job, *state);
    assert_int_equal(job.n_texts, 2);
    assert_int_equal(job.texts[1].ids.n, 0);
    assert_false(job.texts[1].has_score);
    generate_job_release(&job);
}

/* All ids but one are forbidden, so there is one text. */
static void test_too_few(void **state) {
    struct gen_logit_bias bias[GENERATE_JOB_VOCAB];
    struct generate_job job = search_of(3);
    for (int32_t i = 0; i < GENERATE_JOB_VOCAB; i++) {
        bias[i] = (struct gen_logit_bias){i, i == 60 ? 0.0f : -INFINITY};
    }
    job.options.sampling.logit_bias = bias;
    job.options.sampling.n_logit_bias = GENERATE_JOB_VOCAB;
    generate_job_run_well(&job, *state);
    assert_int_equal(job.n_failed, 0);
    assert_int_equal(job.texts[0].ids.n, 8);
    generate_job_release(&job);

    job = search_of(3);
    job.options.sampling.logit_bias = bias;
    job.options.sampling.n_logit_bias = GENERATE_JOB_VOCAB;
    job.options.num_return_sequences = 2;
    generate_job_run_well(&job, *state);
    assert_int_equal(job.n_failed, 1);
    assert_int_equal(job.n_texts, 2);
    assert_int_equal(job.texts[0].ids.n, 8);
    assert_non_null(strstr(job.texts[1].message, "came to an end with 1 texts"));
    generate_job_release(&job);

    bias[60].bias = -INFINITY;
    job = search_of(3);
    job.options.sampling.logit_bias = bias;
    job.options.sampling.n_logit_bias = GENERATE_JOB_VOCAB;
    check_refused(&job, *state, "logit_bias leaves none");
}

/* A stop string ends a text of a search, too, and is no part of it. */
static void test_stop(void **state) {
    struct generate_job plain = search_of(4);
    plain.options.max_new_tokens = 20;
    generate_job_run_well(&plain, *state);
    assert_true(plain.texts[0].text.n > 4);
    char stop[3] = {plain.texts[0].text.data[2], plain.texts[0].text.data[3], '\0'};
    struct generate_job job = search_of(4);
    const char *const stops[] = {stop};
    job.options.max_new_tokens = 20;
    job.options.stop = stops;
    job.options.n_stop = 1;
    job.options.num_return_sequences = 4;
    generate_job_run_well(&job, *state);
    size_t n_stopped = 0;
    for (size_t i = 0; i < job.n_texts; i++) {
        const struct gen_bytes *text = &job.texts[i].text;
        for (size_t j = 1; j < text->n; j++) {
            assert_false(text->data[j - 1] == stop[0] && text->data[j] == stop[1]);
        }
        n_stopped += job.texts[i].finish == GEN_FINISH_STOP;
        assert_true(i == 0 || job.texts[i].score <= job.texts[i - 1].score);
    }
    assert_true(n_stopped > 0);
    generate_job_release(&plain);
    generate_job_release(&job);
}

/* A beam whose logits are not finite fails the prompt, and none of the others. */
static void test_not_finite(void **state) {
    (void)state;
    struct gen_model *model = generate_job_model(UNTIED);
    struct generate_job job = search_of(4);
    job.options.max_new_tokens = 20;
    generate_job_run_well(&job, model);
    int32_t poison = job.texts[0].ids.data[3];
    generate_job_release(&job);
    gen_model_free(model);
    model = generate_job_poisoned(UNTIED, poison);
    const struct gen_logit_bias forbidden = {poison, -INFINITY};
    job = search_of(4);
    job.options.max_new_tokens = 20;
    struct gen_generate_options careful = job.options;
    careful.sampling.logit_bias = &forbidden;
    careful.sampling.n_logit_bias = 1;
    careful.num_return_sequences = 2;
    job.n_prompts = 2;
    job.prompts[1] = (struct gen_prompt){.ids = PROMPT, .n_ids = 4, .options = &careful};
    generate_job_run_well(&job, model);
    assert_int_equal(job.n_failed, 1);
    assert_int_equal(job.n_texts, 3);
    assert_int_equal(job.texts[0].finish, GEN_FINISH_ERROR);
    assert_int_equal(job.texts[0].ids.n, 0);
    assert_int_equal(job.texts[1].index, 1);
    generate_job_release(&job);
    gen_model_free(model);
}

/* The best so far of a search that is canceled is told of; test_search_canceled.c looks at it. */
static void test_canceled(void **state) {
    for (int at = 1; at < 9; at++) {
        struct generate_job job = search_of(4);
        job.refuse_go_on = at;
        enum gen_status status = generate_job_run(&job, *state);
        assert_int_equal(status, GEN_CANCELED);
        assert_int_equal(job.n_texts, at > 1);
        generate_job_release(&job);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transformers), cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_slides),       cmocka_unit_test(test_engine_lives),
        cmocka_unit_test(test_bad_options),  cmocka_unit_test(test_no_new_ids),
        cmocka_unit_test(test_too_few),      cmocka_unit_test(test_stop),
        cmocka_unit_test(test_not_finite),   cmocka_unit_test(test_canceled),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
