/**
 * test_old_beams.c - groups of beams and words that must come: the texts and scores of transformers
 * 4.56 (golden/old_beams.json), the same bits however a search shares the machine, and what options
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

#define BASE "tests/golden/models/base"

static const int32_t PROMPT[] = {5, 17, 3, 200, 9, 41, 77, 12, 33, 8, 150, 61};

#define MOST_WORDS 4

/* Words that must come, with what they point to. */
struct words {
    struct gen_force_words entries[MOST_WORDS];
    struct gen_ids spellings[MOST_WORDS][MOST_WORDS];
    int32_t ids[MOST_WORDS][MOST_WORDS][GOLDEN_TEXTS_IDS];
    size_t n;
};

static int setup(void **state) {
    *state = generate_job_model(BASE);
    return 0;
}

static int teardown(void **state) {
    gen_model_free(*state);
    return 0;
}

/* ---- against transformers --------------------------------------------------------------------*/

static void read_words(struct words *words, const cJSON *list) {
    const cJSON *entry = NULL;
    const cJSON *spelling = NULL;
    words->n = 0;
    cJSON_ArrayForEach(entry, list) {
        size_t at = words->n++, n = 0;
        assert_true(words->n <= MOST_WORDS);
        cJSON_ArrayForEach(spelling, entry) {
            int32_t *ids = words->ids[at][n];
            words->spellings[at][n].data = ids;
            words->spellings[at][n++].n = golden_texts_ids(ids, spelling);
        }
        words->entries[at] = (struct gen_force_words){words->spellings[at], n};
    }
}

static struct gen_generate_options options_of(const cJSON *item, int32_t *eos,
                                              struct words *words) {
    const cJSON *settings = cJSON_GetObjectItem(item, "settings");
    const cJSON *stopping = cJSON_GetObjectItem(settings, "early_stopping");
    struct gen_generate_options options = gen_generate_options_default();
    struct gen_sampling *sampling = &options.sampling;
    options.eos = eos;
    options.n_eos = golden_texts_ids(eos, cJSON_GetObjectItem(item, "eos"));
    options.ignore_eos = options.n_eos == 0; /* the model of transformers had none then */
    options.num_beams = (int32_t)golden_texts_number(settings, "num_beams", 1);
    options.num_beam_groups = (int32_t)golden_texts_number(settings, "num_beam_groups", 1);
    options.diversity_penalty = (float)golden_texts_number(settings, "diversity_penalty", 0);
    read_words(words, cJSON_GetObjectItem(settings, "force_words_ids"));
    options.force_words = words->entries;
    options.n_force_words = words->n;
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
    sampling->temperature = 0;
    return options;
}

/* Whether a text is the one that is expected, which has no id that ends it. */
static bool is_same(const struct generate_text *text, const cJSON *expected) {
    int32_t ids[GOLDEN_TEXTS_IDS];
    size_t n = golden_texts_ids(ids, cJSON_GetObjectItem(expected, "ids"));
    double score = cJSON_GetObjectItem(expected, "score")->valuedouble;
    size_t n_found = text->ids.n - (text->finish == GEN_FINISH_EOS ? 1 : 0);
    return n == n_found && memcmp(ids, text->ids.data, n * sizeof *ids) == 0 && text->has_score &&
           fabs((double)text->score - score) <= 1e-4 + 1e-6 * fabs(score);
}

static void check_case(const struct gen_model *model, const cJSON *item, void *context) {
    size_t *n_wrong = context;
    int32_t prompt[GOLDEN_TEXTS_IDS], eos[GOLDEN_TEXTS_IDS];
    struct words words;
    struct generate_job job = {
        .options = options_of(item, eos, &words), .n_prompts = 1, .has_own_options = true};
    job.prompts[0] = (struct gen_prompt){
        .ids = prompt, .n_ids = golden_texts_ids(prompt, cJSON_GetObjectItem(item, "prompt"))};
    char *what = cJSON_PrintUnformatted(item);
    if (generate_job_run(&job, model) != GEN_OK || job.n_failed > 0) {
        fail_msg("%s%s: %s", job.error.message, job.n_texts > 0 ? job.texts[0].message : "", what);
    }
    const cJSON *expected = cJSON_GetObjectItem(item, "texts");
    assert_int_equal(job.n_texts, cJSON_GetArraySize(expected));
    for (size_t i = 0; i < job.n_texts; i++) {
        if (!is_same(&job.texts[i], cJSON_GetArrayItem(expected, (int)i))) {
            print_message("text %zu, of %zu ids with score %g: %s\n", i, job.texts[i].ids.n,
                          (double)job.texts[i].score, what);
            ++*n_wrong;
            break;
        }
    }
    free(what);
    generate_job_release(&job);
}

/* All texts of each search, in order, and their scores. */
static void test_transformers(void **state) {
    (void)state;
    size_t n_wrong = 0;
    cJSON *root = golden_texts_read("tests/golden/old_beams.json");
    golden_texts_each(root, check_case, &n_wrong);
    assert_int_equal(n_wrong, 0);
    cJSON_Delete(root);
}

/* ---- however the machine is shared -----------------------------------------------------------*/

static const struct gen_ids SPELLINGS[] = {{.data = (int32_t[]){33, 8}, .n = 2},
                                           {.data = (int32_t[]){33, 9}, .n = 2}};
static const struct gen_force_words FORCED[] = {{SPELLINGS, 2}, {&SPELLINGS[1], 1}};

#define N_KINDS 8

