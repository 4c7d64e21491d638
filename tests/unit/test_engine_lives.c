/**
 * test_engine_lives.c - an engine answers again and again: each time the texts are those of a new
 * engine, and what its slots still hold is not read again; also after a failure, or a callback that
 * said no.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "base/size.h"
#include "gen.h"
#include "generate_job.h"

#define BASE   "tests/golden/models/base"
#define UNTIED "tests/golden/models/untied"
#define N_CTX  64

static int32_t IDS[8 * N_CTX];

static int setup(void **state) {
    *state = generate_job_model(BASE);
    return 0;
}

static int teardown(void **state) {
    gen_model_free(*state);
    return 0;
}

static struct gen_engine *engine_of(const struct gen_model *model, int32_t batch) {
    struct gen_engine *engine = NULL;
    struct gen_error err = {0};
    const struct gen_engine_options options = {.n_threads = 1, .batch = batch};
    if (gen_engine_new(&engine, model, &options, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    return engine;
}

/* One prompt of ids[n] on an engine, or with NULL on one of its own. */
static struct generate_job turn(struct gen_engine *engine, const int32_t *ids, size_t n) {
    struct generate_job job = {.options = gen_generate_options_default(), .engine = engine};
    job.options.sampling.temperature = 1.1f;
    job.options.n_threads = 1;
    job.options.seed = 3;
    job.options.max_new_tokens = 10;
    job.options.ignore_eos = true;
    job.prompts[0] = (struct gen_prompt){.ids = ids, .n_ids = n};
    job.n_prompts = 1;
    return job;
}

/* Run a prompt on the engine and on a new one: the same text. Returns the ids not read, appends the
 * new ones to `told` if there is one. */
static size_t check_turn(const struct gen_model *model, struct gen_engine *engine,
                         const int32_t *ids, size_t n, struct gen_ids *told) {
    struct generate_job job = turn(engine, ids, n);
    struct generate_job fresh = turn(NULL, ids, n);
    generate_job_run_well(&job, model);
    generate_job_run_well(&fresh, model);
    generate_job_check_same(&job, &fresh);
    assert_int_equal(job.n_texts, 1);
    assert_int_equal(fresh.texts[0].n_cached, 0);
    size_t n_cached = job.texts[0].n_cached;
    if (told != NULL) {
        const struct gen_ids *new_ids = &job.texts[0].ids;
        assert_int_equal(gen_ids_append(told, new_ids->data, new_ids->n), GEN_OK);
    }
    generate_job_release(&job);
    generate_job_release(&fresh);
    return n_cached;
}

static void test_turns(void **state) {
    static const int32_t batches[] = {1, 4};
    for (size_t i = 0; i < N_OF(batches); i++) {
        struct gen_engine *engine = engine_of(*state, batches[i]);
        struct gen_ids talk = {0};
        size_t n_known = 0;
        for (size_t number = 0; number < 4; number++) {
            assert_int_equal(gen_ids_append(&talk, IDS + 50 * number, 5), GEN_OK);
            assert_int_equal(check_turn(*state, engine, talk.data, talk.n, &talk), n_known);
            n_known = talk.n - 1; /* the last id was drawn and not read */
        }
        /* The same again, what is left of it when turns are taken back, and another one. */
        assert_int_equal(check_turn(*state, engine, talk.data, 50, NULL), 49);
        assert_int_equal(check_turn(*state, engine, talk.data, 50, NULL), 49);
        assert_int_equal(check_turn(*state, engine, talk.data, 15, NULL), 14);
        assert_int_equal(check_turn(*state, engine, talk.data, 1, NULL), 0);
        assert_int_equal(check_turn(*state, engine, IDS + 7, 30, NULL), 0);
        assert_int_equal(check_turn(*state, engine, IDS + 7, 31, NULL), 30);
        gen_ids_release(&talk);
        gen_engine_free(engine);
    }
}

/* Conversations in turns find what they had read, also one that begins as another does, and what an
 * undone turn had. */
