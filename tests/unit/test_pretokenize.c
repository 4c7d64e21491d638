/**
 * test_pretokenize.c - cutting text into words, by GPT-2's pattern. The expected words were read
 * off the pattern and agree with the regex engines of tiktoken and tokenizers
 * (tests/golden/tokenizer-*).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tokenizer/pretokenize.h"

/* The words of `text`, each followed by '|', must be `expected`. */
static void check_words(const char *text, const char *expected) {
    char words[512] = "";
    size_t n_words = 0;
    size_t n = strlen(text);
    for (size_t at = 0; at < n;) {
        size_t length = pretokenize_word(text + at, n - at);
        assert_in_range(length, 1, n - at);
        memcpy(words + n_words, text + at, length);
        n_words += length;
        words[n_words++] = '|';
        at += length;
    }
    words[n_words] = '\0';
    assert_string_equal(words, expected);
}

static void test_words(void **state) {
    (void)state;
    check_words("", "");
    check_words("Hello world", "Hello| world|");
    check_words("abc123 456def", "abc|123| 456|def|");
    check_words("a+b == c!", "a|+|b| ==| c|!|");
    check_words("na\xC3\xAFve \xE4\xBD\xA0\xE5\xA5\xBD", "na\xC3\xAFve| \xE4\xBD\xA0\xE5\xA5\xBD|");
    check_words("\xD9\xA1\xD9\xA2 \xC2\xBD", "\xD9\xA1\xD9\xA2| \xC2\xBD|"); /* other digits */
    check_words("e\xCC\x81z", "e|\xCC\x81|z|"); /* a combining mark is no letter */
}

/* One character of each general category, after a letter, a digit and a point: it joins the one
 * it is of a kind with. */
static void test_categories(void **state) {
    (void)state;
    static const struct {
        const char *character;
        char joins;
    } cases[] = {
        {"\xC3\x89", 'a'},         {"\xC3\xA9", 'a'},         {"\xC7\x85", 'a'},     /* Lu Ll Lt */
        {"\xCA\xB0", 'a'},         {"\xD7\x90", 'a'},                                /* Lm Lo */
        {"\xD9\xA1", '1'},         {"\xE2\x85\xA7", '1'},     {"\xC2\xBD", '1'},     /* Nd Nl No */
        {"\xCC\x81", '.'},         {"\xE0\xA4\x83", '.'},     {"\xE2\x83\xA3", '.'}, /* Mn Mc Me */
        {"\xE2\x80\xBF", '.'},     {"\xE2\x80\x94", '.'},                            /* Pc Pd */
        {"\xE3\x80\x8C", '.'},     {"\xE3\x80\x8D", '.'},                            /* Ps Pe */
        {"\xC2\xAB", '.'},         {"\xC2\xBB", '.'},         {"\xC2\xA7", '.'},     /* Pi Pf Po */
        {"\xE2\x88\x91", '.'},     {"\xE2\x82\xAC", '.'},                            /* Sm Sc */
        {"\xC2\xA8", '.'},         {"\xC2\xA9", '.'},                                /* Sk So */
        {"\xC2\x80", '.'},         {"\xC2\xAD", '.'},                                /* Cc Cf */
        {"\xEE\x80\x80", '.'},     {"\xEF\xBF\xBE", '.'},                            /* Co Cn */
        {"\xF0\x9D\x94\x98", 'a'}, {"\xF0\x9F\x98\x80", '.'}, /* four bytes */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (const char *before = "a1."; *before != '\0'; before++) {
            char text[8];
            snprintf(text, sizeof text, "%c%s", *before, cases[i].character);
            size_t expected = *before == cases[i].joins ? strlen(text) : 1;
            assert_int_equal(pretokenize_word(text, strlen(text)), expected);
        }
    }
}

