/**
 * test_gbnf.c - grammars in llama.cpp's notation and choices as constraints: what they allow, what
 * is refused and how it is said, and masks against the tokens one by one, also within recursion.
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
#include "constraint_fixture.h"

static struct gen_constraint *of(const char *grammar) {
    struct gen_constraint *constraint = NULL;
    struct gen_error err = {0};
    if (gen_constraint_new_grammar(&constraint, constraint_fixture_pieces(), "grammar", grammar,
                                   strlen(grammar), &err) != GEN_OK) {
        fail_msg("%s: %s", grammar, err.message);
    }
    return constraint;
}

/* A grammar, what it allows, what not; the lists end with NULL. */
struct allowing {
    const char *grammar;
    const char *yes[8], *no[8];
};

static const char SUMS[] = "# sums\n"
                           "root  ::= (expr \"=\" ws term \"\\n\")+\n"
                           "expr  ::= term ([-+*/] term)*\n"
                           "term  ::= ident | num | \"(\" ws expr \")\" ws\n"
                           "ident ::= [a-z] [a-z0-9_]* ws\n"
                           "num   ::= [0-9]+ ws\n"
                           "ws    ::= [ \\t\\n]*\n";

static const char JSON[] =
    "root ::= object\n"
    "value ::= object | array | string | number | (\"true\" | \"false\" | \"null\") ws\n"
    "object ::= \"{\" ws ( string \":\" ws value (\",\" ws string \":\" ws value)* )? \"}\" ws\n"
    "array ::= \"[\" ws ( value (\",\" ws value)* )? \"]\" ws\n"
    "string ::= \"\\\"\" ( [^\"\\\\\\x7F\\x00-\\x1F] | \"\\\\\" ([\"\\\\bfnrt] | \"u\" "
    "[0-9a-fA-F]{4}) )* "
    "\"\\\"\" ws\n"
    "number ::= (\"-\"? ([0-9] | [1-9] [0-9]{0,15})) (\".\" [0-9]+)? ([eE] [-+]? [0-9]+)? ws\n"
    "ws ::= | \" \" | \"\\n\" [ \\t]{0,20}\n";

static const struct allowing allowings[] = {
    {"root ::= \"a\" b\nb ::= \"b\"?", {"a", "ab"}, {"", "b", "abb"}},
    {"root ::= \"a\"\n  | \"b\" |\n \"c\" # \"d\"\n", {"a", "b", "c"}, {"d", "ab"}},
    {"root ::= (\"a\"\n \"b\"){2}", {"abab"}, {"ab", "a"}},
    {"root ::= \"(\" root \")\" | \"\"", {"", "()", "((()))"}, {"(", "(()", "())"}},
    {"root ::= \"a\" root \"b\" root | \"\"", {"", "ab", "aabb", "abab", "aabbab"}, {"a", "ba"}},
    {"root ::= item list\nlist ::= \",\" item list | \"\"\nitem ::= [0-9]+", {"1", "1,22"}, {"1,"}},
    {"root ::= e \"x\"\ne ::= \"\" | e2\ne2 ::= \"\" | \"y\"", {"x", "yx"}, {"y", "xx"}},
    {"root ::= .{2,3}", {"ab", "a\n\xE2\x82\xAC"}, {"a", "abcd"}},
    {"root ::= [^\\x00-\\u00FF\\U0001F600]", {"\xC4\x80"}, {"a", "\xC3\xBF", "\xF0\x9F\x98\x80"}},
    {"root ::= \"\\\"\\\\\\x41\\u00e4\\t\"", {"\"\\A\xC3\xA4\t"}, {"A"}},
    {"root ::= [a\\]\\-]{,2}", {"", "]-"}, {"]]]"}},
    {"root ::= dead | \"a\"\ndead ::= \"b\" dead", {"a"}, {"b", "bb"}},
    {SUMS, {"a=1\n", "(a+1)*x=2\nb=3\n"}, {"a=1", "a+=1\n", "((a)=1\n"}},
    {JSON,
     {"{}", "{\"a\":[1,-2.5e+7,{\"b\":\"\\u00e4\\n\"}],\"c\":null}", "{\"x\":\n true}"},
     {"[]", "{\"a\":}", "{\"a\":01}", "{\"a\":1,}", "{\"a\":\"\n\"}"}},
};

static void test_allows(void **state) {
    (void)state;
    for (size_t i = 0; i < N_OF(allowings); i++) {
        const struct allowing *it = &allowings[i];
        struct gen_constraint *constraint = of(it->grammar);
        for (size_t k = 0; k < N_OF(it->yes) && it->yes[k] != NULL; k++) {
            if (!constraint_fixture_allows(constraint, it->yes[k], strlen(it->yes[k]))) {
                fail_msg("%s does not allow %s", it->grammar, it->yes[k]);
            }
        }
        for (size_t k = 0; k < N_OF(it->no) && it->no[k] != NULL; k++) {
            if (constraint_fixture_allows(constraint, it->no[k], strlen(it->no[k]))) {
                fail_msg("%s allows %s", it->grammar, it->no[k]);
            }
        }
        gen_constraint_free(constraint);
    }
}

