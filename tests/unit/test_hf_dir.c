/**
 * test_hf_dir.c - reading Hugging Face directories: config.json, and tokenizers in all the forms
 * they come in. What must be refused is in test_malformed_hf.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "format/model_file.h"
#include "format_fixture.h"
#include "tokenizer/tokenizer.h"

static struct gen_tokenizer *open_tokenizer(const char *path) {
    struct gen_error err = {0};
    struct gen_tokenizer *tokenizer = NULL;
    if (gen_tokenizer_open(&tokenizer, path, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    return tokenizer;
}

static void assert_ids(const struct gen_tokenizer *tokenizer, const char *text, size_t n,
                       const int32_t *expected) {
    struct gen_error err = {0};
    struct gen_ids ids = {0};
    assert_int_equal(gen_tokenizer_encode(tokenizer, text, strlen(text), true, &ids, &err), GEN_OK);
    assert_int_equal(ids.n, n);
    assert_memory_equal(ids.data, expected, n * sizeof *expected);
    gen_ids_release(&ids);
}

/* The tokenizer of the fixtures, whatever files it came from. */
static void assert_fixture_tokenizer(const struct gen_tokenizer *tokenizer) {
    static const int32_t expected[] = {257, 'l', 'o', FIXTURE_EOS, '\n', 0xC3, 0xA9};
    assert_non_null(tokenizer);
    assert_int_equal(gen_tokenizer_eos(tokenizer), FIXTURE_EOS);
    assert_true(tokenizer_is_special(tokenizer, FIXTURE_EOS));
    assert_ids(tokenizer, "hello<|endoftext|>\n\xc3\xa9", 7, expected);
}

static void test_config(void **state) {
    (void)state;
    struct gen_error err = {0};
    struct model_file *file = NULL;
    const char *directory = fixture_directory_new();
    fixture_write_model(directory);
    assert_int_equal(model_file_open(&file, directory, &err), GEN_OK);
    int64_t number = -7;
    assert_int_equal(model_file_get_int(file, "n_layer", 1, 9, &number, &err), GEN_OK);
    assert_int_equal(number, 2);
    assert_int_equal(model_file_get_int(file, "n_inner", 1, 9, &number, &err), GEN_BAD_FILE);
    assert_non_null(strstr(err.message, "config.json: n_inner is null"));
    assert_true(model_file_is_null(file, "n_inner"));
    assert_false(model_file_is_null(file, "n_layer"));
    assert_int_equal(model_file_setting(file, "n_inner")->type, SETTING_NULL);
    double real = 0;
    assert_int_equal(model_file_get_float(file, "layer_norm_epsilon", 0, 1, &real, &err), GEN_OK);
    assert_true(real == 1e-5);
    assert_int_equal(model_file_get_int(file, "layer_norm_epsilon", 0, 1, &number, &err),
                     GEN_BAD_FILE);
    assert_non_null(strstr(err.message, "1e-05"));
    bool flag = false;
    assert_int_equal(model_file_get_bool(file, "tie_word_embeddings", &flag, &err), GEN_OK);
    assert_true(flag);
    const char *text = NULL;
    size_t n = 0;
    assert_int_equal(model_file_get_string(file, "model_type", &text, &n, &err), GEN_OK);
    assert_int_equal(n, 4);
    assert_memory_equal(text, "gpt2", 4);
    assert_null(model_file_setting(file, "N_LAYER"));
    assert_int_equal(model_file_setting(file, "task_specific_params")->type, SETTING_OBJECT);
    const struct setting *list = model_file_setting(file, "architectures");
    assert_int_equal(list->type, SETTING_ARRAY);
    assert_int_equal(list->element_type, SETTING_STRING);
    assert_int_equal(list->value.array.n, 1);
    assert_string_equal(file->settings[0].key, "model_type");
    assert_fixture_tokenizer(file->tokenizer);
    model_file_free(file);
    fixture_directory_remove(directory);
}

