/**
 * test_prompt_cache_file.c - files that are no prompt cache, or a damaged one: refused in one line,
 * and left as they are. What an engine does with good ones is in test_prompt_cache.c.
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

#include "base/bytes.h"
#include "base/digest.h"
#include "base/size.h"
#include "format_fixture.h"
#include "gen_prompt_cache.h"
#include "generate_job.h"
#include "tokenizer_files.h"

#define BASE  "tests/golden/models/base"
#define N_IDS 17

/* Where things are in the file of N_IDS ids, and of base: 2 layers, 4 heads of 16. */
enum { N_AT = 28, IDS_AT = 32, PIECES_AT = IDS_AT + 4 * N_IDS };

struct fixture {
    char directory[100];
    struct gen_model *model;
    struct gen_engine *engine;
    struct gen_bytes good; /* a file that gen wrote */
};

static const char *path_of(const struct fixture *fixture) {
    return fixture_path(fixture->directory, "p");
}

static enum gen_status open_and_load(const struct fixture *fixture,
                                     struct gen_prompt_cache_report *report,
                                     struct gen_error *err) {
    struct gen_prompt_cache *cache;
    *report = (struct gen_prompt_cache_report){0};
    enum gen_status status = gen_prompt_cache_open(&cache, path_of(fixture), err);
    if (status == GEN_OK) {
        status = gen_prompt_cache_load(cache, fixture->engine, err);
        *report = gen_prompt_cache_report(cache, fixture->engine);
    }
    gen_prompt_cache_free(cache);
    return status;
}

static void write_good(struct fixture *fixture) {
    int32_t ids[N_IDS];
    struct gen_prompt_cache *cache;
    struct gen_error err;
    struct generate_job job = {.options = gen_generate_options_default(),
                               .engine = fixture->engine};
    for (int32_t i = 0; i < N_IDS; i++) {
        ids[i] = 7 * i;
    }
    job.options.max_new_tokens = 1;
    job.n_prompts = 1;
    job.prompts[0] = (struct gen_prompt){.ids = ids, .n_ids = N_IDS};
    assert_int_equal(gen_prompt_cache_open(&cache, path_of(fixture), &err), GEN_OK);
    assert_int_equal(gen_prompt_cache_load(cache, fixture->engine, &err), GEN_OK);
    generate_job_run_well(&job, fixture->model);
    assert_int_equal(gen_prompt_cache_save(cache, fixture->engine, &err), GEN_OK);
    gen_prompt_cache_free(cache);
    generate_job_release(&job);
    fixture->good.data = tokenizer_files_read(path_of(fixture), &fixture->good.n);
}

static int setup(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct gen_error err;
    const struct gen_engine_options options = {.n_threads = 1, .batch = 1};
    assert_non_null(fixture);
    snprintf(fixture->directory, sizeof fixture->directory, "%s", fixture_directory_new());
    fixture->model = generate_job_model(BASE);
    assert_int_equal(gen_engine_new(&fixture->engine, fixture->model, &options, &err), GEN_OK);
    write_good(fixture);
    *state = fixture;
    return 0;
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    gen_engine_free(fixture->engine);
    gen_model_free(fixture->model);
    fixture_directory_remove(fixture->directory);
    free(fixture->good.data);
    free(fixture);
    return 0;
}

static void write_bytes(const struct fixture *fixture, const void *data, size_t n) {
    struct gen_bytes bytes = {0};
    fixture_put(&bytes, data, n);
    fixture_write(fixture->directory, "p", &bytes);
    free(bytes.data);
}

/* It is refused, with `expected` in the message, and stays as it is. */
static void check_refused(const struct fixture *fixture, const void *data, size_t n,
                          const char *expected) {
    struct gen_error err = {0};
    struct gen_prompt_cache_report report;
    write_bytes(fixture, data, n);
    enum gen_status status = open_and_load(fixture, &report, &err);
    const char *problem = fixture_message_problem(&err, "/p: ");
    if (status != GEN_BAD_FILE || problem != NULL || strstr(err.message, expected) == NULL) {
        fail_msg("%zu bytes: status %d, \"%s\" (%s), not \"%s\"", n, status, err.message,
                 problem != NULL ? problem : "", expected);
    }
    size_t n_left;
    char *left = tokenizer_files_read(path_of(fixture), &n_left);
    assert_int_equal(n_left, n);
    assert_memory_equal(left, data, n);
    free(left);
}

