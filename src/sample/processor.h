/**
 * processor.h - a rule for the next token: what it does to the scores, the options it has, and what
 * it keeps of a text. A new rule is a file and a row of `processors` (order.c), which is the one
 * statement of their order.
 *
 * Rules come in two halves. `logits` sees the scores of all ids; what it forbids becomes -INFINITY.
 * `candidates` sees the list of what may still be drawn (candidates.h), which it thins out or
 * weighs anew. Those that warp are left out where decoding is greedy. Each works on the result of
 * the ones before it. Names and order as in transformers, unless gen_sampling.samplers states
 * another one of those rules that it has names for (order.h).
 *
 * What a rule can read off the ids so far (history.h) it need not keep. One that keeps more - how
 * often each id came, how far an automaton is - has a state for each text, which begin() makes,
 * accept() takes on with each id of the prompt and each new one, and clone() copies for a text that
 * goes on in two ways. Applying a rule takes no memory that it does not keep, and changes nothing
 * that the next application depends on.
 */
#ifndef SAMPLE_PROCESSOR_H
#define SAMPLE_PROCESSOR_H

#include "gen.h"
#include "sample/candidates.h"
#include "sample/history.h"

/** A member of struct gen_sampling, and what it must be: from low (unless above_low) to high. */
struct sample_option {
    const char *name;
    enum {
        SAMPLE_NUMBER, /**< float */
        SAMPLE_COUNT   /**< int32_t, 0 or more */
    } kind;
    size_t at; /**< its offset */
    float low, high;
    bool above_low;      /**< low itself is out */
    const char *must_be; /**< the range in words */
};

/** What a rule may look at. */
struct sample_context {
    const struct gen_sampling *options;
    const struct history *history;
    const struct gen_ids *eos; /**< all ids that end a text */
    size_t n_vocab;
    size_t least;     /**< candidates that are left where there are as many, at least 1 */
    size_t n_new_max; /**< new ids that the text may have in all; SIZE_MAX: no limit, or unknown */
    bool eos_is_text; /**< none of them ends this text */
    /** The next id takes the place of this last one of the prompt, and is not a new one; -1: it is
     *  new. */
    int32_t completes;
    uint64_t seed; /**< the text's own, for random numbers besides those of the draw */
    void *state;   /**< what this rule keeps of the text; NULL: nothing */
};

struct processor {
    const char *name;    /**< as messages call it: "no_repeat_ngram_size" */
    const char *sampler; /**< as gen_sampling.samplers does; NULL: it has its place in the table */
    const struct sample_option *options; /**< up to one without a name; NULL: none of this kind */
    /** What ranges cannot say of the options; NULL: nothing. */
    enum gen_status (*check)(const struct gen_sampling *options, int32_t n_vocab,
                             struct gen_error *err);
    bool (*applies)(const struct gen_sampling *options);
    bool warps; /**< it is for what is drawn at random alone */
    void (*logits)(float *scores, const struct sample_context *context);
    /** Instead of `logits`, or for where the scores are a list already. False: out of memory. */
    bool (*candidates)(struct candidates *list, const struct sample_context *context);
    /** Only so many of the best ones become candidates; NULL: all. */
    size_t (*n_kept)(const struct sample_context *context);
    /** The state of a text without ids. NULL instead of the function: the rule keeps nothing, and
     *  has none of the next three; NULL returned: out of memory. */
    void *(*begin)(const struct sample_context *context);
    /** The text has one more id, of the prompt or a new one. False: out of memory. */
    bool (*accept)(void *state, int32_t id, enum sample_origin origin);
    void *(*clone)(const void *state); /**< NULL: out of memory */
    void (*free)(void *state);         /**< NULL is nothing */
};

extern const struct processor processor_logit_bias, processor_sequence_bias,
    processor_repetition_penalty, processor_presence_frequency, processor_no_repeat_ngram,
    processor_bad_words, processor_bad_texts, processor_min_length, processor_constraint,
    processor_forced_bos, processor_forced_eos, processor_length_decay, processor_suppress,
    processor_begin_suppress, processor_dry, processor_top_n_sigma, processor_temperature,
    processor_dynamic_temperature, processor_top_h, processor_top_k, processor_top_p,
    processor_min_p, processor_typical_p, processor_epsilon_cutoff, processor_eta_cutoff,
    processor_xtc, processor_mirostat, processor_adaptive_p;

/** All rules in the order in which they apply. */
enum { N_PROCESSORS = 28 };
extern const struct processor *const processors[N_PROCESSORS];

#endif
