/**
 * test_utf8_stream.c - streaming decode: characters come out whole, all bytes come out, none waits
 * too long.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gen.h"

struct step {
    const char *in;  /* pushed */
    const char *out; /* what the stream must give for it, no more and no less */
};

/* A push with `in` NULL is the flush. */
static void check_steps(const struct step *steps, size_t n) {
    struct gen_utf8_stream stream = {0};
    for (size_t i = 0; i < n; i++) {
        struct gen_bytes out = {0};
        if (steps[i].in == NULL) {
            assert_int_equal(gen_utf8_stream_flush(&stream, &out), GEN_OK);
            assert_int_equal(stream.n, 0);
        } else {
            assert_int_equal(gen_utf8_stream_push(&stream, steps[i].in, strlen(steps[i].in), &out),
                             GEN_OK);
        }
        assert_int_equal(out.n, strlen(steps[i].out));
        if (out.n > 0) {
            assert_memory_equal(out.data, steps[i].out, out.n);
        }
        gen_bytes_release(&out);
    }
}

#define CHECK(...)                                                                                 \
    check_steps((const struct step[]){__VA_ARGS__},                                                \
                sizeof((const struct step[]){__VA_ARGS__}) / sizeof(struct step))

static void test_whole_characters(void **state) {
    (void)state;
    CHECK({"abc", "abc"}, {"", ""}, {"\xC3\xA9", "\xC3\xA9"}, {NULL, ""});
    CHECK({"\xC3", ""}, {"\xA9", "\xC3\xA9"}, {NULL, ""});
    CHECK({"a\xE2\x82", "a"}, {"\xAC"
                               "b",
                               "\xE2\x82\xAC"
                               "b"});
    CHECK({"\xF0", ""}, {"\x9F", ""}, {"\x98", ""}, {"\x80", "\xF0\x9F\x98\x80"}, {NULL, ""});
    CHECK({"\xF0\x9F", ""}, {"\x98\x80\xF0", "\xF0\x9F\x98\x80"},
          {"\x9F\x98\x81!", "\xF0\x9F\x98\x81!"});
}

static void test_flush_gives_the_rest(void **state) {
    (void)state;
    CHECK({"a\xF0\x9F\x98", "a"}, {NULL, "\xF0\x9F\x98"}, {"b", "b"}, {NULL, ""});
    CHECK({NULL, ""});
}

static void test_hopeless_bytes_pass_at_once(void **state) {
    (void)state;
    CHECK({"\x80", "\x80"}, {"\xFF\xFE", "\xFF\xFE"}, {"\xC0", "\xC0"}, {"\xF5", "\xF5"});
    /* A start whose continuation does not come; what follows is looked at anew. */
    CHECK({"\xE2\x82", ""}, {"A", "\xE2\x82"
                                  "A"});
    CHECK({"\xE2", ""}, {"\xC3", "\xE2"}, {"\xA9", "\xC3\xA9"});
    CHECK({"\xF0\x9F\x98", ""}, {"\xF0", "\xF0\x9F\x98"}, {"\x9F\x98\x80", "\xF0\x9F\x98\x80"});
    /* An overlong form, a surrogate and a number above U+10FFFF are seen at their second byte. */
    CHECK({"\xE0", ""}, {"\x80", "\xE0\x80"});
    CHECK({"\xED", ""}, {"\xA0", "\xED\xA0"});
    CHECK({"\xF4", ""}, {"\x90", "\xF4\x90"});
}

/* Whatever the bytes and however they are cut, they all come out, and at most three wait. */
static void test_nothing_is_lost(void **state) {
    (void)state;
    static const unsigned char alphabet[] = {'a', 0x80, 0xA9, 0xC3, 0xE2, 0x82, 0xF0, 0x9F, 0xFF};
    uint32_t random = 1;
    for (int round = 0; round < 2000; round++) {
        struct gen_utf8_stream stream = {0};
        struct gen_bytes in = {0};
        struct gen_bytes out = {0};
        for (int push = 0; push < 10; push++) {
            char bytes[5];
            random = random * 1664525U + 1013904223U;
            size_t n = (random >> 24) % (sizeof bytes + 1);
            for (size_t i = 0; i < n; i++) {
                random = random * 1664525U + 1013904223U;
                bytes[i] = (char)alphabet[(random >> 16) % sizeof alphabet];
            }
            assert_int_equal(gen_bytes_append(&in, bytes, n), GEN_OK);
            assert_int_equal(gen_utf8_stream_push(&stream, bytes, n, &out), GEN_OK);
            assert_true(stream.n <= 3);
            assert_int_equal(out.n + stream.n, in.n);
        }
        assert_int_equal(gen_utf8_stream_flush(&stream, &out), GEN_OK);
        assert_int_equal(out.n, in.n);
        if (in.n > 0) {
            assert_memory_equal(out.data, in.data, in.n);
        }
        gen_bytes_release(&in);
        gen_bytes_release(&out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_characters),
        cmocka_unit_test(test_flush_gives_the_rest),
        cmocka_unit_test(test_hopeless_bytes_pass_at_once),
        cmocka_unit_test(test_nothing_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