static void test_good(void **state) {
    const struct fixture *fixture = *state;
    struct gen_error err;
    struct gen_prompt_cache_report report;
    write_bytes(fixture, fixture->good.data, fixture->good.n);
    assert_int_equal(open_and_load(fixture, &report, &err), GEN_OK);
    assert_int_equal(report.found, GEN_PROMPT_CACHE_GOOD);
    assert_int_equal(report.n_ids, N_IDS);
    /* Keys in panels of 16 positions, of 17 there are two; values by position. */
    assert_int_equal(fixture->good.n, PIECES_AT + 2 * 4 * (2 * 16 * 16 + N_IDS * 16) * 4 + 8);
    assert_int_equal(bytes_u32((unsigned char *)fixture->good.data + N_AT), N_IDS);
    assert_int_equal(bytes_u32((unsigned char *)fixture->good.data + IDS_AT + 4), 7);
}

static void test_no_cache(void **state) {
    const struct fixture *fixture = *state;
    static const char *const texts[] = {"Once upon a time", "G", "GENCACH", "GENCACHf and more",
                                        "gencache"};
    for (size_t i = 0; i < N_OF(texts); i++) {
        check_refused(fixture, texts[i], strlen(texts[i]), "is no prompt cache of gen: it begins");
    }
}

static void test_lengths(void **state) {
    const struct fixture *fixture = *state;
    const struct gen_bytes *good = &fixture->good;
    for (size_t n = 1; n < good->n; n += n < PIECES_AT + 70 || n > good->n - 70 ? 1 : 113) {
        check_refused(fixture, good->data, n,
                      n < 8        ? "is no prompt cache"
                      : n < IDS_AT ? "is damaged: it is too short"
                                   : "bytes, but must have");
    }
    struct gen_bytes longer = {0};
    fixture_put(&longer, good->data, good->n);
    fixture_put(&longer, "x", 1);
    check_refused(fixture, longer.data, longer.n, "bytes, but must have");
    free(longer.data);
}

/* Each bit that is not one of the magic or of what makes it another's file. */
static void test_bits(void **state) {
    const struct fixture *fixture = *state;
    struct gen_bytes copy = {0};
    fixture_put(&copy, fixture->good.data, fixture->good.n);
    for (size_t at = 0; at < copy.n; at += at < PIECES_AT || at > copy.n - 12 ? 1 : 61) {
        for (int bit = 0; bit < 8; bit += at < PIECES_AT ? 1 : 3) {
            struct gen_error err;
            struct gen_prompt_cache_report report;
            copy.data[at] ^= (char)(1 << bit);
            if (at >= 8 && at < N_AT) {
                write_bytes(fixture, copy.data, copy.n);
                assert_int_equal(open_and_load(fixture, &report, &err), GEN_OK);
                assert_true(report.found > GEN_PROMPT_CACHE_GOOD);
            } else {
                check_refused(fixture, copy.data, copy.n,
                              at < 8        ? "is no prompt cache"
                              : at < IDS_AT ? "but must have"
                                            : "is damaged: ");
            }
            copy.data[at] ^= (char)(1 << bit);
        }
    }
    free(copy.data);
}

/* The check sum made right, as somebody would who means harm. */
static void mend(struct gen_bytes *file) {
    struct digest digest = {0};
    const size_t n = file->n - 8, piece = (2 * 16 * 16 + N_IDS * 16) * 4;
    digest_add(&digest, file->data, PIECES_AT);
    for (size_t at = PIECES_AT; at + piece <= n; at += piece) {
        digest_add_u64(&digest, digest_of(file->data + at, piece));
    }
    bytes_put_u64((unsigned char *)file->data + n, digest_value(&digest));
}

