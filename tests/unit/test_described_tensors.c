/**
 * test_described_tensors.c - what gen_model_tensor() tells of tensors that are computed with in
 * another type than the file has: the file's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "format_fixture.h"
#include "whole_model.h"

static void test_f64(void **state) {
    (void)state;
    struct whole_model whole;
    whole_init(&whole, false);
    whole_retype(whole_tensor(&whole, "wte.weight"), "F64");
    uint64_t n =
        whole_tensor(&whole, "wte.weight")->dims[0] * whole_tensor(&whole, "wte.weight")->dims[1];
    const char *directory = fixture_directory_new();
    whole_write(directory, &whole);
    whole_release(&whole);

    struct gen_model *model = NULL;
    struct gen_error err = {0};
    if (gen_model_open(&model, directory, NULL, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    size_t n_wide = 0;
    for (size_t i = 0; i < gen_model_n_tensors(model); i++) {
        struct gen_tensor_info tensor = gen_model_tensor(model, i);
        if (strcmp(tensor.name, "wte.weight") != 0) {
            assert_string_equal(tensor.type, "F32");
            continue;
        }
        assert_string_equal(tensor.type, "F64");
        assert_int_equal(tensor.size, 8 * n);
        n_wide++;
    }
    assert_int_equal(n_wide, 1);
    gen_model_free(model);
    fixture_directory_remove(directory);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_f64)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