static void run_kinds(struct generate_job *job, const struct gen_model *model) {
    struct gen_generate_options kinds[N_KINDS];
    job->n_prompts = N_KINDS;
    job->has_own_options = true;
    for (size_t i = 0; i < N_KINDS; i++) {
        kinds[i] = job->options;
        kinds[i].sampling.temperature = 0;
        kinds[i].num_beams = i % 4 == 3 ? 1 : 4;
        kinds[i].num_beam_groups = i % 4 == 0 ? 2 : 1;
        kinds[i].diversity_penalty = i % 4 == 0 ? 0.7f : 0.0f;
        kinds[i].force_words = FORCED;
        kinds[i].n_force_words = i % 4 == 1 ? N_OF(FORCED) : 0;
        kinds[i].num_return_sequences = kinds[i].num_beams > 1 ? 3 : 1;
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
    expected.options.batch = 4;
    expected.options.n_threads = 1;
    run_kinds(&expected, model);
    assert_int_equal(expected.n_failed, 0);
    static const int batches[] = {5, 13, 40};
    for (size_t i = 0; i < N_OF(batches); i++) {
        struct generate_job job = {.options = gen_generate_options_default()};
        job.options.batch = batches[i];
        job.options.n_threads = 1 + (int)i % 2;
        run_kinds(&job, model);
        generate_job_check_same(&job, &expected);
        for (size_t j = 0; j < job.n_texts; j++) {
            assert_true(job.texts[j].score == expected.texts[j].score);
        }
        generate_job_release(&job);
    }
    generate_job_release(&expected);
}

/* ---- options ---------------------------------------------------------------------------------*/

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

static void test_bad_groups(void **state) {
    static const struct {
        int32_t beams, groups;
        float penalty, temperature;
        const char *part;
    } cases[] = {
        {4, 0, 0, 0, "num_beam_groups is 0"},   {4, 3, 1, 0, "must divide num_beams, which is 4"},
        {1, 2, 1, 0, "num_beam_groups is 2"},   {4, 2, 0, 0, "diversity_penalty is 0"},
        {4, 1, 1, 0, "raise num_beam_groups"},  {4, 2, -1, 0, "diversity_penalty is -1"},
        {4, 2, NAN, 0, "diversity_penalty is"}, {4, 2, 1, 0.5f, "temperature is 0.5"},
    };
    for (size_t i = 0; i < N_OF(cases); i++) {
        struct generate_job job = search_of(cases[i].beams);
        job.options.num_beam_groups = cases[i].groups;
        job.options.diversity_penalty = cases[i].penalty;
        job.options.sampling.temperature = cases[i].temperature;
        check_refused(&job, *state, cases[i].part);
    }
}

static void check_words(const struct gen_model *model, struct gen_force_words words,
                        const char *part) {
    struct generate_job job = search_of(3);
    job.options.force_words = &words;
    job.options.n_force_words = 1;
    job.options.eos = &(int32_t){61};
    job.options.n_eos = 1;
    check_refused(&job, model, part);
}

static void test_bad_words(void **state) {
    const struct gen_ids none = {0};
    const struct gen_ids ids[] = {{.data = (int32_t[]){33, 8}, .n = 2},
                                  {.data = (int32_t[]){33, 8, 9}, .n = 3},
                                  {.data = (int32_t[]){512}, .n = 1},
                                  {.data = (int32_t[]){4, 61}, .n = 2}};
    check_words(*state, (struct gen_force_words){0}, "has no words");
    check_words(*state, (struct gen_force_words){&none, 1}, "has no ids");
    check_words(*state, (struct gen_force_words){ids, 2}, "is the beginning of another");
    check_words(*state, (struct gen_force_words){&ids[2], 1}, "does not have");
    check_words(*state, (struct gen_force_words){&ids[3], 1}, "ends the text");
    struct generate_job job = search_of(1);
    job.options.force_words = FORCED;
    job.options.n_force_words = 1;
    check_refused(&job, *state, "must be 2 or more");
    job = search_of(4);
    job.options.n_force_words = 1;
    check_refused(&job, *state, "force_words is NULL");
    job = search_of(4);
    job.options.force_words = FORCED;
    job.options.n_force_words = 1;
    job.options.num_beam_groups = 2;
    job.options.diversity_penalty = 1;
    check_refused(&job, *state, "must be 1 where words must come");
    job = search_of(4);
    job.options.force_words = FORCED;
    job.options.n_force_words = 1;
    job.options.sampling.temperature = 1;
    check_refused(&job, *state, "with force_words");
}

/* Searches may be canceled, and a dead end in one group leaves what there is. */
static void test_ends(void **state) {
    for (int at = 1; at < 9; at++) {
        struct generate_job job = search_of(4);
        job.options.num_beam_groups = 2;
        job.options.diversity_penalty = 1;
        job.refuse_go_on = at;
        assert_int_equal(generate_job_run(&job, *state), GEN_CANCELED);
        assert_int_equal(job.n_texts, at > 1);
        generate_job_release(&job);
    }
    struct gen_logit_bias bias[GENERATE_JOB_VOCAB];
    for (int32_t i = 0; i < GENERATE_JOB_VOCAB; i++) {
        bias[i] = (struct gen_logit_bias){i, i == 60 ? 0.0f : -INFINITY};
    }
    for (int n_returned = 2; n_returned < 4; n_returned++) {
        struct generate_job job = search_of(4);
        job.options.num_beam_groups = 2;
        job.options.diversity_penalty = 1;
        job.options.num_return_sequences = n_returned;
        job.options.sampling.logit_bias = bias;
        job.options.sampling.n_logit_bias = GENERATE_JOB_VOCAB;
        generate_job_run_well(&job, *state);
        assert_int_equal(job.n_failed, n_returned == 2 ? 0 : 1);
        assert_int_equal(job.texts[0].ids.n, 8);
        generate_job_release(&job);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transformers), cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_bad_groups),   cmocka_unit_test(test_bad_words),
        cmocka_unit_test(test_ends),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
