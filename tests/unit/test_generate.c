/**
 * test_generate.c - gen_generate() on the tiny models in tests/golden/models, against transformers'
 * greedy ids and against a reference that draws with the public session and sampler, one id at a
 * time.
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

#include "base/size.h"
#include "gen.h"
#include "generate_job.h"

#define BASE    "tests/golden/models/base"
#define N_VOCAB GENERATE_JOB_VOCAB
#define N_CTX   64
#define EOS     511

static const int32_t SHORT_PROMPT[] = {473, 227, 381, 176, 22, 308, 104};

/* One prompt of 7 ids, greedy, 20 new ids. */
static struct generate_job greedy_job(void) {
    struct generate_job job = {.options = gen_generate_options_default()};
    job.options.sampling.temperature = 0.0f;
    job.options.max_new_tokens = 20;
    job.prompts[0] = (struct gen_prompt){.ids = SHORT_PROMPT, .n_ids = N_OF(SHORT_PROMPT)};
    job.n_prompts = 1;
    return job;
}

static int setup(void **state) {
    *state = generate_job_model(BASE);
    return 0;
}

static int teardown(void **state) {
    gen_model_free(*state);
    return 0;
}

static struct gen_session *open_session(const struct gen_model *model) {
    struct gen_session *session = NULL;
    const struct gen_session_options options = gen_session_options_default();
    assert_int_equal(gen_session_new(&session, model, &options, NULL), GEN_OK);
    return session;
}

/* ---- the reference ------------------------------------------------------------------------ */

/* Ids drawn with the public session and sampler. The window is kept as gen.h says of `slide`, by
 * reading every window from its start. */
static void reference(struct gen_ids *ids, const struct gen_model *model,
                      const struct gen_sampling *sampling, uint64_t seed, uint64_t index,
                      uint64_t sequence, size_t n_new) {
    struct gen_session *session = open_session(model);
    struct gen_sampler *sampler = NULL;
    assert_int_equal(gen_sampler_new(&sampler, sampling, N_VOCAB, EOS,
                                     gen_text_seed(seed, index, sequence), 0, 0, NULL),
                     GEN_OK);
    assert_int_equal(gen_sampler_prompt(sampler, ids->data, ids->n, NULL), GEN_OK);
    size_t window = 0;
    for (size_t i = 0; i < ids->n; i++) {
        window = window == N_CTX ? N_CTX / 2 : window + 1;
    }
    for (size_t i = 0; i < n_new; i++) {
        struct gen_row rows[N_CTX];
        int32_t id = -1;
        gen_session_truncate(session, 0, 0);
        for (size_t j = 0; j < window; j++) {
            rows[j] = (struct gen_row){ids->data[ids->n - window + j], 0, j + 1 == window};
        }
        assert_int_equal(gen_session_eval(session, rows, window, NULL), GEN_OK);
        const float *logits = gen_session_logits(session, window - 1);
        assert_int_equal(gen_sampler_next(sampler, logits, &id, NULL), GEN_OK);
        assert_int_equal(gen_ids_append(ids, &id, 1), GEN_OK);
        window = window == N_CTX ? N_CTX / 2 : window + 1;
    }
    gen_sampler_free(sampler);
    gen_session_free(session);
}

/* The new ids of a text are those of the reference. */
static void check_reference(const struct gen_model *model, const struct generate_job *job,
                            const struct generate_text *text) {
    struct gen_ids ids = {0};
    const struct gen_prompt *prompt = &job->prompts[text->index];
    assert_int_equal(gen_ids_append(&ids, prompt->ids, prompt->n_ids), GEN_OK);
    reference(&ids, model, &job->options.sampling, job->options.seed, text->index, text->sequence,
              text->ids.n);
    assert_memory_equal(text->ids.data, ids.data + prompt->n_ids,
                        text->ids.n * sizeof *text->ids.data);
    gen_ids_release(&ids);
}

/* ---- greedy, seeds, several texts ---------------------------------------------------------- */

