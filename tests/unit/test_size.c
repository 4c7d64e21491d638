/* The small helpers of base/size.h, base/field.h and of the ends of names in text/lines.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/field.h"
#include "base/size.h"
#include "text/lines.h"

static void test_least_and_greatest(void **state) {
    (void)state;
    assert_int_equal(size_min(2, 3), 2);
    assert_int_equal(size_min(3, 2), 2);
    assert_int_equal(size_max(2, 3), 3);
    assert_int_equal(size_max(3, 2), 3);
    assert_int_equal(size_min(0, SIZE_MAX), 0);
    assert_true(size_max(0, SIZE_MAX) == SIZE_MAX);
}

static void test_rounding_up(void **state) {
    (void)state;
    static const struct {
        size_t n, by, quotient, multiple;
    } cases[] = {{0, 1, 0, 0},    {0, 16, 0, 0},   {1, 16, 1, 16}, {15, 16, 1, 16},
                 {16, 16, 1, 16}, {17, 16, 2, 32}, {7, 1, 7, 7},   {7, 3, 3, 9}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(size_divide_up(cases[i].n, cases[i].by), cases[i].quotient);
        assert_int_equal(size_round_up(cases[i].n, cases[i].by), cases[i].multiple);
    }
}

static void test_field(void **state) {
    (void)state;
    struct record {
        char letter;
        double number;
    } record = {'a', 1.5};
    assert_ptr_equal(field_at(&record, offsetof(struct record, number)), &record.number);
    assert_ptr_equal(field_at_const(&record, offsetof(struct record, letter)), &record.letter);
}

static void test_ends(void **state) {
    (void)state;
    assert_true(text_ends_with("h.0.attn.bias", ".attn.bias"));
    assert_true(text_ends_with(".attn.bias", ".attn.bias"));
    assert_true(text_ends_with("anything", ""));
    assert_true(text_ends_with("", ""));
    assert_false(text_ends_with("h.0.attn.bias ", ".attn.bias"));
    assert_false(text_ends_with("attn.bias", ".attn.bias"));
    assert_false(text_ends_with("", ".attn.bias"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_least_and_greatest),
        cmocka_unit_test(test_rounding_up),
        cmocka_unit_test(test_field),
        cmocka_unit_test(test_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
