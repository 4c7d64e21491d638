/**
 * test_plain_panel.c - panels of plain floats: packing by squares gives what the layout says,
 * number by number, and notices every number that is not finite, wherever it lies.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "tensor/plain_panel.h"

#define F32_EXPONENT  0x7f800000u
#define F16_EXPONENT  0x7c00u
#define BF16_EXPONENT 0x7f80u

/* A type of numbers: its bytes, and the bits that are all ones in those that are not finite. */
struct kind {
    size_t bytes;
    uint32_t exponent;
};

static const struct kind kinds[] = {{4, F32_EXPONENT}, {2, F16_EXPONENT}, {2, BF16_EXPONENT}};

static bool pack(const struct kind *kind, unsigned char *to, const unsigned char *from, size_t n_in,
                 size_t n_columns) {
    return kind->bytes == 4
               ? plain_panel_pack_32((uint32_t *)(void *)to, from, n_in, n_columns, kind->exponent)
               : plain_panel_pack_16((uint16_t *)(void *)to, from, n_in, n_columns,
                                     (uint16_t)kind->exponent);
}

static uint32_t number_at(const struct kind *kind, const unsigned char *at) {
    uint32_t wide = 0;
    uint16_t narrow = 0;
    if (kind->bytes == 4) {
        memcpy(&wide, at, sizeof wide);
        return wide;
    }
    memcpy(&narrow, at, sizeof narrow);
    return narrow;
}

static void put_number(const struct kind *kind, unsigned char *at, uint32_t number) {
    uint16_t narrow = (uint16_t)(number & 0xffff);
    if (kind->bytes == 4) {
        memcpy(at, &number, sizeof number);
    } else {
        memcpy(at, &narrow, sizeof narrow);
    }
}

static void fill(struct rng *rng, const struct kind *kind, unsigned char *at, size_t n) {
    for (size_t i = 0; i < n; i++) {
        uint32_t number = rng_u32(rng);
        /* Finite: one bit of the exponent, its lowest, is 0. */
        put_number(kind, at + i * kind->bytes, number & ~(kind->exponent & (~kind->exponent + 1)));
    }
}

static void check(struct rng *rng, const struct kind *kind, size_t n_in, size_t n_columns) {
    /* Rows at an odd address, as no file promises more, and not a byte after them. */
    size_t n = n_in * n_columns;
    unsigned char *memory = malloc(n * kind->bytes + 1);
    size_t panel_numbers = n_in * PLAIN_COLUMNS;
    unsigned char *panel = calloc(panel_numbers, kind->bytes);
    assert_true(memory != NULL && panel != NULL);
    unsigned char *rows = memory + 1;
    fill(rng, kind, rows, n);
    assert_true(pack(kind, panel, rows, n_in, n_columns));
    for (size_t i = 0; i < panel_numbers; i++) {
        size_t k = i / PLAIN_COLUMNS;
        size_t column = i % PLAIN_COLUMNS;
        uint32_t wanted =
            column < n_columns ? number_at(kind, rows + (column * n_in + k) * kind->bytes) : 0;
        assert_int_equal(number_at(kind, panel + i * kind->bytes), wanted);
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t kept = number_at(kind, rows + i * kind->bytes);
        put_number(kind, rows + i * kind->bytes, kept | kind->exponent);
        assert_false(pack(kind, panel, rows, n_in, n_columns));
        put_number(kind, rows + i * kind->bytes, kept);
    }
    assert_true(pack(kind, panel, rows, n_in, n_columns));
    free(memory);
    free(panel);
}

static void test_panels(void **state) {
    (void)state;
    static const size_t n_in[] = {1, 7, 15, 16, 17, 31, 32, 33, 48, 65};
    struct rng rng;
    rng_init(&rng, 13, 0);
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
        for (size_t i = 0; i < sizeof n_in / sizeof *n_in; i++) {
            for (size_t n_columns = 1; n_columns <= PLAIN_COLUMNS; n_columns++) {
                check(&rng, &kinds[kind], n_in[i], n_columns);
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_panels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
