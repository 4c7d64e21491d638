/**
 * gen_session.h - the two halves of generation for a program that has a loop of its own: a session
 * computes logits from ids, a sampler chooses an id from logits. gen_generate() is built of both.
 *
 * gen.h includes it; a session needs a model, which gen_model_open() there gives. The conventions
 * of gen.h hold.
 */
#ifndef GEN_SESSION_H
#define GEN_SESSION_H

#include "gen_base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A model, opened by gen_model_open() of gen.h. */
struct gen_model;
/** What a text may be, and what it may not say: gen_constraint.h. */
struct gen_constraint;
struct gen_bad_texts;

/* ---- session ---------------------------------------------------------------------------------*/

/**
 * The working state of a model: a KV cache for one or more sequences ("slots"), scratch memory,
 * logits. All work is one call, gen_session_eval: a batch of rows in, logits out. Prompt
 * processing, decoding, many sequences at once and draft checking differ only in the rows.
 *
 * The same bits come out for any number of threads, any composition of the batch and any way to
 * cut a prompt into calls.
 */
struct gen_session;

struct gen_session_options {
    int n_threads;   /**< 0: all physical cores this process may use */
    int32_t n_slots; /**< sequences held at once, >= 1; default 1 */
    int32_t n_ctx;   /**< positions per slot, 1 ... the model's n_ctx; 0: the model's */
    /** "f32" or "f16": how the KV cache stores keys and values. f16 rounds them, takes half the
     *  memory, and is read in less time; a model whose keys and values reach 65520 overflows it,
     *  which fails as GEN_BAD_FILE. NULL: f32. */
    const char *kv_type;
    /** A kernel set, for tests: "generic", "avx2", "avx2vnni", "avx512", "avx512vnni", "neon",
     *  "neondotprod", as far as this machine has it. All give the same bits; NULL: the
     *  fastest here. */
    const char *kernels;
};
struct gen_session_options gen_session_options_default(void);

/**
 * A session over `model`, which must outlive it. What it takes from the system grows with what is
 * done: keys and values with the positions that slots hold (2 n_embd numbers for each layer and
 * position, in blocks of 128 positions), which n_slots and n_ctx only limit; logits with the rows
 * that want them. Scratch memory for a batch and for attention over n_ctx positions is there from
 * the beginning. Blocks that slots no longer need are used again; gen_session_free() gives all
 * back.
 */
enum gen_status gen_session_new(struct gen_session **out, const struct gen_model *model,
                                const struct gen_session_options *options, struct gen_error *err);
void gen_session_free(struct gen_session *session);

/** One token to process: it takes the next free position of its slot. */
struct gen_row {
    int32_t id;
    int32_t slot;     /**< 0 ... n_slots - 1 */
    bool want_logits; /**< whether the logits after this row are needed */
};

/**
 * Process n_rows rows, in order within each slot; rows of different slots may be mixed freely.
 * Ids and slots out of range are GEN_BAD_ARGUMENT, a slot without room is GEN_CONTEXT_FULL, and
 * GEN_NO_MEMORY says that there is none for more positions or logits; all leave the session as it
 * was. A result that is not finite is GEN_BAD_FILE; the slots then hold what they held before.
 */
enum gen_status gen_session_eval(struct gen_session *session, const struct gen_row *rows,
                                 size_t n_rows, struct gen_error *err);

/**
 * Logits of row i of the last gen_session_eval: n_vocab floats, valid until the next eval.
 * NULL if that row did not want them.
 */
const float *gen_session_logits(const struct gen_session *session, size_t i);

/** Positions used in a slot. */
int32_t gen_session_length(const struct gen_session *session, int32_t slot);
/** Forget all but the first `length` positions of a slot (no effect if it has fewer). */
void gen_session_truncate(struct gen_session *session, int32_t slot, int32_t length);
/**
 * Make a slot hold the first `length` positions of another, and nothing else: what two sequences
 * have in common is computed once, and kept once. They share its memory; where they part within a
 * block, the first that reads on gets a copy of that block. GEN_BAD_ARGUMENT if a slot is out of
 * range or `from_slot` has fewer positions, nothing else can fail; a slot copied to itself is
 * truncated.
 */
enum gen_status gen_session_copy(struct gen_session *session, int32_t to_slot, int32_t from_slot,
                                 int32_t length);
