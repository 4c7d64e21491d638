/**
 * test_batch.c - many texts at once: each is what it is alone, they are told of in order, prompts
 * are fetched when there is room and no sooner, and a text that fails leaves the others as they
 * are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/size.h"
#include "gen.h"
#include "generate_job.h"

#define BASE    "tests/golden/models/base"
#define UNTIED  "tests/golden/models/untied"
#define N_CTX   64
#define N_VOCAB GENERATE_JOB_VOCAB
/* Texts that are begun or wait, at most, for each of the batch. */
#define LOOK_AHEAD 5

static int32_t IDS[8 * N_CTX];

static int setup(void **state) {
    *state = generate_job_model(BASE);
    return 0;
}

static int teardown(void **state) {
    gen_model_free(*state);
    return 0;
}

/* Prompts of 1 to 60 ids, all different. Among the first there are short ones after several that
 * are too long to be read in one pass. */
static struct generate_job mixed_job(size_t n_prompts, int32_t batch) {
    struct generate_job job = {.options = gen_generate_options_default()};
    job.options.sampling.temperature = 1.3f;
    job.options.seed = 11;
    job.options.max_new_tokens = 40;
    job.options.batch = batch;
    job.options.n_threads = 1;
    job.n_prompts = n_prompts;
    for (size_t i = 0; i < n_prompts; i++) {
        size_t n = i >= 12 ? 1 + i * 23 % 60 : i % 6 == 5 ? 1 : 50 + i % 10;
        job.prompts[i] = (struct gen_prompt){.ids = IDS + 3 * i, .n_ids = n};
    }
    return job;
}

/* ---- the same texts ---------------------------------------------------------------------------
 */

typedef void change(struct gen_generate_options *options);

static void change_nothing(struct gen_generate_options *options) {
    (void)options;
}

static void several_texts(struct gen_generate_options *options) {
    options->num_return_sequences = 3;
}

static void slide_with_several_texts(struct gen_generate_options *options) {
    options->slide = true;
    options->num_return_sequences = 2;
    options->max_new_tokens = 100;
}

static void stop_strings(struct gen_generate_options *options) {
    static const char *const strings[] = {"e", "the", "\n"};
    options->stop = strings;
    options->n_stop = N_OF(strings);
    options->num_return_sequences = 2;
}

static void logprobs_and_penalties(struct gen_generate_options *options) {
    options->n_logprobs = 3;
    options->sampling.repetition_penalty = 1.2f;
    options->sampling.no_repeat_ngram_size = 3;
}

static void greedy_with_threads(struct gen_generate_options *options) {
    options->n_threads = 2;
    options->sampling.temperature = 0.0f;
    options->max_length = 50;
    options->max_new_tokens = -1;
}

static void keys_and_values_of_f16(struct gen_generate_options *options) {
    options->kv_type = "f16";
    options->slide = true;
    options->num_return_sequences = 2;
}

static void nothing_new(struct gen_generate_options *options) {
    options->max_new_tokens = 0;
    options->num_return_sequences = 2;
}

static void test_as_alone(void **state) {
    static change *const changes[] = {
        change_nothing,         several_texts,       slide_with_several_texts, stop_strings,
        logprobs_and_penalties, greedy_with_threads, keys_and_values_of_f16,   nothing_new};
    static const int32_t batches[] = {2, 3, 16, 64, 0};
    const char *sanitizer = getenv("GEN_SANITIZE");
    bool for_threads = sanitizer != NULL && strcmp(sanitizer, "thread") == 0;
    for (size_t i = 0; i < N_OF(changes); i++) {
        if (for_threads && changes[i] != greedy_with_threads) {
            continue; /* one thread is no race, and takes long under the thread sanitizer */
        }
        struct generate_job alone = mixed_job(40, 1);
        changes[i](&alone.options);
        generate_job_run_well(&alone, *state);
        assert_int_equal(alone.n_texts, 40 * alone.options.num_return_sequences);
        for (size_t j = 0; j < N_OF(batches); j++) {
            struct generate_job together = mixed_job(40, batches[j]);
            changes[i](&together.options);
            generate_job_run_well(&together, *state);
            generate_job_check_same(&together, &alone);
            generate_job_release(&together);
        }
        generate_job_release(&alone);
    }
}

