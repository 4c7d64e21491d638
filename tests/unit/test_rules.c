/**
 * test_rules.c - rules for the next token against transformers (golden/rules.json): scores of
 * single steps, and whole texts of the golden models, greedy, drawn and by beam search.
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
#include "sample/sampler.h"

#define MAX_SEQUENCES 16

/* ---- options of a case -----------------------------------------------------------------------*/

/* What options point to. */
struct arrays {
    int32_t eos[GOLDEN_TEXTS_IDS], suppress[GOLDEN_TEXTS_IDS], begin[GOLDEN_TEXTS_IDS],
        forced[GOLDEN_TEXTS_IDS];
    int32_t ids[MAX_SEQUENCES][GOLDEN_TEXTS_IDS];
    struct gen_sequence_bias sequences[MAX_SEQUENCES];
};

static struct gen_ids ids_of(int32_t *ids, const cJSON *list) {
    return (struct gen_ids){.data = ids, .n = golden_texts_ids(ids, list)};
}

static void read_sequences(struct gen_sampling *sampling, struct arrays *arrays,
                           const cJSON *list) {
    const cJSON *entry = NULL;
    cJSON_ArrayForEach(entry, list) {
        size_t i = sampling->n_sequence_bias++;
        const cJSON *bias = cJSON_GetArrayItem(entry, 1);
        assert_true(i < MAX_SEQUENCES);
        arrays->sequences[i].ids = ids_of(arrays->ids[i], cJSON_GetArrayItem(entry, 0));
        arrays->sequences[i].bias = cJSON_IsNull(bias) ? -INFINITY : (float)bias->valuedouble;
    }
    sampling->sequence_bias = arrays->sequences;
}

/* What is not named is off, as in transformers. */
static struct gen_sampling sampling_of(const cJSON *settings, struct arrays *arrays) {
    struct gen_sampling sampling = gen_sampling_default();
    const cJSON *decay = cJSON_GetObjectItem(settings, "exponential_decay_length_penalty");
    sampling.temperature = (float)golden_texts_number(settings, "temperature", 1);
    sampling.top_k = (int32_t)golden_texts_number(settings, "top_k", 0);
    sampling.top_p = (float)golden_texts_number(settings, "top_p", 1);
    sampling.top_h = (float)golden_texts_number(settings, "top_h", 0);
    sampling.epsilon_cutoff = (float)golden_texts_number(settings, "epsilon_cutoff", 0);
    sampling.eta_cutoff = (float)golden_texts_number(settings, "eta_cutoff", 0);
    sampling.repetition_penalty = (float)golden_texts_number(settings, "repetition_penalty", 1);
    sampling.no_repeat_ngram_size =
        (int32_t)golden_texts_number(settings, "no_repeat_ngram_size", 0);
    sampling.forced_bos = (int32_t)golden_texts_number(settings, "forced_bos_token_id", -1);
    sampling.renormalize_logits = cJSON_IsTrue(cJSON_GetObjectItem(settings, "renormalize_logits"));
    sampling.suppress_tokens =
        ids_of(arrays->suppress, cJSON_GetObjectItem(settings, "suppress_tokens"));
    sampling.begin_suppress_tokens =
        ids_of(arrays->begin, cJSON_GetObjectItem(settings, "begin_suppress_tokens"));
    sampling.forced_eos =
        ids_of(arrays->forced, cJSON_GetObjectItem(settings, "forced_eos_token_id"));
    if (decay != NULL) {
        sampling.length_decay_start = cJSON_GetArrayItem(decay, 0)->valueint;
        sampling.length_decay_factor = (float)cJSON_GetArrayItem(decay, 1)->valuedouble;
    }
    read_sequences(&sampling, arrays, cJSON_GetObjectItem(settings, "sequence_bias"));
    return sampling;
}

/* ---- scores of single steps ------------------------------------------------------------------*/