/** Positions a slot can hold. */
int32_t gen_session_n_ctx(const struct gen_session *session);
/** Threads in use, after the default was resolved. */
int gen_session_n_threads(const struct gen_session *session);
/** Name of the kernel set in use, after the default was resolved. */
const char *gen_session_kernels(const struct gen_session *session);

/* ---- sampler ---------------------------------------------------------------------------------*/

struct gen_logit_bias {
    int32_t id;
    float bias; /**< added to the token's logit; -INFINITY forbids it */
};

/** Ids whose last one gets a bias where the text ends with the others. */
struct gen_sequence_bias {
    struct gen_ids ids; /**< at least one */
    float bias;         /**< added to the last one's logit; -INFINITY forbids it there */
};

/**
 * How the next token is chosen. Names, order and semantics are those of Hugging Face
 * transformers' logits processors and warpers; presence and frequency penalty are OpenAI's; DRY,
 * top-n-sigma, dynamic temperature, XTC, Mirostat and adaptive-p are llama.cpp's.
 * Order: logit bias, sequence bias, repetition penalty, presence and frequency penalty, no-repeat
 * n-gram, bad words, bad texts, minimum length, forced ids, constraint, length decay, suppressed
 * ids, DRY, top-n-sigma, then - unless greedy - temperature, top-h, top-k, top-p, min-p, typical-p,
 * epsilon, eta, XTC, Mirostat, adaptive-p.
 */
struct gen_sampling {
    float temperature;               /**< >= 0; 0 (below 1e-6) is greedy. Default 0.8 */
    int32_t top_k;                   /**< >= 0; 0 is off. Default 40 */
    float top_p;                     /**< 0 < p <= 1; 1 is off. Default 0.95 */
    float min_p;                     /**< 0 <= p <= 1; 0 is off. Default 0 */
    float typical_p;                 /**< 0 < p <= 1; 1 is off. Default 1 */
    float top_n_sigma;               /**< >= 0; 0 is off. Default 0 */
    float repetition_penalty;        /**< > 0; 1 is off. Counts prompt and new tokens. Default 1 */
    float presence_penalty;          /**< -2 ... 2; 0 is off. Counts new tokens. Default 0 */
    float frequency_penalty;         /**< -2 ... 2; 0 is off. Counts new tokens. Default 0 */
    int32_t no_repeat_ngram_size;    /**< >= 0; 0 is off. Default 0 */
    int32_t min_new_tokens;          /**< no eos before that many new tokens. Default 0 */
    int32_t min_length;              /**< the same, counting the prompt as well. Default 0 */
    const struct gen_ids *bad_words; /**< n_bad_words never completed; an eos alone is none */
    size_t n_bad_words;
    /** Texts that are never written, however they are cut into tokens; NULL: none. Used as the
     *  constraint below. */
    struct gen_bad_texts *bad_texts;
    const struct gen_logit_bias *logit_bias; /**< n_logit_bias entries, one per id */
    size_t n_logit_bias;
    /** What the new text must be, NULL: anything. Who keeps options longer than a call, as samplers
     *  do, is a user of it. An eos is possible only where the text may end, and the only thing that
     *  is possible where it must. */
    struct gen_constraint *constraint;
    const struct gen_sequence_bias *sequence_bias; /**< n_sequence_bias entries */
    size_t n_sequence_bias;
    int32_t repeat_last_n; /**< the three penalties look at so many of the last tokens, 0: at none;
                                -1: at the whole text. Default -1 */
    struct gen_ids suppress_tokens;       /**< never chosen; borrowed as the arrays above */
    struct gen_ids begin_suppress_tokens; /**< not chosen as the first new token */
    int32_t forced_bos; /**< chosen after a prompt of one token; -1: none. Default -1 */
    /** One of them is the last token that the text may have, which gen_generate() knows; a sampler
     *  alone does not. */
    struct gen_ids forced_eos;
    /** After length_decay_start new tokens the logit of each eos goes up by its size times
     *  factor^(tokens since) - 1; > 0, 1 is off. Default 1 */
    float length_decay_factor;
    int32_t length_decay_start;
    /** A token that makes a repetition of n tokens one longer loses multiplier base^(n - allowed
     *  length), if n is at least that. 0 is off. Default 0 */
    float dry_multiplier;
    float dry_base;             /**< >= 1. Default 1.75 */
    int32_t dry_allowed_length; /**< >= 0. Default 2 */
    int32_t dry_penalty_last_n; /**< tokens that are looked at; 0 is off, -1: all. Default 64 */
    const struct gen_ids *dry_breakers; /**< n_dry_breakers that no repetition goes across */
    size_t n_dry_breakers;
    float dynatemp_range;    /**< the temperature is so much less or more, by how even the
                                  probabilities are; 0 is off. Default 0 */
    float dynatemp_exponent; /**< >= 0. Default 1 */
    float top_h;             /**< 0 <= h <= 1; 0 is off. Default 0 */
    float epsilon_cutoff;    /**< 0 <= p <= 1: least probability; 0 is off. Default 0 */
    float eta_cutoff;        /**< 0 <= p <= 1; 0 is off. Default 0 */
    float xtc_probability;   /**< 0 <= p <= 1: how often; 0 is off. Default 0 */
    float xtc_threshold;     /**< of tokens at least so probable all but the least one are
                                  excluded; above 0.5 is off. Default 0.1 */
    int32_t mirostat;        /**< 2: in the place of all that `samplers` can name but penalties, dry
                                  and temperature; 0 is off. Default 0 */
    float mirostat_tau;      /**< >= 0: surprise, in bits, that is held. Default 5 */
    float mirostat_eta;      /**< >= 0: how fast. Default 0.1 */
    float adaptive_target;   /**< 0 ... 1: probability that what is drawn has on average; -1 is
                                  off. Default -1 */
    float adaptive_decay;    /**< 0 ... 0.99: how much tokens before count. Default 0.9 */
    /**
     * Another order: names separated by `;`, of penalties, dry, top_n_sigma, temperature, top_h,
     * top_k, top_p, min_p, typ_p, epsilon_cutoff, eta_cutoff, xtc, adaptive_p. What is not named is
     * left out. NULL: the order above. Where greedy the penalties, dry and top_n_sigma count alone.
     */
    const char *samplers;
    bool renormalize_logits; /**< gen_sampler_scores() gives log probabilities; beams have them as
                                  scores. Default false */
};
struct gen_sampling gen_sampling_default(void);

