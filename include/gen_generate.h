/**
 * gen_generate.h - prompts in, texts out: where prompts come from, what is told of their texts, the
 * options of a text, the engine that works on many at once.
 *
 * gen.h includes it; the model is opened by gen_model_open() there. The conventions of gen.h hold.
 */
#ifndef GEN_GENERATE_H
#define GEN_GENERATE_H

#include "gen_base.h"
#include "gen_session.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- prompts and results ---------------------------------------------------------------------*/

/** Why a text ended. */
enum gen_finish {
    GEN_FINISH_LENGTH,   /**< max_new_tokens or max_length reached */
    GEN_FINISH_EOS,      /**< an end-of-text id was drawn: one of the options' eos, or where they
                              have none of gen_model_eos_ids() */
    GEN_FINISH_STOP,     /**< a stop string appeared, with stop_at_sentence a sentence ended, or one
                              of the choices is whole */
    GEN_FINISH_CONTEXT,  /**< n_ctx is full */
    GEN_FINISH_CANCELED, /**< a callback asked to stop */
    GEN_FINISH_ERROR,    /**< see gen_result.error */
    GEN_FINISH_TIME      /**< max_seconds are over */
};
/** "length", "eos", "stop", "context", "canceled", "error", "time". */
const char *gen_finish_name(enum gen_finish finish);

struct gen_logprob {
    int32_t id;
    float logprob; /**< natural log of the model's probability, before any processor */
};

/** One prompt. */
struct gen_prompt {
    /**
     * Read before next() is called again. None: the text starts from bos, or the first eos, which
     * counts for max_length and the penalties, but is not reported as part of the prompt.
     */
    const int32_t *ids;
    size_t n_ids;
    const struct gen_error *error; /**< not NULL: this prompt failed already; report it in turn */
    /**
     * Options of this prompt alone, in the place of those of the run; NULL: it has none. All of
     * struct gen_generate_options can be another but what says how the run works: speculate, batch,
     * n_threads, kv_type, kernels, draft. `seed` is that of the prompt's first text: take
     * gen_text_seed(seed of the run, index, 0) where it is to be as if there were no such options.
     * Bad ones fail the prompt. Read, arrays and texts too, before next() is called again.
     */
    const struct gen_generate_options *options;
    /** Prompts of a list that are left out before this one: its index, and those after it, are
     *  higher by as many. */
    uint64_t n_left_out;
};

/**
 * Where the prompts come from. next() gives true and one prompt, or false at the end; then it is
 * not called again. It is called when there is room for one more text, at the latest when all
 * before are reported, and never more than a few batches ahead of what is reported.
 */
struct gen_source {
    void *context;
    bool (*next)(void *context, struct gen_prompt *prompt);
    /**
     * Whether next() would answer without waiting, e.g. for a line to be typed. While it would
     * not, the texts under way go on; when there are none left next() is called all the same.
     * NULL: next() never waits.
     */
    bool (*ready)(void *context);
};

/** What became of one sequence; pointers are valid during the callback only. */
struct gen_result {
    uint64_t index;    /**< number of the prompt, from 0, those left out counted */
    uint64_t sequence; /**< number of the return sequence, from 0 */
    const int32_t *prompt_ids;
    size_t n_prompt_ids;
    const int32_t *new_ids; /**< the ids drawn, with a final eos if there was one */
    size_t n_new_ids;
    const char *new_text; /**< their text up to a stop string; without eos */
    size_t n_new_text;
    enum gen_finish finish;
    uint64_t seed;                      /**< the text's own, see gen_text_seed() */
    size_t n_logprobs;                  /**< entries per new id; 0 unless asked for */
    const struct gen_logprob *logprobs; /**< [n_new_ids][n_logprobs], best first */
    const struct gen_logprob *chosen; /**< [n_new_ids] with the logprob of each new id, if asked */
    /** If options->prompt_logprobs asked: [n_prompt_ids] the log
     * probability of each after those before it, as gen_score() has them; else NULL. NAN of the
     * first, and of the first that is read of a prompt longer than n_ctx and those before it
     * (`slide`). */
    const double *prompt_logprobs;
    const struct gen_logprob *prompt_best; /**< [n_prompt_ids][n_logprobs], but nothing where NAN */
    size_t n_cached;       /**< ids of the prompt that need not be read: see struct gen_engine */
    double prompt_seconds; /**< processing the prompt; in a batch, together with the others' work */
    double decode_seconds; /**< drawing the new ids; in a batch, as above */
    size_t n_guessed;      /**< new ids that speculation foresaw: each saved a pass */
    size_t n_drafted;      /**< ids that it guessed, right or wrong */
    double draft_seconds;  /**< of decode_seconds, guessing; in a batch, as above */
    /** With token_healing: the model has read the first new id in the place of the prompt's last
     * one; new_text begins after what they have in common. */
    bool is_healed;
    /** With choices: the number of this one, all of them, and how probable each is, all together 1;
     *  NULL and 0: there are none. */
    size_t choice;
    const struct gen_ids *choices;
    const float *choice_probabilities; /**< [n_choices] */
    size_t n_choices;
    /**
     * Of a beam search: the sum of the log probabilities of the new ids, as the rules of sampling
     * leave them, divided by their number to the power of length_penalty.
     */
    float score;
    bool has_score;
    const struct gen_error *error; /**< set with GEN_FINISH_ERROR */
};