static void test_greedy_as_transformers(void **state) {
    (void)state;
    static const char *const models[] = {"base", "untied", "f16", "bf16", "odd-width"};
    for (size_t m = 0; m < N_OF(models); m++) {
        char path[256];
        char text[1 << 16] = {0};
        snprintf(path, sizeof path, "tests/golden/models/%s/expected.json", models[m]);
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        assert_true(fread(text, 1, sizeof text - 1, file) > 0);
        fclose(file);
        cJSON *root = cJSON_Parse(text);
        const cJSON *greedy = cJSON_GetObjectItemCaseSensitive(root, "greedy");
        const cJSON *ids = cJSON_GetObjectItemCaseSensitive(greedy, "ids");
        int n_prompt = cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(greedy, "prompt"));
        int n_ids = cJSON_GetArraySize(ids);
        int32_t expected[N_CTX];
        assert_in_range(n_ids, n_prompt + 1, N_CTX);
        for (int i = 0; i < n_ids; i++) {
            expected[i] = cJSON_GetArrayItem(ids, i)->valueint;
        }
        cJSON_Delete(root);
        snprintf(path, sizeof path, "tests/golden/models/%s", models[m]);
        struct gen_model *model = generate_job_model(path);
        struct generate_job job = greedy_job();
        job.options.ignore_eos = true; /* the ids of one model go on after an eos */
        job.prompts[0] = (struct gen_prompt){.ids = expected, .n_ids = (size_t)n_prompt};
        job.options.max_new_tokens = -1;
        job.options.max_length = n_ids;
        generate_job_run_well(&job, model);
        assert_int_equal(job.n_texts, 1);
        assert_int_equal(job.texts[0].ids.n, n_ids - n_prompt);
        assert_memory_equal(job.texts[0].ids.data, expected + n_prompt,
                            job.texts[0].ids.n * sizeof *expected);
        assert_int_equal(job.texts[0].finish, GEN_FINISH_LENGTH);

        struct gen_bytes decoded = {0};
        assert_int_equal(gen_tokenizer_decode(gen_model_tokenizer(model), expected + n_prompt,
                                              job.texts[0].ids.n, &decoded, NULL),
                         GEN_OK);
        assert_int_equal(job.texts[0].text.n, decoded.n);
        assert_memory_equal(job.texts[0].text.data, decoded.data, decoded.n);
        gen_bytes_release(&decoded);
        generate_job_release(&job);
        gen_model_free(model);
    }
}

static struct generate_job sampling_job(uint64_t seed) {
    struct generate_job job = greedy_job();
    job.options.sampling = gen_sampling_default();
    job.options.sampling.temperature = 1.5f;
    job.options.ignore_eos = true;
    job.options.seed = seed;
    return job;
}

static bool same_ids(const struct generate_text *a, const struct generate_text *b) {
    return a->ids.n == b->ids.n &&
           memcmp(a->ids.data, b->ids.data, a->ids.n * sizeof *a->ids.data) == 0;
}

static void test_seeds(void **state) {
    struct generate_job job = sampling_job(5);
    struct generate_job again = sampling_job(5);
    struct generate_job other = sampling_job(6);
    again.options.n_threads = 1;
    generate_job_run_well(&job, *state);
    generate_job_run_well(&again, *state);
    generate_job_run_well(&other, *state);
    assert_true(same_ids(&job.texts[0], &again.texts[0]));
    assert_false(same_ids(&job.texts[0], &other.texts[0]));
    generate_job_release(&job);
    generate_job_release(&again);
    generate_job_release(&other);
}

/* Each text is what its own (seed, prompt, sequence) gives, whatever is next to it. */
static void test_many_texts(void **state) {
    static const int32_t other[] = {1, 2, 3};
    struct generate_job job = sampling_job(9);
    job.prompts[1] = (struct gen_prompt){.ids = other, .n_ids = 3};
    job.prompts[2] = job.prompts[0];
    job.n_prompts = 3;
    job.options.num_return_sequences = 3;
    generate_job_run_well(&job, *state);
    assert_int_equal(job.n_texts, 9);
    for (size_t i = 0; i < 9; i++) {
        assert_int_equal(job.texts[i].index, i / 3);
        assert_int_equal(job.texts[i].sequence, i % 3);
        assert_int_equal(job.texts[i].ids.n, 20);
        check_reference(*state, &job, &job.texts[i]);
        for (size_t j = 0; j < i; j++) {
            assert_false(same_ids(&job.texts[i], &job.texts[j]));
        }
    }
    generate_job_release(&job);
}

/* ---- ends ---------------------------------------------------------------------------------- */

