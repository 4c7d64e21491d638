/* What the list of block formats (tensor/quant/quant_formats.h) cannot say by itself: that each row
 * goes with its struct quant_format, with a recipe where gen writes it, and with the published
 * names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gen.h"
#include "model/recipe.h"
#include "tensor/quant/quant.h"
#include "tensor/tensor_type.h"

#define TYPE_OF(LABEL, ...) TENSOR_##LABEL,
static const enum tensor_type formats[] = {QUANT_FORMATS(TYPE_OF)};
enum { N_FORMATS = sizeof formats / sizeof *formats };

/* The block formats are the last types, each in its place. */
static void test_types(void **state) {
    (void)state;
    for (int i = 0; i < N_FORMATS; i++) {
        const struct tensor_type_info *info = tensor_type_info(formats[i]);
        const struct tensor_other_type *other = tensor_type_other(info->gguf_id);
        enum tensor_type type;
        assert_int_equal(formats[i], TENSOR_N_TYPES - N_FORMATS + i);
        assert_true(tensor_type_from_gguf(info->gguf_id, &type) && type == formats[i]);
        assert_true(tensor_type_from_name(info->name, strlen(info->name), &type));
        assert_int_equal(type, formats[i]);
        assert_string_equal(other->name, info->name);
        assert_int_equal(other->block_size, info->block_size);
        assert_int_equal(other->block_bytes, info->block_bytes);
    }
    assert_null(tensor_type_info(TENSOR_N_TYPES - N_FORMATS - 1)->quant);
}

/* A field of `bytes` bytes at `at` of a block, in which no other field may lie. */
static void take_bytes(unsigned char *taken, const struct tensor_type_info *info, size_t at,
                       size_t bytes) {
    for (size_t i = at; i < at + bytes; i++) {
        if (i >= info->block_bytes || taken[i] != 0) {
            fail_msg("%s: byte %zu of a block has two uses or does not exist", info->name, i);
        }
        taken[i] = 1;
    }
}

/* Factors and numbers fill a block but for its groups. */
static void test_blocks(void **state) {
    (void)state;
    for (int i = 0; i < N_FORMATS; i++) {
        const struct tensor_type_info *info = tensor_type_info(formats[i]);
        const struct quant_format *format = info->quant;
        unsigned char taken[QUANT_BYTES_MAX] = {0};
        take_bytes(taken, info, format->d_at, 2);
        if (format->has_min) {
            take_bytes(taken, info, format->m_at, 2);
        }
        take_bytes(taken, info, format->low_at, format->block_size * format->low_bits / 8);
        take_bytes(taken, info, format->high_at, format->block_size * format->high_bits / 8);
        bool whole = memchr(taken, 0, info->block_bytes) == NULL;
        assert_int_equal(whole, !format->has_groups);
        assert_int_equal(format->unpack_groups != NULL, format->has_groups);
        assert_non_null(format->unpack);
        assert_int_equal(format->pack != NULL, info->from_f32 != NULL);
        assert_int_equal(format->quantize != NULL, info->from_f32 != NULL);
    }
}

/* A type that gen writes is the main one of a recipe, and no recipe has another. The last type is
 * none. */
static void test_recipes(void **state) {
    (void)state;
    size_t n = 0;
    for (; gen_convert_types[n + 1] != NULL; n++) {
        const struct recipe *recipe = recipe_find(gen_convert_types[n]);
        assert_non_null(recipe);
        assert_string_equal(recipe->name, gen_convert_types[n]);
        assert_ptr_equal(recipe_of_type(recipe->main), recipe);
        assert_non_null(tensor_type_info(recipe->main)->from_f32);
        assert_non_null(tensor_type_info(recipe->better)->from_f32);
        const char *type = tensor_type_info(recipe->main)->option_name;
        assert_memory_equal(recipe->name, type, strlen(type));
    }
    assert_string_equal(gen_convert_types[n], recipe_auto);
    size_t n_written = 0;
    for (int type = 0; type < TENSOR_N_TYPES; type++) {
        n_written += tensor_type_info((enum tensor_type)type)->from_f32 != NULL;
    }
    assert_int_equal(n, n_written);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_recipes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
