/**
 * passes.h - takes the texts of a plan through the model, in passes of as many rows as there are
 * branches ready for.
 */
#ifndef EVAL_PASSES_H
#define EVAL_PASSES_H

#include "eval/likelihood.h"
#include "eval/plan.h"

/** Most texts of a plan. */
#define PASSES_TEXTS 511

/** Where the answers for a text go; texts by the order in which they came to the plan. */
struct passes_result {
    struct gen_token_score *scores; /**< [n_ids], with their ids; those asked for are filled in */
    struct gen_logprob *best;       /**< [n_ids][n_best]; NULL where n_best is 0 */
    bool failed;                    /**< by itself, for what `error` says */
};

/** Start from {0} with the session, of PASSES_TEXTS + 1 slots, and likelihood's n_vocab, n_best. */
struct passes {
    struct gen_session *session;
    struct likelihood likelihood;
    struct plan plan;
    struct passes_result results[PASSES_TEXTS]; /**< of the plan's texts */
    struct branch_state *states;                /**< [branches of the plan] */
    size_t states_capacity;
    struct gen_ids
        held; /**< what the last slot holds: the last text's beginning, for the next plan */
    struct gen_error error;       /**< of the texts that failed */
    bool (*go_on)(void *context); /**< asked between passes; may be NULL */
    void *context;
};

void passes_release(struct passes *passes);

/** Make the plan of its texts and read it all. A failure of a text is its own. */
enum gen_status passes_run(struct passes *passes, struct gen_error *err);

#endif
