/**
 * logprobs.c - the record of a text's log probabilities: those of the ids that were drawn and of
 * the likeliest ones. How they are made of the model's logits is sample/log_softmax.c's.
 */
#include "generate/logprobs.h"

#include <string.h>

#include "base/memory.h"
#include "sample/log_softmax.h"

bool logprobs_clone(struct logprobs *logprobs, const struct logprobs *from, size_t n_best) {
    *logprobs = (struct logprobs){0};
    size_t n = from->n_steps;
    if (n == 0) {
        return true;
    }
    if (!memory_grow(&logprobs->best, &logprobs->best_capacity, n * n_best,
                     sizeof *logprobs->best) ||
        !memory_grow(&logprobs->chosen, &logprobs->chosen_capacity, n, sizeof *logprobs->chosen)) {
        return false;
    }
    memcpy(logprobs->best, from->best, n * n_best * sizeof *from->best);
    memcpy(logprobs->chosen, from->chosen, n * sizeof *from->chosen);
    logprobs->n_steps = n;
    return true;
}

void logprobs_release(struct logprobs *logprobs) {
    memory_free(logprobs->best);
    memory_free(logprobs->chosen);
    *logprobs = (struct logprobs){0};
}

bool logprobs_add(struct logprobs *logprobs, const float *logits, size_t n_vocab, size_t n_best,
                  int32_t chosen) {
    size_t n_old = logprobs->n_steps * n_best;
    if (!memory_grow(&logprobs->best, &logprobs->best_capacity, n_old + n_best,
                     sizeof *logprobs->best) ||
        !memory_grow(&logprobs->chosen, &logprobs->chosen_capacity, logprobs->n_steps + 1,
                     sizeof *logprobs->chosen)) {
        return false;
    }
    struct log_softmax softmax = log_softmax_of(logits, n_vocab);
    log_softmax_best(softmax, logprobs->best + n_old, n_best, logits, n_vocab);
    logprobs->chosen[logprobs->n_steps++] = (struct gen_logprob){
        .id = chosen, .logprob = (float)log_softmax_at(softmax, logits[chosen])};
    return true;
}
