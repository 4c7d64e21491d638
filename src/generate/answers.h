/**
 * answers.h - one run of an engine: the prompts of a source, fetched while there is room, and their
 * texts to a sink, in order. Slots and what they hold are the engine's and outlive the run.
 */
#ifndef GENERATE_ANSWERS_H
#define GENERATE_ANSWERS_H

#include "generate/pass.h"

/** Start from {0} with the first five and reporter.sink. */
struct answers {
    const struct gen_source *source;
    struct scheduler *scheduler; /**< without texts, before and after */
    struct pass *pass;
    struct sampler_scratch *scratch;
    const struct drafter *drafter; /**< for a run that wants one */
    struct reporter reporter;
    const struct gen_model *model;
    struct sequence_rules rules;        /**< of the run */
    struct decoder_reporting reporting; /**< where logits are told of, around the sampling */
    struct decoder sampling;            /**< of texts that are drawn one by one */
    struct beams beams;
    struct decoder beam_search; /**< of prompts with more than one beam */
    struct contrastive contrastive;
    struct decoder contrastive_search; /**< of prompts with a penalty_alpha */
    struct guided guided;
    struct decoder guidance; /**< of texts that another one goes along with */
    struct choosing choosing;
    struct decoder choice;                   /**< of prompts with choices */
    bool at_end;                             /**< the source has no more */
    uint64_t next_index;                     /**< of the next prompt, unless it leaves some out */
    struct gen_ids prompt_ids;               /**< of the last that was fetched */
    struct prompt_rules *own;                /**< rules that it brought; NULL: it has the run's */
    struct prompt_logprobs *prompt_logprobs; /**< of its ids; NULL: not asked for */
    uint64_t number, n_texts; /**< of its next text, of all its texts, beams among them */
    uint64_t n_failed;
    struct gen_error error; /**< of the failure that is on its way up */
};

/** Until all prompts are answered; a failure is in answers->error. */
enum gen_status answers_run(struct answers *answers, const struct gen_model *model,
                            const struct gen_generate_options *options);
/** Also after a failure. */
void answers_release(struct answers *answers);

#endif
