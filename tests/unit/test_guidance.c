/**
 * test_guidance.c - guidance and token healing against transformers (golden/guidance.json), in any
 * batch the same, and what does not go with them.
 */
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

/* ---- guidance --------------------------------------------------------------------------------*/

/* What options point to. */
struct one {
    int32_t prompt[GOLDEN_TEXTS_IDS], negative[GOLDEN_TEXTS_IDS], ids[GOLDEN_TEXTS_IDS];
    size_t n_prompt, n_ids;
    struct gen_generate_options options;
};

static void read_guided(struct one *one, const cJSON *item) {
    const cJSON *settings = cJSON_GetObjectItem(item, "settings");
    const cJSON *negative = cJSON_GetObjectItem(item, "negative");
    struct gen_generate_options *options = &one->options;
    *options = gen_generate_options_default();
    struct gen_sampling *sampling = &options->sampling;
    bool drawn = strcmp(cJSON_GetObjectItem(item, "kind")->valuestring, "drawn") == 0;
    sampling->temperature = drawn ? (float)golden_texts_number(settings, "temperature", 1) : 0;
    sampling->top_k = (int32_t)golden_texts_number(settings, "top_k", 0);
    sampling->top_p = (float)golden_texts_number(settings, "top_p", 1);
    sampling->repetition_penalty = (float)golden_texts_number(settings, "repetition_penalty", 1);
    sampling->no_repeat_ngram_size =
        (int32_t)golden_texts_number(settings, "no_repeat_ngram_size", 0);
    options->seed = (uint64_t)cJSON_GetObjectItem(item, "seed")->valuedouble;
    options->ignore_eos = true;
    options->max_new_tokens = (int32_t)golden_texts_number(settings, "max_new_tokens", 1);
    options->guidance_scale = (float)golden_texts_number(settings, "guidance_scale", 1);
    options->has_negative_prompt = cJSON_IsArray(negative);
    options->negative_prompt =
        (struct gen_ids){.data = one->negative, .n = golden_texts_ids(one->negative, negative)};
    one->n_prompt = golden_texts_ids(one->prompt, cJSON_GetObjectItem(item, "prompt"));
    one->n_ids = golden_texts_ids(one->ids, cJSON_GetObjectItem(item, "ids"));
}

/* All cases of one model in one run, each with its own options; so do the engine's slots meet texts
 * of different lengths. */
static void check_model(const cJSON *root, const char *name, int batch) {
    char path[80];
    snprintf(path, sizeof path, "tests/golden/models/%s", name);
    struct gen_model *model = generate_job_model(path);
    struct one *all = calloc(GENERATE_JOB_PROMPTS, sizeof *all);
    struct generate_job job = {.options = gen_generate_options_default(), .has_own_options = true};
    job.options.batch = batch;
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, cJSON_GetObjectItem(root, "guidance")) {
        if (strcmp(cJSON_GetObjectItem(item, "model")->valuestring, name) == 0) {
            struct one *one = &all[job.n_prompts];
            read_guided(one, item);
            job.prompts[job.n_prompts++] = (struct gen_prompt){
                .ids = one->prompt, .n_ids = one->n_prompt, .options = &one->options};
        }
    }
    assert_true(job.n_prompts >= 20);
    generate_job_run_well(&job, model);
    assert_int_equal(job.n_failed, 0);
    assert_int_equal(job.n_texts, job.n_prompts);
    for (size_t i = 0; i < job.n_texts; i++) {
        const struct gen_ids *ids = &job.texts[i].ids;
        if (ids->n != all[i].n_ids ||
            memcmp(ids->data, all[i].ids, ids->n * sizeof *ids->data) != 0) {
            fail_msg("%s: guided text %zu in a batch of %d is another", name, i, batch);
        }
    }
    generate_job_release(&job);
    free(all);
    gen_model_free(model);
}

static void test_guidance(void **state) {
    (void)state;
    static const char *const names[] = {"base", "odd-width", "untied", "neo-mixed"};
    cJSON *root = golden_texts_read("tests/golden/guidance.json");
    for (size_t i = 0; i < N_OF(names); i++) {
        check_model(root, names[i], i % 2 == 0 ? 2 : 9);
        check_model(root, names[i], i % 2 == 0 ? 16 : 5);
    }
    cJSON_Delete(root);
}

