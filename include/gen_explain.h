/**
 * gen_explain.h - a look inside: what a model computes on its way through a text.
 *
 * The surprise of each token and what the model expected in its place, where attention looks, what
 * each layer would say (the logit lens), and what each part of the model adds to a logit. All of it
 * is read from one pass of the model as it is, with the bits that a text is generated with, for any
 * architecture. The conventions of gen.h hold.
 *
 * Letters: T tokens, V = n_vocab, C = n_embd. Positions count from 0. What the model says at
 * position t, after the tokens 0 ... t, is about token t + 1: its *target*. The last position's is
 * the token that the model finds likeliest, as there is none.
 */
#ifndef GEN_EXPLAIN_H
#define GEN_EXPLAIN_H

#include "gen.h"

#ifdef __cplusplus
extern "C" {
#endif

struct gen_explain_options {
    int n_threads;       /**< 0: all physical cores */
    const char *kernels; /**< as in gen_session_options; NULL: the fastest */
    /** Likeliest tokens of each position, 0 ... 1000; no more than V are given. Default 5. */
    int32_t n_top;
    /** Likeliest tokens of each layer and position, 0 ... 1000. Default 3. */
    int32_t n_lens;
    /** Which of these are wanted; each is true by default. Attention takes
     *  2 n_layer n_head T (T + 1) bytes, the lens as much time as n_layer passes through lm_head.
     */
    bool attention, lens, contributions;
    void *context;
    /** Told how much of the work is done; returning false cancels: GEN_CANCELED. May be NULL. */
    bool (*progress)(void *context, uint64_t done, uint64_t total);
};
struct gen_explain_options gen_explain_options_default(void);

/** A part of the model that adds to the residual stream, or to the logits next to it. */
struct gen_explain_part {
    enum {
        GEN_PART_EMBEDDING, /**< the embeddings of token and position */
        GEN_PART_ATTENTION, /**< attention of `layer` */
        GEN_PART_MLP,       /**< the MLP of `layer` */
        GEN_PART_BIAS,      /**< the bias of the last norm */
        GEN_PART_ROUNDING   /**< what is left: rounding, above all of 8-bit products */
    } kind;
    int32_t layer; /**< from 0; of the others -1 */
};

/** What was found; all of it belongs to the explanation. */
struct gen_explanation {
    size_t n; /**< T */
    int32_t n_layer, n_head, n_embd;
    const int32_t *ids; /**< [T] */

    /* ---- surprise and alternatives ---- */

    /**
     * [T] Natural logarithm of the probability of token t after those before it, log-softmax of the
     * logits: log p = logit - log(sum over V of exp(logit)). Token 0 has none: NAN. Surprise in
     * bits is -log p / log 2.
     */
    const float *logprobs;
    /** [T] 1: no token was likelier; of equally likely ones the lower id comes first. Token 0: 0.
     */
    const int32_t *ranks;
    int32_t n_top;                 /**< as asked for, at most V */
    const struct gen_logprob *top; /**< [T][n_top] the likeliest after position t, best first */

    /* ---- targets, which the two below are about ---- */

    const int32_t *targets; /**< [T] ids[t + 1], at the end the likeliest */
    const float *logits;    /**< [T] the model's logit of the target at position t */

    /* ---- the logit lens ---- */

    /**
     * [n_layer + 1][T][n_lens] What would be likeliest if the layers ended after the first l of
     * them: softmax(lm_head(ln_f(x))) with x the residual stream there; l = 0 is the embedding,
     * l = n_layer the model itself. NULL without `lens`.
     */
    const struct gen_logprob *lens;
    int32_t n_lens;
    const float *lens_logprobs; /**< [n_layer + 1][T] of the target, there; NULL without */
    const int32_t *lens_ranks;  /**< [n_layer + 1][T] of the target, there; NULL without */

    /* ---- contributions to the logit of the target ---- */

    /**
     * [T][n_parts] What each part adds to logits[t], which is their sum. The residual stream is a
     * sum of what the parts d put into it, and but for its scale the last norm is linear. With that
     * scale as it is, s = 1 / sqrt(variance(x) + epsilon) of the last x, and W the target's row of
     * lm_head, a part adds the sum over i of W[i] ln_f.weight[i] (d[i] - mean(d)) s, and the bias
     * of the last norm the sum of W[i] ln_f.bias[i]. NULL without `contributions`.
     */
    const float *contributions;
    const struct gen_explain_part *parts; /**< [n_parts], in the order in which they add */
    size_t n_parts;
};

/**
 * Run `model` on n ids and look on. No ids, or one that the model does not have, are
 * GEN_BAD_ARGUMENT, more than its context holds GEN_CONTEXT_FULL; a result that is not finite is
 * GEN_BAD_FILE.
 */
enum gen_status gen_explain(struct gen_explanation **out, const struct gen_model *model,
                            const int32_t *ids, size_t n, const struct gen_explain_options *options,
                            struct gen_error *err);
void gen_explanation_free(struct gen_explanation *explanation);

/**
 * The weights of a head's attention at position t: t + 1 numbers whose sum is 1, of the positions
 * 0 ... t; 0 where a local layer does not look. softmax of q k / sqrt(head size), or what the model
 * has in the place of that root. NULL without `attention`, or where something is out of range.
 */
const float *gen_explanation_attention(const struct gen_explanation *explanation, int32_t layer,
                                       int32_t head, size_t t);

/** The residual stream at position t after `layer` layers, 0 ... n_layer: C numbers, before the
 *  last norm. NULL where something is out of range. */
const float *gen_explanation_stream(const struct gen_explanation *explanation, int32_t layer,
                                    size_t t);

#ifdef __cplusplus
}
#endif
#endif
