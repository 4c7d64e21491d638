/**
 * words.h - short vectors of integers, for packing: plain C moves one number at a time, and a
 * compiler makes vectors of such loops only at some levels and for some types. gcc and clang have
 * these for any machine; where it has no vectors, they are made of plain instructions.
 */
#ifndef TENSOR_WORDS_H
#define TENSOR_WORDS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/inline.h"

/* Said of machines without vectors, about functions that are called; none here is. */
#pragma GCC diagnostic ignored "-Wpsabi"

typedef uint32_t words __attribute__((vector_size(16)));
typedef uint16_t halves __attribute__((vector_size(16)));

/* Lanes by their numbers, those of b after those of a. */
#ifdef __clang__
#define WORDS_PICK(a, b, ...)  __builtin_shufflevector(a, b, __VA_ARGS__)
#define HALVES_PICK(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define WORDS_PICK(a, b, ...)  __builtin_shuffle(a, b, (words){__VA_ARGS__})
#define HALVES_PICK(a, b, ...) __builtin_shuffle(a, b, (halves){__VA_ARGS__})
#endif

ALWAYS_INLINE words words_load(const unsigned char *at) {
    words w;
    memcpy(&w, at, sizeof w);
    return w;
}
ALWAYS_INLINE void words_store(void *at, words w) {
    memcpy(at, &w, sizeof w);
}

ALWAYS_INLINE bool words_are_zero(words w) {
    uint64_t pair[2];
    memcpy(pair, &w, sizeof pair);
    return (pair[0] | pair[1]) == 0;
}

/* w[i][j] becomes w[j][i]. */
ALWAYS_INLINE void words_transpose(words w[4]) {
    words first_low = WORDS_PICK(w[0], w[1], 0, 4, 1, 5);
    words first_high = WORDS_PICK(w[0], w[1], 2, 6, 3, 7);
    words second_low = WORDS_PICK(w[2], w[3], 0, 4, 1, 5);
    words second_high = WORDS_PICK(w[2], w[3], 2, 6, 3, 7);
    w[0] = WORDS_PICK(first_low, second_low, 0, 1, 4, 5);
    w[1] = WORDS_PICK(first_low, second_low, 2, 3, 6, 7);
    w[2] = WORDS_PICK(first_high, second_high, 0, 1, 4, 5);
    w[3] = WORDS_PICK(first_high, second_high, 2, 3, 6, 7);
}

/* h[i][j] becomes h[j][i]: neighbours are joined to words, and these transposed. */
ALWAYS_INLINE void halves_transpose(halves h[8]) {
    words low[4];
    words high[4];
    for (int i = 0; i < 4; i++) {
        halves a = h[2 * i];
        halves b = h[2 * i + 1];
        low[i] = (words)HALVES_PICK(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
        high[i] = (words)HALVES_PICK(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
    }
    words_transpose(low);
    words_transpose(high);
    for (int i = 0; i < 4; i++) {
        h[i] = (halves)low[i];
        h[4 + i] = (halves)high[i];
    }
}

#endif
