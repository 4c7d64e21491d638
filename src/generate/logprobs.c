/**
 * logprobs.c - log probabilities of the ids that were drawn and of the likeliest ones, from the
 * model's raw logits. What the sampler's rules make of the logits does not count.
 */
#include "generate/logprobs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/floats.h"
#include "base/math.h"
#include "base/memory.h"
#include "base/size.h"
#include "sample/candidates.h"

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

/* What log-softmax subtracts from each logit, in two steps that keep more digits than one. */
struct normalizer {
    float highest;
    float log_sum;
};

/* Of the model's logits, which are finite. */
static struct normalizer normalizer_of(const float *logits, size_t n) {
    struct normalizer result = {.highest = logits[floats_first_greatest(logits, n)]};
    double sum = 0.0;
    for (size_t first = 0; first < n; first += FLOATS_BLOCK) {
        float powers[FLOATS_BLOCK];
        size_t some = size_min(n - first, FLOATS_BLOCK);
        floats_exp(powers, logits + first, some, result.highest);
        for (size_t i = 0; i < some; i++) {
            sum += (double)powers[i];
        }
    }
    result.log_sum = math_log((float)sum);
    return result;
}

static float log_p(float logit, struct normalizer normalizer) {
    return (logit - normalizer.highest) - normalizer.log_sum;
}

/* Order of two entries: higher first, of equals the lower id. */
static int compare(const void *a, const void *b) {
    const struct gen_logprob *x = a;
    const struct gen_logprob *y = b;
    if (x->logprob != y->logprob) {
        return x->logprob > y->logprob ? -1 : 1;
    }
    return (x->id > y->id) - (x->id < y->id);
}

size_t logprobs_find_best(struct gen_logprob *best, size_t k, const float *scores, size_t n) {
    float lowest = candidates_kth_largest(scores, n, k);
    size_t found = 0;
    for (size_t i = 0; i < n && found < k; i++) {
        if (scores[i] > lowest) {
            best[found++] = (struct gen_logprob){.id = (int32_t)i, .logprob = scores[i]};
        }
    }
    for (size_t i = 0; i < n && found < k && lowest > -INFINITY; i++) {
        if (scores[i] == lowest) {
            best[found++] = (struct gen_logprob){.id = (int32_t)i, .logprob = scores[i]};
        }
    }
    qsort(best, found, sizeof *best, compare);
    return found;
}

void logprobs_of_all(float *out, const float *logits, size_t n_vocab) {
    struct normalizer normalizer = normalizer_of(logits, n_vocab);
    for (size_t i = 0; i < n_vocab; i++) {
        out[i] = log_p(logits[i], normalizer);
    }
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
    struct normalizer normalizer = normalizer_of(logits, n_vocab);
    struct gen_logprob *best = logprobs->best + n_old;
    logprobs_find_best(best, n_best, logits, n_vocab);
    for (size_t i = 0; i < n_best; i++) {
        best[i].logprob = log_p(best[i].logprob, normalizer);
    }
    logprobs->chosen[logprobs->n_steps++] =
        (struct gen_logprob){.id = chosen, .logprob = log_p(logits[chosen], normalizer)};
    return true;
}