static int32_t beginning[] = {5, 17, 9, 41};

static struct gen_generate_options guided_options(void) {
    struct gen_generate_options options = gen_generate_options_default();
    options.guidance_scale = 1.5f;
    options.has_negative_prompt = true;
    options.negative_prompt = (struct gen_ids){.data = beginning + 1, .n = 3};
    options.max_new_tokens = 9;
    options.ignore_eos = true;
    return options;
}

/* Return sequences, log probabilities, texts that are guided next to others that are not, a window
 * that slides: all as they are alone. */
static void test_shared(void **state) {
    (void)state;
    struct gen_model *model = generate_job_model("tests/golden/models/base");
    struct gen_generate_options plain = gen_generate_options_default(), long_one = guided_options();
    plain.max_new_tokens = 12;
    long_one.max_new_tokens = 150; /* n_ctx is 64 */
    long_one.slide = true;
    for (int batch = 2; batch < 12; batch += 3) {
        struct generate_job all = {.options = guided_options(), .has_own_options = true};
        all.options.batch = batch;
        all.options.num_return_sequences = 3;
        all.options.n_logprobs = 2;
        all.n_prompts = 3;
        all.prompts[0] = (struct gen_prompt){.ids = beginning, .n_ids = 4};
        all.prompts[1] = (struct gen_prompt){.ids = beginning, .n_ids = 4, .options = &plain};
        all.prompts[2] = (struct gen_prompt){.ids = beginning, .n_ids = 2, .options = &long_one};
        generate_job_run_well(&all, model);
        assert_int_equal(all.n_failed, 0);
        assert_int_equal(all.n_texts, 5);
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(all.texts[i].sequence, i);
        }
        static struct generate_job expected; /* of the first batch */
        if (batch == 2) {
            expected = all;
            continue;
        }
        generate_job_check_same(&all, &expected);
        generate_job_release(&all);
        if (batch >= 11) {
            generate_job_release(&expected);
        }
    }
    gen_model_free(model);
}

/* The longer of both is what the context must hold. */
static void test_context(void **state) {
    (void)state;
    struct gen_model *model = generate_job_model("tests/golden/models/base");
    int32_t ids[70] = {0};
    for (size_t n = 62; n <= 65; n++) {
        struct generate_job job = {.options = guided_options(), .n_prompts = 1};
        job.options.negative_prompt = (struct gen_ids){.data = ids, .n = n};
        job.prompts[0] = (struct gen_prompt){.ids = beginning, .n_ids = 4};
        enum gen_status status = generate_job_run(&job, model);
        if (n > 64) {
            assert_int_equal(status, GEN_BAD_ARGUMENT);
            assert_non_null(strstr(job.error.message, "the negative prompt has 65 tokens"));
        } else {
            assert_int_equal(job.texts[0].ids.n, 64 - n);
            assert_int_equal(job.texts[0].finish, GEN_FINISH_CONTEXT);
        }
        generate_job_release(&job);
    }
    gen_model_free(model);
}