/**
 * Where texts go. Calls come in order of prompt and return sequence, all of one sequence before
 * those of the next, whatever the engine computes in between: the first text that is not
 * finished streams, what later ones have waits for their turn. Any callback may be NULL.
 * Returning false cancels the job: the text that has begun ends with what there is of it, a search
 * with the best that it has so far; later ones are not heard of.
 */
struct gen_sink {
    void *context;
    /** A sequence begins: its first id is drawn, of a search the first of all that it tries, or it
     * ends without one. One that fails or is canceled before does not begin. Where there is a
     * logits() it begins before its first row. */
    bool (*begin)(void *context, uint64_t index, uint64_t sequence, const int32_t *prompt_ids,
                  size_t n_prompt_ids);
    /** New text, whole UTF-8 characters where the text is UTF-8; never part of a stop string. */
    bool (*text)(void *context, uint64_t index, uint64_t sequence, const char *bytes, size_t n);
    /**
     * One row of logits for each id, those after it: the ids of the prompt once, then the new ids
     * of each text, the last included. With it there is one text at a time and no speculation.
     */
    bool (*logits)(void *context, const float *logits, int32_t n_vocab);
    /** The sequence is done, or failed. Also called, with what there is, for a canceled one. */
    bool (*end)(void *context, const struct gen_result *result);
    /** Asked between batches of work, so that a long prompt can be canceled too. */
    bool (*go_on)(void *context);
};

/* ---- options ----------------------------------------------------------------------------------*/

/** When a beam search ends before max_new_tokens, with num_beams texts found. */
enum gen_early_stopping {
    GEN_EARLY_STOPPING_FALSE, /**< when the best beam, were its score of now the last, is no better
                                   than the worst of them */
    GEN_EARLY_STOPPING_TRUE,  /**< at once */
    GEN_EARLY_STOPPING_NEVER  /**< when no beam can become better than the worst of them: with a
                                   length_penalty above 0 a beam that goes on to the greatest length
                                   is looked at */
};

/** A word that must come, in one of its spellings, of which none is the beginning of another. */
struct gen_force_words {
    const struct gen_ids *spellings; /**< [n_spellings] */
    size_t n_spellings;
};

/** Greatest num_beams. */
#define GEN_MAX_BEAMS 256

