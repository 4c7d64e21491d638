/**
 * gen_eval.h - what a model thinks of given texts: log probabilities, ranks, the likeliest ids.
 *
 * The conventions of gen.h hold here, too. Logarithms are natural ones. The numbers are those of
 * the model itself: no temperature, no rule of struct gen_sampling.
 */
#ifndef GEN_EVAL_H
#define GEN_EVAL_H

#include "gen.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- scoring ids -----------------------------------------------------------------------------*/

/** Most likeliest ids that can be asked for. */
#define GEN_SCORE_BEST_MOST 100

/** What the model thought of a token, after those before it. */
struct gen_token_score {
    int32_t id;
    /** 1: no id is likelier, nor is a lower one as likely; 2: one is; ... 0: not scored, because it
     *  is context or has nothing before it. */
    int32_t rank;
    double logprob; /**< natural log of its probability; 0 where it is not scored */
};

/** Ids to be scored. */
struct gen_score_request {
    const int32_t *ids; /**< read before next() is called again */
    size_t n_ids;       /**< at least 1 */
    /** Number of the first id to be scored: those before it are context. The very first id of a
     * text has nothing before it and is never scored: 0 and 1 mean the same. */
    size_t from;
    const struct gen_error *error; /**< not NULL: this one failed already; report it in turn */
};

/** Where requests come from, as struct gen_source is where prompts come from. */
struct gen_score_source {
    void *context;
    bool (*next)(void *context, struct gen_score_request *request);
    /** Whether next() would answer without waiting. While it would not, those that are there are
     *  scored and reported. NULL: it never waits. */
    bool (*ready)(void *context);
};

/** What became of a request; pointers are valid during the callback only. */
struct gen_score {
    uint64_t index;                       /**< number of the request, from 0 */
    const struct gen_token_score *tokens; /**< [n_ids] of the request, scored or not */
    size_t n_ids, from;                   /**< as the request has them */
    size_t n_scored;                      /**< of them */
    double logprob;                       /**< sum over those that are scored, in their order */
    bool all_likeliest; /**< each that is scored has rank 1: greedy decoding gives just these */
    size_t n_best;      /**< likeliest ids for each token; 0 unless asked for */
    /** [n_ids][n_best], best first, of equals the lower id; where a token is not scored they mean
     *  nothing. NULL where n_best is 0. */
    const struct gen_logprob *best;
    const struct gen_error *error; /**< not NULL: it failed, and nothing else is set but `index` */
};

/** Where scores go, in the order of requests. Returning false cancels. */
struct gen_score_sink {
    void *context;
    bool (*score)(void *context, const struct gen_score *score);
    /** Asked between passes through the model; may be NULL. */
    bool (*go_on)(void *context);
};

/**
 * What scores ids: threads and a KV cache. Many requests go through the model together, and what
 * they have in common at their beginnings is read once: the choices of a question, the examples
 * before all questions. No score depends on that, nor on order, threads or kernels: it is, bit for
 * bit, that of the request alone.
 */
struct gen_scorer;

struct gen_score_options {
    int n_threads;       /**< 0: all physical cores */
    const char *kernels; /**< as in gen_session_options; NULL: the fastest */
    const char *kv_type; /**< as in gen_session_options; NULL: f32 */
    int32_t n_ctx;       /**< ids that are seen at once, 1 ... the model's n_ctx; 0: the model's */
    /**
     * Of n_ids above n_ctx + 1: they are scored in windows of n_ctx ids, each `stride` further than
     * the one before, as in Hugging Face's guide to perplexity. A window scores what none before it
     * has scored and what has an id before it in the window. 1 ... n_ctx: n_ctx reads each id once,
     * fewer give each more to see and take longer; 0: half of n_ctx.
     */
    int32_t stride;
    int32_t n_best; /**< likeliest ids for each token, 0 ... GEN_SCORE_BEST_MOST. Default 0 */
};
struct gen_score_options gen_score_options_default(void);

/** The model must outlive the scorer. Bad options are GEN_BAD_ARGUMENT. */
enum gen_status gen_scorer_new(struct gen_scorer **out, const struct gen_model *model,
                               const struct gen_score_options *options, struct gen_error *err);
void gen_scorer_free(struct gen_scorer *scorer);

/** Ids that are seen at once, after the default was resolved: a request of one more is scored in
 *  one piece. */
int32_t gen_scorer_n_ctx(const struct gen_scorer *scorer);

/**
 * Score every request of the source; as often as you like, but not from a callback of the same
 * scorer. A request that cannot be scored (no ids, an id out of range, an output of the model that
 * is not finite) is reported with its error and does not stop the others; *n_failed (may be NULL)
 * counts them. The status is that of the run as a whole: out of memory, canceled.
 */
enum gen_status gen_scorer_run(struct gen_scorer *scorer, const struct gen_score_source *source,
                               const struct gen_score_sink *sink, uint64_t *n_failed,
                               struct gen_error *err);

/**
 * Append the ids of context and continuation to `ids`, as lm-evaluation-harness makes them; *from
 * is the number of the first id of the continuation among those appended. Blanks at the end of the
 * context move to the continuation, both together are encoded whole, and what comes after as many
 * ids as the context has by itself is the continuation. Without a context, bos or else eos stands
 * in its place. special: as in gen_tokenizer_encode(). GEN_BAD_ARGUMENT: the continuation has no
 * ids; GEN_UNSUPPORTED: the model has no tokenizer, or no id to begin with.
 */
enum gen_status gen_encode_pair(const struct gen_model *model, const char *context,
                                size_t n_context, const char *continuation, size_t n_continuation,
                                bool special, struct gen_ids *ids, size_t *from,
                                struct gen_error *err);

#ifdef __cplusplus
}
#endif
#endif
