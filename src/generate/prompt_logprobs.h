/**
 * prompt_logprobs.h - what the model thought of the ids of a prompt: the same numbers as those of
 * new ids (sample/log_softmax.h). They are read once for all texts of the prompt, so they are
 * counted by users.
 */
#ifndef GENERATE_PROMPT_LOGPROBS_H
#define GENERATE_PROMPT_LOGPROBS_H

#include <stddef.h>
#include <stdint.h>

#include "gen.h"

/** Belongs to all who use it. */
struct prompt_logprobs {
    double *logprobs;         /**< [n_ids]; NAN where nothing is known, as of the first id */
    struct gen_logprob *best; /**< [n_ids][n_best], best first; zeros where nothing is known */
    size_t n_best;
    size_t n_users;
};

/** With one user, and nothing known. NULL: out of memory. */
struct prompt_logprobs *prompt_logprobs_new(size_t n_ids, size_t n_best);
/** One user more. NULL gives NULL. */
struct prompt_logprobs *prompt_logprobs_use(struct prompt_logprobs *prompt);
/** One user less; the last one frees it. Nothing for NULL. */
void prompt_logprobs_drop(struct prompt_logprobs *prompt);

/** What is known of id number i, which is `id`: the logits after the id before it. */
void prompt_logprobs_set(struct prompt_logprobs *prompt, size_t i, int32_t id, const float *logits,
                         size_t n_vocab);

#endif