static void refused(const char *grammar, const char *what) {
    struct gen_constraint *constraint = NULL;
    struct gen_error err = {0};
    if (gen_constraint_new_grammar(&constraint, constraint_fixture_pieces(), "f.gbnf", grammar,
                                   strlen(grammar), &err) != GEN_BAD_ARGUMENT) {
        fail_msg("%.60s is not refused", grammar);
    }
    assert_null(constraint);
    if (strncmp(err.message, "f.gbnf: ", 8) != 0 || strstr(err.message, what) == NULL) {
        fail_msg("%.60s: %s", grammar, err.message);
    }
}

static void test_refused(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"", "rule \"root\" is not defined (a text is what root is)"},
        {"a ::= \"a\"", "rule \"root\" is not defined"},
        {"root ::= b", "rule \"b\" is not defined"},
        {"root ::= \"a\"\nroot ::= \"b\"", "rule \"root\" is defined twice"},
        {"root ::= root \"a\" | \"a\"", "rule \"root\" calls itself before it reads anything"},
        {"root ::= x\nx ::= y \"a\" | \"b\"\ny ::= x?", "left recursion"},
        {"root ::= e root \"a\" | \"b\"\ne ::= \"\" | \"c\"", "left recursion"},
        {"root ::= root", "allows no text at all"},
        {"root ::= \"a\" root", "allows no text at all"},
        {"root ::= \"a\"\n\nroot2 = \"b\"", "line 3: ::= must follow"},
        {"root ::= \"a", "line 1: a text or class does not end"},
        {"root ::= [a", "does not end"},
        {"root ::= (\"a\"", "( must end with )"},
        {"root ::= \"a\")", "a rule must end with its line"},
        {"root ::= \"\\q\"", "no such escape"},
        {"root ::= \"\\xg1\"", "an escape must be"},
        {"root ::= \"\\uD800\"", "no code point"},
        {"root ::= \"\\UFFFFFFFF\"", "an escape must be"},
        {"root ::= [b-a]", "out of order"},
        {"root ::= \"a\"{2,1}", "out of order"},
        {"root ::= \"a\"{,}", "a repetition must be"},
        {"root ::= * \"a\"", "nothing to repeat"},
        {"root ::= \"a\"{1000000}{1000000}", "nothing to repeat"},
        {"root ::= (\"a\"{1000000}){1000000}", "needs more than"},
        {"root ::= &", "an item must be"},
        {"root ::= <[9999999]>", "no such id"},
        {"root ::= <[x]>", "must be <[ID]>"},
        {"root ::= <nothing-of-it>", "is no token of the vocabulary"},
        {"root ::= \"\xC3\"", "not UTF-8"},
    };
    for (size_t i = 0; i < N_OF(cases); i++) {
        refused(cases[i][0], cases[i][1]);
    }
}

static void test_deep(void **state) {
    (void)state;
    char *text = malloc(100001);
    memset(text, '(', 100000);
    text[100000] = '\0';
    memcpy(text, "root ::= ", 9);
    refused(text, "200 brackets");
    free(text);
    /* A chain of rules is no recursion of ours; nor is a text that nests deeply. */
    size_t n = 0, size = 4000000;
    text = malloc(size);
    n += (size_t)snprintf(text, size, "root ::= \"(\" root \")\" | r0\n");
    for (int i = 0; i < 50000; i++) {
        n += (size_t)snprintf(text + n, size - n, "r%d ::= r%d\n", i, i + 1);
    }
    snprintf(text + n, size - n, "r50000 ::= \"x\"\n");
    struct gen_constraint *constraint = of(text);
    struct gen_matcher *matcher = NULL;
    assert_int_equal(gen_matcher_new(&matcher, constraint, NULL), GEN_OK);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(gen_matcher_accept_bytes(matcher, "(", 1, NULL), GEN_OK);
    }
    gen_matcher_free(matcher);
    gen_constraint_free(constraint);
    free(text);
}

/* A grammar with more and more ways to read a text keeps to one memory. */
static void test_ambiguous(void **state) {
    (void)state;
    struct gen_constraint *constraint = of(
        "root ::= \"a\" root root | \"a\" x root | \"a\" root x | \"\"\nx ::= \"a\" root \"a\" | "
        "\"a\"");
    struct gen_matcher *matcher = NULL;
    assert_int_equal(gen_matcher_new(&matcher, constraint, NULL), GEN_OK);
    enum gen_status status = GEN_OK;
    for (int i = 0; i < 14 && status == GEN_OK; i++) {
        status = gen_matcher_accept_bytes(matcher, "a", 1, NULL);
    }
    assert_true(status == GEN_OK || status == GEN_CONTEXT_FULL);
    gen_matcher_free(matcher);
    gen_constraint_free(constraint);
}

