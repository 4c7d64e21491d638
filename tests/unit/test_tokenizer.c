/**
 * test_tokenizer.c - the tokenizer against the outside world: ids made by tiktoken and Hugging Face
 * tokenizers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gen.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer_files.h"

/* ---- golden cases ------------------------------------------------------------------------ */

/* Text may hold NULs in the bytes file, so it comes in hexadecimal. */
static void check_bytes(const cJSON *line, void *tokenizer) {
    const char *id = cJSON_GetObjectItemCaseSensitive(line, "id")->valuestring;
    const char *hex = cJSON_GetObjectItemCaseSensitive(line, "bytes_hex")->valuestring;
    struct gen_bytes text = {0};
    struct gen_bytes decoded = {0};
    struct gen_ids ids = {0};
    for (; *hex != '\0'; hex += 2) {
        char digits[3] = {hex[0], hex[1], '\0'};
        char byte = (char)strtoul(digits, NULL, 16);
        assert_int_equal(gen_bytes_append(&text, &byte, 1), GEN_OK);
    }
    assert_int_equal(gen_tokenizer_encode(tokenizer, text.data, text.n, false, &ids, NULL), GEN_OK);
    assert_int_equal(gen_tokenizer_decode(tokenizer, ids.data, ids.n, &decoded, NULL), GEN_OK);
    if (decoded.n != text.n || memcmp(decoded.data, text.data, text.n) != 0) {
        fail_msg("%s: decoding does not give the bytes back", id);
    }
    gen_ids_release(&ids);
    gen_bytes_release(&decoded);
    gen_bytes_release(&text);
}

static void test_gpt2_cases(void **state) {
    (void)state;
    char directory[4096];
    char path[4096];
    if (tokenizer_files_shared(directory, "gpt2") == NULL ||
        tokenizer_files_shared(path, "golden/tokenizer-gpt2.jsonl") == NULL) {
        skip();
    }
    struct gen_tokenizer *tokenizer = tokenizer_files_open(directory);
    assert_int_equal(gen_tokenizer_n_vocab(tokenizer), 50257);
    assert_int_equal(gen_tokenizer_eos(tokenizer), 50256);
    size_t n = tokenizer_files_each(path, tokenizer_files_check, tokenizer);
    assert_int_equal(n, 1659);
    printf("GPT-2 vocabulary: %zu cases\n", n);
    gen_tokenizer_free(tokenizer);
}

static void test_gpt2_bytes(void **state) {
    (void)state;
    char directory[4096];
    char path[4096];
    if (tokenizer_files_shared(directory, "gpt2") == NULL ||
        tokenizer_files_shared(path, "golden/tokenizer-gpt2-bytes.jsonl") == NULL) {
        skip();
    }
    struct gen_tokenizer *tokenizer = tokenizer_files_open(directory);
    assert_int_equal(tokenizer_files_each(path, check_bytes, tokenizer), 76);
    gen_tokenizer_free(tokenizer);
}

static void test_small_cases(void **state) {
    (void)state;
    struct gen_tokenizer *tokenizer = tokenizer_files_open(TOKENIZER_FILES_SMALL);
    size_t n = tokenizer_files_each("tests/golden/tokenizer-small.jsonl", tokenizer_files_check,
                                    tokenizer);
    assert_true(n >= 200);
    printf("small vocabulary: %zu cases\n", n);
    gen_tokenizer_free(tokenizer);
}

/* Bytes that are no UTF-8 take the same way as text, in short words and in long ones. */
static void test_any_bytes_come_back(void **state) {
    (void)state;
    struct gen_tokenizer *tokenizer = tokenizer_files_open(TOKENIZER_FILES_SMALL);
    uint32_t random = 1;
    for (size_t n = 0; n < 600; n++) {
        char text[600];
        struct gen_ids ids = {0};
        struct gen_bytes decoded = {0};
        for (size_t i = 0; i < n; i++) {
            random = random * 1664525U + 1013904223U;
            text[i] = (char)(n % 2 == 0 ? random >> 24 : 0x80 | random >> 25);
        }
        assert_int_equal(gen_tokenizer_encode(tokenizer, text, n, n % 3 == 0, &ids, NULL), GEN_OK);
        assert_int_equal(gen_tokenizer_decode(tokenizer, ids.data, ids.n, &decoded, NULL), GEN_OK);
        assert_int_equal(decoded.n, n);
        if (n > 0) {
            assert_memory_equal(decoded.data, text, n);
        }
        gen_bytes_release(&decoded);
        gen_ids_release(&ids);
    }
    gen_tokenizer_free(tokenizer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_cases),
        cmocka_unit_test(test_any_bytes_come_back),
        cmocka_unit_test(test_gpt2_cases),
        cmocka_unit_test(test_gpt2_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
