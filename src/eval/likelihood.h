/**
 * likelihood.h - what the model thinks of given ids, from logits that come in pieces (op_piece) and
 * are never kept as a whole.
 *
 * They are the numbers that sample/log_softmax.h defines: they do not depend on threads, kernels or
 * the rows next to them.
 */
#ifndef EVAL_LIKELIHOOD_H
#define EVAL_LIKELIHOOD_H

#include "gen_eval.h"
#include "model/session.h"
#include "sample/log_softmax.h"

/** What is asked: the log probability and rank of an id after a row that wants logits. */
struct likelihood_ask {
    struct gen_token_score *score; /**< the answer goes here, its id is what is asked for */
    struct gen_logprob *best;      /**< and the likeliest ids here; may be NULL where n_best is 0 */
};

/** Start from {0} with n_vocab and n_best (0 ... GEN_SCORE_BEST_MOST, and not above n_vocab). */
struct likelihood {
    size_t n_vocab, n_best;
    struct likelihood_ask *asks;    /**< [n_asks] in order of rows */
    struct op_element *elements;    /**< [n_asks] what they ask for */
    float *values;                  /**< [n_asks] their logits */
    size_t n_asks, n_rows;          /**< so far */
    struct log_softmax_piece *sums; /**< [piece][row] */
    struct gen_logprob *best;       /**< [piece][row][n_best], logits in the place of logprobs */
    struct gen_logprob *merged;     /**< [piece][n_best], of a row */
    size_t *first_ask;              /**< [row + 1] */
    _Atomic int32_t *n_better;      /**< [n_asks] */
    size_t asks_capacity, elements_capacity, values_capacity, sums_capacity, best_capacity,
        merged_capacity, rows_capacity, better_capacity;
};

void likelihood_release(struct likelihood *likelihood);

/** Begin with the asks of a pass. */
void likelihood_begin(struct likelihood *likelihood);
/** The asks of row n_rows come. False: out of memory. */
bool likelihood_add_row(struct likelihood *likelihood);
/** One more of the last row. False: out of memory. */
bool likelihood_add_ask(struct likelihood *likelihood, struct likelihood_ask ask);

/**
 * Process rows (session_look_at_logits()) of which n_rows want logits, and answer all that was
 * asked. After a failure nothing is answered.
 */
enum gen_status likelihood_eval(struct likelihood *likelihood, struct gen_session *session,
                                const struct gen_row *rows, size_t n, struct gen_error *err);

#endif