/* The point of it: all texts take their steps together. */
static void test_passes(void **state) {
    struct generate_job job = mixed_job(16, 16);
    job.options.ignore_eos = true;
    job.options.speculate = false;
    for (size_t i = 0; i < 16; i++) {
        job.prompts[i].n_ids = 10;
    }
    generate_job_run_well(&job, *state);
    assert_int_equal(job.n_passes, 40);
    generate_job_release(&job);

    /* A prompt of several texts is read once, whatever room there is for them: the first text
     * reads it, the others its last id each. */
    static const int32_t batches[] = {1, 4, 16};
    static const size_t passes[] = {20, 1 + 5, 1 + 2};
    for (size_t i = 0; i < N_OF(batches); i++) {
        job = mixed_job(1, batches[i]);
        job.options.max_new_tokens = 1;
        job.options.num_return_sequences = 20;
        job.prompts[0].n_ids = 60;
        generate_job_run_well(&job, *state);
        assert_int_equal(job.n_texts, 20);
        assert_int_equal(job.n_passes, passes[i]);
        generate_job_release(&job);
    }
}

/* Prompts with the same examples before them: 50 ids that are the same, then 1 to 10 others; every
 * sixth goes on with what the one before it ends with. */
static struct generate_job sharing_job(int32_t *ids, int32_t batch) {
    struct generate_job job = mixed_job(30, batch);
    job.options.sampling.temperature = 0.0f;
    for (size_t i = 0; i < job.n_prompts; i++) {
        int32_t *own = ids + i * N_CTX;
        size_t n_same = i % 6 == 5 ? 57 : 50;
        memcpy(own, i % 6 == 5 ? own - N_CTX : IDS, n_same * sizeof *own);
        memcpy(own + n_same, IDS + 100 + 7 * i, (60 - n_same) * sizeof *own);
        job.prompts[i] = (struct gen_prompt){.ids = own, .n_ids = i % 6 == 5 ? 60 : 51 + i % 10};
    }
    return job;
}

static void test_shared_beginnings(void **state) {
    static int32_t ids[30 * N_CTX];
    static const int32_t batches[] = {1, 2, 7, 30, 64};
    struct generate_job apart = sharing_job(ids, 1);
    for (size_t i = 0; i < N_OF(batches); i++) {
        struct generate_job together = sharing_job(ids, batches[i]);
        generate_job_run_well(&together, *state);
        assert_int_equal(together.n_texts, 30);
        for (size_t j = 0; j < 30; j++) {
            struct generate_job alone = mixed_job(1, 1);
            alone.options = apart.options;
            alone.prompts[0] = apart.prompts[j];
            generate_job_run_well(&alone, *state);
            assert_int_equal(alone.texts[0].ids.n, together.texts[j].ids.n);
            assert_memory_equal(alone.texts[0].ids.data, together.texts[j].ids.data,
                                alone.texts[0].ids.n * sizeof *ids);
            generate_job_release(&alone);
        }
        generate_job_release(&together);
    }
    /* What is the same is read once: by itself each pass would have room for four prompts. */
    struct generate_job job = sharing_job(ids, 30);
    job.options.max_new_tokens = 1;
    generate_job_run_well(&job, *state);
    assert_in_range(job.n_passes, 2, 4);
    generate_job_release(&job);
}

/* A prompt that takes many passes to read does not hold up a text that is being decoded. */
static void test_long_prompts_do_not_starve_others(void **state) {
    struct generate_job job = mixed_job(32, 32);
    job.options.ignore_eos = true;
    job.options.speculate = false;
    job.options.max_new_tokens = 4;
    for (size_t i = 0; i < 32; i++) {
        job.prompts[i].n_ids = 60;
    }
    generate_job_run_well(&job, *state);
    /* 32 * 60 rows are read at 256 or fewer a pass; the last to be read has 4 passes of its own. */
    assert_in_range(job.n_passes, 8, 14);
    generate_job_release(&job);
}