static void test_stop_string(void **state) {
    struct generate_job plain = greedy_job();
    generate_job_run_well(&plain, *state);
    const struct gen_bytes *whole = &plain.texts[0].text;
    assert_true(whole->n > 12);
    /* Every three bytes of the greedy text as the stop string: wherever tokens end. */
    for (size_t at = 0; at + 3 <= whole->n; at++) {
        char stop[4] = {0};
        memcpy(stop, whole->data + at, 3);
        if (strlen(stop) < 3) {
            continue;
        }
        size_t first = 0;
        while (memcmp(whole->data + first, stop, 3) != 0) {
            first++;
        }
        const char *const strings[] = {"not in the text", stop};
        struct generate_job job = greedy_job();
        job.options.stop = strings;
        job.options.n_stop = 2;
        generate_job_run_well(&job, *state);
        assert_int_equal(job.texts[0].finish, GEN_FINISH_STOP);
        assert_int_equal(job.texts[0].text.n, first);
        assert_memory_equal(job.texts[0].text.data, whole->data, first);
        generate_job_release(&job);
    }
    generate_job_release(&plain);
}

static void test_held_back_text_comes_at_the_end(void **state) {
    struct generate_job plain = greedy_job();
    generate_job_run_well(&plain, *state);
    const struct gen_bytes *whole = &plain.texts[0].text;
    /* The whole text and one byte more: all of it may become the stop string, but does not. */
    char *stop = calloc(1, whole->n + 2);
    assert_non_null(stop);
    memcpy(stop, whole->data, whole->n);
    stop[whole->n] = '#';
    if (strlen(stop) == whole->n + 1) {
        const char *const strings[] = {stop};
        struct generate_job job = greedy_job();
        job.options.stop = strings;
        job.options.n_stop = 1;
        generate_job_run_well(&job, *state);
        assert_int_equal(job.texts[0].finish, GEN_FINISH_LENGTH);
        assert_int_equal(job.texts[0].text.n, whole->n);
        assert_memory_equal(job.texts[0].text.data, whole->data, whole->n);
        generate_job_release(&job);
    }
    free(stop);
    generate_job_release(&plain);
}

static void test_eos(void **state) {
    const struct gen_logit_bias to_eos = {EOS, 1000.0f};
    struct generate_job job = greedy_job();
    job.options.sampling.logit_bias = &to_eos;
    job.options.sampling.n_logit_bias = 1;
    job.options.num_return_sequences = 2;
    generate_job_run_well(&job, *state);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(job.texts[i].finish, GEN_FINISH_EOS);
        assert_int_equal(job.texts[i].ids.n, 1);
        assert_int_equal(job.texts[i].ids.data[0], EOS);
        assert_int_equal(job.texts[i].text.n, 0);
    }
    generate_job_release(&job);

    job = greedy_job();
    job.options.sampling.logit_bias = &to_eos;
    job.options.sampling.n_logit_bias = 1;
    job.options.sampling.min_new_tokens = 3;
    generate_job_run_well(&job, *state);
    assert_int_equal(job.texts[0].ids.n, 4);
    assert_int_equal(job.texts[0].ids.data[3], EOS);
    generate_job_release(&job);

    job = greedy_job();
    job.options.sampling.logit_bias = &to_eos;
    job.options.sampling.n_logit_bias = 1;
    job.options.ignore_eos = true;
    generate_job_run_well(&job, *state);
    assert_int_equal(job.texts[0].finish, GEN_FINISH_LENGTH);
    assert_int_equal(job.texts[0].ids.n, 20);
    generate_job_release(&job);
}

static int32_t LONG_PROMPT[3 * N_CTX];

static void check_limit(const struct gen_model *model, size_t n_prompt, int32_t max_new,
                        int32_t max_length, size_t n_new, enum gen_finish finish) {
    struct generate_job job = greedy_job();
    job.options.ignore_eos = true;
    job.options.max_new_tokens = max_new;
    job.options.max_length = max_length;
    job.prompts[0] = (struct gen_prompt){.ids = LONG_PROMPT, .n_ids = n_prompt};
    generate_job_run_well(&job, model);
    assert_int_equal(job.n_texts, 1);
    assert_true(job.texts[0].begun);
    assert_int_equal(job.texts[0].ids.n, n_new);
    assert_int_equal(job.texts[0].finish, finish);
    assert_int_equal(job.n_failed, 0);
    generate_job_release(&job);
}

