/**
 * decoder.h - from the logits of a text to what it reads next.
 *
 * pass.c reads the ids of a text and hands the decoder the logits after each id that it has not
 * seen, in order, one step for each; log probabilities of a prompt, which need more logits, are no
 * concern of the decoder. With the logits after the last id a step adds the next one
 * (sequence_take()), or says that the text is done.
 *
 * A way to decode that has several rows for a prompt, as beams have, is given as many texts, one
 * after the other, and settles what they read next when all of them have had their step: a text may
 * then go on from another one (sequence_clone(), scheduler_adopt()). Which rows and slots the texts
 * have is no concern of the decoder; how ids become text, and when a text has ended, is no concern
 * of pass.c.
 */
#ifndef GENERATE_DECODER_H
#define GENERATE_DECODER_H

#include "generate/beam_candidates.h"
#include "generate/reporter.h"
#include "generate/scheduler.h"
#include "generate/text.h"
#include "sample/sampler.h"

struct decoder {
    void *context;
    /** What there is of a text may still become another one: the sink hears that it has begun, and
     *  the rest when it is done; nothing is guessed of it. */
    bool is_provisional;
    /** Nothing is guessed of its texts either, which are told of as they come. */
    bool is_unguessed;
    /**
     * A text begins: set n_seen to the number of its first id whose logits are needed, and done if
     * none are. A failure may be the text's own. end() also after a failure.
     */
    enum gen_status (*start)(void *context, struct text *text, struct gen_error *err);
    /** Logits after the text's id number `at`, which is n_seen - 1. A failure as above. */
    enum gen_status (*step)(void *context, struct text *text, size_t at, const float *logits,
                            struct gen_error *err);
    /**
     * All texts of a pass had their steps: settle what those read next that wait for one another.
     * NULL: none do. Failures of texts are noted there.
     */
    enum gen_status (*settle)(void *context, struct gen_error *err);
    /**
     * The run ends early, with this status, before the text is done, of which the sink may have
     * heard: it becomes what is told of it then. Where the run was canceled that is the best that
     * there is so far. NULL: it is that already.
     */
    enum gen_status (*conclude)(void *context, struct text *text, enum gen_status why,
                                struct gen_error *err);
    /** Free what is kept of the text; may be called again. */
    void (*end)(void *context, struct text *text);
    /** What draws the text's next id, for those who guess at it with a copy. NULL: nothing that
     *  could be copied does. */
    const struct gen_sampler *(*sampler)(const struct text *text);
};

/** A sampler with the rules of a text, which knows its prompt. */
enum gen_status decoder_new_sampler(struct gen_sampler **out, struct sampler_scratch *scratch,
                                    const struct sequence *sequence, struct gen_error *err);

/** Draw the next id of a text from scores[n_vocab]; `logits`, those of the model, are for its log
 *  probabilities. */
enum gen_status decoder_draw(struct gen_sampler *sampler, struct sequence *sequence,
                             const float *scores, const float *logits, struct gen_error *err);

/** Draws each id with a sampler. */
struct decoder decoder_sampling(struct sampler_scratch *scratch);

struct beam_search;

/** The beam searches of a run; start from {0} with the first two. */
struct beams {
    struct scheduler *scheduler;
    struct sampler_scratch *scratch;
    struct beam_search *searches; /**< one for each prompt under way, the last one first */
    struct beam_candidates candidates;
    float *logprobs; /**< [n_vocab] of one beam */
};
/**
 * Beam search (decoder_beams.c). A prompt has options->num_beams texts, which come one after the
 * other; the first num_return_sequences of them become the best that were found, best first, and of
 * the others the sink does not hear.
 */
struct decoder decoder_beams(struct beams *beams);
/** Also with texts that have not ended, which must be gone then. */
void beams_release(struct beams *beams);

struct contrastive_search;

/** The contrastive searches of a run; start from {0} with the first two. */
struct contrastive {
    struct scheduler *scheduler;
    struct sampler_scratch *scratch;
    struct contrastive_search *searches; /**< one for each prompt under way, the last one first */
};
/** Contrastive search (decoder_contrastive.c). A prompt has as many texts as the rules' width,
 * which come one after the other; the sink hears of the first. */
struct decoder decoder_contrastive(struct contrastive *all);
/** Also with texts that have not ended, which must be gone then. */
void contrastive_release(struct contrastive *all);
/** The guided texts of a run; start from {0} with the first. */
struct guided {
    struct sampler_scratch *scratch;
    struct guided_pair *last; /**< whose other text comes next; NULL: none */
    float *scores;            /**< [n_vocab] of a step */
};
/**
 * Guidance (decoder_guided.c). After each text comes another one, which is_other, and of which the
 * sink does not hear.
 */
struct decoder decoder_guided(struct guided *guided);
/** Texts must be gone then. */
void guided_release(struct guided *guided);

/** The prompts with choices of a run; start from {0}. */
struct choosing {
    struct choice_group *groups; /**< one for each prompt under way, the last one first */
};
/**
 * One of the choices (decoder_choices.c). A prompt has a text for each choice, of which the sink
 * does not hear and which only measures how probable it is; after them come those that are told.
 */
struct decoder decoder_choices(struct choosing *choosing);
/** Texts must be gone then. */
void choosing_release(struct choosing *choosing);

/** Tells the sink of all logits, and else does what another decoder does. Texts must come one at a
 *  time. */
struct decoder_reporting {
    struct decoder inner;
    struct reporter *reporter;
};
struct decoder decoder_reporting(struct decoder_reporting *reporting);

#endif
