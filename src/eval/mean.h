/**
 * mean.h - means and their standard errors.
 */
#ifndef EVAL_MEAN_H
#define EVAL_MEAN_H

#include <stdbool.h>
#include <stddef.h>

/** Numbers, kept; start from {0}. */
struct mean {
    double *values;
    size_t n, capacity;
};

void mean_release(struct mean *mean);
/** False: out of memory. */
bool mean_add(struct mean *mean, double value);
/** NaN where there is no number. */
double mean_value(const struct mean *mean);
/** Sample standard deviation by the root of n; NaN where there are fewer than two. */
double mean_stderr(const struct mean *mean);

#endif
