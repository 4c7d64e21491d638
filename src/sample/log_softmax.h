/**
 * log_softmax.h - what a model says of ids: log-softmax of its raw logits, and the likeliest.
 *
 * log p = (logit - highest) - log(sum of exp(logit - highest)); the sum is a double, added in
 * order of ids, exp and log are those of base/math.h. What rules of sampling make of the logits
 * does not count.
 */
#ifndef SAMPLE_LOG_SOFTMAX_H
#define SAMPLE_LOG_SOFTMAX_H

#include <stddef.h>

#include "gen.h"

/** What log-softmax subtracts from each logit, in two steps that keep more digits than one. */
struct log_softmax {
    float highest;
    float log_sum;
};

/** Of n >= 1 logits, which are finite. */
struct log_softmax log_softmax_of(const float *logits, size_t n);

/** The log probability of a logit. */
static inline float log_softmax_at(struct log_softmax softmax, float logit) {
    return (logit - softmax.highest) - softmax.log_sum;
}

/** The k <= n likeliest ids with their log probabilities, best first, of equals the lower id. */
void log_softmax_best(struct log_softmax softmax, struct gen_logprob *best, size_t k,
                      const float *logits, size_t n);

/** The log probabilities of all n ids. */
void log_softmax_all(float *out, const float *logits, size_t n);

/** The k <= n best of n scores of any kind, best first, of equals the lower id; fewer where the
 *  others are -INFINITY. Returns how many. */
size_t log_softmax_find_best(struct gen_logprob *best, size_t k, const float *scores, size_t n);

#endif
