/** test_json_quote.c - text as a JSON string, against what Python's json and Hugging Face's
 *  tokenizers write, and read back by our own reader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "text/json.h"
#include "text/json_quote.h"

static void quotes_as(const char *text, size_t n, enum json_escapes escapes, const char *expected) {
    struct gen_bytes out = {0};
    assert_int_equal(json_quote(&out, text, n, escapes), GEN_OK);
    assert_int_equal(out.n, strlen(expected));
    assert_memory_equal(out.data, expected, out.n);
    gen_bytes_release(&out);
}

static void test_least(void **state) {
    (void)state;
    /* json.dumps(text, ensure_ascii=False), which is also what tokenizers writes. */
    quotes_as("", 0, JSON_ESCAPE_LEAST, "\"\"");
    quotes_as("\"\\/\b\f\n\r\t\x01\x1f\x7f", 11, JSON_ESCAPE_LEAST,
              "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\"");
    quotes_as("a\0b", 3, JSON_ESCAPE_LEAST, "\"a\\u0000b\"");
    quotes_as("\xc4\xa0\xe2\x80\xae\xf0\x9f\x98\x80", 9, JSON_ESCAPE_LEAST,
              "\"\xc4\xa0\xe2\x80\xae\xf0\x9f\x98\x80\"");
    quotes_as("\xff\xc4", 2, JSON_ESCAPE_LEAST, "\"\xff\xc4\"");
}

static void test_unseen(void **state) {
    (void)state;
    /* What is seen stays; what is not, or turns text around, becomes its escape. */
    quotes_as("\xc4\xa0\xf0\x9f\x98\x80/", 7, JSON_ESCAPE_UNSEEN, "\"\xc4\xa0\xf0\x9f\x98\x80/\"");
    quotes_as("\xe2\x80\xae\xef\xbb\xbf\xc2\xad\x7f\xc2\x85\xe2\x80\xa8", 14, JSON_ESCAPE_UNSEEN,
              "\"\\u202e\\ufeff\\u00ad\\u007f\\u0085\\u2028\"");
    /* Not UTF-8: U+FFFD for every byte that begins nothing. */
    quotes_as("a\xff\xe2\x80", 4, JSON_ESCAPE_UNSEEN, "\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

/* Every character but NUL and surrogates comes back, in both forms. */
static void test_read_back(void **state) {
    (void)state;
    for (int escapes = JSON_ESCAPE_LEAST; escapes <= JSON_ESCAPE_UNSEEN; escapes++) {
        struct gen_bytes all = {0}, out = {0};
        for (uint32_t character = 1; character < 0x11000; character++) {
            if (character >= 0xd800 && character < 0xe000) {
                continue;
            }
            char utf8[5] = {0};
            size_t n = character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
            static const unsigned lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
            for (size_t i = n; i-- > 1;) {
                utf8[i] = (char)(0x80 | (character >> 6 * (n - 1 - i) & 0x3f));
            }
            utf8[0] = (char)(lead[n] | character >> 6 * (n - 1));
            assert_int_equal(gen_bytes_append(&all, utf8, n), GEN_OK);
        }
        assert_int_equal(json_quote(&out, all.data, all.n, (enum json_escapes)escapes), GEN_OK);
        cJSON *value = NULL;
        struct gen_error err;
        assert_int_equal(json_parse(&value, out.data, out.n, "all", &err), GEN_OK);
        assert_int_equal(strlen(value->valuestring), all.n);
        assert_memory_equal(value->valuestring, all.data, all.n);
        cJSON_Delete(value);
        gen_bytes_release(&all);
        gen_bytes_release(&out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_least),
        cmocka_unit_test(test_unseen),
        cmocka_unit_test(test_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