struct gen_generate_options {
    struct gen_sampling sampling;
    int32_t max_new_tokens; /**< >= 0, or -1: no limit of its own. Default 128 */
    int32_t max_length;     /**< prompt + new tokens, >= 1, or -1: no limit. Default -1 */
    /**
     * n_stop strings that end the new text; not part of it. What is complete first ends it, of
     * several that end at the same byte the longest.
     */
    const char *const *stop;
    size_t n_stop;
    /**
     * End the text at the end of a sentence once half of the tokens that it may have are used:
     * where an id's text ends with . ! ? or their like in other scripts, with or without closing
     * quotes and brackets, but not with a full stop after a digit. Default false.
     */
    bool stop_at_sentence;
    /** No eos ends the text; drawn, it is a token like others and its spelling is text. To keep
     * one from being drawn at all give it a logit bias of -INFINITY. Default false. */
    bool ignore_eos;
    /**
     * End the text with its first id after so many seconds from when its prompt began to be read;
     * 0, the default: no limit. With it a text depends on how fast the machine is.
     */
    float max_seconds;
    /** n_eos ids that end a text, in the place of the model's; n_eos 0, the default: the model's.
     */
    const int32_t *eos;
    size_t n_eos;
    /** Of the run; that of each text is gen_text_seed() of it. Default 0: choose one yourself,
     *  e.g. by gen_random_seed(). */
    uint64_t seed;
    int32_t num_return_sequences; /**< texts per prompt, >= 1. Default 1 */
    /**
     * Beam search, where above 1 (at most GEN_MAX_BEAMS): go on with the so many likeliest
     * beginnings of a text at once, as transformers does with num_beams. With a temperature of 0
     * that is beam search; else what is kept at each step is drawn, as its beam sampling
     * (do_sample) does. The num_return_sequences <= num_beams texts with the best scores are
     * reported, best first, all with the seed of the first, when the search is done; a prompt that
     * finds fewer fails. A text takes num_beams of the engine's batch, and there is no speculation.
     * Default 1.
     */
    int32_t num_beams;
    float length_penalty; /**< above 0: longer texts get better scores. -100 ... 100. Default 1 */
    enum gen_early_stopping early_stopping; /**< Default GEN_EARLY_STOPPING_FALSE */
    /**
     * Contrastive search, where above 0 (at most 1), as transformers had it up to 4.55: of the
     * sampling.top_k likeliest ids, 2 to GEN_MAX_BEAMS, each is tried, and that one is chosen which
     * is both likely and unlike all that is there: (1 - alpha) probability - alpha greatest cosine
     * of hidden states. Nothing is drawn, so the temperature must be 0; there is one text, no
     * beams, and no sliding. It takes top_k of the engine's batch, and there is no speculation.
     * Default 0.
     */
    float penalty_alpha;
    /**
     * Groups of beams, a divisor of num_beams: each searches for itself, and in every step the log
     * probability of an id falls by diversity_penalty (above 0, at most 1000) for each beam of the
     * groups before that goes on with it. As transformers 4.56 has it; nothing is drawn, so the
     * temperature must be 0. Default 1, and 0.
     */
    int32_t num_beam_groups;
    float diversity_penalty;
    /**
     * n_force_words that the text, prompt included, must have: the search keeps beams that are
     * closer to them as well as likelier ones, as the constrained beam search of transformers 4.56
     * does. Where no text with all of them was found before max_new_tokens, the best without is
     * reported. Needs num_beams of 2 or more, one group, and a temperature of 0.
     */
    const struct gen_force_words *force_words;
    size_t n_force_words;
    /**
     * Guidance, as transformers' guidance_scale: another text goes along, which begins with
     * negative_prompt and goes on with the same new ids, and the log probabilities become
     * guidance_scale * (own - other) + other, before all rules. Above 1 the text keeps closer to
     * its prompt, and farther from the other. -100 ... 100; 1, the default, is off. Without a
     * negative prompt the other text begins with the last id of the prompt; an empty one is what an
     * empty prompt is. A text takes two of the engine's batch, and there is no speculation. Not
     * with beams, choices, or a sink that has logits().
     */
    float guidance_scale;
    bool has_negative_prompt;
    struct gen_ids negative_prompt; /**< borrowed */
    /**
     * n_choices answers, each of at least one id: the text is one of them. Each is as probable as
     * its ids are for the model, one after the other, all together 1; with a temperature of 0 the
     * likeliest is taken, the first of equals, else one is drawn by its probability to the power 1
     * / temperature. One that would complete one of sampling.bad_words or bad_texts has the
     * probability 0; other options of sampling do not count. It ends as with a stop string, or
     * where the text has its greatest length. Not with beams, a constraint, n_logprobs,
     * prompt_logprobs, or a sink that has logits(). 0, the default: none.
     */
    const struct gen_ids *choices;
    size_t n_choices;
    /**
     * When n_ctx is full, go on over the last n_ctx / 2 ids, read anew, as often as needed. A
     * prompt longer than n_ctx is read as if its ids had come one by one: of its n ids the last
     * n_ctx/2 + (n - n_ctx - 1) mod (n_ctx - n_ctx/2 + 1). Without it a text ends when prompt and
     * new ids are n_ctx together, and a longer prompt is an error.
     */
    bool slide;
    /**
     * Token healing: leave out the last id of the prompt, and let the first new one be any whose
     * bytes begin with those of that one, so that a prompt need not end where a token does. It
     * counts as one of the prompt. Not with beams, choices or a constraint, and without effect
     * where the prompt ends with a special token. Default false.
     */
    bool token_healing;
    int32_t n_logprobs; /**< best tokens reported per step, 0 ... 1000 */
    /** Report the log probabilities of the prompt's ids, too, with n_logprobs best tokens each. All
     * of the prompt is then read, once for its texts, whatever some slot or a prompt cache holds of
     * it. Default false. */
    bool prompt_logprobs;
    /**
     * Guess the next ids where the text repeats itself, and check the guesses in one pass through
     * the model. Only what would have been drawn anyway is taken, so it makes repetitive texts
     * faster and never changes one. Guessing stops where it fails, and where ids are drawn at
     * random it takes a longer repetition to begin, so other texts lose next to nothing. Default
     * true.
     */
    bool speculate;
    /** As in struct gen_engine_options: gen_generate() makes an engine with them. For
     *  gen_engine_run() they mean nothing, its engine has its own. */
    int32_t batch;
    int n_threads;
    const char *kv_type, *kernels;
    const struct gen_model *draft;
};
struct gen_generate_options gen_generate_options_default(void);