static void test_contractions(void **state) {
    (void)state;
    check_words("it's I'll we've you're I'm he'd don't",
                "it|'s| I|'ll| we|'ve| you|'re| I|'m| he|'d| don|'t|");
    check_words("IT'S", "IT|'|S|"); /* only small letters */
    check_words("'rest 'll", "'re|st| '|ll|");
    check_words("''s", "''|s|");
    check_words("'", "'|");
    check_words("'r", "'|r|");
    check_words("'l", "'|l|");
    check_words("'x", "'|x|");
}

static void test_white_space(void **state) {
    (void)state;
    check_words("a  b", "a| | b|");
    check_words("a   b", "a|  | b|");
    check_words("a \n b", "a| \n| b|");
    check_words("a\n\nb", "a|\n|\n|b|");
    check_words("a\tb", "a|\t|b|");
    check_words("a  ", "a|  |");
    check_words(" ", " |");
    check_words("  ", "  |");
    check_words(" \xC2\xA0 a", " \xC2\xA0| a|");
    check_words("\xC2\xA0\xE3\x80\x80!",
                "\xC2\xA0|\xE3\x80\x80|!|"); /* the last one is given back */
}

/* Every character of Unicode's White_Space, and the ones that are often taken for it. */
static void test_which_are_white_space(void **state) {
    (void)state;
    static const char *const spaces[] = {
        "\t",           "\n",           "\v",           "\f",           "\r",
        "\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80", "\xE2\x80\x80", "\xE2\x80\x8A",
        "\xE2\x80\xA8", "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80"};
    static const char *const others[] = {"\x1C",         "\x1D",         "\x1E",
                                         "\x1F",         "\xE1\xA0\x8E", "\xE2\x80\x8B",
                                         "\xE2\x81\xA0", "\xEF\xBB\xBF"};
    char text[8];
    for (size_t i = 0; i < sizeof spaces / sizeof *spaces; i++) {
        snprintf(text, sizeof text, "%s!", spaces[i]);
        assert_int_equal(pretokenize_word(text, strlen(text)), strlen(spaces[i]));
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        snprintf(text, sizeof text, "%s!", others[i]);
        assert_int_equal(pretokenize_word(text, strlen(text)), strlen(text));
    }
}

static void test_invalid_bytes(void **state) {
    (void)state;
    check_words("a\xFF"
                "b",
                "a|\xFF|b|");
    check_words(" \x80\x80!", " \x80\x80!|");
    check_words("!\xE2\x82", "!\xE2\x82|"); /* cut off by the end */
    check_words("\xC3\xC3\xA9", "\xC3|\xC3\xA9|");
    check_words("\xED\xA0\x80\xC0\xAF", "\xED\xA0\x80\xC0\xAF|"); /* surrogate, overlong */
}

/* Calls are counted, and each may look only one character after its word: so the work is linear
 * if no call is made on a word that another has passed over. A quadratic matcher would need hours
 * for these sizes. */
static void test_long_runs(void **state) {
    (void)state;
    size_t n = (size_t)1 << 22;
    char *text = malloc(n);
    assert_non_null(text);
    static const char fill[] = "a0. \n'\xFF";
    for (size_t i = 0; i < sizeof fill - 1; i++) {
        memset(text, fill[i], n);
        assert_int_equal(pretokenize_word(text, n), n);
    }
    memset(text, ' ', n);
    text[n - 1] = 'a';
    assert_int_equal(pretokenize_word(text, n), n - 2);
    assert_int_equal(pretokenize_word(text + n - 2, 2), 2);
    memset(text, '\n', n);
    text[n - 1] = 'a';
    assert_int_equal(pretokenize_word(text, n), n - 2);
    assert_int_equal(pretokenize_word(text + n - 2, 2), 1);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_categories),
        cmocka_unit_test(test_contractions),
        cmocka_unit_test(test_white_space),
        cmocka_unit_test(test_which_are_white_space),
        cmocka_unit_test(test_invalid_bytes),
        cmocka_unit_test(test_long_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
