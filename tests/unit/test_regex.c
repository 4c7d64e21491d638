/**
 * test_regex.c - regular expressions as constraints: what they match, what is refused and how it is
 * said, and masks against the tokens one by one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/size.h"
#include "constraint_fixture.h"

static struct gen_constraint *of(const char *regex) {
    struct gen_constraint *constraint = NULL;
    struct gen_error err = {0};
    if (gen_constraint_new_regex(&constraint, constraint_fixture_pieces(), "regex", regex,
                                 strlen(regex), &err) != GEN_OK) {
        fail_msg("%s: %s", regex, err.message);
    }
    return constraint;
}

/* An expression, what it matches, what not; the lists end with NULL. */
struct matching {
    const char *regex;
    const char *yes[8], *no[8];
};

static const struct matching matchings[] = {
    {"abc", {"abc"}, {"", "ab", "abcd", "xabc"}},
    {"", {""}, {"a"}},
    {"a|b|cd", {"a", "b", "cd"}, {"", "c", "ab"}},
    {"a||b", {"a", "", "b"}, {"ab"}},
    {"(ab)*c", {"c", "abc", "ababc"}, {"ab", "aabc"}},
    {"a{2,4}", {"aa", "aaa", "aaaa"}, {"a", "aaaaa"}},
    {"a{3}", {"aaa"}, {"aa", "aaaa"}},
    {"a{0}", {""}, {"a"}},
    {"a{2,}", {"aa", "aaaaaaaa"}, {"a"}},
    {"(a*)*b", {"b", "aaab"}, {"a"}},
    {"(a|a)*?b+?", {"b", "abb"}, {"a"}},
    {"[a-c_-]+", {"a-b_c"}, {"d", ""}},
    {"[^a-y]", {"z", "\xC3\xA4", "\xF0\x9F\x98\x80", "\n"}, {"a", "zz", "\xC3"}},
    {"[]|x", {"x"}, {"", "]"}},
    {"[^]", {"x", "\n"}, {""}},
    {".", {"x", "\xE2\x82\xAC"}, {"\n", "\xE2\x80\xA8", "\xE2\x82"}},
    {"\\d{2}-\\w+\\s", {"12-a_9 ", "12-a\xC2\xA0"}, {"1-a ", "12-\xC3\xA4 "}},
    {"\\D\\W\\S", {"a-b"}, {"1-b", "aab", "a- "}},
    {"[\\D]", {"a"}, {"1"}},
    {"\\x41\\u0042\\u{1F600}\\uD83D\\uDE00\\cJ", {"AB\xF0\x9F\x98\x80\xF0\x9F\x98\x80\n"}, {"AB"}},
    {"\\.\\*\\/\\-", {".*/-"}, {"a*/-"}},
    {"\\p{Lu}\\P{L}", {"A1", "\xC3\x84-"}, {"a1", "AA"}},
    {"^a$|^b", {"a", "b"}, {"ab"}},
    {"(?:a)(?<name>b)(c)", {"abc"}, {"ab"}},
    {"[\xC2\x80-\xF4\x8F\xBF\xBF]",
     {"\xC2\x80", "\xED\x9F\xBF", "\xEE\x80\x80", "\xF4\x8F\xBF\xBF"},
     {"\x7F", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xC0\x80", "\xE0\x80\x80"}},
    {"[\xE1\x80\x81-\xE3\x82\xA3]",
     {"\xE1\x80\x81", "\xE2\x80\x80", "\xE3\x82\xA3"},
     {"\xE1\x80\x80", "\xE3\x82\xA4", "\xE3\x83\x80"}},
};

static void test_matches(void **state) {
    (void)state;
    for (size_t i = 0; i < N_OF(matchings); i++) {
        const struct matching *it = &matchings[i];
        struct gen_constraint *constraint = of(it->regex);
        for (size_t k = 0; k < N_OF(it->yes) && it->yes[k] != NULL; k++) {
            if (!constraint_fixture_allows(constraint, it->yes[k], strlen(it->yes[k]))) {
                fail_msg("%s does not match %s", it->regex, it->yes[k]);
            }
        }
        for (size_t k = 0; k < N_OF(it->no) && it->no[k] != NULL; k++) {
            if (constraint_fixture_allows(constraint, it->no[k], strlen(it->no[k]))) {
                fail_msg("%s matches %s", it->regex, it->no[k]);
            }
        }
        gen_constraint_free(constraint);
    }
}

static void refused_text(const char *regex, size_t n, const char *what) {
    struct gen_constraint *constraint = NULL;
    struct gen_error err = {0};
    if (gen_constraint_new_regex(&constraint, constraint_fixture_pieces(), "--regex", regex, n,
                                 &err) != GEN_BAD_ARGUMENT) {
        fail_msg("%.60s is not refused", regex);
    }
    assert_null(constraint);
    if (strncmp(err.message, "--regex: ", 9) != 0 || strstr(err.message, what) == NULL) {
        fail_msg("%.60s: %s", regex, err.message);
    }
}

static void test_refused(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"a(?=b)", "at byte 2: a lookahead"},
        {"(?!b)", "negative lookahead"},
        {"(?<=b)a", "lookbehind"},
        {"(?<!b)a", "negative lookbehind"},
        {"\\ba", "assertion \\b"},
        {"a\\B", "assertion \\B"},
        {"(a)\\1", "reference \\1"},
        {"(?<x>a)\\k<x>", "reference \\k<name>"},
        {"a^b", "^ and $"},
        {"(a$)", "^ and $"},
        {"(a", "must end with )"},
        {"a)", ") closes no group"},
        {"*a", "nothing to repeat"},
        {"a**", "nothing to repeat"},
        {"a{2", "{ must begin a quantifier"},
        {"{", "nothing to repeat"},
        {"a{3,2}", "out of order"},
        {"a{1000001}", "above 1000000"},
        {"[b-a]", "out of order"},
        {"[a", "ends too early"},
        {"[\\d-z]", "no end of a range"},
        {"\\", "ends too early"},
        {"\\q", "no such escape"},
        {"\\u{110000}", "\\u must be"},
        {"\\xZ1", "\\x must be"},
        {"\\p{Klingon}", "general category"},
        {"\xC3", "not UTF-8"},
        {"[]", "allows no text at all"},
        {"a[]b|[]", "allows no text at all"},
        {"((a{1000}){1000}){1000}", "needs more than"},
        {"(?i)a", "(? must go on"},
    };
    for (size_t i = 0; i < N_OF(cases); i++) {
        refused_text(cases[i][0], strlen(cases[i][0]), cases[i][1]);
    }
}