/* A text fails with the one that goes along, and others go on. */
static void test_failures(void **state) {
    (void)state;
    struct gen_model *model = generate_job_poisoned("tests/golden/models/untied", 33);
    int32_t poison[] = {5, 33};
    struct gen_generate_options bad = guided_options(), dead = guided_options();
    bad.negative_prompt = (struct gen_ids){.data = poison, .n = 2};
    struct gen_logit_bias bias[512];
    for (int32_t i = 0; i < 512; i++) {
        bias[i] = (struct gen_logit_bias){i, -__builtin_inff()};
    }
    dead.sampling.logit_bias = bias;
    dead.sampling.n_logit_bias = 512;
    for (int batch = 2; batch < 8; batch += 2) {
        struct generate_job job = {.options = guided_options(), .has_own_options = true};
        job.options.batch = batch;
        job.n_prompts = 5;
        job.prompts[0] = (struct gen_prompt){.ids = beginning, .n_ids = 4};
        job.prompts[1] = (struct gen_prompt){.ids = beginning, .n_ids = 4, .options = &bad};
        job.prompts[2] = (struct gen_prompt){.ids = poison, .n_ids = 2};
        job.prompts[3] = (struct gen_prompt){.ids = beginning, .n_ids = 3, .options = &dead};
        job.prompts[4] = (struct gen_prompt){.ids = beginning, .n_ids = 4};
        job.options.sampling.temperature = 0;
        generate_job_run_well(&job, model);
        assert_int_equal(job.n_failed, 3);
        assert_int_equal(job.n_texts, 5);
        for (size_t i = 0; i < 5; i++) {
            bool fails = i >= 1 && i <= 3;
            assert_int_equal(job.texts[i].finish == GEN_FINISH_ERROR, fails);
            assert_int_equal(job.texts[i].ids.n, fails ? 0 : 9);
        }
        assert_memory_equal(job.texts[0].ids.data, job.texts[4].ids.data, 9 * sizeof(int32_t));
        generate_job_release(&job);
    }
    gen_model_free(model);
}

/* ---- token healing ---------------------------------------------------------------------------*/

static void check_healing(const struct gen_model *model, const cJSON *item) {
    const char *text = cJSON_GetObjectItem(item, "text")->valuestring;
    int32_t prompt[GOLDEN_TEXTS_IDS], ids[GOLDEN_TEXTS_IDS];
    struct generate_job job = {.options = gen_generate_options_default(), .n_prompts = 1};
    job.options.sampling.temperature = 0;
    job.options.token_healing = true;
    job.options.ignore_eos = true;
    job.options.max_new_tokens = 8;
    size_t n_prompt = golden_texts_ids(prompt, cJSON_GetObjectItem(item, "prompt"));
    size_t n = golden_texts_ids(ids, cJSON_GetObjectItem(item, "ids"));
    job.prompts[0] = (struct gen_prompt){.ids = prompt, .n_ids = n_prompt};
    generate_job_run_well(&job, model);
    const struct generate_text *got = &job.texts[0];
    if (got->ids.n != n || memcmp(got->ids.data, ids, n * sizeof *ids) != 0) {
        fail_msg("\"%s\" is healed another way", text);
    }
    /* The prompt is told as it was given, and the new text goes on after it. */
    assert_int_equal(got->prompt.n, n_prompt);
    assert_memory_equal(got->prompt.data, prompt, n_prompt * sizeof *prompt);
    struct gen_bytes whole = {0}, told = {0};
    const struct gen_tokenizer *tokenizer = gen_model_tokenizer(model);
    for (size_t i = 0; i < n_prompt - 1 + n; i++) {
        size_t length;
        const char *piece = gen_tokenizer_piece(
            tokenizer, i < n_prompt - 1 ? prompt[i] : ids[i - (n_prompt - 1)], &length);
        gen_bytes_append(&whole, piece, length);
    }
    gen_bytes_append(&told, text, strlen(text));
    gen_bytes_append(&told, got->text.data, got->text.n);
    if (memchr(got->text.data, 0xEF, got->text.n) == NULL) { /* no replacement character */
        assert_int_equal(told.n, whole.n);
        assert_memory_equal(told.data, whole.data, told.n);
    }
    gen_bytes_release(&whole);
    gen_bytes_release(&told);
    generate_job_release(&job);
}

static void test_healing(void **state) {
    (void)state;
    cJSON *root = golden_texts_read("tests/golden/guidance.json");
    struct gen_model *model = generate_job_model("tests/golden/models/base");
    const cJSON *item = NULL;
    size_t n = 0;
    cJSON_ArrayForEach(item, cJSON_GetObjectItem(root, "healing")) {
        check_healing(model, item);
        n++;
    }
    assert_true(n >= 40);
    gen_model_free(model);
    cJSON_Delete(root);
}