static void test_no_tokenizer(void **state) {
    (void)state;
    struct gen_error err = {0};
    struct model_file *file = NULL;
    struct gen_tokenizer *tokenizer = NULL;
    const char *directory = fixture_directory_new();
    fixture_write_model(directory);
    remove(fixture_path(directory, "vocab.json"));
    remove(fixture_path(directory, "merges.txt"));
    assert_int_equal(model_file_open(&file, directory, &err), GEN_OK);
    assert_null(file->tokenizer);
    model_file_free(file);
    assert_int_equal(gen_tokenizer_open(&tokenizer, directory, &err), GEN_BAD_FILE);
    assert_null(tokenizer);
    assert_non_null(strstr(err.message, "has no tokenizer"));
    fixture_directory_remove(directory);
}

/* The same tokenizer from every kind of path. */
static void test_paths(void **state) {
    (void)state;
    static const char *const names[] = {"vocab.json", "merges.txt", "tokenizer.json", "t.gguf"};
    struct gen_bytes text = {0};
    const char *directory = fixture_directory_new();
    fixture_write_model(directory);
    fixture_tokenizer_json(&text);
    fixture_write(directory, "tokenizer.json", &text);
    text.n = 0;
    fixture_gguf(&text);
    fixture_write(directory, "t.gguf", &text);
    struct gen_tokenizer *tokenizer = open_tokenizer(directory);
    assert_fixture_tokenizer(tokenizer);
    gen_tokenizer_free(tokenizer);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        tokenizer = open_tokenizer(fixture_path(directory, names[i]));
        assert_fixture_tokenizer(tokenizer);
        gen_tokenizer_free(tokenizer);
    }
    remove(fixture_path(directory, "vocab.json")); /* tokenizer.json is left */
    tokenizer = open_tokenizer(directory);
    assert_fixture_tokenizer(tokenizer);
    gen_tokenizer_free(tokenizer);
    struct gen_error err = {0};
    fixture_write_text(directory, "tokenizer_config.json", "{\"add_prefix_space\": true}");
    assert_int_equal(gen_tokenizer_open(&tokenizer, directory, &err), GEN_UNSUPPORTED);
    assert_non_null(strstr(err.message, "add_prefix_space"));
    gen_bytes_release(&text);
    fixture_directory_remove(directory);
}

/* Parts of tokenizer.json that may be otherwise without changing an id. */
static void test_tokenizer_json_forms(void **state) {
    (void)state;
    static const char *const forms[][2] = {
        {"{\"type\": \"ByteLevel\", \"trim_offsets\": false}",
         "{\"type\": \"TemplateProcessing\", \"special_tokens\": {}}"},
        {"{\"type\": \"ByteLevel\", \"trim_offsets\": false}", "null"},
        {"\"added_tokens\"", "\"added_tokens\": null, \"was\""},
        {"\"type\": \"BPE\", ", ""},
        {", \"use_regex\": true", ""},
        {"\"dropout\": null", "\"dropout\": 0.0"},
        {"\"end_of_word_suffix\": \"\"", "\"end_of_word_suffix\": null"}};
    const char *directory = fixture_directory_new();
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct gen_bytes text = {0};
        fixture_tokenizer_json(&text);
        fixture_replace(&text, forms[i][0], forms[i][1]);
        fixture_write(directory, "tokenizer.json", &text);
        struct gen_tokenizer *tokenizer = open_tokenizer(directory);
        assert_fixture_tokenizer(tokenizer);
        gen_tokenizer_free(tokenizer);
        gen_bytes_release(&text);
    }
    fixture_directory_remove(directory);
}

/* Line ends and blank lines that merges.txt may have. */
static void test_merges_forms(void **state) {
    (void)state;
    static const char *const forms[] = {"h e\nhe l", "h e\nhe l\n",
                                        "#version: 0.2\r\nh e\r\nhe l\r\n",
                                        "#version: 0.2 - by somebody\nh e\nhe l\n\n\n"};
    const char *directory = fixture_directory_new();
    fixture_write_model(directory);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        fixture_write_text(directory, "merges.txt", forms[i]);
        struct gen_tokenizer *tokenizer = open_tokenizer(directory);
        assert_fixture_tokenizer(tokenizer);
        gen_tokenizer_free(tokenizer);
    }
    fixture_directory_remove(directory);
}

