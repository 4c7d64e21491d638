/**
 * test_quant_panel.c - panels of block formats: packing by words gives what packing number by
 * number does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/rng.h"
#include "tensor/quant/quant_panel.h"
#include "tensor/tensor_type.h"

enum { N_BLOCKS = 3 };

/* Rows of any bytes at an odd address, as no file promises more; d and m are finite. */
static unsigned char *random_rows(struct rng *rng, const struct quant_format *format,
                                  size_t n_columns) {
    size_t n = n_columns * N_BLOCKS;
    unsigned char *memory = malloc(n * format->block_bytes + 1);
    assert_non_null(memory);
    for (size_t i = 0; i <= n * format->block_bytes; i++) {
        memory[i] = (unsigned char)(rng_u32(rng) & 0xff);
    }
    for (size_t i = 0; i < n; i++) {
        unsigned char *block = memory + 1 + i * format->block_bytes;
        block[format->d_at + 1] &= 0xbf;
        if (format->has_min) {
            block[format->m_at + 1] &= 0xbf;
        }
    }
    return memory;
}

static void check_columns(struct rng *rng, const struct tensor_type_info *info, size_t n_columns) {
    const struct quant_format *format = info->quant;
    struct quant_layout layout;
    assert_true(quant_layout_init(&layout, format, N_BLOCKS * format->block_size));
    unsigned char *memory = random_rows(rng, format, n_columns);
    unsigned char *by_words = calloc(1, layout.panel_bytes);
    unsigned char *plain = calloc(1, layout.panel_bytes);
    assert_non_null(by_words);
    assert_non_null(plain);
    assert_true(quant_panel_pack(&layout, by_words, memory + 1, n_columns));
    quant_panel_pack_plain(&layout, plain, memory + 1, n_columns);
    if (memcmp(by_words, plain, layout.panel_bytes) != 0) {
        fail_msg("%s: panels of %zu columns differ", info->name, n_columns);
    }
    /* The last d, then the first m, no number or infinite. */
    size_t last = (n_columns * N_BLOCKS - 1) * format->block_bytes;
    bytes_put_u16(memory + 1 + last + format->d_at, 0x7e01);
    assert_false(quant_panel_pack(&layout, by_words, memory + 1, n_columns));
    bytes_put_u16(memory + 1 + last + format->d_at, 0);
    assert_true(quant_panel_pack(&layout, by_words, memory + 1, n_columns));
    if (format->has_min) {
        bytes_put_u16(memory + 1 + format->m_at, 0xfc00);
        assert_false(quant_panel_pack(&layout, by_words, memory + 1, n_columns));
    }
    free(memory);
    free(by_words);
    free(plain);
}

static void test_same_panels(void **state) {
    (void)state;
    struct rng rng;
    rng_init(&rng, 11, 0);
    for (int type = 0; type < TENSOR_N_TYPES; type++) {
        const struct tensor_type_info *info = tensor_type_info((enum tensor_type)type);
        for (size_t n = 1; info->quant != NULL && n <= QUANT_COLUMNS; n++) {
            check_columns(&rng, info, n);
        }
    }
}

/* Unpacked again, a panel has the numbers the type reads from its rows. */
static void test_numbers(void **state) {
    (void)state;
    struct rng rng;
    rng_init(&rng, 12, 0);
    for (int type = 0; type < TENSOR_N_TYPES; type++) {
        const struct tensor_type_info *info = tensor_type_info((enum tensor_type)type);
        struct quant_layout layout;
        if (info->quant == NULL) {
            continue;
        }
        size_t n = N_BLOCKS * info->block_size;
        assert_true(quant_layout_init(&layout, info->quant, n));
        unsigned char *memory = random_rows(&rng, info->quant, QUANT_COLUMNS);
        unsigned char *panel = calloc(1, layout.panel_bytes);
        float *found = malloc(n * sizeof *found);
        float *wanted = malloc(n * sizeof *wanted);
        assert_true(panel != NULL && found != NULL && wanted != NULL);
        assert_true(quant_panel_pack(&layout, panel, memory + 1, QUANT_COLUMNS));
        for (size_t column = 0; column < QUANT_COLUMNS; column++) {
            info->to_f32(wanted, memory + 1 + column * N_BLOCKS * info->block_bytes, n);
            quant_panel_column(&layout, found, panel, column);
            assert_memory_equal(found, wanted, n * sizeof *found);
        }
        free(memory);
        free(panel);
        free(found);
        free(wanted);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_panels),
        cmocka_unit_test(test_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