static void test_several_conversations(void **state) {
    struct gen_engine *engine = engine_of(*state, 4);
    static const size_t starts[] = {0, 100, 200};
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < N_OF(starts); i++) {
            size_t n = 20 + 10 * round;
            assert_int_equal(check_turn(*state, engine, IDS + starts[i], n, NULL),
                             round == 0 ? 0 : n - 10);
        }
    }
    int32_t other[30];
    memcpy(other, IDS, sizeof other);
    other[2]++; /* begins as the first does, with two ids */
    assert_int_equal(check_turn(*state, engine, other, 30, NULL), 2);
    assert_int_equal(check_turn(*state, engine, IDS, 40, NULL), 39);
    /* The longest unused gives way, and only that one. */
    assert_int_equal(check_turn(*state, engine, IDS + 300, 20, NULL), 0);
    assert_int_equal(check_turn(*state, engine, IDS + starts[2], 40, NULL), 39);
    assert_int_equal(check_turn(*state, engine, IDS + starts[1], 40, NULL), 0);
    gen_engine_free(engine);
}

/* Where memory is out, what free slots hold gives way. Under a sanitizer its own memory would be
 * out. */
static void test_little_memory(void **state) {
#ifdef __SANITIZE_ADDRESS__
    (void)state;
    skip();
#else
    struct gen_engine *engine = engine_of(*state, 4);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(check_turn(*state, engine, IDS + 100 * i, 30, NULL), 0);
    }
    struct generate_job job = turn(engine, IDS + 300, 30);
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    const struct rlimit little = {1 << 20, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_AS, &little), 0);
    enum gen_status status = generate_job_run(&job, *state);
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
    assert_int_equal(status, GEN_OK);
    assert_int_equal(job.n_failed, 0);
    generate_job_release(&job);
    /* The one that was left longest ago did. */
    assert_int_equal(check_turn(*state, engine, IDS + 200, 35, NULL), 30);
    assert_int_equal(check_turn(*state, engine, IDS + 100, 35, NULL), 30);
    assert_int_equal(check_turn(*state, engine, IDS, 35, NULL), 0);
    gen_engine_free(engine);
#endif
}

static struct generate_job many(struct gen_engine *engine) {
    struct generate_job job = turn(engine, IDS, 1);
    job.options.num_return_sequences = 2;
    job.options.slide = true;
    job.options.max_new_tokens = 30;
    job.n_prompts = 24;
    for (size_t i = 0; i < job.n_prompts; i++) {
        job.prompts[i] = (struct gen_prompt){.ids = IDS + 9 * i, .n_ids = 1 + i * 23 % 80};
    }
    return job;
}

static size_t n_cached(const struct generate_job *job) {
    size_t n = 0;
    for (size_t i = 0; i < job->n_texts; i++) {
        n += job->texts[i].n_cached;
    }
    return n;
}

/* Many texts, run after run, whatever options the other runs had. */
static void test_batches(void **state) {
    struct generate_job expected = many(NULL);
    generate_job_run_well(&expected, *state);
    assert_true(n_cached(&expected) > 0); /* the second texts */
    static const int32_t batches[] = {1, 3, 64};
    for (size_t i = 0; i < N_OF(batches); i++) {
        struct gen_engine *engine = engine_of(*state, batches[i]);
        for (int run = 0; run < 3; run++) {
            struct generate_job job = many(engine);
            generate_job_run_well(&job, *state);
            generate_job_check_same(&job, &expected);
            generate_job_release(&job);
            job = many(engine);
            job.options.speculate = run == 1;
            job.options.sampling.repetition_penalty = 1.3f;
            job.options.seed = (uint64_t)run;
            job.options.slide = false;
            generate_job_run_well(&job, *state);
            generate_job_release(&job);
        }
        gen_engine_free(engine);
    }
    generate_job_release(&expected);
}

/* Logits are told of one text at a time, whatever the slots. A prompt whose logits are wanted is
 * read whole, though a slot holds it. */
static void test_logits(void **state) {
    struct gen_engine *engine = engine_of(*state, 8);
    struct generate_job expected = many(NULL);
    expected.want_logits = true;
    generate_job_run_well(&expected, *state);
    for (int run = 0; run < 2; run++) {
        struct generate_job job = many(engine);
        job.want_logits = true;
        generate_job_run_well(&job, *state);
        generate_job_check_same(&job, &expected);
        assert_int_equal(job.n_rows, expected.n_rows);
        assert_memory_equal(job.logits, expected.logits,
                            job.n_rows * GENERATE_JOB_VOCAB * sizeof *job.logits);
        generate_job_release(&job);
    }
    generate_job_release(&expected);
    gen_engine_free(engine);

    engine = engine_of(*state, 3);
    assert_int_equal(check_turn(*state, engine, IDS, 20, NULL), 0);
    struct generate_job job = turn(engine, IDS, 20);
    job.want_logits = true;
    generate_job_run_well(&job, *state);
    assert_int_equal(job.n_rows, 20 + 10);
    assert_int_equal(job.texts[0].n_cached, 0);
    generate_job_release(&job);
    assert_int_equal(check_turn(*state, engine, IDS, 20, NULL), 19);
    gen_engine_free(engine);
}

