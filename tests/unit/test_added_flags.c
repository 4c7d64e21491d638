/**
 * test_added_flags.c - gen.added_token_flags, the key of a GGUF that says how the text around added
 * tokens counts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "format_fixture.h"
#include "whole_check.h"
#include "whole_model.h"

#define KEY   "gen.added_token_flags"
#define ARRAY 9
#define U32   4
#define I32   5

/* The whole model's GGUF with that key. */
static const char *write_gguf(const char *directory, uint32_t type, const uint32_t *values,
                              size_t n) {
    struct whole_model model;
    struct gen_bytes bytes = {0};
    whole_init(&model, true);
    fixture_u32(&bytes, type);
    fixture_u64(&bytes, n);
    for (size_t i = 0; i < n; i++) {
        fixture_u32(&bytes, values[i]);
    }
    whole_key(&model, KEY, ARRAY, bytes.data, bytes.n);
    whole_write(directory, &model);
    gen_bytes_release(&bytes);
    whole_release(&model);
    return fixture_path(directory, "model.gguf");
}

static void test_bad(void **state) {
    (void)state;
    static const struct {
        const char *what;
        uint32_t type;
        uint32_t values[4];
        size_t n;
    } cases[] = {
        {"of i32", I32, {FIXTURE_EOS, 1}, 2},
        {"half a pair", U32, {FIXTURE_EOS, 1, FIXTURE_EOS}, 3},
        {"no flag", U32, {FIXTURE_EOS, 0}, 2},
        {"an unknown flag", U32, {FIXTURE_EOS, 8}, 2},
        {"an ordinary token", U32, {FIXTURE_EOS, 1, 256, 1}, 4},
        {"an id without token", U32, {100000, 1}, 2},
        {"an id beyond 2^31", U32, {UINT32_MAX, 1}, 2},
    };
    const char *directory = fixture_directory_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = write_gguf(directory, cases[i].type, cases[i].values, cases[i].n);
        whole_must_refuse(cases[i].what, path, "model.gguf", KEY);
    }
    struct whole_model model;
    whole_init(&model, true);
    whole_key_u32(&model, KEY, 1);
    whole_write(directory, &model);
    whole_release(&model);
    whole_must_refuse("a number", fixture_path(directory, "model.gguf"), "model.gguf", KEY);
    fixture_directory_remove(directory);
    whole_report("added-token flags");
}

static void check_ids(const struct gen_tokenizer *tokenizer, const char *text, const int32_t *ids,
                      size_t n) {
    struct gen_ids found = {0};
    assert_int_equal(gen_tokenizer_encode(tokenizer, text, strlen(text), true, &found, NULL),
                     GEN_OK);
    assert_int_equal(found.n, n);
    assert_memory_equal(found.data, ids, n * sizeof *ids);
    gen_ids_release(&found);
}

static void test_read(void **state) {
    (void)state;
    const char *directory = fixture_directory_new();
    struct gen_model *model = NULL;
    struct gen_error err = {0};
    const char *path = write_gguf(directory, U32, (const uint32_t[]){FIXTURE_EOS, 3}, 2);
    if (gen_model_open(&model, path, NULL, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    check_ids(gen_model_tokenizer(model), "a \n<|endoftext|>\t b",
              (const int32_t[]){'a', FIXTURE_EOS, 'b'}, 3);
    gen_model_free(model);
    fixture_directory_remove(directory);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bad), cmocka_unit_test(test_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
