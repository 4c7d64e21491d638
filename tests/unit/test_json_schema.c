/**
 * test_json_schema.c - JSON schemas as constraints: numbers within bounds against all numbers
 * around them, the order of members, what is refused and how it is said, masks against the tokens
 * one by one. What schemas mean is held against the JSON Schema Test Suite in test_json_suite.c.
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
#include "text/json.h"

static struct gen_constraint *of(const char *schema) {
    struct gen_constraint *constraint = NULL;
    struct gen_error err = {0};
    if (gen_constraint_new_json_schema(&constraint, constraint_fixture_pieces(), "schema", schema,
                                       strlen(schema), &err) != GEN_OK) {
        fail_msg("%s: %s", schema, err.message);
    }
    return constraint;
}

static bool allows(struct gen_constraint *constraint, const char *text) {
    struct gen_matcher *matcher = NULL;
    assert_int_equal(gen_matcher_new(&matcher, constraint, NULL), GEN_OK);
    bool allowed = gen_matcher_accept_bytes(matcher, text, strlen(text), NULL) == GEN_OK &&
                   gen_matcher_may_end(matcher);
    gen_matcher_free(matcher);
    return allowed;
}

/* ---- numbers ---------------------------------------------------------------------------------*/

/* A number of quarters, as JSON. */
static void print_quarters(char *out, size_t size, int quarters) {
    static const char *const parts[] = {"", ".25", ".5", ".75"};
    int whole = abs(quarters) / 4;
    snprintf(out, size, "%s%d%s", quarters < 0 ? "-" : "", whole, parts[abs(quarters) % 4]);
}

/* All quarters and whole numbers near bounds that are quarters. */
static void check_bounds(int low, int high, bool low_out, bool high_out, bool integer) {
    char schema[200], from[20], to[20];
    print_quarters(from, sizeof from, low);
    print_quarters(to, sizeof to, high);
    snprintf(schema, sizeof schema, "{\"type\":\"%s\",\"%s\":%s,\"%s\":%s}",
             integer ? "integer" : "number", low_out ? "exclusiveMinimum" : "minimum", from,
             high_out ? "exclusiveMaximum" : "maximum", to);
    struct gen_constraint *constraint = NULL;
    struct gen_error err = {0};
    enum gen_status status = gen_constraint_new_json_schema(
        &constraint, constraint_fixture_pieces(), "schema", schema, strlen(schema), &err);
    for (int value = low - 60; value <= high + 60; value++) {
        char text[20];
        print_quarters(text, sizeof text, value);
        bool good = (low_out ? value > low : value >= low) &&
                    (high_out ? value < high : value <= high) && (!integer || value % 4 == 0);
        if (status != GEN_OK && good) {
            fail_msg("%s: %s", schema, err.message);
        }
        if (status == GEN_OK && allows(constraint, text) != good) {
            fail_msg("%s: %s is %s", schema, text, good ? "refused" : "allowed");
        }
    }
    gen_constraint_free(constraint);
}

static void test_bounds(void **state) {
    (void)state;
    struct rng rng;
    rng_init_sequence(&rng, 3, 0, 0);
    for (int i = 0; i < 300; i++) {
        int reach = i % 3 == 0 ? 20 : i % 3 == 1 ? 450 : 5000;
        int low = (int)(rng_u32(&rng) % (unsigned)(2 * reach)) - reach;
        int high = low + (int)(rng_u32(&rng) % (i % 2 == 0 ? 12u : 600u));
        check_bounds(low, high, i % 4 == 1, i % 5 == 1, i % 7 < 3);
    }
}

struct checked {
    const char *schema;
    const char *yes[8], *no[8];
};

static const struct checked numbers[] = {
    {"{\"type\":\"integer\"}",
     {"0", "-7", "123456789012345678901"},
     {"01", "1.0", "+1", "1e3", ""}},
    {"{\"type\":\"number\"}", {"0", "-0.5", "1e5", "2.5E-3"}, {".5", "1.", "01", "e5"}},
    {"{\"type\":\"number\",\"minimum\":0.1}",
     {"0.1", "0.10", "0.11", "1", "99999.5"},
     {"0", "0.09", "-1", "0.0999"}},
    {"{\"type\":\"number\",\"exclusiveMinimum\":1.5}",
     {"1.51", "1.5001", "2", "10"},
     {"1.5", "1.50", "1", "1.49"}},
    {"{\"type\":\"number\",\"exclusiveMaximum\":-2}",
     {"-2.0001", "-3", "-20"},
     {"-2", "-2.00", "0", "-1.9"}},
    {"{\"type\":\"integer\",\"minimum\":1e15}", {"1000000000000000"}, {"999999999999999"}},
    {"{\"multipleOf\":7,\"type\":\"integer\"}", {"0", "7", "-14", "7000007"}, {"1", "07", "15"}},
    {"{\"multipleOf\":0.25,\"type\":\"number\"}",
     {"0", "0.25", "-1.5", "3.75"},
     {"0.2", "1.3", "0.125"}},
    {"{\"multipleOf\":3,\"minimum\":-4,\"maximum\":7}", {"-3", "0", "3", "6"}, {"9", "-6", "1"}},
};

