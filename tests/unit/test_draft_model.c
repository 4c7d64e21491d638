/**
 * test_draft_model.c - a draft model changes no text, whatever it is and however far it guesses;
 * where it is the model itself all its guesses come true, drawn ones too. What is refused, and what
 * becomes of texts when it fails. When it guesses at all is test_draft_pace.c's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/size.h"
#include "format_fixture.h"
#include "gen.h"
#include "generate/engine.h"
#include "generate_job.h"
#include "tokenizer_files.h"

#define MODELS "tests/golden/models/"

/* ---- failing allocations ----------------------------------------------------------------------
 */

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define CAN_FAIL
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);
/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): the C library has others. */
static size_t n_allocated, fails_at; /* 0: never */

static bool fails(void) {
    return fails_at > 0 && ++n_allocated == fails_at;
}
void *calloc(size_t n, size_t size) {
    return fails() ? NULL : __libc_calloc(n, size);
}
void *realloc(void *old, size_t size) {
    return fails() ? NULL : __libc_realloc(old, size);
}
/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
#endif

/* ---- models -----------------------------------------------------------------------------------
 */

/* Some, and "base" with rounded weights, which is of its opinion most of the time. */
static struct gen_model *base, *rounded, *odd, *untied, *neo;

static struct gen_model *rounded_model(void) {
    const char *directory = fixture_directory_new();
    struct gen_convert_options options = gen_convert_options_default();
    char path[256];
    options.type = "q4_0";
    snprintf(path, sizeof path, "%s", fixture_path(directory, "m.gguf"));
    assert_int_equal(gen_convert(MODELS "base", path, &options, NULL), GEN_OK);
    struct gen_model *model = generate_job_model(path);
    fixture_directory_remove(directory);
    return model;
}

static int setup(void **state) {
    (void)state;
    base = generate_job_model(MODELS "base");
    odd = generate_job_model(MODELS "odd-width");
    untied = generate_job_model(MODELS "untied");
    neo = generate_job_model(MODELS "neo-words"); /* with a shorter context */
    rounded = rounded_model();
    return 0;
}

static int teardown(void **state) {
    (void)state;
    gen_model_free(base);
    gen_model_free(odd);
    gen_model_free(untied);
    gen_model_free(neo);
    gen_model_free(rounded);
    return 0;
}

/* ---- engines ----------------------------------------------------------------------------------
 */

/* An engine whose draft model alone guesses, always `fixed` ids; 0: as it pays, after the lookup.
 */
struct guessing {
    struct gen_engine *engine;
    struct drafter all;
};