static void test_limits(void **state) {
    check_limit(*state, 5, 0, -1, 0, GEN_FINISH_LENGTH);
    check_limit(*state, 5, 3, -1, 3, GEN_FINISH_LENGTH);
    check_limit(*state, 5, -1, 7, 2, GEN_FINISH_LENGTH);
    check_limit(*state, 5, 4, 7, 2, GEN_FINISH_LENGTH);
    check_limit(*state, 5, 1, 7, 1, GEN_FINISH_LENGTH);
    check_limit(*state, 5, 100, 5, 0, GEN_FINISH_LENGTH);
    check_limit(*state, 5, 100, 4, 0, GEN_FINISH_LENGTH);
    check_limit(*state, 60, -1, N_CTX, 4, GEN_FINISH_LENGTH);
    check_limit(*state, 60, -1, -1, 4, GEN_FINISH_CONTEXT);
    check_limit(*state, 60, 5, -1, 4, GEN_FINISH_CONTEXT);
    check_limit(*state, N_CTX, 5, -1, 0, GEN_FINISH_CONTEXT);
    check_limit(*state, N_CTX, 0, -1, 0, GEN_FINISH_LENGTH);
}

/* ---- context --------------------------------------------------------------------------------- */

static void test_slide(void **state) {
    static const size_t n_prompts[] = {5, N_CTX - 1, N_CTX, N_CTX + 1, 2 * N_CTX, 3 * N_CTX};
    for (size_t i = 0; i < N_OF(n_prompts); i++) {
        struct generate_job job = sampling_job(3);
        job.options.sampling.repetition_penalty = 1.1f;
        job.options.slide = true;
        job.options.max_new_tokens = 2 * N_CTX;
        job.options.num_return_sequences = 2;
        job.prompts[0] = (struct gen_prompt){.ids = LONG_PROMPT, .n_ids = n_prompts[i]};
        generate_job_run_well(&job, *state);
        assert_int_equal(job.n_texts, 2);
        for (size_t j = 0; j < 2; j++) {
            assert_int_equal(job.texts[j].ids.n, 2 * N_CTX);
            check_reference(*state, &job, &job.texts[j]);
        }
        generate_job_release(&job);
    }
}

static void test_empty_prompt(void **state) {
    static const int32_t start[] = {EOS};
    struct generate_job job = greedy_job();
    struct generate_job expected = greedy_job();
    job.prompts[0] = (struct gen_prompt){0};
    expected.prompts[0] = (struct gen_prompt){.ids = start, .n_ids = 1};
    generate_job_run_well(&job, *state);
    generate_job_run_well(&expected, *state);
    assert_int_equal(job.texts[0].prompt.n, 0);
    assert_int_equal(expected.texts[0].prompt.n, 1);
    assert_true(same_ids(&job.texts[0], &expected.texts[0]));
    generate_job_release(&job);
    generate_job_release(&expected);
}

/* One row for each id of prompt and text, the last included; the bits do not depend on how. */
static void test_logits(void **state) {
    struct generate_job job = greedy_job();
    job.prompts[0] = (struct gen_prompt){.ids = LONG_PROMPT, .n_ids = 40};
    job.want_logits = true;
    generate_job_run_well(&job, *state);
    assert_int_equal(job.n_rows, 60);

    struct gen_session *session = open_session(*state);
    for (size_t i = 0; i < 60; i++) {
        int32_t id = i < 40 ? LONG_PROMPT[i] : job.texts[0].ids.data[i - 40];
        const struct gen_row row = {id, 0, true};
        assert_int_equal(gen_session_eval(session, &row, 1, NULL), GEN_OK);
        assert_memory_equal(gen_session_logits(session, 0), job.logits + i * N_VOCAB,
                            N_VOCAB * sizeof *job.logits);
    }
    gen_session_free(session);
    generate_job_release(&job);

    /* Sliding forgets the prompt, which the second text has to read again; its rows come once. */
    job = sampling_job(1);
    job.want_logits = true;
    job.options.slide = true;
    job.options.num_return_sequences = 2;
    job.prompts[0] = (struct gen_prompt){.ids = LONG_PROMPT, .n_ids = N_CTX - 10};
    generate_job_run_well(&job, *state);
    assert_int_equal(job.n_rows, N_CTX - 10 + 20 + 20);
    generate_job_release(&job);

    /* Nothing to draw: the rows of the prompt all the same. */
    job = greedy_job();
    job.want_logits = true;
    job.options.max_new_tokens = 0;
    generate_job_run_well(&job, *state);
    assert_int_equal(job.n_rows, N_OF(SHORT_PROMPT));
    generate_job_release(&job);
}