static void check_step(const cJSON *root, const cJSON *item) {
    struct arrays arrays;
    struct gen_error err = {0};
    struct gen_sampler *sampler = NULL;
    int32_t eos[GOLDEN_TEXTS_IDS], ids[GOLDEN_TEXTS_IDS];
    float logits[64], scores[64];
    const cJSON *settings = cJSON_GetObjectItem(item, "options");
    const char *kind = cJSON_GetObjectItem(item, "logits")->valuestring;
    const cJSON *value = cJSON_GetObjectItem(cJSON_GetObjectItem(root, "logits"), kind)->child;
    char *what = cJSON_PrintUnformatted(settings);
    for (size_t i = 0; i < N_OF(logits); i++, value = value->next) {
        logits[i] = (float)value->valuedouble;
    }
    const struct gen_sampling sampling = sampling_of(settings, &arrays);
    size_t n_eos = golden_texts_ids(eos, cJSON_GetObjectItem(root, "eos"));
    if (gen_sampler_new(&sampler, &sampling, N_OF(logits), -1, 1, 0, 0, &err) != GEN_OK) {
        fail_msg("%s: %s", what, err.message);
    }
    gen_sampler_add_eos(sampler, eos, n_eos, NULL);
    gen_sampler_prompt(sampler, ids, golden_texts_ids(ids, cJSON_GetObjectItem(root, "prompt")),
                       NULL);
    size_t n_new = golden_texts_ids(ids, cJSON_GetObjectItem(item, "new"));
    for (size_t i = 0; i < n_new; i++) {
        assert_int_equal(sampler_accept(sampler, ids[i], NULL), GEN_OK);
    }
    assert_int_equal(gen_sampler_scores(sampler, logits, scores, &err), GEN_OK);
    value = cJSON_GetObjectItem(item, "scores")->child;
    for (size_t i = 0; i < N_OF(scores); i++, value = value->next) {
        float expected = cJSON_IsNull(value) ? -INFINITY : (float)value->valuedouble;
        bool same = isinf(expected) ? scores[i] == expected
                                    : fabsf(scores[i] - expected) <= 2e-6f * (5 + fabsf(expected));
        if (!same) {
            fail_msg("%s after %zu: id %zu is %.9g, not %.9g", what, n_new, i, (double)scores[i],
                     (double)expected);
        }
    }
    gen_sampler_free(sampler);
    free(what);
}

static void test_steps(void **state) {
    (void)state;
    cJSON *root = golden_texts_read("tests/golden/rules.json");
    const cJSON *item = NULL;
    size_t n = 0;
    cJSON_ArrayForEach(item, cJSON_GetObjectItem(root, "steps")) {
        check_step(root, item);
        n++;
    }
    assert_true(n >= 80);
    cJSON_Delete(root);
}

/* ---- whole texts -----------------------------------------------------------------------------*/

static struct gen_generate_options options_of(const cJSON *item, struct arrays *arrays) {
    const cJSON *settings = cJSON_GetObjectItem(item, "settings");
    struct gen_generate_options options = gen_generate_options_default();
    options.sampling = sampling_of(settings, arrays);
    if (strstr(cJSON_GetObjectItem(item, "kind")->valuestring, "drawn") == NULL) {
        options.sampling.temperature = 0;
    }
    options.seed = (uint64_t)cJSON_GetObjectItem(item, "seed")->valuedouble;
    options.eos = arrays->eos;
    options.n_eos = golden_texts_ids(arrays->eos, cJSON_GetObjectItem(item, "eos"));
    options.ignore_eos = options.n_eos == 0; /* the model of transformers had none then */
    options.num_beams = (int32_t)golden_texts_number(settings, "num_beams", 1);
    options.max_new_tokens = (int32_t)golden_texts_number(settings, "max_new_tokens", 1);
    options.num_return_sequences =
        (int32_t)golden_texts_number(settings, "num_return_sequences", 1);
    return options;
}

static void check_case(const struct gen_model *model, const cJSON *item, void *context) {
    (void)context;
    struct arrays arrays;
    int32_t prompt[GOLDEN_TEXTS_IDS], ids[GOLDEN_TEXTS_IDS];
    struct generate_job job = {
        .options = options_of(item, &arrays), .n_prompts = 1, .has_own_options = true};
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
        const cJSON *score = cJSON_GetObjectItem(one, "score");
        bool good = n == text->ids.n && memcmp(ids, text->ids.data, n * sizeof *ids) == 0;
        if (cJSON_IsNumber(score)) {
            good = good && fabs((double)text->score - score->valuedouble) <=
                               1e-4 + 1e-6 * fabs(score->valuedouble);
        }
        if (!good) {
            fail_msg("text %zu, of %zu ids with score %g: %s", i, text->ids.n, (double)text->score,
                     what);
        }
    }
    free(what);
    generate_job_release(&job);
}

static void test_texts(void **state) {
    (void)state;
    cJSON *root = golden_texts_read("tests/golden/rules.json");
    golden_texts_each(root, check_case, NULL);
    cJSON_Delete(root);
}

/* ---- however the machine is shared -----------------------------------------------------------*/

/* Rules that keep something of a text, or have random numbers of their own. */
static struct gen_sampling kept(size_t kind) {
    static int32_t ids[] = {9, 41};
    static const struct gen_ids breaker = {.data = ids, .n = 2};
    struct gen_sampling sampling = gen_sampling_default();
    sampling.repetition_penalty = 1.2f;
    sampling.frequency_penalty = 0.1f;
    sampling.repeat_last_n = 10;
    sampling.dry_multiplier = 0.3f;
    sampling.dry_breakers = &breaker;
    sampling.n_dry_breakers = 1;
    sampling.forced_eos = (struct gen_ids){.data = ids, .n = 1};
    if (kind % 3 == 0) {
        sampling.mirostat = 2;
        sampling.mirostat_tau = 3.0f;
    } else if (kind % 3 == 1) {
        sampling.xtc_probability = 0.5f;
        sampling.xtc_threshold = 0.02f;
        sampling.adaptive_target = 0.2f;
        sampling.dynatemp_range = 0.4f;
    } else {
        sampling.temperature = 0;
    }
    return sampling;
}

