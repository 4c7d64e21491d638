/**
 * explain.h - an explanation while it is made, for the files of gen_explain(): what was kept of the
 * pass, and what each of them makes of it.
 */
#ifndef EVAL_EXPLAIN_H
#define EVAL_EXPLAIN_H

#include "gen_explain.h"
#include "model/forward.h"
#include "model/model.h"

/**
 * What gen_explain() hands out, with what only it needs. The residual stream is kept in n_states
 * states: that of the embedding and one after each branch.
 */
struct explanation {
    struct gen_explanation public; /* the first member: callers have a pointer to it */
    const struct gen_model *model; /* while it is made */
    const struct compute *compute; /* the session's, while it is made */
    int32_t *ids;
    float *logprobs;
    int32_t *ranks;
    struct gen_logprob *top;
    int32_t *targets;
    float *logits;
    struct gen_logprob *lens;
    float *lens_logprobs;
    int32_t *lens_ranks;
    float *contributions;
    struct gen_explain_part *parts; /* those of the states first */
    size_t n_states;
    size_t *state_after; /* [n_layer + 1] the last state of so many layers */
    float *stream;       /* [n_states][T][C] */
    float *attention;    /* [n_layer][n_head][T (T + 1) / 2]: row t has t + 1 numbers */
    float *scores;       /* [threads][scores_stride], while it is made */
    size_t scores_stride;
    size_t next_state; /* of the pass that is looked at */
};

/** Numbers of a head's map: its rows 0 ... n - 1, each with one number more. */
static inline size_t explain_map_size(size_t n) {
    return n % 2 == 0 ? n / 2 * (n + 1) : (n + 1) / 2 * n;
}

/** Which parts there are, found by playing the model's list of layers; n_states and state_after.
 *  False: out of memory. */
bool explain_find_parts(struct explanation *e);

/** Who looks on at passes for the explanation. */
struct forward_watch explain_watch(struct explanation *e);

/** What `logits`, [n][V], say at positions first ... first + n - 1: targets, probabilities, ranks,
 *  likeliest tokens. */
void explain_logits(struct explanation *e, const float *logits, size_t first, size_t n);
/** The same for those of the first `layers` layers, for the lens. The targets are known. */
void explain_lens(struct explanation *e, const float *logits, int32_t layers, size_t first,
                  size_t n);

/** Contributions at all positions, once streams, targets and logits are there. row[C] is scratch.
 */
void explain_contributions(struct explanation *e, float *row);

#endif