/* ---- when prompts are fetched -----------------------------------------------------------------
 */

static bool ready_within_bound(void *context) {
    const struct generate_job *job = context;
    size_t n_ahead = job->n_asked - job->n_texts;
    assert_in_range(n_ahead, 1, LOOK_AHEAD * (size_t)job->options.batch - 1);
    return true;
}

/* The first text is long, the others are short: they must not pile up without end. */
static void test_look_ahead_is_bounded(void **state) {
    static const int32_t batches[] = {1, 2, 7};
    for (size_t i = 0; i < N_OF(batches); i++) {
        struct generate_job job = mixed_job(GENERATE_JOB_PROMPTS, batches[i]);
        job.ready = ready_within_bound;
        job.options.ignore_eos = true;
        job.options.max_new_tokens = -1;
        job.options.max_length = 61;
        for (size_t j = 0; j < job.n_prompts; j++) {
            job.prompts[j].n_ids = j == 0 ? 1 : 60;
        }
        generate_job_run_well(&job, *state);
        assert_int_equal(job.n_texts, GENERATE_JOB_PROMPTS);
        generate_job_release(&job);
    }
}

/* Prompts come one by one, each when the text before has come to an end. */
static bool ready_after_answer(void *context) {
    const struct generate_job *job = context;
    return job->n_asked == job->n_texts;
}

static void test_source_that_waits(void **state) {
    struct generate_job alone = mixed_job(10, 1);
    struct generate_job job = mixed_job(10, 16);
    job.ready = ready_after_answer;
    generate_job_run_well(&alone, *state);
    generate_job_run_well(&job, *state);
    generate_job_check_same(&job, &alone);
    assert_int_equal(job.n_passes, alone.n_passes);
    generate_job_release(&job);
    generate_job_release(&alone);
}

/* ---- failures ---------------------------------------------------------------------------------
 */

#define POISON 300
static void test_failures_stay_alone(void **state) {
    (void)state;
    static const int32_t poison[] = {5, 6, POISON};
    static const int32_t invalid[] = {5, N_VOCAB};
    const struct gen_error own = {GEN_BAD_FILE, "unreadable"};
    struct gen_model *model = generate_job_poisoned(UNTIED, POISON);
    static const int32_t batches[] = {1, 3, 16, 64};
    struct generate_job alone = {0};
    for (size_t i = 0; i < N_OF(batches); i++) {
        struct generate_job job = mixed_job(30, batches[i]);
        job.options.num_return_sequences = 2;
        /* Some texts draw the poison themselves; the others never. */
        job.prompts[3] = (struct gen_prompt){.ids = poison, .n_ids = 3};
        job.prompts[4] = (struct gen_prompt){.ids = invalid, .n_ids = 2};
        job.prompts[11] = (struct gen_prompt){.error = &own};
        job.prompts[29] = (struct gen_prompt){.ids = poison, .n_ids = 3};
        generate_job_run_well(&job, model);
        assert_true(job.n_failed >= 4);
        assert_true(job.n_failed < 30);
        if (i == 0) {
            alone = job;
            continue;
        }
        generate_job_check_same(&job, &alone);
        generate_job_release(&job);
    }
    generate_job_release(&alone);
    gen_model_free(model);
}

/* Only the text that has begun is heard of, with what there is of it. */
static void test_canceled(void **state) {
    for (int n = 1; n < 30; n++) {
        struct generate_job whole = mixed_job(10, 4);
        struct generate_job job = mixed_job(10, 4);
        generate_job_run_well(&whole, *state);
        job.refuse_go_on = n;
        assert_int_equal(generate_job_run(&job, *state), GEN_CANCELED);
        assert_int_equal(job.n_failed, 0);
        for (size_t i = 0; i < job.n_texts; i++) {
            const struct generate_text *text = &job.texts[i];
            bool last = i + 1 == job.n_texts;
            assert_true(text->finish != GEN_FINISH_CANCELED || last);
            assert_true(text->ids.n <= whole.texts[i].ids.n);
            assert_memory_equal(text->ids.data, whole.texts[i].ids.data,
                                text->ids.n * sizeof *text->ids.data);
        }
        generate_job_release(&job);
        generate_job_release(&whole);
    }
}

