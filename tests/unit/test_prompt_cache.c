/**
 * test_prompt_cache.c - a prompt in a file: texts are those without it, whatever read and wrote it;
 * when it is made anew and when it stays; and that another model's is never used.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/size.h"
#include "base/threads.h"
#include "format_fixture.h"
#include "gen_prompt_cache.h"
#include "generate_job.h"
#include "model/identity.h"
#include "tokenizer_files.h"

#define BASE  "tests/golden/models/base"
#define TALES "models/tales-6m.gguf"

static char directory[100];

static int setup(void **state) {
    (void)state;
    snprintf(directory, sizeof directory, "%s", fixture_directory_new());
    return 0;
}

static int teardown(void **state) {
    (void)state;
    fixture_directory_remove(directory);
    return 0;
}

/* How a run works; no text depends on it. */
struct way {
    int n_threads;
    int32_t batch, n_ctx;
    const char *kv_type, *kernels;
};

/* ids[n], then `tail` that differs. */
struct prompts {
    int32_t ids[4][600];
    size_t n, n_ids;
};

/* Prompts have ids below this one; there are at least as many others. */
static int32_t common_ids = 250;

static struct prompts *prompts_of(size_t n, size_t n_prefix, size_t n_ids, int32_t seed) {
    struct prompts *prompts = calloc(1, sizeof *prompts);
    assert_non_null(prompts);
    assert_true(n_ids <= N_OF(prompts->ids[0]));
    prompts->n = n;
    prompts->n_ids = n_ids;
    for (size_t k = 0; k < n; k++) {
        for (size_t i = 0; i < n_ids; i++) {
            int32_t own = i < n_prefix ? 0 : (int32_t)k + 1;
            prompts->ids[k][i] = ((int32_t)i * 37 + own * 11 + seed * 101) % common_ids;
        }
    }
    return prompts;
}

static void fill_job(struct generate_job *job, const struct prompts *prompts,
                     const struct way *way) {
    *job = (struct generate_job){.options = gen_generate_options_default()};
    job->options.sampling.temperature = 0.9f;
    job->options.n_threads = way->n_threads;
    job->options.kv_type = way->kv_type;
    job->options.seed = 5;
    job->options.max_new_tokens = 6;
    job->options.ignore_eos = true;
    job->n_prompts = prompts->n;
    for (size_t k = 0; k < prompts->n; k++) {
        job->prompts[k] = (struct gen_prompt){.ids = prompts->ids[k], .n_ids = prompts->n_ids};
    }
}

/* A run with the file `name`: the texts of one without. Returns what became of the file;
 * *n_cached: the ids of the first prompt that it need not read. */
