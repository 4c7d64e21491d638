/**
 * bad_words.c - forbids an id that would complete one of the user's bad words, which are sequences
 * of ids. A word longer than the text so far does not apply, and an eos alone is never a bad word,
 * as in transformers.
 */
#include <math.h>

#include "base/error.h"
#include "sample/processor.h"

static bool is_eos(int32_t id, const struct gen_ids *eos) {
    for (size_t i = 0; i < eos->n; i++) {
        if (eos->data[i] == id) {
            return true;
        }
    }
    return false;
}

static void forbid(float *scores, const struct sample_context *context) {
    const struct gen_sampling *options = context->options;
    const struct history *history = context->history;
    for (size_t i = 0; i < options->n_bad_words; i++) {
        const struct gen_ids *word = &options->bad_words[i];
        size_t n_before = word->n - 1;
        int32_t last = word->data[n_before];
        if (n_before > history->ids.n || (n_before == 0 && is_eos(last, context->eos))) {
            continue;
        }
        if (history_ends_with(history, word->data, n_before)) {
            scores[last] = -INFINITY;
        }
    }
}

static bool applies(const struct gen_sampling *options) {
    return options->n_bad_words > 0;
}

static enum gen_status check(const struct gen_sampling *options, int32_t n_vocab,
                             struct gen_error *err) {
    if (options->n_bad_words > 0 && options->bad_words == NULL) {
        return error_set(err, GEN_BAD_ARGUMENT, "bad_words is NULL but n_bad_words is %zu",
                         options->n_bad_words);
    }
    for (size_t i = 0; i < options->n_bad_words; i++) {
        const struct gen_ids *word = &options->bad_words[i];
        if (word->n == 0) {
            return error_set(err, GEN_BAD_ARGUMENT,
                             "bad word %zu has no ids but must have at least one", i);
        }
        for (size_t j = 0; j < word->n; j++) {
            if (word->data[j] < 0 || word->data[j] >= n_vocab) {
                return error_set(err, GEN_BAD_ARGUMENT,
                                 "bad word %zu has id %d but ids are from 0 to %d", i,
                                 (int)word->data[j], (int)(n_vocab - 1));
            }
        }
    }
    return GEN_OK;
}

const struct processor processor_bad_words = {
    .name = "bad_words", .check = check, .applies = applies, .logits = forbid};