static void test_logprobs(void **state) {
    struct generate_job job = sampling_job(1);
    job.options.n_logprobs = 1000; /* more than there are: all 512 */
    job.want_logits = true;
    generate_job_run_well(&job, *state);
    const struct generate_text *text = &job.texts[0];
    assert_int_equal(text->n_best, N_VOCAB);
    for (size_t i = 0; i < text->ids.n; i++) {
        const float *logits = job.logits + (N_OF(SHORT_PROMPT) - 1 + i) * N_VOCAB;
        const struct gen_logprob *best = text->best + i * N_VOCAB;
        double total = 0.0;
        for (size_t j = 0; j < N_VOCAB; j++) {
            total += exp((double)logits[j]);
        }
        for (size_t j = 0; j < N_VOCAB; j++) {
            double expected = (double)logits[best[j].id] - log(total);
            assert_true(fabs((double)best[j].logprob - expected) < 1e-5);
            assert_true(
                j == 0 || logits[best[j - 1].id] > logits[best[j].id] ||
                (logits[best[j - 1].id] == logits[best[j].id] && best[j - 1].id < best[j].id));
            if (best[j].id == text->ids.data[i]) {
                assert_int_equal(text->chosen[i].id, best[j].id);
                assert_true(text->chosen[i].logprob == best[j].logprob);
            }
        }
    }
    struct generate_job few = sampling_job(1);
    few.options.n_logprobs = 3;
    generate_job_run_well(&few, *state);
    for (size_t i = 0; i < text->ids.n; i++) {
        assert_memory_equal(few.texts[0].best + 3 * i, text->best + N_VOCAB * i,
                            3 * sizeof *text->best);
    }
    generate_job_release(&few);
    generate_job_release(&job);
}

/* ---- failures ----------------------------------------------------------------------------------
 */

static void test_failed_prompts_do_not_stop_others(void **state) {
    static const int32_t bad_ids[] = {4, N_VOCAB};
    static const int32_t negative[] = {-1};
    const struct gen_error own = {GEN_BAD_ARGUMENT, "line 3 is not UTF-8"};
    struct generate_job job = greedy_job();
    job.options.num_return_sequences = 2;
    job.prompts[1] = (struct gen_prompt){.error = &own};
    job.prompts[2] = (struct gen_prompt){.ids = bad_ids, .n_ids = 2};
    job.prompts[3] = (struct gen_prompt){.ids = negative, .n_ids = 1};
    job.prompts[4] = (struct gen_prompt){.ids = LONG_PROMPT, .n_ids = N_CTX + 1};
    job.prompts[5] = job.prompts[0];
    job.n_prompts = 6;
    generate_job_run_well(&job, *state);
    assert_int_equal(job.n_failed, 4);
    assert_int_equal(job.n_texts, 8);
    static const uint64_t order[] = {0, 0, 1, 2, 3, 4, 5, 5};
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(job.texts[i].index, order[i]);
        bool failed = order[i] >= 1 && order[i] <= 4;
        assert_true(job.texts[i].begun == !failed);
        assert_true((job.texts[i].finish == GEN_FINISH_ERROR) == failed);
    }
    assert_true(same_ids(&job.texts[0], &job.texts[6]));
    assert_string_equal(job.texts[2].message, own.message);
    assert_non_null(strstr(job.texts[3].message, "id 1 of the prompt is 512"));
    assert_non_null(strstr(job.texts[4].message, "id 0 of the prompt is -1"));
    assert_non_null(strstr(job.texts[5].message, "65 tokens"));
    assert_non_null(strstr(job.texts[5].message, "holds 64"));
    assert_non_null(strstr(job.texts[5].message, "--context slide"));
    generate_job_release(&job);
}