/** Options, recent ids and random state of one sequence. */
struct gen_sampler;

/**
 * A sampler for one sequence over n_vocab tokens. eos is the id to hold back for the minimum
 * length, -1 for none; gen_sampler_add_eos() takes more of them. The options are copied, with the
 * arrays they point to. The random stream is PCG32 (O'Neill 2014), its state derived from (seed,
 * prompt index, return sequence), so it does not depend on the neighbours of a sequence in a batch.
 */
enum gen_status gen_sampler_new(struct gen_sampler **out, const struct gen_sampling *options,
                                int32_t n_vocab, int32_t eos, uint64_t seed, uint64_t index,
                                uint64_t sequence, struct gen_error *err);
void gen_sampler_free(struct gen_sampler *sampler);
/** More ids that are an eos, as gen_model_eos_ids() has them; any that is out of range is
 *  GEN_BAD_ARGUMENT and leaves the sampler as it was. */
enum gen_status gen_sampler_add_eos(struct gen_sampler *sampler, const int32_t *ids, size_t n,
                                    struct gen_error *err);

/** Make the prompt known: the penalties and n-gram rules look at it. Call once, before all. */
enum gen_status gen_sampler_prompt(struct gen_sampler *sampler, const int32_t *ids, size_t n,
                                   struct gen_error *err);
/**
 * Choose the next id from logits (n_vocab floats, left unchanged) and remember it.
 * If the options forbid every token, GEN_BAD_ARGUMENT says so.
 */
enum gen_status gen_sampler_next(struct gen_sampler *sampler, const float *logits, int32_t *id,
                                 struct gen_error *err);
/**
 * The scores after all processors and warpers, before the draw: scores[n_vocab], forbidden
 * tokens are -INFINITY. For inspection and tests; does not change the sampler.
 */
enum gen_status gen_sampler_scores(const struct gen_sampler *sampler, const float *logits,
                                   float *scores, struct gen_error *err);

#ifdef __cplusplus
}
#endif
#endif