static struct gen_prompt_cache_report run(const struct gen_model *model, const char *name,
                                          const struct prompts *prompts, const struct way *way,
                                          size_t *n_cached) {
    struct gen_error err = {0};
    struct gen_prompt_cache *cache;
    struct gen_engine *engine = NULL;
    const struct gen_engine_options options = {.n_threads = way->n_threads,
                                               .batch = way->batch,
                                               .n_ctx = way->n_ctx,
                                               .kv_type = way->kv_type,
                                               .kernels = way->kernels};
    if (gen_prompt_cache_open(&cache, fixture_path(directory, name), &err) != GEN_OK ||
        gen_engine_new(&engine, model, &options, &err) != GEN_OK ||
        gen_prompt_cache_load(cache, engine, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    struct generate_job job, fresh;
    fill_job(&job, prompts, way);
    fill_job(&fresh, prompts, &(struct way){.n_threads = 1, .kv_type = way->kv_type});
    job.engine = engine;
    generate_job_run_well(&job, model);
    if (way->n_ctx == 0) {
        generate_job_run_well(&fresh, model);
        generate_job_check_same(&job, &fresh);
    }
    if (n_cached != NULL) {
        *n_cached = job.texts[0].n_cached;
    }
    for (int i = 0; i < 2; i++) { /* a second call does nothing */
        if (gen_prompt_cache_save(cache, engine, &err) != GEN_OK) {
            fail_msg("%s", err.message);
        }
    }
    struct gen_prompt_cache_report report = gen_prompt_cache_report(cache, engine);
    generate_job_release(&job);
    generate_job_release(&fresh);
    gen_prompt_cache_free(cache);
    gen_engine_free(engine);
    return report;
}

static void remove_file(const char *name) {
    unlink(fixture_path(directory, name));
}

/* ---- same texts ------------------------------------------------------------------------------*/

static void check_same(const struct gen_model *model, const char *kv_type, size_t n_prefix) {
    const struct way ways[] = {{1, 1, 0, kv_type, NULL},
                               {2, 4, 0, kv_type, "generic"},
                               {2, 2, 0, kv_type, NULL},
                               {1, 1, 0, kv_type, "generic"}};
    size_t n_cached = 0;
    remove_file("p");
    common_ids = gen_model_config(model)->n_vocab / 2 - 1;
    for (size_t i = 0; i < N_OF(ways); i++) {
        struct prompts *prompts = prompts_of(i % 2 == 0 ? 1 : 4, n_prefix, n_prefix + 3, 1);
        if (i > 0) { /* another end than the file's */
            for (size_t k = 0; k < prompts->n; k++) {
                prompts->ids[k][n_prefix] = common_ids + (int32_t)i;
            }
        }
        struct gen_prompt_cache_report report = run(model, "p", prompts, &ways[i], &n_cached);
        assert_int_equal(report.found, i == 0 ? GEN_PROMPT_CACHE_NONE : GEN_PROMPT_CACHE_GOOD);
        assert_int_equal(report.renewed, i == 0);
        assert_int_equal(report.n_ids, i == 0 ? 0 : n_prefix + 3);
        assert_int_equal(report.n_prompt, n_prefix + 3);
        assert_int_equal(report.n_common, i == 0 ? 0 : n_prefix);
        assert_int_equal(n_cached, i == 0 ? 0 : n_prefix);
        free(prompts);
    }
    common_ids = 250;
}

static void test_same_texts(void **state) {
    static const char *const models[] = {
        BASE, "tests/golden/models/odd-width", "tests/golden/models/untied",
        "tests/golden/models/neo-local", "tests/golden/models/neo-mixed"};
    static const char *const types[] = {"f32", "f16"};
    (void)state;
    for (size_t i = 0; i < N_OF(models); i++) {
        struct gen_model *model = generate_job_model(models[i]);
        for (size_t k = 0; k < N_OF(types); k++) {
            check_same(model, types[k], 5);
            check_same(model, types[k], 13);
            check_same(model, types[k], 28);
        }
        gen_model_free(model);
    }
}

/* Blocks of 128 positions, whole, nearly and just over. */
static void test_several_blocks(void **state) {
    static const size_t lengths[] = {125, 126, 253};
    struct gen_model *model = generate_job_model(TALES);
    (void)state;
    for (size_t i = 0; i < N_OF(lengths); i++) {
        check_same(model, i % 2 == 0 ? "f32" : "f16", lengths[i]);
    }
    gen_model_free(model);
}

/* A prompt that fills the context, one of one id, and an engine with a shorter context. */
static void test_lengths(void **state) {
    struct gen_model *model = generate_job_model(TALES);
    int32_t n_ctx = gen_model_config(model)->n_ctx - 1;
    const struct way way = {.n_threads = 1, .batch = 1};
    size_t n_cached = 0;
    (void)state;
    remove_file("p");
    struct prompts *full = prompts_of(1, (size_t)n_ctx, (size_t)n_ctx, 1);
    assert_true(run(model, "p", full, &way, &n_cached).renewed);
    assert_false(run(model, "p", full, &way, &n_cached).renewed);
    assert_int_equal(n_cached, n_ctx - 1);
    struct prompts *shorter = prompts_of(1, (size_t)n_ctx, 150, 1);
    const struct way short_way = {.n_threads = 1, .batch = 1, .n_ctx = 160};
    struct gen_prompt_cache_report report = run(model, "p", shorter, &short_way, &n_cached);
    assert_int_equal(report.n_ids, 160);
    assert_int_equal(n_cached, 149);
    assert_false(report.renewed);
    struct prompts *one = prompts_of(1, 1, 1, 1);
    remove_file("p");
    assert_false(run(model, "p", one, &way, &n_cached).renewed);
    assert_int_equal(access(fixture_path(directory, "p"), F_OK), -1);
    free(full);
    free(shorter);
    free(one);
    gen_model_free(model);
}

/* With a sliding window the file holds what was read first. */
static void test_slide(void **state) {
    struct gen_model *model = generate_job_model(BASE);
    struct gen_error err = {0};
    (void)state;
    remove_file("p");
    for (int i = 0; i < 2; i++) {
        struct gen_prompt_cache *cache;
        struct gen_engine *engine;
        struct generate_job jobs[2];
        struct prompts *prompts = prompts_of(1, 100, 100, 1);
        const struct gen_engine_options options = {.n_threads = 1, .batch = 1};
        assert_int_equal(gen_prompt_cache_open(&cache, fixture_path(directory, "p"), &err), GEN_OK);
        assert_int_equal(gen_engine_new(&engine, model, &options, &err), GEN_OK);
        assert_int_equal(gen_prompt_cache_load(cache, engine, &err), GEN_OK);
        for (size_t k = 0; k < 2; k++) {
            fill_job(&jobs[k], prompts, &(struct way){.n_threads = 1});
            jobs[k].options.slide = true;
            jobs[k].options.max_new_tokens = 90;
            jobs[k].engine = k == 0 ? engine : NULL;
            generate_job_run_well(&jobs[k], model);
        }
        generate_job_check_same(&jobs[0], &jobs[1]);
        assert_int_equal(jobs[0].texts[0].n_cached > 0, i == 1);
        assert_int_equal(gen_prompt_cache_save(cache, engine, &err), GEN_OK);
        assert_int_equal(gen_prompt_cache_report(cache, engine).renewed, i == 0);
        generate_job_release(&jobs[0]);
        generate_job_release(&jobs[1]);
        gen_prompt_cache_free(cache);
        gen_engine_free(engine);
        free(prompts);
    }
    gen_model_free(model);
}

/* ---- when it is made anew --------------------------------------------------------------------*/

static void test_when_renewed(void **state) {
    struct gen_model *model = generate_job_model(BASE);
    const struct way way = {.n_threads = 1, .batch = 1};
    static const struct {
        size_t n_common, n; /* of the prompt, with a file of 40 ids */
        bool renewed;
    } cases[] = {
        {40, 40, false}, {39, 40, false}, {20, 20, false}, {20, 40, false}, {19, 40, true},
        {0, 10, true},   {0, 60, true},   {40, 45, false}, {40, 46, true},  {40, 58, true},
        {30, 58, false}, {29, 58, false}, {28, 58, true},  {2, 3, false},   {1, 2, false},
        {0, 2, true},    {1, 1, false},
    };
    (void)state;
    for (size_t i = 0; i < N_OF(cases); i++) {
        struct prompts *first = prompts_of(1, 40, 40, 1);
        struct prompts *next = prompts_of(1, cases[i].n, cases[i].n, 1);
        for (size_t k = cases[i].n_common; k < cases[i].n; k++) {
            next->ids[0][k] = 300 + (int32_t)k;
        }
        remove_file("p");
        assert_true(run(model, "p", first, &way, NULL).renewed);
        struct gen_prompt_cache_report report = run(model, "p", next, &way, NULL);
        if (report.renewed != cases[i].renewed || report.n_common != cases[i].n_common) {
            fail_msg("%zu of %zu ids: renewed %d, in common %zu", cases[i].n_common, cases[i].n,
                     report.renewed, report.n_common);
        }
        /* What is in it now is the prompt, or what it was. */
        size_t n_cached;
        run(model, "p", cases[i].renewed ? next : first, &way, &n_cached);
        assert_int_equal(n_cached, (cases[i].renewed ? cases[i].n : 40) - 1);
        free(first);
        free(next);
    }
    gen_model_free(model);
}

/* ---- another model ---------------------------------------------------------------------------*/

static uint64_t identity_of(const char *path) {
    struct gen_model *model = generate_job_model(path);
    struct thread_pool *pool = thread_pool_new(2);
    uint64_t identity;
    assert_true(model_identity(&identity, model, pool));
    thread_pool_free(pool);
    gen_model_free(model);
    return identity;
}

/* One bit of the last number of each tensor, and settings: all are told apart, but for what keys
 * and values do not depend on. */
static void test_identity(void **state) {
    const char *copy = fixture_directory_new();
    static const char *const files[] = {"config.json", "vocab.json", "merges.txt",
                                        "model.safetensors"};
    struct gen_bytes content[N_OF(files)];
    (void)state;
    for (size_t i = 0; i < N_OF(files); i++) {
        char path[100];
        snprintf(path, sizeof path, "%s/%s", BASE, files[i]);
        content[i].data = tokenizer_files_read(path, &content[i].n);
        fixture_write(copy, files[i], &content[i]);
    }
    uint64_t own = identity_of(copy);
    assert_int_equal(own, identity_of(BASE));
    struct gen_model *model = generate_job_model(BASE);
    struct gen_bytes *weights = &content[3];
    uint64_t n_header;
    memcpy(&n_header, weights->data, sizeof n_header);
    size_t at = 8 + (size_t)n_header; /* tensors lie in file order, without gaps */
    for (size_t i = 0; i < gen_model_n_tensors(model); i++) {
        const struct gen_tensor_info tensor = gen_model_tensor(model, i);
        at += (size_t)tensor.size;
        weights->data[at - 4] ^= 1;
        fixture_write(copy, "model.safetensors", weights);
        weights->data[at - 4] ^= 1;
        bool has_no_part = strncmp(tensor.name, "ln_f", 4) == 0 ||
                           strncmp(tensor.name, "transformer.ln_f", 16) == 0 ||
                           strstr(tensor.name, ".attn.bias") != NULL ||
                           strstr(tensor.name, "masked_bias") != NULL;
        if ((identity_of(copy) == own) != has_no_part) {
            fail_msg("%s: one bit is %s", tensor.name, has_no_part ? "seen" : "not seen");
        }
    }
    assert_int_equal(at, weights->n);
    gen_model_free(model);
    fixture_write(copy, "model.safetensors", weights);
    fixture_replace(&content[0], "1e-05", "2e-05");
    fixture_write(copy, "config.json", &content[0]);
    assert_int_not_equal(identity_of(copy), own);
    for (size_t i = 0; i < N_OF(files); i++) {
        free(content[i].data);
    }
    fixture_directory_remove(copy);
}

/* A file for one model, type, gen is none for another: made anew for that. */
static void test_others(void **state) {
    static const struct {
        const char *model;
        struct way way;
        enum gen_prompt_cache_found found;
    } runs[] = {
        {BASE, {1, 1, 0, "f32", NULL}, GEN_PROMPT_CACHE_NONE},
        {BASE, {1, 1, 0, "f16", NULL}, GEN_PROMPT_CACHE_OTHER_TYPE},
        {"tests/golden/models/f16", {1, 1, 0, "f16", NULL}, GEN_PROMPT_CACHE_OTHER_MODEL},
        {TALES, {1, 1, 0, "f16", NULL}, GEN_PROMPT_CACHE_OTHER_MODEL},
        {BASE, {1, 1, 0, "f32", NULL}, GEN_PROMPT_CACHE_OTHER_MODEL},
        {BASE, {1, 1, 0, "f32", NULL}, GEN_PROMPT_CACHE_GOOD},
    };
    struct prompts *prompts = prompts_of(1, 30, 30, 1);
    size_t n_cached;
    (void)state;
    remove_file("p");
    for (size_t i = 0; i < N_OF(runs); i++) {
        struct gen_model *model = generate_job_model(runs[i].model);
        struct gen_prompt_cache_report report = run(model, "p", prompts, &runs[i].way, &n_cached);
        bool good = runs[i].found == GEN_PROMPT_CACHE_GOOD;
        assert_int_equal(report.found, runs[i].found);
        assert_int_equal(report.renewed, !good);
        assert_int_equal(n_cached, good ? 29 : 0);
        gen_model_free(model);
    }
    /* The version of the format, and that of the arithmetic. */
    struct gen_model *model = generate_job_model(BASE);
    for (size_t at = 8; at < 16; at++) {
        struct gen_bytes file;
        file.data = tokenizer_files_read(fixture_path(directory, "p"), &file.n);
        file.data[at] ^= 0x10;
        fixture_write(directory, "p", &file);
        free(file.data);
        struct gen_prompt_cache_report report = run(model, "p", prompts, &runs[0].way, &n_cached);
        assert_int_equal(report.found, GEN_PROMPT_CACHE_OTHER_GEN);
        assert_true(report.renewed);
        assert_int_equal(n_cached, 0);
    }
    gen_model_free(model);
    free(prompts);
}

/* ---- an engine that goes on ------------------------------------------------------------------*/

/* The prompt is kept whatever becomes of its slot, and only the first is. */
static void test_first_of_many(void **state) {
    struct gen_model *model = generate_job_model(BASE);
    const struct way way = {.n_threads = 1, .batch = 1};
    struct prompts *prompts = prompts_of(4, 0, 30, 1);
    struct prompts *alone = prompts_of(1, 0, 30, 1);
    size_t n_cached;
    (void)state;
    remove_file("p");
    assert_true(run(model, "p", prompts, &way, &n_cached).renewed);
    run(model, "p", alone, &way, &n_cached);
    assert_int_equal(n_cached, 29);
    memcpy(alone->ids[0], prompts->ids[3], sizeof alone->ids[0]);
    assert_true(run(model, "p", alone, &way, &n_cached).renewed);
    assert_int_equal(n_cached, 0);
    free(prompts);
    free(alone);
    gen_model_free(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_texts),   cmocka_unit_test(test_several_blocks),
        cmocka_unit_test(test_lengths),      cmocka_unit_test(test_slide),
        cmocka_unit_test(test_when_renewed), cmocka_unit_test(test_identity),
        cmocka_unit_test(test_others),       cmocka_unit_test(test_first_of_many),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
