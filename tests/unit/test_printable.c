/**
 * test_printable.c - the one list of characters that may be shown, and what is on it. The
 * expectations are Unicode's names, looked up by hand, not the ranges of printable.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/printable.h"

static void controls(void **state) {
    (void)state;
    static const uint32_t yes[] = {0,    '\a', '\b', '\t', '\n', '\r',
                                   0x1b, 0x1f, 0x7f, 0x80, 0x9b, 0x9f};
    static const uint32_t no[] = {' ', '~', 0xa0, 0xad, 0x200b, 0x202e, 0xfeff, 0x1f600};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        assert_true(printable_is_control(yes[i]));
        assert_false(printable_is(yes[i]));
    }
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
        assert_false(printable_is_control(no[i]));
    }
}

static void invisible_or_turning(void **state) {
    (void)state;
    static const uint32_t hidden[] = {
        0xad,                           /* soft hyphen */
        0x61c,  0x200e, 0x200f,         /* Arabic letter mark, LRM, RLM */
        0x200b, 0x200c, 0x200d,         /* zero width space, non-joiner, joiner */
        0x2028, 0x2029,                 /* line and paragraph separator */
        0x202a, 0x202d, 0x202e,         /* embedding, overrides */
        0x2060, 0x2064, 0x2066, 0x2069, /* word joiner, invisible plus, isolates */
        0x206f, 0xfeff,                 /* nominal digit shapes, byte order mark */
    };
    static const uint32_t seen[] = {'a',    0xe9,   0x2019, 0x2027, 0x202f,  0x2030,
                                    0x205f, 0x2070, 0x4e2d, 0xfffd, 0x10ffff};
    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++) {
        assert_false(printable_is(hidden[i]));
    }
    for (size_t i = 0; i < sizeof seen / sizeof seen[0]; i++) {
        assert_true(printable_is(seen[i]));
    }
}

static void messages_ask_it(void **state) {
    (void)state;
    struct gen_error err;
    error_set(&err, GEN_BAD_FILE, "%s",
              "a\xe2\x80\xae"
              "b\xc2\x9b"
              "c\x1b"
              "d\xc3\xa9");
    assert_string_equal(err.message, "a???b??c?d\xc3\xa9");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(controls),
        cmocka_unit_test(invisible_or_turning),
        cmocka_unit_test(messages_ask_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
