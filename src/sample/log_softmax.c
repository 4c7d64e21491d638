/**
 * log_softmax.c - log probabilities of ids and the likeliest of them, from the model's raw logits.
 * Who asks for which ids is elsewhere: generate/logprobs.c,
 * generate/decoder_beams.c, eval/.
 */
#include "sample/log_softmax.h"

#include <math.h>
#include <stdlib.h>

#include "base/floats.h"
#include "base/math.h"
#include "base/size.h"
#include "sample/candidates.h"

struct log_softmax log_softmax_of(const float *logits, size_t n) {
    struct log_softmax result = {.highest = logits[floats_first_greatest(logits, n)]};
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

/* Order of two entries: higher first, of equals the lower id. */
static int compare(const void *a, const void *b) {
    const struct gen_logprob *x = a;
    const struct gen_logprob *y = b;
    if (x->logprob != y->logprob) {
        return x->logprob > y->logprob ? -1 : 1;
    }
    return (x->id > y->id) - (x->id < y->id);
}

size_t log_softmax_find_best(struct gen_logprob *best, size_t k, const float *scores, size_t n) {
    if (k == 0) {
        return 0;
    }
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

void log_softmax_best(struct log_softmax softmax, struct gen_logprob *best, size_t k,
                      const float *logits, size_t n) {
    size_t found = log_softmax_find_best(best, k, logits, n);
    for (size_t i = 0; i < found; i++) {
        best[i].logprob = log_softmax_at(softmax, best[i].logprob);
    }
}

void log_softmax_all(float *out, const float *logits, size_t n) {
    struct log_softmax softmax = log_softmax_of(logits, n);
    for (size_t i = 0; i < n; i++) {
        out[i] = log_softmax_at(softmax, logits[i]);
    }
}
