/**
 * size.h - the arithmetic of sizes that many files need, and how many elements an array has. None
 * of it checks for overflow: a size that a file or a user gives is checked before it comes here
 * (memory.h does so for what it allocates). `by` and `to` are at least 1.
 */
#ifndef BASE_SIZE_H
#define BASE_SIZE_H

#include <stddef.h>

/** Elements of an array, which must be one, not a pointer. */
#define N_OF(array) (sizeof(array) / sizeof *(array))

static inline size_t size_min(size_t a, size_t b) {
    return a < b ? a : b;
}

static inline size_t size_max(size_t a, size_t b) {
    return a > b ? a : b;
}

/** n / by, rounded up: how many pieces of at most `by` there are of n. */
static inline size_t size_divide_up(size_t n, size_t by) {
    return (n + by - 1) / by;
}

/** The first multiple of `to` that is not below n. */
static inline size_t size_round_up(size_t n, size_t to) {
    return size_divide_up(n, to) * to;
}

#endif
