/**
 * mean.c - means and standard errors, in the order of arithmetic of lm-evaluation-harness.
 */
#include "eval/mean.h"

#include <math.h>

#include "base/memory.h"

void mean_release(struct mean *mean) {
    memory_free(mean->values);
    *mean = (struct mean){0};
}

bool mean_add(struct mean *mean, double value) {
    if (!memory_grow(&mean->values, &mean->capacity, mean->n + 1, sizeof value)) {
        return false;
    }
    mean->values[mean->n++] = value;
    return true;
}

double mean_value(const struct mean *mean) {
    double sum = 0;
    for (size_t i = 0; i < mean->n; i++) {
        sum += mean->values[i];
    }
    return mean->n > 0 ? sum / (double)mean->n : (double)NAN;
}

double mean_stderr(const struct mean *mean) {
    if (mean->n < 2) {
        return (double)NAN;
    }
    double middle = mean_value(mean);
    double sum = 0;
    for (size_t i = 0; i < mean->n; i++) {
        double off = mean->values[i] - middle;
        sum += off * off;
    }
    return sqrt(sum / (double)(mean->n - 1)) / sqrt((double)mean->n);
}

void cluster_mean_add(struct cluster_mean *mean, double n, double sum) {
    mean->n_clusters += 1;
    mean->n += n;
    mean->sum += sum;
    mean->sum_ss += sum * sum;
    mean->sum_sm += sum * n;
    mean->sum_mm += n * n;
}

double cluster_mean_stderr(const struct cluster_mean *mean) {
    double w = mean->n_clusters;
    double r = mean->sum / mean->n;
    double sum = mean->sum_ss - 2 * r * mean->sum_sm + r * r * mean->sum_mm;
    return w > 1 ? sqrt(w / (w - 1) * fmax(sum, 0)) / mean->n : (double)NAN;
}
