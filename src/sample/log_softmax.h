/**
 * log_softmax.h - what a model says of ids: log-softmax of its raw logits, and the likeliest.
 *
 *   log p(id) = (logit(id) - greatest) - log(sum of exp(logit - greatest))
 *
 * exp and log are those of base/math.h. Sums are doubles: of each piece of 512 logits, with its own
 * greatest logit subtracted, lane i of 16 adds elements i, i + 16, ..., then lanes i and i + 8 are
 * added, i + 4, i + 2, i + 1; sums of pieces are brought to the greatest of all and added in order
 * of ids. So it is one number for all who ask, whether a thread has the row as a whole or each
 * piece is another thread's. What rules of sampling make of the logits does not count.
 */
#ifndef SAMPLE_LOG_SOFTMAX_H
#define SAMPLE_LOG_SOFTMAX_H

#include <stddef.h>

#include "gen.h"

#define LOG_SOFTMAX_PIECE 512

/** What is kept of a piece of a row: the sum is that of e^(logit - greatest). */
struct log_softmax_piece {
    double sum;
    float greatest;
};

/** What log-softmax subtracts from each logit, in two steps that keep more digits than one. */
struct log_softmax {
    double greatest, log_sum;
};

/** Of a row's logits i * 512 ..., as many as it has there. */
struct log_softmax_piece log_softmax_piece_of(const float *logits, size_t n);
/** Of all n pieces of a row, `stride` apart. */
struct log_softmax log_softmax_of_pieces(const struct log_softmax_piece *pieces, size_t n,
                                         size_t stride);
/** Of a row of n >= 1 logits, which are finite; those of ids that rules exclude may be -INFINITY,
 * but not all. */
struct log_softmax log_softmax_of(const float *logits, size_t n);

/** The log probability of a logit. */
static inline double log_softmax_at(struct log_softmax softmax, float logit) {
    return ((double)logit - softmax.greatest) - softmax.log_sum;
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
