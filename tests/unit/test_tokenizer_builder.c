/**
 * test_tokenizer_builder.c - building a tokenizer from what a hostile file may say, and what the
 * tokenizer then knows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/vocab.h"
#include "tokenizer_files.h"

#define SPACE "\xC4\xA0" /* U+0120, how a space is spelled */

static struct tokenizer_builder *new_builder(void) {
    struct tokenizer_builder *builder = NULL;
    assert_int_equal(tokenizer_builder_new(&builder, "dir/vocab.json", NULL), GEN_OK);
    return builder;
}

static struct tokenizer_builder *new_builder_of_bytes(void) {
    struct tokenizer_builder *builder = new_builder();
    tokenizer_files_add_bytes(builder);
    return builder;
}

static enum gen_status add(struct tokenizer_builder *builder, uint64_t id, const char *spelling,
                           bool special, struct gen_error *err) {
    return tokenizer_builder_token(builder, id, spelling, strlen(spelling), special, err);
}

static enum gen_status add_merge(struct tokenizer_builder *builder, const char *line,
                                 struct gen_error *err) {
    return tokenizer_builder_merge_line(builder, line, strlen(line), err);
}

static struct gen_tokenizer *finish(struct tokenizer_builder *builder) {
    struct gen_tokenizer *tokenizer = NULL;
    struct gen_error err = {0};
    if (tokenizer_builder_finish(builder, &tokenizer, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    tokenizer_builder_free(builder);
    return tokenizer;
}

/* The message must name the file and hold `part`. */
static void check_refused(enum gen_status status, const struct gen_error *err, const char *part) {
    assert_int_equal(status, GEN_BAD_FILE);
    assert_int_equal(err->status, GEN_BAD_FILE);
    assert_non_null(strstr(err->message, "dir/vocab.json: "));
    if (strstr(err->message, part) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err->message, part);
    }
}

static void check_finish_refused(struct tokenizer_builder *builder, const char *part) {
    struct gen_tokenizer *tokenizer = NULL;
    struct gen_error err = {0};
    check_refused(tokenizer_builder_finish(builder, &tokenizer, &err), &err, part);
    assert_null(tokenizer);
    tokenizer_builder_free(builder);
}

/* ---- refused ----------------------------------------------------------------------------- */

static void test_tokens_refused(void **state) {
    (void)state;
    struct gen_error err = {0};
    struct tokenizer_builder *builder = new_builder();
    check_refused(add(builder, 0, "", false, &err), &err, "empty");
    check_refused(add(builder, 0, "", true, &err), &err, "empty");
    check_refused(add(builder, TOKENIZER_MAX_TOKENS, "a", false, &err), &err, "too large");
    check_refused(add(builder, UINT64_MAX, "a", false, &err), &err, "too large");
    check_refused(add(builder, 0, "a b", false, &err), &err, "alphabet");
    check_refused(add(builder, 0, "\n", false, &err), &err, "\\x0a");
    check_refused(add(builder, 0, "\xE4\xBD\xA0", false, &err), &err, "alphabet");
    check_refused(add(builder, 0, "\xFF", false, &err), &err, "\\xff");
    check_refused(add(builder, 0, "\xC5\x84", false, &err), &err, "alphabet"); /* U+0144 */
    check_refused(tokenizer_builder_token(builder, 0, "a\0b", 3, false, &err), &err, "alphabet");
    char *endless = malloc(70000);
    assert_non_null(endless);
    memset(endless, 'a', 70000);
    check_refused(tokenizer_builder_token(builder, 0, endless, 70000, true, &err), &err, "65536");
    assert_true(strlen(err.message) < 300);
    check_refused(tokenizer_builder_merge(builder, endless, 70000, "a", 1, &err), &err, "65536");
    free(endless);
    tokenizer_builder_free(builder);
}

static void test_vocabularies_refused(void **state) {
    (void)state;
    check_finish_refused(new_builder(), "no tokens");

    struct tokenizer_builder *builder = new_builder_of_bytes();
    assert_int_equal(add(builder, 7, "xy", false, NULL), GEN_OK);
    check_finish_refused(builder, "id 7 is given twice");

    builder = new_builder_of_bytes();
    assert_int_equal(add(builder, 256, "a", false, NULL), GEN_OK);
    check_finish_refused(builder, "\"a\" is given twice");

    builder = new_builder_of_bytes();
    assert_int_equal(add(builder, 256, "<s>", true, NULL), GEN_OK);
    assert_int_equal(add(builder, 257, "<s>", true, NULL), GEN_OK);
    check_finish_refused(builder, "\"<s>\" is given twice");

    builder = new_builder_of_bytes();
    assert_int_equal(add(builder, TOKENIZER_MAX_TOKENS - 1, "xy", false, NULL), GEN_OK);
    check_finish_refused(builder, "far above");

    builder = new_builder_of_bytes();
    assert_int_equal(tokenizer_builder_eos(builder, 256, NULL), GEN_OK);
    check_finish_refused(builder, "end-of-text id 256");

    builder = new_builder_of_bytes();
    assert_int_equal(add(builder, 300, "xy", false, NULL), GEN_OK);
    assert_int_equal(tokenizer_builder_eos(builder, 299, NULL), GEN_OK); /* a hole */
    check_finish_refused(builder, "end-of-text id 299");

    struct gen_error err = {0};
    builder = new_builder_of_bytes();
    check_refused(tokenizer_builder_eos(builder, UINT64_MAX, &err), &err, "end-of-text");
    tokenizer_builder_free(builder);
}

static void test_merges_refused(void **state) {
    (void)state;
    static const char *const bad_lines[] = {"", " ", "ab", "a ", " b", "a  b", "a b c", "a b "};
    struct gen_error err = {0};
    struct tokenizer_builder *builder = new_builder();
    for (size_t i = 0; i < sizeof bad_lines / sizeof *bad_lines; i++) {
        check_refused(add_merge(builder, bad_lines[i], &err), &err, "two tokens");
    }
    check_refused(tokenizer_builder_merge(builder, "", 0, "a", 1, &err), &err, "empty part");
    tokenizer_builder_free(builder);

    builder = new_builder_of_bytes();
    assert_int_equal(add_merge(builder, "ab c", NULL), GEN_OK);
    check_finish_refused(builder, "part \"ab\" is no token");

    builder = new_builder_of_bytes();
    assert_int_equal(add_merge(builder, "a bc", NULL), GEN_OK);
    check_finish_refused(builder, "part \"bc\" is no token");

    builder = new_builder_of_bytes();
    assert_int_equal(add_merge(builder, "a b", NULL), GEN_OK);
    check_finish_refused(builder, "result \"ab\" is no token");

    builder = new_builder_of_bytes();
    assert_int_equal(add(builder, 256, SPACE "a", true, NULL), GEN_OK);
    assert_int_equal(add_merge(builder, SPACE " a", NULL), GEN_OK);
    check_finish_refused(builder, "is no token");

    builder = new_builder_of_bytes();
    assert_int_equal(add(builder, 256, "ab", false, NULL), GEN_OK);
    assert_int_equal(add_merge(builder, "a b", NULL), GEN_OK);
    assert_int_equal(add_merge(builder, "a b", NULL), GEN_OK);
    check_finish_refused(builder, "given twice");
}

/* ---- accepted ---------------------------------------------------------------------------- */

static void check_ids(const struct gen_tokenizer *tokenizer, const char *text, bool special,
                      const int32_t *expected, size_t n) {
    struct gen_ids ids = {0};
    assert_int_equal(gen_tokenizer_encode(tokenizer, text, strlen(text), special, &ids, NULL),
                     GEN_OK);
    assert_int_equal(ids.n, n);
    assert_memory_equal(ids.data, expected, n * sizeof *expected);
    gen_ids_release(&ids);
}

#define CHECK_IDS(tokenizer, text, special, ...)                                                   \
    check_ids(tokenizer, text, special, (const int32_t[]){__VA_ARGS__},                            \
              sizeof((const int32_t[]){__VA_ARGS__}) / sizeof(int32_t))

static void check_spelling(const struct gen_tokenizer *tokenizer, int32_t id,
                           const char *expected) {
    struct gen_bytes spelling = {0};
    assert_int_equal(tokenizer_spelling(tokenizer, id, &spelling), GEN_OK);
    assert_int_equal(spelling.n, strlen(expected));
    if (spelling.n > 0) {
        assert_memory_equal(spelling.data, expected, spelling.n);
    }
    gen_bytes_release(&spelling);
}

static void test_what_it_knows(void **state) {
    (void)state;
    struct tokenizer_builder *builder = new_builder_of_bytes();
    assert_int_equal(add(builder, 300, SPACE "a", false, NULL), GEN_OK);
    assert_int_equal(add(builder, 301, "<|endoftext|>", true, NULL), GEN_OK);
    assert_int_equal(add_merge(builder, SPACE " a", NULL), GEN_OK);
    struct gen_tokenizer *tokenizer = finish(builder);

    assert_int_equal(gen_tokenizer_n_vocab(tokenizer), 302);
    assert_int_equal(gen_tokenizer_eos(tokenizer), 301);
    assert_true(tokenizer_has(tokenizer, 300));
    assert_false(tokenizer_has(tokenizer, 299)); /* a hole */
    assert_false(tokenizer_has(tokenizer, 302));
    assert_false(tokenizer_has(tokenizer, -1));
    assert_true(tokenizer_is_special(tokenizer, 301));
    assert_false(tokenizer_is_special(tokenizer, 300));
    assert_false(tokenizer_is_special(tokenizer, 299));
    check_spelling(tokenizer, 300, SPACE "a");
    check_spelling(tokenizer, 301, "<|endoftext|>");
    check_spelling(tokenizer, 0, "\xC4\x80");
    check_spelling(tokenizer, 299, "");
    assert_int_equal(tokenizer_n_merges(tokenizer), 1);
    int32_t left = 0;
    int32_t right = 0;
    tokenizer_merge(tokenizer, 0, &left, &right);
    assert_int_equal(left, ' ');
    assert_int_equal(right, 'a');

    size_t n = 0;
    assert_memory_equal(gen_tokenizer_piece(tokenizer, 300, &n), " a", 2);
    assert_int_equal(n, 2);
    assert_string_equal(gen_tokenizer_piece(tokenizer, 299, &n), "");
    assert_int_equal(n, 0);
    assert_string_equal(gen_tokenizer_piece(tokenizer, -1, &n), "");
    assert_string_equal(gen_tokenizer_piece(tokenizer, 302, &n), "");
    gen_tokenizer_free(tokenizer);
    gen_tokenizer_free(NULL);
    tokenizer_builder_free(NULL);
}

static void test_end_of_text(void **state) {
    (void)state;
    struct tokenizer_builder *builder = new_builder_of_bytes();
    struct gen_tokenizer *tokenizer = finish(builder);
    assert_int_equal(gen_tokenizer_eos(tokenizer), -1);
    gen_tokenizer_free(tokenizer);

    builder = new_builder_of_bytes();
    assert_int_equal(add(builder, 256, "<|endoftext|>", true, NULL), GEN_OK);
    assert_int_equal(add(builder, 257, "</s>", true, NULL), GEN_OK);
    assert_int_equal(tokenizer_builder_eos(builder, 257, NULL), GEN_OK);
    tokenizer = finish(builder);
    assert_int_equal(gen_tokenizer_eos(tokenizer), 257);
    gen_tokenizer_free(tokenizer);
}

static void test_decoding(void **state) {
    (void)state;
    struct tokenizer_builder *builder = new_builder_of_bytes();
    assert_int_equal(add(builder, 300, SPACE "a", false, NULL), GEN_OK);
    struct gen_tokenizer *tokenizer = finish(builder);
    struct gen_bytes text = {0};
    struct gen_error err = {0};
    assert_int_equal(
        gen_tokenizer_decode(tokenizer, (const int32_t[]){300, 299, 0xE9}, 3, &text, &err), GEN_OK);
    assert_int_equal(text.n, 3);
    assert_memory_equal(text.data, " a\xE9", 3);
    assert_int_equal(gen_tokenizer_decode(tokenizer, (const int32_t[]){0, 301}, 2, &text, &err),
                     GEN_BAD_ARGUMENT);
    assert_non_null(strstr(err.message, "301"));
    assert_int_equal(gen_tokenizer_decode(tokenizer, (const int32_t[]){-1}, 1, &text, NULL),
                     GEN_BAD_ARGUMENT);
    assert_int_equal(text.n, 3);
    gen_bytes_release(&text);
    gen_tokenizer_free(tokenizer);
}

static void test_special_tokens(void **state) {
    (void)state;
    struct tokenizer_builder *builder = new_builder_of_bytes();
    assert_int_equal(add(builder, 256, "<s>", true, NULL), GEN_OK);
    assert_int_equal(add(builder, 257, "<s><s>x", true, NULL), GEN_OK);
    assert_int_equal(add(builder, 258, "<s>y", true, NULL), GEN_OK);
    assert_int_equal(add(builder, 259, "  ", true, NULL), GEN_OK); /* plain: two spaces */
    assert_int_equal(add(builder, 260, SPACE SPACE, false, NULL), GEN_OK);
    assert_int_equal(add(builder, 261, "\xE4\xBD\xA0", true, NULL), GEN_OK);
    assert_int_equal(add_merge(builder, SPACE " " SPACE, NULL), GEN_OK);
    struct gen_tokenizer *tokenizer = finish(builder);

    CHECK_IDS(tokenizer, "<s>", true, 256);
    CHECK_IDS(tokenizer, "<s>", false, '<', 's', '>');
    CHECK_IDS(tokenizer, "a<s>y", true, 'a', 258);
    CHECK_IDS(tokenizer, "<s><s>", true, 256, 256);
    CHECK_IDS(tokenizer, "<s><s>xy", true, 257, 'y'); /* the longest, not the first */
    CHECK_IDS(tokenizer, "<s><s>y<s", true, 256, 258, '<', 's');
    CHECK_IDS(tokenizer, "<<s>", true, '<', 256);
    CHECK_IDS(tokenizer, "a  ", true, 'a', 259);
    CHECK_IDS(tokenizer, "a  ", false, 'a', 260);
    CHECK_IDS(tokenizer, "\xE4\xBD\xA0\xE4\xBD", true, 261, 0xE4, 0xBD);
    gen_tokenizer_free(tokenizer);
}

/* A word that comes again is remembered; it must get the same ids wherever it is. */
static void test_repeated_words(void **state) {
    (void)state;
    struct gen_tokenizer *tokenizer = tokenizer_files_open(TOKENIZER_FILES_SMALL);
    struct gen_ids once = {0};
    struct gen_ids often = {0};
    struct gen_bytes text = {0};
    static const char words[] = " the little queen said nothing twice";
    const size_t n = sizeof words - 1;
    assert_int_equal(gen_tokenizer_encode(tokenizer, words, n, false, &once, NULL), GEN_OK);
    for (int i = 0; i < 500; i++) {
        assert_int_equal(gen_bytes_append(&text, words, n), GEN_OK);
    }
    /* Ids that are there already stay, and do not disturb the cache. */
    assert_int_equal(gen_ids_append(&often, (const int32_t[]){1, 2, 3}, 3), GEN_OK);
    assert_int_equal(gen_tokenizer_encode(tokenizer, text.data, text.n, false, &often, NULL),
                     GEN_OK);
    assert_int_equal(often.n, 3 + 500 * once.n);
    for (size_t i = 0; i < 500; i++) {
        assert_memory_equal(often.data + 3 + i * once.n, once.data, once.n * sizeof *once.data);
    }
    gen_bytes_release(&text);
    gen_ids_release(&once);
    gen_ids_release(&often);
    gen_tokenizer_free(tokenizer);
}

/* 60,000 tokens and merges, with ids and spellings in runs: a quadratic check would not end. */
static void test_many_tokens(void **state) {
    (void)state;
    enum { N = 60000 };
    struct tokenizer_builder *builder = new_builder_of_bytes();
    for (unsigned i = 0; i < N; i++) {
        char spelling[16];
        snprintf(spelling, sizeof spelling, "t%05u", i);
        assert_int_equal(add(builder, 1000 + i, spelling, i % 2 == 0, NULL), GEN_OK);
        snprintf(spelling, sizeof spelling, "t%05ua", i);
        assert_int_equal(add(builder, 61000 + i, spelling, false, NULL), GEN_OK);
        snprintf(spelling, sizeof spelling, "t%05u a", i);
        assert_int_equal(add_merge(builder, spelling, NULL), GEN_OK);
    }
    struct gen_tokenizer *tokenizer = finish(builder);
    assert_int_equal(gen_tokenizer_n_vocab(tokenizer), 61000 + N);
    CHECK_IDS(tokenizer, "t00500", true, 1500);
    CHECK_IDS(tokenizer, "t00500a", true, 1500, 'a');
    gen_tokenizer_free(tokenizer);
}

/* As vocab_spell_byte() spells it. */
static uint32_t codepoint_of(unsigned char byte) {
    char spelling[2];
    uint32_t codepoint = 0;
    size_t n = vocab_spell_byte(spelling, byte);
    assert_int_equal(bytes_utf8((const unsigned char *)spelling, n, &codepoint), n);
    return codepoint;
}

static void test_alphabet(void **state) {
    (void)state;
    bool used[0x144] = {false};
    for (unsigned byte = 0; byte < 256; byte++) {
        uint32_t codepoint = codepoint_of((unsigned char)byte);
        assert_in_range(codepoint, 0x21, 0x143);
        assert_false(used[codepoint]);
        used[codepoint] = true;
        assert_int_equal(vocab_codepoint_to_byte(codepoint), byte);
    }
    assert_int_equal(codepoint_of(' '), 0x120);
    assert_int_equal(codepoint_of('\n'), 0x10A);
    assert_int_equal(codepoint_of(0x7F), 0x121);
    assert_int_equal(codepoint_of(0xA0), 0x142);
    assert_int_equal(codepoint_of(0xAD), 0x143);
    for (uint32_t codepoint = 0; codepoint < 0x144; codepoint++) {
        assert_int_equal(vocab_codepoint_to_byte(codepoint) >= 0, used[codepoint]);
    }
    assert_int_equal(vocab_codepoint_to_byte(0x10FFFF), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokens_refused), cmocka_unit_test(test_vocabularies_refused),
        cmocka_unit_test(test_merges_refused), cmocka_unit_test(test_what_it_knows),
        cmocka_unit_test(test_end_of_text),    cmocka_unit_test(test_decoding),
        cmocka_unit_test(test_special_tokens), cmocka_unit_test(test_repeated_words),
        cmocka_unit_test(test_many_tokens),    cmocka_unit_test(test_alphabet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
