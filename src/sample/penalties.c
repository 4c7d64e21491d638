#include "sample/penalties.h"

#include <math.h>
#include <string.h>

static void add_logit_bias(float *scores, const struct gen_sampling *options) {
    for (size_t i = 0; i < options->n_logit_bias; i++) {
        scores[options->logit_bias[i].id] += options->logit_bias[i].bias;
    }
}

static void penalize_repetition(float *scores, float penalty, const struct history *history) {
    for (size_t i = 0; i < history->n_entries; i++) {
        float *score = &scores[history->entries[i].id];
        *score = *score < 0.0f ? *score * penalty : *score / penalty;
    }
}

static void penalize_presence_and_frequency(float *scores, float presence, float frequency,
                                            const struct history *history) {
    for (size_t i = 0; i < history->n_entries; i++) {
        const struct history_entry *entry = &history->entries[i];
        if (entry->n_new > 0) {
            scores[entry->id] -= (float)entry->n_new * frequency + presence;
        }
    }
}

/** Whether the n ids ending before `end` are the last n of the history. */
static bool ends_like_history(const int32_t *end, const struct gen_ids *ids, size_t n) {
    return n == 0 || memcmp(end - n, ids->data + ids->n - n, n * sizeof *end) == 0;
}

/** An n-gram is its first n-1 ids and the one that completes it. */
static void forbid_repeated_ngrams(float *scores, size_t n, const struct history *history) {
    const struct gen_ids *ids = &history->ids;
    for (size_t i = n - 1; i < ids->n; i++) {
        if (ends_like_history(ids->data + i, ids, n - 1)) {
            scores[ids->data[i]] = -INFINITY;
        }
    }
}

static bool is_eos(int32_t id, const struct gen_ids *eos) {
    for (size_t i = 0; i < eos->n; i++) {
        if (eos->data[i] == id) {
            return true;
        }
    }
    return false;
}

static void forbid_bad_words(float *scores, const struct gen_sampling *options,
                             const struct history *history, const struct gen_ids *eos) {
    for (size_t i = 0; i < options->n_bad_words; i++) {
        const struct gen_ids *word = &options->bad_words[i];
        size_t n_before = word->n - 1;
        int32_t last = word->data[n_before];
        if (n_before > history->ids.n || (n_before == 0 && is_eos(last, eos))) {
            continue;
        }
        if (ends_like_history(word->data + n_before, &history->ids, n_before)) {
            scores[last] = -INFINITY;
        }
    }
}

static bool eos_is_forbidden(const struct gen_sampling *options, const struct history *history) {
    return history_n_new(history) < (size_t)options->min_new_tokens ||
           history->ids.n < (size_t)options->min_length;
}

void penalties_apply(float *scores, const struct gen_sampling *options,
                     const struct history *history, const struct gen_ids *eos) {
    add_logit_bias(scores, options);
    if (options->repetition_penalty != 1.0f) {
        penalize_repetition(scores, options->repetition_penalty, history);
    }
    if (options->presence_penalty != 0.0f || options->frequency_penalty != 0.0f) {
        penalize_presence_and_frequency(scores, options->presence_penalty,
                                        options->frequency_penalty, history);
    }
    if (options->no_repeat_ngram_size > 0) {
        forbid_repeated_ngrams(scores, (size_t)options->no_repeat_ngram_size, history);
    }
    forbid_bad_words(scores, options, history, eos);
    for (size_t i = 0; i < eos->n && eos_is_forbidden(options, history); i++) {
        scores[eos->data[i]] = -INFINITY;
    }
}