/* What is drawn begins with the last token's bytes; limits and minimums count what comes after. */
static void test_healed_rules(void **state) {
    (void)state;
    struct gen_model *model = generate_job_model("tests/golden/models/base");
    const struct gen_tokenizer *tokenizer = gen_model_tokenizer(model);
    struct gen_ids prompt = {0};
    size_t n_last, n_first;
    assert_int_equal(gen_tokenizer_encode(tokenizer, "the t", 5, false, &prompt, NULL), GEN_OK);
    const char *last = gen_tokenizer_piece(tokenizer, prompt.data[prompt.n - 1], &n_last);
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct generate_job job = {.options = gen_generate_options_default(), .n_prompts = 1};
        job.options.token_healing = true;
        job.options.seed = seed;
        job.options.ignore_eos = true;
        job.options.max_new_tokens = (int32_t)(seed % 3);
        job.prompts[0] = (struct gen_prompt){.ids = prompt.data, .n_ids = prompt.n};
        generate_job_run_well(&job, model);
        const struct gen_ids *ids = &job.texts[0].ids;
        assert_int_equal(ids->n, seed % 3 == 0 ? 0 : seed % 3 + 1);
        if (ids->n > 0) {
            const char *first = gen_tokenizer_piece(tokenizer, ids->data[0], &n_first);
            assert_true(n_first >= n_last);
            assert_memory_equal(first, last, n_last);
        }
        generate_job_release(&job);
    }
    gen_ids_release(&prompt);
    gen_model_free(model);
}

/* ---- what does not go together ---------------------------------------------------------------*/

static void refused(const struct gen_model *model, const struct gen_generate_options *options,
                    bool wants_logits, const char *message) {
    struct generate_job job = {
        .options = *options, .n_prompts = 1, .want_logits = wants_logits, .has_own_options = true};
    job.prompts[0] = (struct gen_prompt){.ids = beginning, .n_ids = 4};
    enum gen_status status = generate_job_run(&job, model);
    assert_true(status == GEN_BAD_ARGUMENT || job.n_failed == 1);
    const char *said = status != GEN_OK ? job.error.message : job.texts[0].message;
    if (strstr(said, message) == NULL) {
        fail_msg("\"%s\" is not \"%s\"", said, message);
    }
    generate_job_release(&job);
}

static void test_refused(void **state) {
    (void)state;
    struct gen_model *model = generate_job_model("tests/golden/models/base");
    struct gen_generate_options options = guided_options();
    options.num_beams = 2;
    refused(model, &options, false, "guidance_scale does not go with num_beams");
    options = guided_options();
    refused(model, &options, true, "guidance_scale does not go with telling of logits");
    options.batch = 1;
    refused(model, &options, false, "works on one (raise batch)");
    options = guided_options();
    options.guidance_scale = 101;
    refused(model, &options, false, "guidance_scale is 101, but must be from -100 to 100");
    options.guidance_scale = 1;
    refused(model, &options, false, "there is a negative prompt, but guidance_scale is 1");
    options = guided_options();
    int32_t wrong = 512;
    options.negative_prompt = (struct gen_ids){.data = &wrong, .n = 1};
    refused(model, &options, false, "the negative prompt has the id 512");
    options = guided_options();
    options.token_healing = true;
    refused(model, &options, false, "token_healing does not go with guidance_scale");
    options = gen_generate_options_default();
    options.token_healing = true;
    options.num_beams = 2;
    refused(model, &options, false, "token_healing does not go with num_beams");
    options = gen_generate_options_default();
    struct gen_ids choice = {.data = beginning, .n = 2};
    options.choices = &choice;
    options.n_choices = 1;
    options.num_beams = 2;
    refused(model, &options, false, "choices does not go with num_beams");
    options.num_beams = 1;
    options.n_logprobs = 1;
    refused(model, &options, false, "choices does not go with n_logprobs");
    options.n_logprobs = 0;
    choice.n = 0;
    refused(model, &options, false, "choice 0 has no ids");
    choice = (struct gen_ids){.data = &wrong, .n = 1};
    refused(model, &options, false, "a choice has the id 512");
    gen_model_free(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_guidance), cmocka_unit_test(test_shared),
        cmocka_unit_test(test_context),  cmocka_unit_test(test_failures),
        cmocka_unit_test(test_healing),  cmocka_unit_test(test_healed_rules),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