static void test_added_tokens(void **state) {
    (void)state;
    static const int32_t expected[] = {257, 260, 259, '!'};
    const char *directory = fixture_directory_new();
    fixture_write_model(directory);
    fixture_write_text(directory, "added_tokens.json",
                       "{\"[PAD]\": 259, \"<|endoftext|>\": 258, \"<user>\": 260}");
    fixture_write_text(directory, "tokenizer_config.json",
                       "{\"add_prefix_space\": false, \"added_tokens_decoder\": {\"258\": "
                       "{\"content\": \"<|endoftext|>\", \"lstrip\": false}, "
                       "\"259\": {\"content\": \"[PAD]\"}}}");
    struct gen_tokenizer *tokenizer = open_tokenizer(directory);
    assert_int_equal(gen_tokenizer_n_vocab(tokenizer), 261);
    assert_fixture_tokenizer(tokenizer);
    assert_ids(tokenizer, "hel<user>[PAD]!", 4, expected);
    gen_tokenizer_free(tokenizer);
    fixture_directory_remove(directory);
}

/* config.json may name another end-of-text token, or one that the tokenizer does not have. */
/* A file that is there but cannot be opened is not passed over as if it were missing. */
static void test_broken_links(void **state) {
    (void)state;
    static const char *const names[] = {"added_tokens.json", "tokenizer_config.json", "vocab.json",
                                        "model.safetensors", "config.json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *directory = fixture_directory_new();
        fixture_write_model(directory);
        const char *path = fixture_path(directory, names[i]);
        remove(path);
        assert_int_equal(symlink("nowhere", path), 0);
        assert_true(fixture_refused("dangling", directory, names[i], "cannot open: No such file"));
        remove(path);
        assert_int_equal(symlink(names[i], path), 0);
        assert_true(fixture_refused("loop", directory, names[i], "cannot open: "));
        fixture_directory_remove(directory);
    }
}

static void test_eos(void **state) {
    (void)state;
    static const struct {
        const char *config;
        int32_t eos;
    } cases[] = {{"{}", FIXTURE_EOS},
                 {"{\"eos_token_id\": null}", FIXTURE_EOS},
                 {"{\"eos_token_id\": 257}", 257},
                 {"{\"eos_token_id\": 50256}", FIXTURE_EOS},
                 {"{\"eos_token_id\": [1, 2]}", FIXTURE_EOS}};
    const char *directory = fixture_directory_new();
    fixture_write_model(directory);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture_write_text(directory, "config.json", cases[i].config);
        struct gen_tokenizer *tokenizer = open_tokenizer(directory);
        assert_int_equal(gen_tokenizer_eos(tokenizer), cases[i].eos);
        gen_tokenizer_free(tokenizer);
    }
    fixture_directory_remove(directory);
}

static void test_gpt2(void **state) {
    (void)state;
    static const int32_t expected[] = {15496, 995, 50256};
    const char *shared = getenv("GEN_SHARED");
    char path[600];
    snprintf(path, sizeof path, "%s/gpt2", shared != NULL ? shared : "../shared");
    if (file_kind_of(path) != FILE_DIRECTORY) {
        print_message("skipped: %s is absent\n", path);
        skip();
    }
    struct gen_tokenizer *tokenizer = open_tokenizer(path);
    assert_int_equal(gen_tokenizer_n_vocab(tokenizer), 50257);
    assert_ids(tokenizer, "Hello world<|endoftext|>", 3, expected);
    gen_tokenizer_free(tokenizer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_config),
        cmocka_unit_test(test_no_tokenizer),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_merges_forms),
        cmocka_unit_test(test_tokenizer_json_forms),
        cmocka_unit_test(test_added_tokens),
        cmocka_unit_test(test_eos),
        cmocka_unit_test(test_broken_links),
        cmocka_unit_test(test_gpt2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