static void test_check_sum_right(void **state) {
    const struct fixture *fixture = *state;
    struct gen_bytes copy = {0};
    fixture_put(&copy, fixture->good.data, fixture->good.n);
    mend(&copy);
    assert_memory_equal(copy.data, fixture->good.data, copy.n);
    static const struct {
        size_t at;
        uint32_t value;
        const char *expected;
    } cases[] = {
        {IDS_AT, 512, "an id in it is not the model's"},
        {IDS_AT + 4 * (N_IDS - 1), 0xffffffff, "an id in it is not the model's"},
        {PIECES_AT, 0x7fc00000, "a number in it is not finite"},
        {PIECES_AT + 1000, 0x7f800000, "a number in it is not finite"},
        {0, 0xff800000, "a number in it is not finite"}, /* 0: the last */
        {N_AT, 0, "it has 0 tokens, but must have 1 to 64"},
        {N_AT, 65, "it has 65 tokens, but must have 1 to 64"},
        {N_AT, 0xffffffff, "it has 4294967295 tokens"},
        {N_AT, 16, "for its 16 tokens"},
        {N_AT, 18, "for its 18 tokens"},
    };
    for (size_t i = 0; i < N_OF(cases); i++) {
        size_t at = cases[i].at > 0 ? cases[i].at : copy.n - 12;
        unsigned char *place = (unsigned char *)copy.data + at;
        uint32_t before = bytes_u32(place);
        bytes_put_u32(place, cases[i].value);
        mend(&copy);
        check_refused(fixture, copy.data, copy.n, cases[i].expected);
        bytes_put_u32(place, before);
    }
    free(copy.data);
}

/* An empty file is as good as none; what is no file is refused. */
static void test_other_things(void **state) {
    const struct fixture *fixture = *state;
    struct gen_error err;
    struct gen_prompt_cache_report report;
    struct gen_prompt_cache *cache;
    write_bytes(fixture, "", 0);
    assert_int_equal(open_and_load(fixture, &report, &err), GEN_OK);
    assert_int_equal(report.found, GEN_PROMPT_CACHE_NONE);
    assert_true(report.can_write);
    const char *const paths[] = {fixture->directory, "/dev/null", "/nonexistent/p", ""};
    for (size_t i = 0; i < N_OF(paths); i++) {
        err.message[0] = '\0';
        assert_int_equal(gen_prompt_cache_open(&cache, paths[i], &err), GEN_IO_ERROR);
        assert_null(cache);
        assert_true(strlen(err.message) > 10);
    }
    unlink(path_of(fixture));
    assert_int_equal(mkfifo(path_of(fixture), 0600), 0);
    assert_int_equal(gen_prompt_cache_open(&cache, path_of(fixture), &err), GEN_IO_ERROR);
    unlink(path_of(fixture));
}

/* A refused file leaves the engine as a new one is. */
static void test_engine_after(void **state) {
    const struct fixture *fixture = *state;
    const int32_t ids[] = {0, 7, 14, 21};
    struct generate_job job = {.options = gen_generate_options_default(), .n_prompts = 1};
    struct gen_bytes copy = {0};
    fixture_put(&copy, fixture->good.data, fixture->good.n);
    copy.data[copy.n - 20] ^= 1;
    struct gen_engine *engine;
    struct gen_prompt_cache *cache;
    struct gen_error err;
    const struct gen_engine_options options = {.n_threads = 1, .batch = 1};
    fixture_write(fixture->directory, "p", &copy);
    free(copy.data);
    assert_int_equal(gen_engine_new(&engine, fixture->model, &options, &err), GEN_OK);
    assert_int_equal(gen_prompt_cache_open(&cache, path_of(fixture), &err), GEN_OK);
    assert_int_equal(gen_prompt_cache_load(cache, engine, &err), GEN_BAD_FILE);
    job.engine = engine;
    job.prompts[0] = (struct gen_prompt){.ids = ids, .n_ids = N_OF(ids)};
    generate_job_run_well(&job, fixture->model);
    assert_int_equal(job.texts[0].n_cached, 0);
    assert_int_equal(gen_prompt_cache_save(cache, engine, &err), GEN_OK);
    assert_false(gen_prompt_cache_report(cache, engine).renewed);
    generate_job_release(&job);
    gen_prompt_cache_free(cache);
    gen_engine_free(engine);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_no_cache),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_bits),
        cmocka_unit_test(test_check_sum_right),
        cmocka_unit_test(test_other_things),
        cmocka_unit_test(test_engine_after),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
