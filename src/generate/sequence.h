/**
 * sequence.h - one text in the making: its ids, and the rules by which ids become text and the text
 * ends. Who computes its logits, when, and together with which others, and how an id is chosen from
 * them, a sequence does not know.
 *
 * The way of an id: chosen by a decoder -> its bytes -> stop strings hold back what may become one
 * of them -> UTF-8 holds back an unfinished character -> text.
 *
 * A text ends, in this order of precedence, with eos, with a stop string, with its last id
 * allowed by max_new_tokens and max_length, or when prompt and new ids are n_ctx together; else
 * with a sentence (sentence.h) or when its time is over. Sliding replaces the last rule: see
 * sequence_window().
 */
#ifndef GENERATE_SEQUENCE_H
#define GENERATE_SEQUENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gen.h"
#include "generate/logprobs.h"
#include "generate/prompt_logprobs.h"
#include "generate/stop.h"

/** What holds for all sequences of a job. Start from {0}. */
struct sequence_rules {
    const struct gen_generate_options *options;
    const struct gen_tokenizer *tokenizer; /**< NULL: ids have no text */
    struct stop_set stop;
    int32_t n_vocab;
    int32_t n_ctx;
    int32_t start;      /**< what an empty prompt begins with: bos, or eos; -1: there is none */
    const int32_t *eos; /**< n_eos ids that end a text; 0: there is none */
    size_t n_eos;
    bool is_prompts_own; /**< made for one prompt, whose seed the options then say */
};

/** Check the options and set the rules for a model and n_ctx positions. Release also after a
 *  failure. */
enum gen_status sequence_rules_init(struct sequence_rules *rules, const struct gen_model *model,
                                    const struct gen_generate_options *options, int32_t n_ctx,
                                    struct gen_error *err);
void sequence_rules_release(struct sequence_rules *rules);

struct sequence {
    const struct sequence_rules *rules;
    uint64_t index;       /**< of its prompt */
    uint64_t number;      /**< among the texts of that prompt */
    uint64_t seed;        /**< its own: gen_text_seed() */
    struct gen_ids ids;   /**< the prompt, or the start id if that is empty; then the new ids */
    size_t n_before;      /**< ids before the first new one */
    size_t n_prompt;      /**< ids of the prompt as it was given: n_before, or 0 */
    int32_t healed;       /**< the prompt's last id, that the first new one replaces; -1: none */
    struct gen_ids given; /**< with it: the whole prompt */
    size_t n_new_max;
    double deadline; /**< of gen_clock(), if max_seconds is set */
    enum gen_finish finish_at_max;
    struct stop_match stop;
    struct gen_utf8_stream utf8;
    struct gen_bytes passed; /**< scratch: bytes on their way from stop strings to UTF-8 */
    struct gen_bytes text;   /**< all that may be shown so far */
    struct logprobs logprobs;
    size_t choice;               /**< of choices: as gen_result has it, with the next */
    float *choice_probabilities; /**< NULL: there are none */
    float score;                 /**< of a beam search: as gen_result has it */
    bool has_score;
    struct prompt_logprobs *prompt_logprobs; /**< its use of its prompt's; NULL: not asked for */
    bool refused;                            /**< failed before it began */
    bool finished;
    enum gen_finish finish;
    struct gen_error error; /**< with GEN_FINISH_ERROR */
};

/**
 * Start text `number` of a prompt; it may be finished at once (no new ids allowed). A prompt
 * longer than the context (without sliding), and an empty prompt where the model
 * has no start token are GEN_BAD_ARGUMENT. Release also after a failure.
 */
enum gen_status sequence_init(struct sequence *sequence, const struct sequence_rules *rules,
                              const struct gen_prompt *prompt, uint64_t index, uint64_t number,
                              struct gen_error *err);
void sequence_release(struct sequence *sequence);

/**
 * In place of sequence_init: n ids that are read, of which n_before are the prompt; nothing is made
 * of them, and nobody hears of it. More than the context holds are GEN_BAD_ARGUMENT.
 */
enum gen_status sequence_init_unheard(struct sequence *sequence, const struct sequence_rules *rules,
                                      const struct gen_ids *ids, size_t n_before, uint64_t index,
                                      struct gen_error *err);

/**
 * In place of sequence_init: a sequence that has failed before it began, to be reported in its
 * turn; also after a sequence_init that failed.
 */
enum gen_status sequence_refuse(struct sequence *sequence, const struct sequence_rules *rules,
                                const struct gen_prompt *prompt, uint64_t index,
                                const struct gen_error *error, struct gen_error *err);

/** Whether a failure concerns one sequence only, so that the job can go on with the others. */
bool sequence_own_failure(enum gen_status status);

/**
 * How many of the last ids the model should have before it when it computes the next logits:
 * all of them while they fit into n_ctx. Id n_ctx + 1 takes the window back to n_ctx / 2 ids (at
 * least one), from where it grows to n_ctx again, and so on. It depends on the number of ids
 * alone, so a long prompt is read as if its ids had come one by one.
 */
size_t sequence_window(const struct sequence *sequence);

/** The prompt as it was given. */
const int32_t *sequence_prompt(const struct sequence *sequence, size_t *n);

/** Whether the next id is the one that replaces the prompt's last. */
bool sequence_heals(const struct sequence *sequence);

/** The same text, to go on by itself. False: out of memory. Release also after a failure. */
bool sequence_clone(struct sequence *sequence, const struct sequence *from);

/**
 * Let a text share what is known of the ids of its prompt, where its options ask for that: the
 * first text of a prompt makes *shared, in the place of one of the prompt before, and the others
 * use it.
 */
enum gen_status sequence_share_prompt_logprobs(struct sequence *sequence,
                                               struct prompt_logprobs **shared,
                                               struct gen_error *err);
/** Whether a text is to be told of the logits after all ids of its prompt but the last. */
bool sequence_reads_prompt_logprobs(const struct sequence *sequence);
/** Tell it of those after id number `at`; nothing where it is not to be told. */
void sequence_see_prompt(struct sequence *sequence, size_t at, const float *logits);

/** Take in the next id, which was chosen from logits[n_vocab]; may finish the sequence. */
enum gen_status sequence_take(struct sequence *sequence, const float *logits, int32_t id,
                              struct gen_error *err);

/** End the text here, letting out what was held back (but never a stop string). */
enum gen_status sequence_finish(struct sequence *sequence, enum gen_finish finish,
                                struct gen_error *err);

/** The text has no new ids any more: they were those of one of several that were tried. */
void sequence_drop_new(struct sequence *sequence);

/** The same as sequence_finish() for a failure. */
enum gen_status sequence_fail(struct sequence *sequence, const struct gen_error *error,
                              struct gen_error *err);

/** The result as gen_generate.h has it, but for what it has cost; it points into the sequence. */
struct gen_result sequence_result(const struct sequence *sequence);

#endif