/* A text that fails half-way is reported with what it has. */
static void test_everything_forbidden(void **state) {
    struct gen_logit_bias bias[N_VOCAB];
    for (int32_t i = 0; i < N_VOCAB; i++) {
        bias[i] = (struct gen_logit_bias){i, -INFINITY};
    }
    struct generate_job job = greedy_job();
    job.options.sampling.logit_bias = bias;
    job.options.sampling.n_logit_bias = N_VOCAB - 2; /* 510 and eos are left */
    job.options.sampling.no_repeat_ngram_size = 1;
    job.options.sampling.min_new_tokens = 20;
    job.options.num_return_sequences = 2;
    job.prompts[1] = job.prompts[0];
    job.n_prompts = 2;
    generate_job_run_well(&job, *state);
    assert_int_equal(job.n_texts, 2);
    assert_int_equal(job.n_failed, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_true(job.texts[i].begun);
        assert_int_equal(job.texts[i].finish, GEN_FINISH_ERROR);
        assert_int_equal(job.texts[i].ids.n, 1);
        assert_non_null(strstr(job.texts[i].message, "forbid every token"));
    }
    generate_job_release(&job);
}

static void test_canceled(void **state) {
    for (int which = 0; which < 5; which++) {
        struct generate_job job = greedy_job();
        job.prompts[1] = job.prompts[0];
        job.n_prompts = 2;
        job.want_logits = which == 3;
        job.refuse_begin = which == 0;
        job.refuse_text = which == 1;
        job.refuse_end = which == 2;
        job.refuse_logits = which == 3 ? 9 : 0;
        job.refuse_go_on = which == 4 ? 5 : 0;
        assert_int_equal(generate_job_run(&job, *state), GEN_CANCELED);
        assert_int_equal(job.error.status, GEN_CANCELED);
        assert_int_equal(job.n_texts, 1);
        assert_int_equal(job.n_failed, 0);
        assert_int_equal(job.texts[0].finish, which == 2 ? GEN_FINISH_LENGTH : GEN_FINISH_CANCELED);
        if (which == 4) { /* one chunk of prompt, three ids read, the fourth not any more */
            assert_int_equal(job.texts[0].ids.n, 4);
        }
        generate_job_release(&job);
    }
}

static void expect_refused(const struct gen_model *model, struct generate_job *job,
                           const char *words) {
    assert_int_equal(generate_job_run(job, model), GEN_BAD_ARGUMENT);
    assert_int_equal(job->n_texts, 0);
    if (strstr(job->error.message, words) == NULL) {
        fail_msg("\"%s\" does not contain \"%s\"", job->error.message, words);
    }
    generate_job_release(job);
}

static void test_options(void **state) {
    struct generate_job job;
#define REFUSED(field, value, words)                                                               \
    job = greedy_job();                                                                            \
    job.options.field = (value);                                                                   \
    expect_refused(*state, &job, words)
    REFUSED(max_new_tokens, -2, "max_new_tokens is -2, but must be");
    REFUSED(max_length, 0, "max_length is 0, but must be");
    REFUSED(max_length, -2, "max_length is -2, but must be");
    REFUSED(num_return_sequences, 0, "num_return_sequences is 0, but must be");
    REFUSED(n_logprobs, -1, "n_logprobs is -1, but must be");
    REFUSED(n_logprobs, 1001, "n_logprobs is 1001, but must be");
    REFUSED(sampling.top_p, 7.0f, "top_p is 7, but must be");
#undef REFUSED
    const char *const empty[] = {""};
    job = greedy_job();
    job.options.stop = empty;
    job.options.n_stop = 1;
    expect_refused(*state, &job, "stop string 0 is empty");
}

int main(void) {
    for (int32_t i = 0; i < (int32_t)N_OF(LONG_PROMPT); i++) {
        LONG_PROMPT[i] = (i * 37 + 11) % 500;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_greedy_as_transformers),
        cmocka_unit_test(test_seeds),
        cmocka_unit_test(test_many_texts),
        cmocka_unit_test(test_stop_string),
        cmocka_unit_test(test_held_back_text_comes_at_the_end),
        cmocka_unit_test(test_eos),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_slide),
        cmocka_unit_test(test_empty_prompt),
        cmocka_unit_test(test_logits),
        cmocka_unit_test(test_logprobs),
        cmocka_unit_test(test_failed_prompts_do_not_stop_others),
        cmocka_unit_test(test_everything_forbidden),
        cmocka_unit_test(test_canceled),
        cmocka_unit_test(test_options),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