/* ---- the engine -------------------------------------------------------------------------------*/

/**
 * What answers prompts: threads, a KV cache with a slot for each text at once, and in each slot the
 * ids that it holds, also when the text is done. A text whose prompt begins with what some slot
 * holds - the same examples, or a talk so far with one turn more, or less - reads only the rest.
 * Reading less never changes a text: it is, bit for bit, that of a new engine.
 */
struct gen_engine;

struct gen_engine_options {
    int n_threads;       /**< 0: all physical cores */
    const char *kernels; /**< as in gen_session_options; NULL: the fastest */
    const char *kv_type; /**< as in gen_session_options; NULL: f32 */
    /**
     * Most texts to work on at once, 1 ... 1024; 0: 64, or fewer where their KV cache would take
     * more than 512 MiB, were each as long as n_ctx, but least_batch all the same. A text does not
     * depend on it.
     */
    int32_t batch;
    int32_t least_batch; /**< texts at once that there must be room for, e.g. num_beams */
    int32_t n_ctx; /**< positions of a text, 1 ... the model's n_ctx; 0: the model's. What is said
                        of n_ctx above is said of this. */
    /**
     * A smaller model that guesses the next ids where the text does not repeat itself, for runs
     * with `speculate`; NULL, the default: none does. It must have the same vocabulary, and outlive
     * the engine; its n_ctx may be less, then it sees the end of a text alone. It draws as the text
     * does, by the same rules and random numbers. What is guessed wrong costs time and nothing
     * else; how far it guesses goes by the time that guesses cost and save, and where they save
     * none it is left alone, but for a try now and then. Neither beam searches nor runs whose sink
     * hears of logits have guesses. Its keys and values are part of what `batch` reckons with. If
     * it fails - results that are not finite, no memory - there are no guesses any more, which
     * gen_engine_draft_report() says, and texts go on.
     */
    const struct gen_model *draft;
};
struct gen_engine_options gen_engine_options_default(void);

/** The model must outlive the engine. Bad options are GEN_BAD_ARGUMENT, also a draft model with
 *  another vocabulary. */
enum gen_status gen_engine_new(struct gen_engine **out, const struct gen_model *model,
                               const struct gen_engine_options *options, struct gen_error *err);
void gen_engine_free(struct gen_engine *engine);

/** What the draft model of an engine has done so far. */
struct gen_draft_report {
    uint64_t n_drafted;     /**< ids that it guessed */
    uint64_t n_accepted;    /**< of them, those that came true: each saved a pass */
    double seconds;         /**< its time */
    struct gen_error error; /**< why it has given up; status GEN_OK: it has not */
};
/** Without a draft model it is all 0. */
struct gen_draft_report gen_engine_draft_report(const struct gen_engine *engine);

/**
 * Answer every prompt of the source; as often as you like, but not from a callback of the same
 * engine. Prompts are numbered from 0 in each run. A prompt that cannot be answered (too long, say)
 * is reported through sink->end and does not stop the others; *n_failed (may be NULL) counts them.
 * The status is that of the run as a whole: bad options, out of memory, canceled. After any of them
 * the engine is good for the next run.
 */
enum gen_status gen_engine_run(struct gen_engine *engine,
                               const struct gen_generate_options *options,
                               const struct gen_source *source, const struct gen_sink *sink,
                               uint64_t *n_failed, struct gen_error *err);

/** One run of an engine that is made for it: gen_engine_new, gen_engine_run, gen_engine_free. */
enum gen_status gen_generate(const struct gen_model *model,
                             const struct gen_generate_options *options,
                             const struct gen_source *source, const struct gen_sink *sink,
                             uint64_t *n_failed, struct gen_error *err);

#ifdef __cplusplus
}
#endif

#endif
