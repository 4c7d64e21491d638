/**
 * kernel_check.h - for tests that hold kernels against plain loops: numbers to compute with, and
 * results compared bit for bit.
 */
#ifndef KERNEL_CHECK_H
#define KERNEL_CHECK_H

#include <stddef.h>

#include "base/rng.h"

/** n numbers of either sign, below scale / 2; to be freed. n may be 0. */
float *kernel_check_random(struct rng *rng, size_t n, float scale);

/** Fails the test, naming `what`, at the first of n elements whose bits differ. */
void kernel_check_same(const float *found, const float *expected, size_t n, const char *what);

#endif