/* ---- what is allowed -------------------------------------------------------------------------*/

static const struct checked others[] = {
    {"{\"properties\":{\"b\":{\"type\":\"integer\"},\"a\":{\"type\":\"null\"}},\"required\":[\"a\"]"
     ","
     "\"type\":\"object\",\"additionalProperties\":false}",
     {"{\"b\":1,\"a\":null}", "{\"a\":null}", "{ \"b\" : 1 ,\n  \"a\": null }"},
     {"{\"a\":null,\"b\":1}", "{\"b\":1}", "{}", "{\"a\":null,\"c\":1}", "{\"a\":null,}"}},
    {"{\"type\":\"object\",\"properties\":{\"ab\":{\"type\":\"integer\"}},"
     "\"additionalProperties\":{\"type\":\"null\"}}",
     {"{\"ab\":1,\"a\":null,\"abc\":null}", "{\"\":null}", "{\"\\u0001\":null}",
      "{\"\xC3\xA4\":null}"},
     {"{\"ab\":null}", "{\"\\u0061b\":null}", "{\"a\":1}"}},
    {"{\"type\":\"object\",\"required\":[\"x\"],\"minProperties\":2,\"maxProperties\":3}",
     {"{\"x\":1,\"y\":2}", "{\"x\":1,\"y\":2,\"z\":3}"},
     {"{\"x\":1}", "{\"x\":1,\"y\":2,\"z\":3,\"w\":4}", "{\"y\":1,\"z\":1}"}},
    {"{\"type\":\"string\",\"minLength\":1,\"maxLength\":2}",
     {"\"a\"", "\"\xC3\xA4\xF0\x9F\x98\x80\"", "\"\\n\\u00e4\""},
     {"\"\"", "\"abc\"", "\"\n\""}},
    {"{\"type\":\"string\",\"pattern\":\"^[a-z]+$\",\"maxLength\":3}",
     {"\"abc\""},
     {"\"abcd\"", "\"\"", "\"A\""}},
    {"{\"type\":\"string\",\"format\":\"date\"}",
     {"\"2024-02-29\"", "\"1999-12-31\""},
     {"\"2023-02-29\"", "\"1900-02-29\"", "\"2023-13-01\"", "\"2023-1-1\""}},
    {"{\"type\":\"string\",\"format\":\"uuid\"}",
     {"\"2eb8aa08-aa98-11ea-b4aa-73b441d16380\""},
     {"\"2eb8aa08aa9811eab4aa73b441d16380\""}},
    {"{\"enum\":[1e300,-2.5e-30,0.1]}", {"1e+300", "-2.5e-30", "0.1"}, {"0", "1"}},
    {"{\"enum\":[\"a\\\"b\",1.50,null,[1,{\"k\":true}]]}",
     {"\"a\\\"b\"", "1.5", "null", "[1, {\"k\": true}]"},
     {"1", "\"a\"", "[1]"}},
    {"{\"$defs\":{\"tree\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/tree\"}}},"
     "\"$ref\":\"#/$defs/tree\"}",
     {"[]", "[[],[[]]]"},
     {"[1]", "[[]", "{}"}},
    {"{\"type\":\"array\",\"prefixItems\":[{\"type\":\"integer\"}],\"items\":{\"type\":\"null\"},"
     "\"minItems\":2,\"maxItems\":3}",
     {"[1,null]", "[1,null,null]"},
     {"[1]", "[null,null]", "[1,null,null,null]", "[1,1]"}},
    {"{\"type\":\"boolean\",\"title\":\"t\",\"x-mine\":3}",
     {"true", "false"},
     {"null", "\"true\""}},
};

static void check_all(const struct checked *all, size_t n) {
    for (size_t i = 0; i < n; i++) {
        struct gen_constraint *constraint = of(all[i].schema);
        for (size_t k = 0; k < 8 && all[i].yes[k] != NULL; k++) {
            if (!constraint_fixture_allows(constraint, all[i].yes[k], strlen(all[i].yes[k]))) {
                fail_msg("%s does not allow %s", all[i].schema, all[i].yes[k]);
            }
        }
        for (size_t k = 0; k < 8 && all[i].no[k] != NULL; k++) {
            if (constraint_fixture_allows(constraint, all[i].no[k], strlen(all[i].no[k]))) {
                fail_msg("%s allows %s", all[i].schema, all[i].no[k]);
            }
        }
        gen_constraint_free(constraint);
    }
}

static void test_allows(void **state) {
    (void)state;
    check_all(numbers, N_OF(numbers));
    check_all(others, N_OF(others));
}

/* ---- what is refused -------------------------------------------------------------------------*/