/* ---- failures ------------------------------------------------------------------------------- */

static void check_many(const struct gen_model *model, struct gen_engine *engine,
                       const struct generate_job *expected) {
    struct generate_job job = many(engine);
    generate_job_run_well(&job, model);
    generate_job_check_same(&job, expected);
    generate_job_release(&job);
}

/* The run ends in the midst of all, at each of the callbacks. */
static void test_canceled(void **state) {
    struct generate_job expected = many(NULL);
    generate_job_run_well(&expected, *state);
    struct gen_engine *engine = engine_of(*state, 4);
    static const int after[] = {1, 2, 5, 11, 23, 47};
    for (size_t i = 0; i < N_OF(after); i++) {
        for (int which = 0; which < 5; which++) {
            struct generate_job job = many(engine);
            int n = after[i];
            job.want_logits = which == 3;
            job.refuse_begin = which == 0 ? n : 0;
            job.refuse_text = which == 1 ? n : 0;
            job.refuse_end = which == 2 ? n : 0;
            job.refuse_logits = which == 3 ? n : 0;
            job.refuse_go_on = which == 4 ? n : 0;
            assert_int_equal(generate_job_run(&job, *state), GEN_CANCELED);
            generate_job_release(&job);
        }
        check_many(*state, engine, &expected);
    }
    gen_engine_free(engine);
    generate_job_release(&expected);
}

/* Prompts that fail before they are read, and in the model. */
#define POISON 300
static void test_failures(void **state) {
    (void)state;
    static const int32_t poison[] = {5, 6, POISON};
    static const int32_t invalid[] = {5, GENERATE_JOB_VOCAB};
    const struct gen_error own = {GEN_BAD_FILE, "unreadable"};
    struct gen_model *model = generate_job_poisoned(UNTIED, POISON);
    struct gen_engine *engine = engine_of(model, 4);
    struct generate_job expected = {0};
    for (int run = 0; run < 4; run++) {
        struct generate_job job = many(run == 0 ? NULL : engine);
        job.options.sampling.temperature = 0.0f;
        job.prompts[3] = (struct gen_prompt){.ids = poison, .n_ids = 3};
        job.prompts[4] = (struct gen_prompt){.ids = invalid, .n_ids = 2};
        job.prompts[11] = (struct gen_prompt){.error = &own};
        job.prompts[23] = (struct gen_prompt){.ids = poison, .n_ids = 3};
        generate_job_run_well(&job, model);
        assert_true(job.n_failed >= 4);
        if (run == 0) {
            expected = job;
            continue;
        }
        generate_job_check_same(&job, &expected);
        generate_job_release(&job);
    }
    generate_job_release(&expected);
    gen_engine_free(engine);
    gen_model_free(model);
}

static void check_refused(const struct gen_model *model, const struct gen_engine_options *options,
                          const char *words) {
    struct gen_engine *engine = (struct gen_engine *)&words;
    struct gen_error err = {0};
    assert_int_equal(gen_engine_new(&engine, model, options, &err), GEN_BAD_ARGUMENT);
    assert_null(engine);
    assert_non_null(strstr(err.message, words));
}

