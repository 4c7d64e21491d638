/**
 * prompt_rules.h - rules of a prompt that brings options of its own. The caller's options are good
 * for a moment only, so there are copies of them, kept until the last text of the prompt is gone.
 */
#ifndef GENERATE_PROMPT_RULES_H
#define GENERATE_PROMPT_RULES_H

#include "generate/sequence.h"
#include "sample/sampling_copy.h"

/** Belongs to all who use it. */
struct prompt_rules {
    struct sequence_rules rules;
    struct gen_generate_options options; /**< of the rules; their arrays are the copy's */
    struct sampling_copy sampling;
    struct gen_ids eos, negative;
    struct gen_ids *choices;
    size_t n_choices;
    struct gen_force_words *force_words; /**< [options.n_force_words] */
    size_t n_users;
};

/**
 * Check the options and make rules of them, with one user. Bad options are GEN_BAD_ARGUMENT and
 * the prompt's own failure.
 */
enum gen_status prompt_rules_new(struct prompt_rules **out, const struct gen_model *model,
                                 const struct gen_generate_options *options, int32_t n_ctx,
                                 struct gen_error *err);
/** One user more. NULL gives NULL. */
struct prompt_rules *prompt_rules_use(struct prompt_rules *rules);
/** One user less; the last one frees it. Nothing for NULL. */
void prompt_rules_drop(struct prompt_rules *rules);

#endif
