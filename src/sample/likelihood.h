/**
 * likelihood.h - what a model says of ids: log-softmax of its raw logits, and the likeliest.
 *
 * log p = (logit - highest) - log(sum of exp(logit - highest)); the sum is a double, added in
 * order of ids, exp and log are those of base/math.h. What rules of sampling make of the logits
 * does not count.
 */
#ifndef SAMPLE_LIKELIHOOD_H
#define SAMPLE_LIKELIHOOD_H

#include <stddef.h>

#include "gen.h"

/** What log-softmax subtracts from each logit, in two steps that keep more digits than one. */
struct likelihood {
    float highest;
    float log_sum;
};

/** Of n >= 1 logits, which are finite. */
struct likelihood likelihood_of(const float *logits, size_t n);

/** The log probability of a logit. */
static inline float likelihood_log_p(struct likelihood likelihood, float logit) {
    return (logit - likelihood.highest) - likelihood.log_sum;
}

/** The k <= n likeliest ids with their log probabilities, best first, of equals the lower id. */
void likelihood_best(struct likelihood likelihood, struct gen_logprob *best, size_t k,
                     const float *logits, size_t n);

#endif