/* Texts that come and go without an end, one of them there all the time, never come to the bound of
 * what is found out about a grammar. */
static void test_without_end(void **state) {
    (void)state;
    struct gen_constraint *constraint = of("root ::= (\"(\" root \")\" | \"[\" root \"]\")*");
    struct gen_matcher *first = NULL;
    struct rng rng;
    rng_init_sequence(&rng, 1, 0, 0);
    assert_int_equal(gen_matcher_new(&first, constraint, NULL), GEN_OK);
    for (int i = 0; i < 20000; i++) {
        struct gen_matcher *matcher = NULL;
        char text[60];
        for (size_t j = 0; j < sizeof text; j++) {
            text[j] = rng_double(&rng) < 0.5 ? '(' : '[';
        }
        assert_int_equal(gen_matcher_new(&matcher, constraint, NULL), GEN_OK);
        assert_int_equal(gen_matcher_accept_bytes(matcher, text, sizeof text, NULL), GEN_OK);
        gen_matcher_free(matcher);
    }
    assert_int_equal(gen_matcher_accept_bytes(first, "([()])", 6, NULL), GEN_OK);
    assert_true(gen_matcher_may_end(first));
    assert_int_equal(gen_matcher_accept_bytes(first, ")", 1, NULL), GEN_BAD_ARGUMENT);
    gen_matcher_free(first);
    gen_constraint_free(constraint);
}

static void test_tokens(void **state) {
    (void)state;
    const struct gen_tokenizer *tokenizer = constraint_fixture_tokenizer();
    int32_t eos = gen_tokenizer_eos(tokenizer);
    char text[200];
    snprintf(text, sizeof text, "root ::= \"a\" <[%d]> !<[98]> <|endoftext|>", (int)eos);
    struct gen_constraint *constraint = of(text);
    struct gen_matcher *matcher = NULL;
    assert_int_equal(gen_matcher_new(&matcher, constraint, NULL), GEN_OK);
    constraint_fixture_check_mask(matcher);
    assert_int_equal(gen_matcher_accept(matcher, eos, NULL), GEN_BAD_ARGUMENT);
    assert_int_equal(gen_matcher_accept_bytes(matcher, "a", 1, NULL), GEN_OK);
    constraint_fixture_check_mask(matcher);
    assert_int_equal(gen_matcher_accept(matcher, eos, NULL), GEN_OK);
    constraint_fixture_check_mask(matcher);
    assert_int_equal(gen_matcher_accept(matcher, 98, NULL), GEN_BAD_ARGUMENT);
    assert_int_equal(gen_matcher_accept(matcher, eos, NULL), GEN_BAD_ARGUMENT);
    assert_int_equal(gen_matcher_accept(matcher, 97, NULL), GEN_OK);
    assert_int_equal(gen_matcher_accept(matcher, eos, NULL), GEN_OK);
    assert_true(gen_matcher_may_end(matcher));
    gen_matcher_free(matcher);
    gen_constraint_free(constraint);
}

static void test_masks(void **state) {
    (void)state;
    static const char *const grammars[] = {SUMS, JSON,
                                           "root ::= \"a\" root \"b\" root | \" the\"? | [^ab]"};
    struct rng rng;
    rng_init_sequence(&rng, 5, 0, 0);
    for (size_t i = 0; i < N_OF(grammars); i++) {
        struct gen_constraint *constraint = of(grammars[i]);
        for (int k = 0; k < 6; k++) {
            struct gen_bytes text = {0};
            bool whole = constraint_fixture_draw(constraint, &rng, 30, true, &text);
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

static void test_choices(void **state) {
    (void)state;
    static const char text[] = "yes\r\nno\n\nno way\nmaybe";
    struct gen_constraint *constraint = NULL;
    assert_int_equal(gen_constraint_new_choices(&constraint, constraint_fixture_pieces(), "c", text,
                                                sizeof text - 1, NULL),
                     GEN_OK);
    assert_true(constraint_fixture_allows(constraint, "yes", 3));
    assert_true(constraint_fixture_allows(constraint, "no", 2));
    assert_true(constraint_fixture_allows(constraint, "no way", 6));
    assert_true(constraint_fixture_allows(constraint, "maybe", 5));
    assert_false(constraint_fixture_allows(constraint, "", 0));
    assert_false(constraint_fixture_allows(constraint, "no ", 3));
    gen_constraint_free(constraint);
    struct gen_error err = {0};
    assert_int_equal(
        gen_constraint_new_choices(&constraint, constraint_fixture_pieces(), "c", "\n", 1, &err),
        GEN_BAD_ARGUMENT);
    assert_string_equal(err.message, "c: allows no text at all, not even the empty one");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allows),      cmocka_unit_test(test_refused),
        cmocka_unit_test(test_deep),        cmocka_unit_test(test_ambiguous),
        cmocka_unit_test(test_without_end), cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_masks),       cmocka_unit_test(test_choices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
