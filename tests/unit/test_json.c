/** test_json.c - what the JSON reader takes and what it refuses, against RFC 8259. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "format_fixture.h"
#include "text/json.h"

/* Parse a copy that ends where its memory ends. */
static enum gen_status parse(cJSON **out, const char *text, size_t n, struct gen_error *err) {
    char *copy = malloc(n > 0 ? n : 1);
    assert_non_null(copy);
    memcpy(copy, text, n);
    enum gen_status status = json_parse(out, copy, n, "some.json", err);
    free(copy);
    return status;
}

static void test_accepted(void **state) {
    (void)state;
    static const char *const texts[] = {"{}",
                                        "[]",
                                        " \t\r\n[ ]\n",
                                        "null",
                                        "true",
                                        "false",
                                        "0",
                                        "-0",
                                        "-1.5e+10",
                                        "1E5",
                                        "0.1e-3",
                                        "\"\"",
                                        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"",
                                        "\"\\ud83d\\ude00\"",
                                        "\"\xf0\x9f\x98\x80\"",
                                        "\"\x7f\"",
                                        "{\"a\":{\"a\":[{\"a\":1}]}}",
                                        "{\"a\":1,\"A\":2}",
                                        "{\"\":0}",
                                        "[[],[[]],{}]",
                                        "123456789012345678901234567890"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct gen_error err = {0};
        cJSON *value = NULL;
        if (parse(&value, texts[i], strlen(texts[i]), &err) != GEN_OK) {
            fail_msg("%s was refused: %s", texts[i], err.message);
        }
        assert_non_null(value);
        cJSON_Delete(value);
    }
}

#define T(literal) literal, sizeof(literal) - 1

static const struct {
    const char *text;
    size_t n;
    const char *expected;
} refused[] = {
    {T(""), "ends where a value"},
    {T(" "), "ends where a value"},
    {T("{} {}"), "text after"},
    {T("1 2"), "text after"},
    {T("[]]"), "text after"},
    {T("{}\0"), "text after"},
    {T("[1,]"), "not a JSON value"},
    {T("[,1]"), "not a JSON value"},
    {T("[1 2]"), "`,` or `]`"},
    {T("[1"), "`,` or `]`"},
    {T("{\"a\":1,}"), "must be a string"},
    {T("{a:1}"), "must be a string"},
    {T("{'a':1}"), "must be a string"},
    {T("{\"a\" 1}"), "`:`"},
    {T("{\"a\":}"), "not a JSON value"},
    {T("{\"a\":1"), "`,` or `}`"},
    {T("{\"a\""), "`:`"},
    {T("{1:1}"), "must be a string"},
    {T("01"), "leading zero"},
    {T("-01"), "leading zero"},
    {T("-"), "malformed number"},
    {T("+1"), "not a JSON value"},
    {T(".5"), "not a JSON value"},
    {T("1."), "malformed number"},
    {T("1e"), "malformed number"},
    {T("1e+"), "malformed number"},
    {T("0x10"), "text after"},
    {T("1234567890123456789012345678901234567890123456789012345678901"), "60 characters"},
    {T("Infinity"), "NaN and Infinity"},
    {T("NaN"), "NaN and Infinity"},
    {T("nul"), "unknown word"},
    {T("True"), "not a JSON value"},
    {T("trueish"), "text after"},
    {T("\"abc"), "ends inside a string"},
    {T("\"abc\\"), "ends inside a string"},
    {T("\"\\x41\""), "unknown escape"},
    {T("\"\\\0\""), "unknown escape"},
    {T("\"\\u12\""), "hexadecimal"},
    {T("\"\\u12g4\""), "hexadecimal"},
    {T("\"\\u0000\""), "u0000"},
    {T("\"a\0b\""), "control character"},
    {T("\"a\nb\""), "control character"},
    {T("\"\x1f\""), "control character"},
    {T("\"\\ud800\""), "surrogate"},
    {T("\"\\ud800x\""), "surrogate"},
    {T("\"\\ud800\\n\""), "surrogate"},
    {T("\"\\ud800\\ud800\""), "surrogate"},
    {T("\"\\udc00\""), "surrogate"},
    {T("\"\x80\""), "UTF-8"},
    {T("\"\xc0\x80\""), "UTF-8"},
    {T("\"\xed\xa0\x80\""), "UTF-8"},
    {T("\"\xf4\x90\x80\x80\""), "UTF-8"},
    {T("\"\xe2\x82\""), "UTF-8"},
    {T("\xef\xbb\xbf{}"), "not a JSON value"},
    {T("// x\n{}"), "not a JSON value"},
    {T("{\"a\":1,\"a\":1}"), "\"a\" is there twice"},
    {T("{\"a\":1,\"\\u0061\":1}"), "\"a\" is there twice"},
    {T("[{\"b\":{\"a\\n\":1,\"a\\n\":1}}]"), "\"a\\x0a\" is there twice"},
    {T("{\"1\":0,\"2\":0,\"3\":0,\"4\":0,\"5\":0,\"6\":0,\"7\":0,\"8\":0,\"9\":0,\"10\":0,"
       "\"11\":0,\"12\":0,\"13\":0,\"14\":0,\"3\":0}"),
     "\"3\" is there twice"},
};

