/**
 * test_sentence.c - what ends a sentence.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/size.h"
#include "generate/sentence.h"

static void test_ends(void **state) {
    (void)state;
    static const char *const good[] = {
        ".",      " end.",        "!",      "?",        ".\"",    "!)",    "?'\"",
        "\u3002", "\uff01\u300d", "\u2026", "x.\u201d", "\u061f", "\u0964"};
    static const char *const bad[] = {"", "a", ",", "\"", ")", " ", ". ", "3.", "\u3001", ".\n"};
    for (size_t i = 0; i < N_OF(good); i++) {
        assert_true(sentence_ends(good[i], strlen(good[i]), 'a'));
    }
    for (size_t i = 0; i < N_OF(bad); i++) {
        assert_false(sentence_ends(bad[i], strlen(bad[i]), 'a'));
    }
    assert_false(sentence_ends(".", 1, '3'));
    assert_true(sentence_ends("!", 1, '3'));
    assert_false(sentence_ends("\xe3\x80", 2, 'a'));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ends)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