static void test_options(void **state) {
    struct gen_engine_options options = gen_engine_options_default();
    options.batch = 1025;
    check_refused(*state, &options, "batch is 1025, but must be");
    options = (struct gen_engine_options){.kv_type = "q8_0"};
    check_refused(*state, &options, "the KV cache's type is \"q8_0\"");
    options = (struct gen_engine_options){.n_ctx = N_CTX + 1};
    check_refused(*state, &options, "n_ctx is 65");
    options = (struct gen_engine_options){.n_ctx = -1};
    check_refused(*state, &options, "n_ctx is -1");
    options = (struct gen_engine_options){.kernels = "abacus"};
    check_refused(*state, &options, "abacus");
    gen_engine_free(NULL);

    /* Bad options of a run leave the engine as it is. */
    struct gen_engine *engine = engine_of(*state, 2);
    check_turn(*state, engine, IDS, 20, NULL);
    struct generate_job job = turn(engine, IDS, 20);
    job.options.max_length = -5;
    assert_int_equal(generate_job_run(&job, *state), GEN_BAD_ARGUMENT);
    assert_int_equal(job.n_texts, 0);
    generate_job_release(&job);
    assert_int_equal(check_turn(*state, engine, IDS, 20, NULL), 19);
    gen_engine_free(engine);
}

/* An engine of fewer positions than the model has. */
static void test_short_context(void **state) {
    struct gen_engine *engine = NULL;
    const struct gen_engine_options options = {.n_threads = 1, .n_ctx = 24};
    assert_int_equal(gen_engine_new(&engine, *state, &options, NULL), GEN_OK);
    struct generate_job job = turn(engine, IDS, 20);
    generate_job_run_well(&job, *state);
    assert_int_equal(job.texts[0].ids.n, 4);
    assert_int_equal(job.texts[0].finish, GEN_FINISH_CONTEXT);
    generate_job_release(&job);
    job = turn(engine, IDS, 25);
    generate_job_run_well(&job, *state);
    assert_int_equal(job.n_failed, 1);
    assert_non_null(strstr(job.texts[0].message, "has 25 tokens but the context holds 24"));
    generate_job_release(&job);
    gen_engine_free(engine);
}

/* ---- two engines ---------------------------------------------------------------------------- */

static void *use_engine(void *argument) {
    struct generate_job *job = argument;
    return (void *)(intptr_t)generate_job_run(job, NULL);
}

/* Engines in threads of their own share the model, and nothing else. */
static void test_two_engines(void **state) {
    struct generate_job expected = many(NULL);
    generate_job_run_well(&expected, *state);
    struct gen_engine *engines[2] = {engine_of(*state, 3), engine_of(*state, 5)};
    static struct generate_job jobs[2];
    for (int run = 0; run < 3; run++) {
        pthread_t threads[2];
        for (size_t i = 0; i < 2; i++) {
            jobs[i] = many(engines[i]);
            assert_int_equal(pthread_create(&threads[i], NULL, use_engine, &jobs[i]), 0);
        }
        for (size_t i = 0; i < 2; i++) {
            void *status = NULL;
            assert_int_equal(pthread_join(threads[i], &status), 0);
            assert_int_equal((intptr_t)status, GEN_OK);
            assert_int_equal(jobs[i].n_texts, expected.n_texts);
            for (size_t j = 0; j < expected.n_texts; j++) {
                const struct gen_ids *ids = &jobs[i].texts[j].ids;
                assert_int_equal(ids->n, expected.texts[j].ids.n);
                assert_memory_equal(ids->data, expected.texts[j].ids.data,
                                    ids->n * sizeof(int32_t));
            }
            generate_job_release(&jobs[i]);
        }
    }
    gen_engine_free(engines[0]);
    gen_engine_free(engines[1]);
    generate_job_release(&expected);
}

int main(void) {
    for (int32_t i = 0; i < (int32_t)N_OF(IDS); i++) {
        IDS[i] = (i * 37 + i / 64 * 11 + 11) % 500;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_turns),         cmocka_unit_test(test_several_conversations),
        cmocka_unit_test(test_little_memory), cmocka_unit_test(test_batches),
        cmocka_unit_test(test_logits),        cmocka_unit_test(test_canceled),
        cmocka_unit_test(test_failures),      cmocka_unit_test(test_options),
        cmocka_unit_test(test_short_context), cmocka_unit_test(test_two_engines),
    };
    const struct CMUnitTest with_threads[] = {cmocka_unit_test(test_two_engines)};
    /* One thread is no race, and takes long under the thread sanitizer. */
    const char *sanitizer = getenv("GEN_SANITIZE");
    bool for_threads = sanitizer != NULL && strcmp(sanitizer, "thread") == 0;
    return for_threads ? cmocka_run_group_tests(with_threads, setup, teardown)
                       : cmocka_run_group_tests(tests, setup, teardown);
}