static void test_options(void **state) {
    static const int32_t wrong[] = {-1, 1025};
    for (size_t i = 0; i < N_OF(wrong); i++) {
        struct generate_job job = mixed_job(1, wrong[i]);
        assert_int_equal(generate_job_run(&job, *state), GEN_BAD_ARGUMENT);
        assert_non_null(strstr(job.error.message, "must be from 1 to 1024"));
        generate_job_release(&job);
    }
    struct generate_job job = mixed_job(1, 1);
    job.options.kv_type = "q8_0";
    assert_int_equal(generate_job_run(&job, *state), GEN_BAD_ARGUMENT);
    assert_string_equal(job.error.message,
                        "the KV cache's type is \"q8_0\", but must be f32 or f16");
    generate_job_release(&job);
}

/* ---- gen_session_copy -------------------------------------------------------------------------
 */

static void eval(struct gen_session *session, const int32_t *ids, size_t n, int32_t slot) {
    struct gen_row rows[N_CTX];
    for (size_t i = 0; i < n; i++) {
        rows[i] = (struct gen_row){ids[i], slot, i + 1 == n};
    }
    assert_int_equal(gen_session_eval(session, rows, n, NULL), GEN_OK);
}

/* A slot that was copied goes on like one that has read the ids itself. */
static void check_session_copy(const struct gen_model *model, const char *kv_type) {
    const struct gen_session_options options = {.n_slots = 3, .kv_type = kv_type};
    struct gen_session *session = NULL;
    assert_int_equal(gen_session_new(&session, model, &options, NULL), GEN_OK);
    for (int32_t length = 0; length < N_CTX - 4; length++) {
        float expected[N_VOCAB];
        for (int32_t slot = 0; slot < 3; slot++) {
            gen_session_truncate(session, slot, 0);
        }
        eval(session, IDS, (size_t)length + 4, 0);
        memcpy(expected, gen_session_logits(session, (size_t)length + 3), sizeof expected);
        eval(session, IDS + 100, N_CTX, 1);
        assert_int_equal(gen_session_copy(session, 1, 0, length), GEN_OK);
        assert_int_equal(gen_session_length(session, 1), length);
        assert_int_equal(gen_session_length(session, 0), length + 4);
        eval(session, IDS + length, 4, 1);
        assert_memory_equal(gen_session_logits(session, 3), expected, sizeof expected);
    }
    int32_t length = gen_session_length(session, 0);
    assert_int_equal(gen_session_copy(session, 0, 0, 5), GEN_OK);
    assert_int_equal(gen_session_length(session, 0), 5);
    assert_true(length > 5);
    assert_int_equal(gen_session_copy(session, 1, 0, 6), GEN_BAD_ARGUMENT);
    assert_int_equal(gen_session_copy(session, 1, 0, -1), GEN_BAD_ARGUMENT);
    assert_int_equal(gen_session_copy(session, 3, 0, 5), GEN_BAD_ARGUMENT);
    assert_int_equal(gen_session_copy(session, -1, 0, 5), GEN_BAD_ARGUMENT);
    assert_int_equal(gen_session_copy(session, 1, 3, 0), GEN_BAD_ARGUMENT);
    assert_int_equal(gen_session_copy(session, 1, -1, 0), GEN_BAD_ARGUMENT);
    gen_session_free(session);
}

static void test_session_copy(void **state) {
    check_session_copy(*state, "f32");
    check_session_copy(*state, "f16");
}

int main(void) {
    for (int32_t i = 0; i < (int32_t)N_OF(IDS); i++) {
        IDS[i] = (i * 37 + i / 64 * 11 + 11) % 500;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_alone),
        cmocka_unit_test(test_passes),
        cmocka_unit_test(test_shared_beginnings),
        cmocka_unit_test(test_long_prompts_do_not_starve_others),
        cmocka_unit_test(test_look_ahead_is_bounded),
        cmocka_unit_test(test_source_that_waits),
        cmocka_unit_test(test_failures_stay_alone),
        cmocka_unit_test(test_canceled),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_session_copy),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