static void test_refused(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"", "schema"},
        {"[1]", "a schema is an array, but must be an object, true or false"},
        {"{\"typ\":\"string\"}", "the keyword \"typ\" is not known"},
        {"{\"type\":\"text\"}", "type \"text\" is none of JSON"},
        {"{\"type\":\"array\",\"uniqueItems\":true}", "\"uniqueItems\" is not supported"},
        {"{\"unevaluatedProperties\":false}", "\"unevaluatedProperties\" is not supported"},
        {"{\"$dynamicRef\":\"#x\"}", "\"$dynamicRef\" is not supported"},
        {"{\"$ref\":\"http://example.com/x\"}", "must name a schema of the same file"},
        {"{\"$ref\":\"#/$defs/none\"}", "must name a schema of the same file"},
        {"{\"type\":\"string\",\"format\":\"iri\"}", "the format \"iri\" is not supported"},
        {"{\"type\":\"string\",\"pattern\":\"(?=a)\"}", "a lookahead"},
        {"{\"oneOf\":[{\"pattern\":\"a\"},{\"pattern\":\"b\"}]}", "\"oneOf\" is not supported"},
        {"{\"not\":{\"pattern\":\"a\"}}", "\"not\" is not supported"},
        {"{\"items\":[{}]}", "prefixItems since 2020-12"},
        {"{\"type\":\"object\",\"uniqueItems\":true,\"unevaluatedProperties\":false}",
         "\"unevaluatedProperties\" is not supported"},
        {"{\"const\":[1e400]}", "too large for a double"},
        {"{\"required\":true}", "required must be an array"},
        {"{\"allOf\":{}}", "allOf must be an array"},
        {"{\"prefixItems\":{}}", "prefixItems must be an array"},
        {"{\"x-gen-none-of\":3}", "not and oneOf"},
        {"{\"allOf\":[{\"format\":\"date\"},{\"format\":\"time\"}]}",
         "\"format\" is not supported"},
        {"{\"minLength\":-1}", "minLength must be a whole number"},
        {"{\"type\":\"string\",\"minLength\":3,\"maxLength\":2}", "allows no text at all"},
        {"false", "allows no text at all"},
        {"{\"allOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}", "allows no text at all"},
        {"{\"type\":\"array\",\"minItems\":100000000,\"items\":{\"type\":\"null\"}}",
         "needs more than"},
    };
    for (size_t i = 0; i < N_OF(cases); i++) {
        struct gen_constraint *constraint = NULL;
        struct gen_error err = {0};
        if (gen_constraint_new_json_schema(&constraint, constraint_fixture_pieces(), "s.json",
                                           cases[i][0], strlen(cases[i][0]),
                                           &err) != GEN_BAD_ARGUMENT) {
            fail_msg("%s is not refused", cases[i][0]);
        }
        assert_null(constraint);
        if (strncmp(err.message, "s.json: ", 8) != 0 || strstr(err.message, cases[i][1]) == NULL) {
            fail_msg("%s: %s", cases[i][0], err.message);
        }
    }
}

/* Where a keyword means nothing it is no harm: these are of other types. */
static void test_not_concerned(void **state) {
    (void)state;
    gen_constraint_free(of("{\"type\":\"string\",\"uniqueItems\":true,\"minimum\":3}"));
    gen_constraint_free(of("{\"type\":\"null\",\"unevaluatedProperties\":false}"));
}

/* ---- masks and texts -------------------------------------------------------------------------*/

static void test_masks(void **state) {
    (void)state;
    struct rng rng;
    rng_init_sequence(&rng, 8, 0, 0);
    for (size_t i = 0; i < N_OF(others); i++) {
        struct gen_constraint *constraint = of(others[i].schema);
        for (int k = 0; k < 4; k++) {
            struct gen_bytes text = {0};
            bool whole = constraint_fixture_draw(constraint, &rng, 25, k == 0, &text);
            cJSON *value = NULL;
            if (whole) {
                assert_int_equal(json_parse(&value, text.data, text.n, "drawn", NULL), GEN_OK);
            }
            cJSON_Delete(value);
            gen_bytes_release(&text);
        }
        gen_constraint_free(constraint);
    }
}

static void test_any_object(void **state) {
    (void)state;
    struct gen_constraint *constraint = NULL;
    assert_int_equal(gen_constraint_new_json_object(&constraint, constraint_fixture_pieces(), NULL),
                     GEN_OK);
    static const char object[] = "{\"a\": [1, {\"b\": null}]}";
    assert_true(constraint_fixture_allows(constraint, object, sizeof object - 1));
    assert_false(constraint_fixture_allows(constraint, "[]", 2));
    gen_constraint_free(constraint);
}

/* Shared by users, of whom each may be the last. */
static void test_users(void **state) {
    (void)state;
    struct gen_constraint *constraint = of("{\"type\":\"null\"}");
    struct gen_matcher *matcher = NULL;
    assert_int_equal(gen_matcher_new(&matcher, constraint, NULL), GEN_OK);
    assert_ptr_equal(gen_constraint_use(constraint), constraint);
    assert_null(gen_constraint_use(NULL));
    gen_constraint_free(constraint);
    gen_constraint_free(constraint);
    assert_int_equal(gen_matcher_accept_bytes(matcher, "null", 4, NULL), GEN_OK);
    assert_true(gen_matcher_may_end(matcher));
    gen_matcher_free(matcher);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds),  cmocka_unit_test(test_allows),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_not_concerned),
        cmocka_unit_test(test_masks),   cmocka_unit_test(test_any_object),
        cmocka_unit_test(test_users),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
