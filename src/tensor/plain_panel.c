/**
 * plain_panel.c - packing plain floats into panels, by transposing squares of 4 x 4 words or 8 x 8
 * halves, and on the way finding numbers that are not finite. matrix.c says which columns.
 */
#include "tensor/plain_panel.h"

#include <string.h>

#include "tensor/words.h"

/* The k are taken in runs of a cache line of the source, so that each line is read once, and
 * prefetched that many lines ahead: 16 streams are more than processors foresee. */
enum { CACHE_LINE = 64, LINES_AHEAD = 4 };

static void prefetch_ahead(const unsigned char *from) {
    /* Through an integer, because the address may lie after the end. */
    uintptr_t ahead = (uintptr_t)from + (uintptr_t)LINES_AHEAD * CACHE_LINE;
    __builtin_prefetch((const void *)ahead); // NOLINT(performance-no-int-to-ptr)
}

/* NOLINTBEGIN(bugprone-macro-parentheses): a type cannot be in them. */
/* Columns and k that fill no square, number by number. */
#define PACK_REST(name, type)                                                                      \
    static bool name(type *restrict to, const unsigned char *restrict from, size_t n_in,           \
                     size_t n_columns, size_t first_k, size_t first_column, type exponent) {       \
        bool finite = true;                                                                        \
        for (size_t column = first_column; column < n_columns; column++) {                         \
            for (size_t k = first_k; k < n_in; k++) {                                              \
                type number;                                                                       \
                memcpy(&number, from + (column * n_in + k) * sizeof number, sizeof number);        \
                finite &= (number & exponent) != exponent;                                         \
                to[k * PLAIN_COLUMNS + column] = number;                                           \
            }                                                                                      \
        }                                                                                          \
        return finite;                                                                             \
    }

/* `side` columns of a run, by squares of side x side. An exponent that is all ones, plus its lowest
 * bit, carries into the place of the sign: those bits of the result say what is not finite. */
#define PACK_RUN(name, type, vector, side, transpose)                                              \
    ALWAYS_INLINE vector name(type *restrict to, const unsigned char *restrict from, size_t n_in,  \
                              vector exponents, vector lowest) {                                   \
        vector bad = {0};                                                                          \
        for (size_t i = 0; i < (side); i++) {                                                      \
            prefetch_ahead(from + i * n_in * sizeof(type));                                        \
        }                                                                                          \
        for (size_t k = 0; k < CACHE_LINE / sizeof(type); k += (side)) {                           \
            vector square[side];                                                                   \
            for (size_t i = 0; i < (side); i++) {                                                  \
                memcpy(&square[i], from + (i * n_in + k) * sizeof(type), sizeof square[i]);        \
                bad |= (square[i] & exponents) + lowest;                                           \
            }                                                                                      \
            transpose(square);                                                                     \
            for (size_t i = 0; i < (side); i++) {                                                  \
                memcpy(to + (k + i) * PLAIN_COLUMNS, &square[i], sizeof square[i]);                \
            }                                                                                      \
        }                                                                                          \
        return bad;                                                                                \
    }

#define PACK(name, type, vector, side)                                                             \
    bool name(type *restrict to, const unsigned char *restrict from, size_t n_in,                  \
              size_t n_columns, type exponent) {                                                   \
        size_t run = CACHE_LINE / sizeof(type);                                                    \
        size_t whole_k = n_in / run * run;                                                         \
        size_t whole_columns = n_columns / (side) * (side);                                        \
        vector signs = (vector){0} + (type)((type)1 << (8 * sizeof(type) - 1));                    \
        vector exponents = (vector){0} + exponent;                                                 \
        vector bad = {0};                                                                          \
        for (size_t k = 0; k < whole_k; k += run) {                                                \
            for (size_t column = 0; column < whole_columns; column += (side)) {                    \
                bad |= name##_run(to + k * PLAIN_COLUMNS + column,                                 \
                                  from + (column * n_in + k) * sizeof(type), n_in, exponents,      \
                                  signs - exponents);                                              \
            }                                                                                      \
        }                                                                                          \
        bool finite = words_are_zero((words)(bad & signs));                                        \
        finite &= name##_rest(to, from, n_in, whole_columns, whole_k, 0, exponent);                \
        finite &= name##_rest(to, from, n_in, n_columns, 0, whole_columns, exponent);              \
        return finite;                                                                             \
    }
/* NOLINTEND(bugprone-macro-parentheses) */

PACK_REST(plain_panel_pack_32_rest, uint32_t)
PACK_RUN(plain_panel_pack_32_run, uint32_t, words, 4, words_transpose)
PACK(plain_panel_pack_32, uint32_t, words, 4)

PACK_REST(plain_panel_pack_16_rest, uint16_t)
PACK_RUN(plain_panel_pack_16_run, uint16_t, halves, 8, halves_transpose)
PACK(plain_panel_pack_16, uint16_t, halves, 8)