/* What is large is refused, or is no more work than its length. */
static void test_large(void **state) {
    (void)state;
    size_t n = 1000000;
    char *text = malloc(n);
    memset(text, '(', n);
    refused_text(text, n, "200 groups");
    memset(text, 'a', n);
    struct gen_constraint *constraint = NULL;
    assert_int_equal(
        gen_constraint_new_regex(&constraint, constraint_fixture_pieces(), "regex", text, n, NULL),
        GEN_OK);
    struct gen_matcher *matcher = NULL;
    assert_int_equal(gen_matcher_new(&matcher, constraint, NULL), GEN_OK);
    assert_non_null(gen_matcher_mask(matcher));
    gen_matcher_free(matcher);
    gen_constraint_free(constraint);
    free(text);
    /* 2^30 ways to match, one set of states. */
    constraint = of("(a?){30}a{30}");
    assert_true(constraint_fixture_allows(constraint, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 30));
    gen_constraint_free(constraint);
}

static void test_masks(void **state) {
    (void)state;
    static const char *const regexes[] = {"(the|and|of|to| [a-z]+)*\\.", "[^\"]*",
                                          "\\d{1,3}(,\\d{3})*", "(a|the )+(x|\xC3\xA4)?",
                                          "[\\u{80}-\\u{10FFFF}]{1,5}"};
    struct rng rng;
    rng_init_sequence(&rng, 11, 0, 0);
    for (size_t i = 0; i < N_OF(regexes); i++) {
        struct gen_constraint *constraint = of(regexes[i]);
        for (int k = 0; k < 5; k++) {
            struct gen_bytes text = {0};
            bool whole = constraint_fixture_draw(constraint, &rng, 12, true, &text);
            struct gen_matcher *matcher = NULL;
            assert_int_equal(gen_matcher_new(&matcher, constraint, NULL), GEN_OK);
            assert_int_equal(gen_matcher_accept_bytes(matcher, text.data, text.n, NULL), GEN_OK);
            assert_int_equal(gen_matcher_may_end(matcher), whole);
            gen_matcher_free(matcher);
            gen_bytes_release(&text);
        }
        gen_constraint_free(constraint);
    }
}

/* What is refused leaves the text as it was, and a copy goes on by itself. */
static void test_matcher(void **state) {
    (void)state;
    struct gen_constraint *constraint = of("ab|ac");
    struct gen_matcher *matcher = NULL;
    assert_int_equal(gen_matcher_new(&matcher, constraint, NULL), GEN_OK);
    assert_int_equal(gen_matcher_accept_bytes(matcher, "ax", 2, NULL), GEN_BAD_ARGUMENT);
    assert_int_equal(gen_matcher_accept_bytes(matcher, "a", 1, NULL), GEN_OK);
    struct gen_matcher *copy = gen_matcher_clone(matcher);
    assert_int_equal(gen_matcher_accept_bytes(matcher, "b", 1, NULL), GEN_OK);
    assert_true(gen_matcher_may_end(matcher));
    assert_false(gen_matcher_may_end(copy));
    assert_int_equal(gen_matcher_accept(copy, -1, NULL), GEN_BAD_ARGUMENT);
    assert_int_equal(gen_matcher_accept(copy, INT32_MAX, NULL), GEN_BAD_ARGUMENT);
    assert_int_equal(gen_matcher_accept_bytes(copy, "c", 1, NULL), GEN_OK);
    assert_true(gen_matcher_may_end(copy));
    gen_matcher_free(matcher);
    gen_matcher_free(copy);
    gen_constraint_free(constraint);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matches), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_large),   cmocka_unit_test(test_masks),
        cmocka_unit_test(test_matcher),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
