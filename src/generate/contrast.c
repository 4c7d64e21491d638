/**
 * contrast.c - contrastive search: hidden states of a text, the ids that may come next, the best of
 * them. Sums are of doubles, in the order of the numbers.
 */
#include "generate/contrast.h"

#include <math.h>
#include <string.h>

#include "base/math.h"
#include "base/memory.h"
#include "sample/log_softmax.h"

bool contrast_init(struct contrast *contrast) {
    contrast->best_hidden = memory_new(contrast->n_embd, sizeof *contrast->best_hidden);
    contrast->best_logits = memory_new(contrast->n_vocab, sizeof *contrast->best_logits);
    contrast->logits = memory_new(contrast->n_vocab, sizeof *contrast->logits);
    return contrast->best_hidden != NULL && contrast->best_logits != NULL &&
           contrast->logits != NULL;
}

void contrast_release(struct contrast *contrast) {
    memory_free(contrast->before);
    memory_free(contrast->candidates);
    memory_free(contrast->best_hidden);
    memory_free(contrast->best_logits);
    memory_free(contrast->logits);
    *contrast = (struct contrast){0};
}

static double dot(const float *a, const float *b, size_t n) {
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)a[i] * (double)b[i];
    }
    return sum;
}

/* A hidden state of length 1; all zeros stay so. */
static void normalize(float *out, const float *hidden, size_t n) {
    double length = sqrt(dot(hidden, hidden, n));
    for (size_t i = 0; i < n; i++) {
        out[i] = length > 0.0 ? (float)((double)hidden[i] / length) : 0.0f;
    }
}

static bool add_before(struct contrast *contrast, const float *hidden) {
    size_t n = contrast->n_embd;
    if (!memory_grow(&contrast->before, &contrast->before_capacity, contrast->n_before + 1,
                     n * sizeof *contrast->before)) {
        return false;
    }
    normalize(contrast->before + contrast->n_before * n, hidden, n);
    contrast->n_before++;
    return true;
}

bool contrast_read(struct contrast *contrast, const float *hidden, const float *logits) {
    memcpy(contrast->logits, logits, contrast->n_vocab * sizeof *logits);
    return add_before(contrast, hidden);
}

bool contrast_propose(struct contrast *contrast, const float *scores, size_t k) {
    contrast->n_tried = 0;
    contrast->best_score = -INFINITY;
    if (!memory_grow(&contrast->candidates, &contrast->candidates_capacity, k,
                     sizeof *contrast->candidates)) {
        return false;
    }
    contrast->n_candidates =
        log_softmax_find_best(contrast->candidates, k, scores, contrast->n_vocab);
    struct log_softmax softmax = log_softmax_of(scores, contrast->n_vocab);
    for (size_t i = 0; i < contrast->n_candidates; i++) {
        struct gen_logprob *candidate = &contrast->candidates[i];
        candidate->logprob = math_exp((float)log_softmax_at(softmax, candidate->logprob));
    }
    return true;
}

/* The greatest cosine with a hidden state before. */
static float likeness(const struct contrast *contrast, const float *hidden) {
    size_t n = contrast->n_embd;
    double length = sqrt(dot(hidden, hidden, n));
    double greatest = -1.0;
    for (size_t i = 0; i < contrast->n_before; i++) {
        double product = dot(contrast->before + i * n, hidden, n);
        double cosine = length > 0.0 ? product / length : 0.0;
        greatest = cosine > greatest ? cosine : greatest;
    }
    return (float)greatest;
}

void contrast_try(struct contrast *contrast, size_t i, const float *hidden, const float *logits) {
    float score = (1.0f - contrast->alpha) * contrast->candidates[i].logprob -
                  contrast->alpha * likeness(contrast, hidden);
    bool is_better = contrast->n_tried == 0 || score > contrast->best_score ||
                     (score == contrast->best_score && i < contrast->best);
    contrast->n_tried++;
    if (is_better) {
        contrast->best = i;
        contrast->best_score = score;
        memcpy(contrast->best_hidden, hidden, contrast->n_embd * sizeof *hidden);
        memcpy(contrast->best_logits, logits, contrast->n_vocab * sizeof *logits);
    }
}

bool contrast_take(struct contrast *contrast) {
    float *logits = contrast->logits;
    contrast->logits = contrast->best_logits;
    contrast->best_logits = logits;
    return add_before(contrast, contrast->best_hidden);
}
