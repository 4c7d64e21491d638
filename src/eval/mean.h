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

/** The mean of numbers that come in clusters, whose members go up and down together. Start from
 * {0}.
 */
struct cluster_mean {
    double n_clusters, n, sum;
    double sum_ss, sum_sm, sum_mm; /**< over clusters, of sum s and number m */
};

/** One cluster: how many numbers it has, and their sum. */
void cluster_mean_add(struct cluster_mean *mean, double n, double sum);
/**
 * Standard error of sum / n, of a ratio of two sums over clusters: with r the mean
 * sqrt(W / (W - 1) sum of (s - r m)^2) / (sum of m). NaN where there are fewer than two.
 */
double cluster_mean_stderr(const struct cluster_mean *mean);

#endif
