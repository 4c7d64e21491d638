/**
 * test_bytes.c - the cursor over untrusted bytes, little-endian numbers, and UTF-8 against
 * utf8proc.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <utf8proc.h>

#include "base/bytes.h"

static void test_cursor_reads(void **state) {
    (void)state;
    static const unsigned char data[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09,
                                         0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x00, 0x00, 0xc0,
                                         0x3f, 0,    0,    0,    0,    0,    0,    0xf8, 0xbf};
    struct cursor cursor = cursor_over(data, sizeof data);
    assert_int_equal(cursor_u8(&cursor), 0x01);
    assert_int_equal(cursor_u16(&cursor), 0x0302);
    assert_int_equal(cursor_u32(&cursor), 0x07060504);
    assert_true(cursor_u64(&cursor) == 0x0f0e0d0c0b0a0908u);
    assert_true(cursor_f32(&cursor) == 1.5f);
    assert_true(cursor_f64(&cursor) == -1.5);
    assert_int_equal(cursor_left(&cursor), 0);
    assert_false(cursor.failed);
    unsigned char back[8];
    bytes_put_u64(back, 0x0807060504030201u);
    assert_memory_equal(back, data, 8);
    bytes_put_u32(back + 4, 0x04030201u);
    assert_memory_equal(back + 4, data, 4);
}

static void test_cursor_ends(void **state) {
    (void)state;
    static const unsigned char data[10] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    struct cursor cursor = cursor_over(data, sizeof data);
    assert_ptr_equal(cursor_take(&cursor, 0), data);
    assert_ptr_equal(cursor_take(&cursor, 3), data);
    cursor_align(&cursor, 8);
    assert_int_equal(cursor.position, 8);
    cursor_align(&cursor, 8);
    assert_int_equal(cursor.position, 8);
    /* A claim of more than there is fails, moves nothing, and the failure stays. */
    assert_int_equal(cursor_u32(&cursor), 0);
    assert_true(cursor.failed);
    assert_int_equal(cursor.position, 8);
    assert_int_equal(cursor_u8(&cursor), 0);
    assert_int_equal(cursor_left(&cursor), 0);

    const uint64_t claims[] = {8, SIZE_MAX, SIZE_MAX - 2, UINT64_MAX, (uint64_t)1 << 63};
    for (size_t i = 0; i < sizeof claims / sizeof *claims; i++) {
        cursor = cursor_over(data, sizeof data);
        cursor_take(&cursor, 3);
        assert_null(cursor_take(&cursor, claims[i]));
        assert_true(cursor.failed);
    }
    cursor = cursor_over(data, sizeof data);
    cursor_take(&cursor, 9);
    cursor_align(&cursor, 32);
    assert_true(cursor.failed);
    cursor = cursor_over(NULL, 0);
    assert_int_equal(cursor_u8(&cursor), 0);
    assert_true(cursor.failed);
}

/* bytes_utf8 against utf8proc: the length, or 0 where utf8proc sees no character. */
static void check_utf8(const unsigned char *at, size_t n) {
    uint32_t codepoint = 0;
    utf8proc_int32_t expected;
    utf8proc_ssize_t length = utf8proc_iterate(at, (utf8proc_ssize_t)n, &expected);
    int got = bytes_utf8(at, n, &codepoint);
    if (length > 0 ? got != length || codepoint != (uint32_t)expected : got > 0) {
        fail_msg("%02x %02x %02x %02x (%zu bytes): got %d, U+%04X", at[0], at[1], at[2], at[3], n,
                 got, codepoint);
    }
}

static void test_utf8_every_character(void **state) {
    (void)state;
    for (utf8proc_int32_t c = 0; c <= 0x10ffff; c++) {
        if (c >= 0xd800 && c <= 0xdfff) {
            continue;
        }
        unsigned char bytes[5] = {0};
        size_t n = (size_t)utf8proc_encode_char(c, bytes);
        uint32_t codepoint = 0;
        assert_true(bytes_utf8(bytes, 5, &codepoint) == (int)n && codepoint == (uint32_t)c);
        for (size_t cut = 1; cut < n; cut++) {
            assert_true(bytes_utf8(bytes, cut, NULL) == -1);
        }
    }
}

static void test_utf8_every_beginning(void **state) {
    (void)state;
    /* All of 1 to 3 bytes, and with a fourth at the edges of what can follow. */
    static const unsigned char fourth[] = {0x00, 0x7f, 0x80, 0xbf, 0xc0, 0xff};
    for (uint32_t i = 0; i < 1u << 24; i++) {
        unsigned char at[4] = {(unsigned char)(i >> 16), (unsigned char)(i >> 8 & 0xff),
                               (unsigned char)(i & 0xff), 0};
        if ((i & 0xffff) == 0) {
            check_utf8(at, 1);
        }
        if ((i & 0xff) == 0) {
            check_utf8(at, 2);
        }
        if (at[0] < 0xe0) {
            i |= at[0] < 0xc0 ? 0xffff : 0xff; /* nothing more to see after these */
            continue;
        }
        check_utf8(at, 3);
        for (size_t k = 0; at[0] >= 0xf0 && k < sizeof fourth; k++) {
            at[3] = fourth[k];
            check_utf8(at, 4);
        }
    }
}

static void test_utf8_never(void **state) {
    (void)state;
    /* What no further byte can mend must not wait: 0, not -1. */
    static const char *const never[] = {
        "\x80",     "\xbf",     "\xc0",     "\xc1",     "\xf5",         "\xff",    "\xe0\x9f",
        "\xed\xa0", "\xf0\x8f", "\xf4\x90", "\xe2\x28", "\xf0\x90\x28", "\xc3\x28"};
    for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
        size_t n = strlen(never[i]);
        assert_int_equal(bytes_utf8((const unsigned char *)never[i], n, NULL), 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cursor_reads),         cmocka_unit_test(test_cursor_ends),
        cmocka_unit_test(test_utf8_every_character), cmocka_unit_test(test_utf8_every_beginning),
        cmocka_unit_test(test_utf8_never),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
