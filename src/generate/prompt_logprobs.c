/**
 * prompt_logprobs.c - the record of a prompt's log probabilities, and who still needs it. When the
 * ids of a prompt are read for it is answers.c's and pass.c's.
 */
#include "generate/prompt_logprobs.h"

#include <math.h>

#include "base/memory.h"
#include "sample/log_softmax.h"

struct prompt_logprobs *prompt_logprobs_new(size_t n_ids, size_t n_best) {
    struct prompt_logprobs *prompt = memory_new(1, sizeof *prompt);
    if (prompt == NULL) {
        return NULL;
    }
    *prompt = (struct prompt_logprobs){
        .logprobs = memory_new(n_ids, sizeof *prompt->logprobs),
        .best = memory_new(n_ids * n_best, sizeof *prompt->best), /* ids are in memory already */
        .n_best = n_best,
        .n_users = 1,
    };
    if (prompt->logprobs == NULL || prompt->best == NULL) {
        prompt_logprobs_drop(prompt);
        return NULL;
    }
    for (size_t i = 0; i < n_ids; i++) {
        prompt->logprobs[i] = (double)NAN;
    }
    return prompt;
}

struct prompt_logprobs *prompt_logprobs_use(struct prompt_logprobs *prompt) {
    if (prompt != NULL) {
        prompt->n_users++;
    }
    return prompt;
}

void prompt_logprobs_drop(struct prompt_logprobs *prompt) {
    if (prompt == NULL || --prompt->n_users > 0) {
        return;
    }
    memory_free(prompt->logprobs);
    memory_free(prompt->best);
    memory_free(prompt);
}

void prompt_logprobs_set(struct prompt_logprobs *prompt, size_t i, int32_t id, const float *logits,
                         size_t n_vocab) {
    struct log_softmax softmax = log_softmax_of(logits, n_vocab);
    prompt->logprobs[i] = log_softmax_at(softmax, logits[id]);
    log_softmax_best(softmax, prompt->best + i * prompt->n_best, prompt->n_best, logits, n_vocab);
}
