/**
 * agreement.c - divergence, same likeliest token, change of probability: of one place, and the
 * figures over all places that gen_eval.h tells.
 */
#include "eval/agreement.h"

#include <math.h>
#include <stdlib.h>

#include "base/floats.h"
#include "base/math.h"
#include "base/size.h"
#include "eval/base_file.h"

#define LANES 16
/* Numbers whose exponentials are computed at a time, a multiple of LANES. */
#define SOME 512

/* ---- one place -------------------------------------------------------------------------------*/

/* Sum of lanes[i] in a fixed order. */
static double sum_lanes(double lanes[LANES]) {
    for (size_t half = LANES / 2; half > 0; half /= 2) {
        for (size_t lane = 0; lane < half; lane++) {
            lanes[lane] += lanes[lane + half];
        }
    }
    return lanes[0];
}

struct agreement_row agreement_row_of_logits(const float *logits, size_t n) {
    struct agreement_row row = {.x = logits, .n = n, .left_out = -INFINITY};
    double lanes[LANES] = {0};
    row.top = floats_first_greatest(logits, n);
    row.greatest = (double)logits[row.top];
    for (size_t first = 0; first < n; first += SOME) {
        float powers[SOME];
        size_t some = size_min(n - first, SOME);
        floats_exp(powers, logits + first, some, logits[row.top]);
        for (size_t i = 0; i < some; i++) {
            lanes[i % LANES] += (double)powers[i];
        }
    }
    row.log_sum = math_log_wide(sum_lanes(lanes));
    return row;
}

struct agreement_row agreement_row_of_file(const float *logprobs, size_t n) {
    return (struct agreement_row){.x = logprobs,
                                  .n = n,
                                  .top = floats_first_greatest(logprobs, n),
                                  .left_out = BASE_FILE_LEFT_OUT};
}

static double log_p(const struct agreement_row *row, size_t i) {
    return (double)row->x[i] - row->greatest - row->log_sum;
}

/* Sum of p (log p - log q) over all ids; p is e^(x - greatest) / e^log_sum. */
static double divergence(const struct agreement_row *p, const struct agreement_row *q) {
    double lanes[LANES] = {0};
    double apart = (p->greatest + p->log_sum) - (q->greatest + q->log_sum);
    float lowest = (float)(p->left_out + p->greatest + p->log_sum);
    for (size_t first = 0; first < p->n; first += SOME) {
        float powers[SOME];
        const float *x = p->x + first;
        const float *y = q->x + first;
        size_t some = size_min(p->n - first, SOME);
        floats_exp(powers, x, some, (float)p->greatest);
        for (size_t i = 0; i < some; i++) {
            double power = x[i] > lowest ? (double)powers[i] : 0;
            lanes[i % LANES] += power * ((double)x[i] - (double)y[i] - apart);
        }
    }
    return sum_lanes(lanes) / exp(p->log_sum);
}

struct agreement_place agreement_at(const struct agreement_row *base,
                                    const struct agreement_row *other, int32_t id) {
    return (struct agreement_place){.logprob_base = log_p(base, (size_t)id),
                                    .logprob = log_p(other, (size_t)id),
                                    .kl = divergence(base, other),
                                    .same_top = base->top == other->top};
}

/* ---- many ------------------------------------------------------------------------------------*/

void agreement_release(struct agreement *agreement) {
    mean_release(&agreement->kl);
    mean_release(&agreement->change);
}

bool agreement_add(struct agreement *agreement, const struct agreement_place *place) {
    agreement->base_sum += place->logprob_base;
    agreement->other_sum += place->logprob;
    agreement->base_squares += place->logprob_base * place->logprob_base;
    agreement->other_squares += place->logprob * place->logprob;
    agreement->n_in_window += 1;
    agreement->n_same_top += place->same_top;
    return mean_add(&agreement->kl, place->kl) &&
           mean_add(&agreement->change, exp(place->logprob) - exp(place->logprob_base));
}

void agreement_end_window(struct agreement *agreement) {
    double n = agreement->n_in_window;
    if (n > 0) {
        cluster_mean_add(&agreement->base, n, agreement->base_sum);
        cluster_mean_add(&agreement->other, n, agreement->other_sum);
        cluster_mean_add(&agreement->difference, n, agreement->other_sum - agreement->base_sum);
    }
    agreement->n_in_window = 0;
    agreement->base_sum = 0;
    agreement->other_sum = 0;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of n >= 1 sorted numbers the one below which a share of them is, between two of them. */
static double quantile(const double *sorted, size_t n, double share) {
    double at = share * (double)(n - 1);
    size_t below = (size_t)at;
    size_t above = size_min(below + 1, n - 1);
    return sorted[below] + (at - (double)below) * (sorted[above] - sorted[below]);
}

/* The root of the mean of squares, and its standard error by that of the squares. */
static void root_mean_square(const struct mean *values, double *rms, double *error) {
    double sum = 0, sum_squares = 0;
    double n = (double)values->n;
    for (size_t i = 0; i < values->n; i++) {
        double square = values->values[i] * values->values[i];
        sum += square;
        sum_squares += square * square;
    }
    double variance = sum_squares / n - (sum / n) * (sum / n);
    *rms = sqrt(sum / n);
    *error = n > 1 && *rms > 0 ? 0.5 / *rms * sqrt(fmax(variance, 0) / (n - 1)) : (double)NAN;
}

/* Standard error of a mean over clusters, or over numbers with a sum of squares. */
static double error_of(const struct agreement *agreement, const struct cluster_mean *clusters,
                       double squares) {
    double n = clusters->n;
    double mean = clusters->sum / n;
    if (!agreement->by_tokens) {
        return cluster_mean_stderr(clusters);
    }
    return n > 1 ? sqrt(fmax(squares / n - mean * mean, 0) / (n - 1)) : (double)NAN;
}

struct gen_agreement agreement_result(struct agreement *agreement) {
    size_t n = agreement->kl.n;
    struct gen_agreement out = {.n = n, .n_bytes = agreement->n_bytes};
    if (n == 0) {
        return out;
    }
    double share = (double)agreement->n_same_top / (double)n;
    out.logprob_base = agreement->base.sum;
    out.logprob = agreement->other.sum;
    out.n_windows = (uint64_t)agreement->difference.n_clusters;
    out.mean_stderr_base = error_of(agreement, &agreement->base, agreement->base_squares);
    out.mean_stderr = error_of(agreement, &agreement->other, agreement->other_squares);
    out.difference = agreement->difference.sum / agreement->difference.n;
    out.difference_stderr = cluster_mean_stderr(&agreement->difference);
    out.same_top = share;
    out.same_top_stderr = n > 1 ? sqrt(share * (1 - share) / (double)(n - 1)) : (double)NAN;
    out.kl_mean = mean_value(&agreement->kl);
    out.kl_stderr = mean_stderr(&agreement->kl);
    out.change_mean = mean_value(&agreement->change);
    out.change_stderr = mean_stderr(&agreement->change);
    root_mean_square(&agreement->change, &out.change_rms, &out.change_rms_stderr);
    qsort(agreement->kl.values, n, sizeof *agreement->kl.values, compare);
    qsort(agreement->change.values, n, sizeof *agreement->change.values, compare);
    out.kl_median = quantile(agreement->kl.values, n, 0.5);
    out.kl_p99 = quantile(agreement->kl.values, n, 0.99);
    out.kl_greatest = agreement->kl.values[n - 1];
    out.change_greatest =
        fmax(fabs(agreement->change.values[0]), fabs(agreement->change.values[n - 1]));
    return out;
}
