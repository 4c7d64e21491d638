/**
 * test_eos.c - the ids that end a text: from all files that name some, into a GGUF and back, and
 * that a sampler holds back every one. That they end a text is tested in test_generate.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "format_fixture.h"
#include "gen.h"

#define BASE "tests/golden/models/base"

static void copy(const char *directory, const char *name) {
    char path[200], bytes[4096];
    snprintf(path, sizeof path, BASE "/%s", name);
    struct gen_bytes content = {0};
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    for (size_t n; (n = fread(bytes, 1, sizeof bytes, file)) > 0;) {
        fixture_put(&content, bytes, n);
    }
    fclose(file);
    if (content.n > 0) {
        fixture_write(directory, name, &content);
    }
    gen_bytes_release(&content);
}

/* A model of 512 ids, whose tokenizer ends texts with 511, with these eos_token_id. */
static void make(const char *directory, const char *config_eos, const char *generation) {
    static const char *const names[] = {"model.safetensors", "vocab.json", "merges.txt",
                                        "config.json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        copy(directory, names[i]);
    }
    char text[1000], more[200] = "";
    FILE *file = fopen(fixture_path(directory, "config.json"), "rb");
    assert_non_null(file);
    size_t n = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[n] = '\0';
    char *eos = strstr(text, "\"eos_token_id\": 511");
    assert_non_null(eos);
    snprintf(more, sizeof more, "\"eos_token_id\": %s", config_eos);
    struct gen_bytes config = {0};
    fixture_put(&config, text, (size_t)(eos - text));
    fixture_text(&config, more);
    fixture_text(&config, eos + strlen("\"eos_token_id\": 511"));
    fixture_write(directory, "config.json", &config);
    gen_bytes_release(&config);
    remove(fixture_path(directory, "generation_config.json"));
    if (generation != NULL) {
        fixture_write_text(directory, "generation_config.json", generation);
    }
}

static void assert_eos(const char *path, const int32_t *wanted, size_t n_needed) {
    struct gen_error err = {0};
    struct gen_model *model;
    if (gen_model_open(&model, path, NULL, &err) != GEN_OK) {
        fail_msg("%s", err.message);
        return;
    }
    size_t n;
    const int32_t *ids = gen_model_eos_ids(model, &n);
    assert_int_equal(n, n_needed);
    assert_memory_equal(ids, wanted, n * sizeof *ids);
    gen_model_free(model);
}

static void test_lists(void **state) {
    (void)state;
    static const struct {
        const char *config, *generation;
        int32_t ids[5];
        size_t n;
    } cases[] = {
        {"511", NULL, {511}, 1},
        {"null", NULL, {511}, 1},
        {"-1", "{\"eos_token_id\": -1}", {511}, 1},
        {"5", NULL, {5}, 1}, /* the tokenizer takes it from there */
        {"511", "{\"eos_token_id\": 234}", {511, 234}, 2},
        {"511", "{\"eos_token_id\": [511, 234, 7]}", {511, 234, 7}, 3},
        {"[234, 9]", NULL, {234, 511, 9}, 3},
        {"[9999, 234]", "{\"eos_token_id\": [3000000000, 512, 8]}", {234, 511, 8}, 3},
        {"511", "{\"eos_token_id\": []}", {511}, 1},
        {"511", "{\"eos_token_id\": null, \"top_k\": 7}", {511}, 1},
        {"[511, 3, 4, 6]", "{\"eos_token_id\": 8}", {511, 3, 4, 6, 8}, 5},
    };
    char directory[200];
    snprintf(directory, sizeof directory, "%s", fixture_directory_new());
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        make(directory, cases[i].config, cases[i].generation);
        assert_eos(directory, cases[i].ids, cases[i].n);
        /* The same in a GGUF, in one made of that, and in one of other types. */
        char once[240], twice[240];
        struct gen_convert_options options = gen_convert_options_default();
        snprintf(once, sizeof once, "%s/once.gguf", directory);
        snprintf(twice, sizeof twice, "%s/twice.gguf", directory);
        assert_int_equal(gen_convert(directory, once, &options, NULL), GEN_OK);
        assert_eos(once, cases[i].ids, cases[i].n);
        options.type = "q8_0";
        assert_int_equal(gen_convert(once, twice, &options, NULL), GEN_OK);
        assert_eos(twice, cases[i].ids, cases[i].n);
    }
    fixture_directory_remove(directory);
}

static void test_refused(void **state) {
    (void)state;
    static const struct {
        const char *config, *generation, *file, *expected;
    } cases[] = {
        {"511", "{\"eos_token_id\": \"x\"}", "generation_config.json", "eos_token_id"},
        {"511", "{\"eos_token_id\": 1.5}", "generation_config.json", "whole number"},
        {"511", "{\"eos_token_id\": [1, true]}", "generation_config.json", "eos_token_id"},
        {"511", "{\"eos_token_id\": [1, -2]}", "generation_config.json", "-2"},
        {"511", "{\"eos_token_id\": -7}", "generation_config.json", "-7"},
        {"511", "{\"eos_token_id\": {}}", "generation_config.json", "eos_token_id"},
        {"511", "{", "generation_config.json", "JSON"},
        {"511", "[]", "generation_config.json", "object"},
        {"511", "", "generation_config.json", "empty"},
        {"[[1]]", NULL, "config.json", "eos_token_id"},
        {"[1, null]", NULL, "config.json", "eos_token_id"},
    };
    char directory[200];
    snprintf(directory, sizeof directory, "%s", fixture_directory_new());
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        make(directory, cases[i].config, cases[i].generation);
        assert_true(
            fixture_refused(cases[i].generation != NULL ? cases[i].generation : cases[i].config,
                            directory, cases[i].file, cases[i].expected));
    }
    fixture_directory_remove(directory);
}

/* Every one is held back for the minimum length; every one alone is no bad word. */
static void test_sampler(void **state) {
    (void)state;
    struct gen_sampling sampling = gen_sampling_default();
    int32_t word[] = {2};
    struct gen_ids words[] = {{.data = word, .n = 1}};
    sampling.temperature = 0;
    sampling.min_new_tokens = 1;
    sampling.bad_words = words;
    sampling.n_bad_words = 1;
    const float logits[5] = {0, 5, 4, 3, 1};
    const int32_t more[] = {2, 3}, beyond[] = {2, 5};
    struct gen_sampler *sampler;
    int32_t id;
    assert_int_equal(gen_sampler_new(&sampler, &sampling, 5, 1, 0, 0, 0, NULL), GEN_OK);
    assert_int_equal(gen_sampler_add_eos(sampler, beyond, 2, NULL), GEN_BAD_ARGUMENT);
    assert_int_equal(gen_sampler_add_eos(sampler, more, 2, NULL), GEN_OK);
    assert_int_equal(gen_sampler_next(sampler, logits, &id, NULL), GEN_OK);
    assert_int_equal(id, 4);
    float scores[5];
    assert_int_equal(gen_sampler_scores(sampler, logits, scores, NULL), GEN_OK);
    assert_true(scores[2] == 4);
    gen_sampler_free(sampler);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_sampler),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