static void test_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct gen_error err = {0};
        cJSON *value = NULL;
        if (parse(&value, refused[i].text, refused[i].n, &err) != GEN_BAD_FILE || value != NULL) {
            fail_msg("%s was accepted", refused[i].text);
        }
        if (strstr(err.message, refused[i].expected) == NULL) {
            fail_msg("%s: %s (must be: %s)", refused[i].text, err.message, refused[i].expected);
        }
        assert_null(fixture_message_problem(&err, "some.json"));
    }
    print_message("# %zu texts\n", sizeof refused / sizeof *refused);
}

static void test_place_in_message(void **state) {
    (void)state;
    struct gen_error err = {0};
    cJSON *value = NULL;
    parse(&value, T("{\n \"a\": 1,\n  b\n}"), &err);
    assert_non_null(strstr(err.message, "line 3, byte 3"));
}

static void test_depth(void **state) {
    (void)state;
    char text[2 * (JSON_MAX_DEPTH + 1)];
    for (int depth = JSON_MAX_DEPTH; depth <= JSON_MAX_DEPTH + 1; depth++) {
        struct gen_error err = {0};
        cJSON *value = NULL;
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        assert_int_equal(parse(&value, text, 2 * (size_t)depth, &err),
                         depth > JSON_MAX_DEPTH ? GEN_BAD_FILE : GEN_OK);
        cJSON_Delete(value);
    }
}

static void test_looking_in(void **state) {
    (void)state;
    struct gen_error err = {0};
    cJSON *value = NULL;
    int64_t number = 0;
    assert_int_equal(parse(&value,
                           T("{\"Low\": 1, \"low\": -9007199254740991, \"e\": 1e3, \"half\": 0.5, "
                             "\"large\": 9007199254740992, \"larger\": 9007199254740993, "
                             "\"huge\": 1e999, \"text\": \"1\"}"),
                           &err),
                     GEN_OK);
    assert_null(json_member(value, "LOW"));
    assert_null(json_member(NULL, "low"));
    assert_null(json_member(json_member(value, "low"), "low"));
    assert_true(json_is_integer(json_member(value, "low"), &number));
    assert_int_equal(number, -9007199254740991);
    assert_true(json_is_integer(json_member(value, "e"), &number));
    assert_int_equal(number, 1000);
    static const char *const others[] = {"half", "large", "larger", "huge", "text", "missing"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_false(json_is_integer(json_member(value, others[i]), &number));
    }
    cJSON_Delete(value);
}

static void test_kinds(void **state) {
    (void)state;
    static const char *const kinds[][2] = {{"{}", "an object"},        {"[]", "an array"},
                                           {"\"\"", "text"},           {"1", "a number"},
                                           {"false", "true or false"}, {"null", "null"}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct gen_error err = {0};
        cJSON *value = NULL;
        assert_int_equal(parse(&value, kinds[i][0], strlen(kinds[i][0]), &err), GEN_OK);
        assert_string_equal(json_kind(value), kinds[i][1]);
        cJSON_Delete(value);
    }
    assert_string_equal(json_kind(NULL), "nothing");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),         cmocka_unit_test(test_refused),
        cmocka_unit_test(test_place_in_message), cmocka_unit_test(test_depth),
        cmocka_unit_test(test_looking_in),       cmocka_unit_test(test_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
