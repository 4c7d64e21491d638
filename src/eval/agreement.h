/**
 * agreement.h - the probabilities of a model held against those of a base, at one place and over
 * many.
 */
#ifndef EVAL_AGREEMENT_H
#define EVAL_AGREEMENT_H

#include "eval/mean.h"
#include "gen_eval.h"

/** A row of logits or log probabilities, and what log-softmax subtracts from each. */
struct agreement_row {
    const float *x; /**< [n] */
    size_t n, top;  /**< the first of the greatest */
    double greatest, log_sum;
    /** Log probabilities up to here count as nothing: -infinity, or what a file left out. */
    double left_out;
};

/** Of logits, which are finite. */
struct agreement_row agreement_row_of_logits(const float *logits, size_t n);
/** Of log probabilities from a file. */
struct agreement_row agreement_row_of_file(const float *logprobs, size_t n);

/** At one place. */
struct agreement_place {
    double logprob_base, logprob; /**< of the id that the text has */
    double kl;
    bool same_top;
};

struct agreement_place agreement_at(const struct agreement_row *base,
                                    const struct agreement_row *other, int32_t id);

/** Over many places; start from {0}. */
struct agreement {
    /** Standard errors of both means are those of tokens, not of windows. */
    bool by_tokens;
    struct mean kl, change;
    struct cluster_mean base, other, difference; /**< of log probabilities, by windows */
    double base_sum, other_sum, n_in_window;     /**< of the window that is under way */
    double base_squares, other_squares;          /**< sums over all tokens */
    size_t n_same_top;
    uint64_t n_bytes; /**< of the tokens, which the caller counts */
};

void agreement_release(struct agreement *agreement);
/** False: out of memory. */
bool agreement_add(struct agreement *agreement, const struct agreement_place *place);
/** A window ends. */
void agreement_end_window(struct agreement *agreement);
/** What there is of all. Sorts the numbers that were added. */
struct gen_agreement agreement_result(struct agreement *agreement);

#endif