static struct guessing guessing_of(const struct gen_model *model,
                                   const struct gen_engine_options *options, size_t fixed) {
    struct guessing guessing = {0};
    struct gen_error err = {0};
    if (gen_engine_new(&guessing.engine, model, options, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    if (fixed > 0) {
        guessing.all = guessing.engine->drafter;
        guessing.engine->draft_model->pace.fixed = fixed;
        guessing.engine->drafter = drafter_model_drafter(guessing.engine->draft_model);
    }
    return guessing;
}

static void guessing_free(struct guessing *guessing) {
    if (guessing->all.context != NULL) {
        guessing->engine->drafter = guessing->all;
    }
    gen_engine_free(guessing->engine);
}

static int32_t IDS[200];

static struct generate_job job_of(float temperature, uint64_t seed) {
    struct generate_job job = {.options = gen_generate_options_default()};
    job.options.sampling.temperature = temperature;
    job.options.seed = seed;
    job.options.max_new_tokens = 40;
    for (size_t i = 0; i < N_OF(IDS); i++) {
        IDS[i] = (int32_t)(i * 37 + 11) % 500;
    }
    job.n_prompts = 5;
    for (size_t i = 0; i < job.n_prompts; i++) {
        job.prompts[i] = (struct gen_prompt){.ids = IDS + 7 * i, .n_ids = 1 + i * 29 % 60};
    }
    return job;
}

typedef void change(struct gen_generate_options *options);

static void change_nothing(struct gen_generate_options *options) {
    (void)options;
}

static void slide(struct gen_generate_options *options) {
    options->slide = true;
    options->max_new_tokens = 90;
    options->ignore_eos = true;
}

static void several(struct gen_generate_options *options) {
    options->num_return_sequences = 3;
}

/* Rules that keep states: the copies must go on from them. */
static void rules(struct gen_generate_options *options) {
    options->n_logprobs = 3;
    options->sampling.repetition_penalty = 1.2f;
    options->sampling.frequency_penalty = 0.1f;
    options->sampling.no_repeat_ngram_size = 3;
    options->sampling.dry_multiplier = 0.8f;
    options->sampling.min_new_tokens = 5;
}

static void random_rules(struct gen_generate_options *options) {
    options->sampling.xtc_probability = 0.5f;
    options->sampling.top_p = 0.9f;
    options->sampling.dynatemp_range = 0.5f;
}

static void mirostat(struct gen_generate_options *options) {
    options->sampling.mirostat = 2;
}

static void stops(struct gen_generate_options *options) {
    static const char *const strings[] = {"e", "th", "s "};
    options->stop = strings;
    options->n_stop = N_OF(strings);
}

static void beams(struct gen_generate_options *options) {
    options->num_beams = 3;
    options->sampling.temperature = 0;
}

static change *const CHANGES[] = {change_nothing, slide,    several, rules,
                                  random_rules,   mirostat, stops,   beams};

/* Run what a change makes of a job on an engine with a draft model, and on one without; returns
 * what the draft model has done. */
static struct gen_draft_report check_same(const struct gen_model *model,
                                          const struct gen_engine_options *options, size_t fixed,
                                          float temperature, uint64_t seed, change *change_job) {
    struct gen_engine_options plain = *options;
    plain.draft = NULL;
    struct guessing with = guessing_of(model, options, fixed);
    struct guessing without = guessing_of(model, &plain, 0);
    struct generate_job job = job_of(temperature, seed);
    struct generate_job expected = job_of(temperature, seed);
    change_job(&job.options);
    change_job(&expected.options);
    expected.options.speculate = false;
    job.engine = with.engine;
    expected.engine = without.engine;
    generate_job_run_well(&job, model);
    generate_job_run_well(&expected, model);
    generate_job_check_same(&job, &expected);
    struct gen_draft_report report = gen_engine_draft_report(with.engine);
    size_t n_guessed = 0;
    for (size_t i = 0; i < job.n_texts; i++) {
        n_guessed += job.texts[i].n_guessed;
    }
    if (fixed > 0) {
        assert_int_equal(n_guessed, report.n_accepted);
    }
    /* Texts that go on where others ended. */
    generate_job_release(&job);
    job = job_of(temperature, seed);
    change_job(&job.options);
    job.engine = with.engine;
    generate_job_run_well(&job, model);
    generate_job_check_same(&job, &expected);
    generate_job_release(&job);
    generate_job_release(&expected);
    guessing_free(&with);
    guessing_free(&without);
    return report;
}

/* ---- the same texts ---------------------------------------------------------------------------
 */

static void any_draft_model_changes_nothing(void **state) {
    (void)state;
    const struct gen_model *const models[] = {base, odd};
    const struct gen_model *const drafts[] = {base, rounded, untied, neo};
    static const size_t lengths[] = {0, 1, 3, 8};
    static const float temperatures[] = {0.0f, 0.7f, 1.5f};
    uint64_t n_accepted = 0, n_drafted = 0;
    size_t n = 0;
    for (size_t c = 0; c < N_OF(CHANGES); c++) {
        for (size_t d = 0; d < N_OF(drafts); d++) {
            for (size_t t = 0; t < N_OF(temperatures); t++, n++) {
                size_t length = lengths[(c + 3 * d + t) % N_OF(lengths)];
                const struct gen_engine_options options = {
                    .n_threads = 1,
                    .batch = (int32_t)(3 + n % 2),
                    .draft = drafts[d],
                    .n_ctx = n % 5 == 0 && CHANGES[c] == slide ? 61 : 0};
                struct gen_draft_report report =
                    check_same(models[n % 2], &options, length, temperatures[t], n, CHANGES[c]);
                assert_int_equal(report.error.status, GEN_OK);
                if (CHANGES[c] == beams) {
                    assert_int_equal(report.n_drafted, 0);
                } else if (length > 0) {
                    assert_true(report.n_drafted > 0);
                }
                n_drafted += report.n_drafted;
                n_accepted += report.n_accepted;
            }
        }
    }
    /* Otherwise half of it was not tested. */
    assert_true(n_accepted > n_drafted / 20 && n_accepted < n_drafted * 19 / 20);
}

/* One text, so that there is room for long drafts; every kernel set, and threads. */
static void kernels_and_threads(void **state) {
    (void)state;
    static const char *const sets[] = {"generic",    "avx2", "avx2vnni",    "avx512",
                                       "avx512vnni", "neon", "neondotprod", NULL};
    size_t n = 0;
    for (size_t i = 0; i < N_OF(sets); i++) {
        struct gen_session *session = NULL;
        const struct gen_session_options probe = {.n_slots = 1, .kernels = sets[i]};
        if (gen_session_new(&session, base, &probe, NULL) != GEN_OK) {
            continue; /* not on this machine */
        }
        gen_session_free(session);
        const struct gen_engine_options options = {.n_threads = sets[i] == NULL ? 2 : 1,
                                                   .kernels = sets[i],
                                                   .batch = 1,
                                                   .kv_type = i % 2 == 0 ? "f16" : "f32",
                                                   .draft = rounded};
        check_same(base, &options, 8, 0.7f, n++, change_nothing);
    }
    assert_true(n >= 2);
}

/* It is the model: where it has read the whole text it draws what the text draws. */
static void guesses_of_the_model_itself_come_true(void **state) {
    (void)state;
    static change *const changes[] = {change_nothing, several, rules, random_rules, mirostat};
    static const float temperatures[] = {0.0f, 0.4f, 1.0f, 2.0f};
    for (size_t c = 0; c < N_OF(changes); c++) {
        for (size_t t = 0; t < N_OF(temperatures); t++) {
            const struct gen_engine_options options = {
                .n_threads = 1, .batch = (int32_t)(1 + t), .draft = base};
            struct gen_draft_report report =
                check_same(base, &options, 5, temperatures[t], c, changes[c]);
            assert_true(report.n_drafted > 20);
            assert_int_equal(report.n_accepted, report.n_drafted);
        }
    }
}

/* Contexts so short that the draft model hardly fits. */
static void short_contexts(void **state) {
    (void)state;
    for (int32_t n_ctx = 2; n_ctx <= 9; n_ctx++) {
        struct guessing with = guessing_of(
            base, &(struct gen_engine_options){.n_threads = 1, .n_ctx = n_ctx, .draft = neo}, 8);
        struct guessing without =
            guessing_of(base, &(struct gen_engine_options){.n_threads = 1, .n_ctx = n_ctx}, 0);
        struct generate_job job = job_of(1.0f, 3), expected = job_of(1.0f, 3);
        slide(&job.options);
        slide(&expected.options);
        job.engine = with.engine;
        expected.engine = without.engine;
        generate_job_run_well(&job, base);
        generate_job_run_well(&expected, base);
        generate_job_check_same(&job, &expected);
        assert_int_equal(gen_engine_draft_report(with.engine).error.status, GEN_OK);
        generate_job_release(&job);
        generate_job_release(&expected);
        guessing_free(&with);
        guessing_free(&without);
    }
}

/* What gen_generate() makes of its options; prompts with options of their own; a constraint. */
static void other_ways(void **state) {
    (void)state;
    struct generate_job job = job_of(0.8f, 5), expected = job_of(0.8f, 5);
    struct gen_generate_options own = job.options;
    own.sampling.temperature = 0.0f;
    own.num_beams = 2;
    job.options.draft = rounded;
    job.options.batch = expected.options.batch = 4;
    job.has_own_options = expected.has_own_options = true;
    job.prompts[2].options = expected.prompts[2].options = &own;
    generate_job_run_well(&job, base);
    generate_job_run_well(&expected, base);
    generate_job_check_same(&job, &expected);
    generate_job_release(&job);
    generate_job_release(&expected);

    struct gen_pieces *pieces = NULL;
    struct gen_constraint *constraint = NULL;
    static const char form[] = "[a-z]{3,9}( [a-z]{1,6}){3}\\.";
    assert_int_equal(gen_pieces_new(&pieces, gen_model_tokenizer(base), NULL), GEN_OK);
    assert_int_equal(
        gen_constraint_new_regex(&constraint, pieces, "form", form, strlen(form), NULL), GEN_OK);
    struct guessing with = guessing_of(
        base, &(struct gen_engine_options){.n_threads = 1, .batch = 2, .draft = base}, 4);
    job = job_of(1.0f, 6);
    expected = job_of(1.0f, 6);
    job.options.sampling.constraint = expected.options.sampling.constraint = constraint;
    expected.options.speculate = false;
    job.engine = with.engine;
    generate_job_run(&job, base); /* a text that is too long for what is left fails, in both */
    generate_job_run(&expected, base);
    generate_job_check_same(&job, &expected);
    struct gen_draft_report report = gen_engine_draft_report(with.engine);
    assert_true(report.n_drafted > 0);
    assert_int_equal(report.n_accepted, report.n_drafted);
    generate_job_release(&job);
    generate_job_release(&expected);
    guessing_free(&with);
    gen_constraint_free(constraint);
    gen_pieces_free(pieces);
}

/* ---- what is refused --------------------------------------------------------------------------
 */

static void check_refused(const struct gen_model *draft, const char *expected) {
    struct gen_engine *engine = NULL;
    struct gen_error err = {0};
    const struct gen_engine_options options = {.n_threads = 1, .draft = draft};
    assert_int_equal(gen_engine_new(&engine, base, &options, &err), GEN_BAD_ARGUMENT);
    assert_null(engine);
    if (strstr(err.message, expected) == NULL) {
        fail_msg("%s\nis not\n%s", err.message, expected);
    }
}

/* "base" with two tokens that have changed places. */
static struct gen_model *swapped_model(void) {
    static const char *const others[] = {"config.json", "model.safetensors", "merges.txt"};
    const char *directory = fixture_directory_new();
    for (size_t i = 0; i < N_OF(others); i++) {
        char path[256];
        snprintf(path, sizeof path, MODELS "base/%s", others[i]);
        struct gen_bytes content = {0};
        content.data = tokenizer_files_read(path, &content.n);
        fixture_write(directory, others[i], &content);
        free(content.data);
    }
    struct gen_bytes vocab = {0};
    size_t n;
    char *text = tokenizer_files_read(MODELS "base/vocab.json", &n);
    fixture_put(&vocab, text, n);
    free(text);
    fixture_replace(&vocab, "\"A\":", "\"B'\":");
    fixture_replace(&vocab, "\"B\":", "\"A\":");
    fixture_replace(&vocab, "\"B'\":", "\"B\":");
    fixture_write(directory, "vocab.json", &vocab);
    gen_bytes_release(&vocab);
    struct gen_model *model = generate_job_model(directory);
    fixture_directory_remove(directory);
    return model;
}

static void another_vocabulary_is_refused(void **state) {
    (void)state;
    struct gen_model *model = generate_job_model(MODELS "neo-global");
    check_refused(model, MODELS "neo-global: has 61 tokens, but must have 512: a draft model must "
                                "have the vocabulary of " MODELS "base");
    gen_model_free(model);
    model = swapped_model();
    check_refused(model, "is \"B\", but must be \"A\": a draft model must have the vocabulary of");
    gen_model_free(model);
}

/* ---- failures ---------------------------------------------------------------------------------
 */

/* A run of an engine, whatever its draft model is up to. */
static void check_run(struct gen_engine *engine, const struct generate_job *expected) {
    struct generate_job job = job_of(0.9f, 8);
    job.engine = engine;
    generate_job_run_well(&job, base);
    generate_job_check_same(&job, expected);
    generate_job_release(&job);
}

static void not_finite(void **state) {
    (void)state;
    struct generate_job expected = job_of(0.9f, 8);
    generate_job_run_well(&expected, base);
    /* An id of a prompt, and one that is drawn after some that were not. */
    const int32_t poisons[] = {IDS[3], expected.texts[0].ids.data[9]};
    for (size_t i = 0; i < N_OF(poisons); i++) {
        struct gen_model *poisoned = generate_job_poisoned(MODELS "untied", poisons[i]);
        struct guessing with = guessing_of(
            base, &(struct gen_engine_options){.n_threads = 1, .batch = 2, .draft = poisoned}, 3);
        check_run(with.engine, &expected);
        struct gen_draft_report report = gen_engine_draft_report(with.engine);
        assert_int_equal(report.error.status, GEN_BAD_FILE);
        assert_non_null(strstr(report.error.message, "not finite"));
        check_run(with.engine, &expected);
        assert_int_equal(gen_engine_draft_report(with.engine).n_drafted, report.n_drafted);
        guessing_free(&with);
        gen_model_free(poisoned);
    }
    generate_job_release(&expected);
}

/* Where memory is short the draft model's is let go. */
static void memory_is_given_up(void **state) {
    (void)state;
    struct generate_job expected = job_of(0.9f, 8);
    generate_job_run_well(&expected, base);
    struct guessing with = guessing_of(
        base, &(struct gen_engine_options){.n_threads = 1, .batch = 2, .draft = untied}, 3);
    check_run(with.engine, &expected);
    struct drafter *drafter = &with.engine->drafter;
    assert_true(drafter->forget(drafter->context));
    assert_false(drafter->forget(drafter->context));
    assert_int_equal(gen_engine_draft_report(with.engine).error.status, GEN_NO_MEMORY);
    check_run(with.engine, &expected);
    guessing_free(&with);
    generate_job_release(&expected);
}

#ifdef CAN_FAIL
/* Prompts and texts without memory of their own. */
struct plain_run {
    size_t n_asked, n_ended;
    int32_t ids[2][16];
    size_t n_ids[2];
};

static bool next(void *context, struct gen_prompt *prompt) {
    struct plain_run *run = context;
    *prompt = (struct gen_prompt){.ids = IDS + 7 * run->n_asked, .n_ids = 5};
    return run->n_asked++ < 2;
}

static bool on_end(void *context, const struct gen_result *result) {
    struct plain_run *run = context;
    if (result->error == NULL) {
        run->n_ids[run->n_ended] = result->n_new_ids;
        memcpy(run->ids[run->n_ended], result->new_ids, result->n_new_ids * sizeof(int32_t));
    }
    run->n_ended++;
    return true;
}

/* Engine and run, where allocation number `at` fails; 0: none. *is_over: there were not so many. */
static enum gen_status run_failing(struct plain_run *run, size_t at, bool *is_over,
                                   struct gen_draft_report *report, struct gen_error *err) {
    struct gen_engine *engine = NULL;
    const struct gen_engine_options options = {.n_threads = 1, .batch = 2, .draft = untied};
    const struct gen_source source = {.context = run, .next = next};
    const struct gen_sink sink = {.context = run, .end = on_end};
    struct gen_generate_options texts = gen_generate_options_default();
    texts.max_new_tokens = N_OF(run->ids[0]);
    texts.sampling.repetition_penalty = 1.1f;
    *run = (struct plain_run){0};
    n_allocated = 0;
    fails_at = at;
    enum gen_status status = gen_engine_new(&engine, base, &options, err);
    if (status == GEN_OK) {
        engine->draft_model->pace.fixed = 3;
        status = gen_engine_run(engine, &texts, &source, &sink, NULL, err);
        *report = gen_engine_draft_report(engine);
    }
    *is_over = n_allocated < at;
    fails_at = 0;
    gen_engine_free(engine);
    return status;
}
#endif

/* Whichever allocation fails, texts are what they must be, or the run fails and says why. */
static void failed_allocations(void **state) {
    (void)state;
#ifdef CAN_FAIL
    static struct plain_run expected, run;
    struct gen_draft_report report = {0};
    size_t n_good = 0, n_failed = 0, n_given_up = 0;
    bool is_over = false;
    assert_int_equal(run_failing(&expected, 0, &is_over, &report, NULL), GEN_OK);
    assert_true(report.n_drafted > 10);
    is_over = false;
    for (size_t at = 1; !is_over; at++) {
        struct gen_error err = {0};
        if (run_failing(&run, at, &is_over, &report, &err) != GEN_OK) {
            assert_int_equal(err.status, GEN_NO_MEMORY);
            n_failed++;
            continue;
        }
        assert_memory_equal(&run, &expected, sizeof run);
        n_given_up += report.error.status == GEN_NO_MEMORY;
        n_good++;
    }
    assert_true(n_failed > 20);
    assert_true(n_given_up > 10);
    assert_true(n_good > n_given_up);
#else
    skip();
#endif
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_draft_model_changes_nothing),
        cmocka_unit_test(kernels_and_threads),
        cmocka_unit_test(guesses_of_the_model_itself_come_true),
        cmocka_unit_test(short_contexts),
        cmocka_unit_test(other_ways),
        cmocka_unit_test(another_vocabulary_is_refused),
        cmocka_unit_test(not_finite),
        cmocka_unit_test(memory_is_given_up),
        cmocka_unit_test(failed_allocations),
    };
    return cmocka_run_group_tests_name("draft_model", tests, setup, teardown);
}