#define N_KINDS 9

static void run_kept(struct generate_job *job, const struct gen_model *model) {
    static const int32_t prompt[] = {5, 17, 9, 41, 5, 17, 9, 41, 5, 17};
    struct gen_generate_options *kinds = calloc(N_KINDS, sizeof *kinds);
    assert_non_null(kinds);
    job->n_prompts = N_KINDS;
    job->has_own_options = true;
    for (size_t i = 0; i < N_KINDS; i++) {
        kinds[i] = job->options;
        kinds[i].sampling = kept(i);
        kinds[i].seed = 7 + i;
        kinds[i].max_new_tokens = 20 + (int32_t)i;
        kinds[i].num_beams = i < 6 ? 1 : 3;
        job->prompts[i] = (struct gen_prompt){.ids = prompt, .n_ids = 1 + i, .options = &kinds[i]};
    }
    generate_job_run_well(job, model);
    assert_int_equal(job->n_failed, 0);
    free(kinds);
}

/* Neither batch nor threads nor drafts change a text. */
static void test_same_bits(void **state) {
    (void)state;
    struct gen_model *model = generate_job_model("tests/golden/models/base");
    struct generate_job expected = {.options = gen_generate_options_default()};
    expected.options.batch = 3;
    expected.options.n_threads = 1;
    expected.options.speculate = false;
    run_kept(&expected, model);
    for (int batch = 4; batch < 12; batch += 3) {
        struct generate_job job = {.options = gen_generate_options_default()};
        job.options.batch = batch;
        job.options.n_threads = batch % 2 + 1;
        run_kept(&job, model);
        generate_job_check_same(&job, &expected);
        generate_job_release(&job);
    }
    generate_job_release(&expected);
    gen_model_free(model);
}

/* ---- options that are refused ----------------------------------------------------------------*/

static void expect_refused(const struct gen_sampling *sampling, const char *words) {
    struct gen_error err = {0};
    struct gen_sampler *sampler = NULL;
    assert_int_equal(gen_sampler_new(&sampler, sampling, 10, 9, 1, 0, 0, &err), GEN_BAD_ARGUMENT);
    assert_null(sampler);
    if (strstr(err.message, words) == NULL) {
        fail_msg("\"%s\" does not contain \"%s\"", err.message, words);
    }
}

static void test_refused(void **state) {
    (void)state;
    struct gen_sampling s;
    int32_t ids[] = {3, 10};
    struct gen_sequence_bias bias = {{.data = ids, .n = 2}, 1.0f};
#define REFUSED(field, value, words)                                                               \
    s = gen_sampling_default();                                                                    \
    s.field = (value);                                                                             \
    expect_refused(&s, words)
    REFUSED(top_h, 1.5f, "top_h is 1.5, but must be from 0 (off) to 1");
    REFUSED(epsilon_cutoff, -1.0f, "epsilon_cutoff is -1");
    REFUSED(eta_cutoff, NAN, "eta_cutoff is nan");
    REFUSED(forced_bos, 10, "forced_bos is 10, but must be from 0 to 9");
    REFUSED(forced_bos, -2, "forced_bos is -2");
    REFUSED(length_decay_factor, 0.0f, "length_decay_factor is 0");
    REFUSED(length_decay_start, -1, "length_decay_start is -1");
    REFUSED(suppress_tokens, ((struct gen_ids){.data = ids, .n = 2}),
            "suppress_tokens has id 10 but ids are from 0 to 9");
    REFUSED(begin_suppress_tokens, ((struct gen_ids){.data = NULL, .n = 2}),
            "begin_suppress_tokens is NULL");
    REFUSED(forced_eos, ((struct gen_ids){.data = ids, .n = 2}), "forced_eos has id 10");
#undef REFUSED
    s = gen_sampling_default();
    s.sequence_bias = &bias;
    s.n_sequence_bias = 1;
    expect_refused(&s, "sequence_bias 0 has id 10");
    bias.ids.n = 0;
    expect_refused(&s, "sequence_bias 0 has no ids");
    bias.ids.n = 1;
    bias.bias = INFINITY;
    expect_refused(&s, "sequence_bias 0 is inf");
    s.sequence_bias = NULL;
    expect_refused(&s, "sequence_bias is NULL but n_sequence_bias is 1");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
