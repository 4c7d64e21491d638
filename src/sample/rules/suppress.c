/**
 * suppress.c - forbids ids that the user names: always, or as the first new id. As in transformers
 * a text that begins with one id, after which the next is forced (forced.c), has its first new id
 * after that.
 */
#include <math.h>

#include "sample/processor.h"
#include "sample/rules/ids_check.h"

static void forbid(float *scores, const struct gen_ids *ids) {
    for (size_t i = 0; i < ids->n; i++) {
        scores[ids->data[i]] = -INFINITY;
    }
}

static void forbid_always(float *scores, const struct sample_context *context) {
    forbid(scores, &context->options->suppress_tokens);
}

static void forbid_first(float *scores, const struct sample_context *context) {
    const struct history *history = context->history;
    bool is_forced = history->n_prompt == 1 && context->options->forced_bos >= 0;
    if (context->completes < 0 && history_n_new(history) == (is_forced ? 1u : 0u)) {
        forbid(scores, &context->options->begin_suppress_tokens);
    }
}

static bool applies_always(const struct gen_sampling *options) {
    return options->suppress_tokens.n > 0;
}

static bool applies_first(const struct gen_sampling *options) {
    return options->begin_suppress_tokens.n > 0;
}

static enum gen_status check_always(const struct gen_sampling *options, int32_t n_vocab,
                                    struct gen_error *err) {
    return ids_check(&options->suppress_tokens, "suppress_tokens", n_vocab, err);
}

static enum gen_status check_first(const struct gen_sampling *options, int32_t n_vocab,
                                   struct gen_error *err) {
    return ids_check(&options->begin_suppress_tokens, "begin_suppress_tokens", n_vocab, err);
}

const struct processor processor_suppress = {.name = "suppress_tokens",
                                             .check = check_always,
                                             .applies = applies_always,
                                             .logits = forbid_always};

const struct processor processor_begin_suppress = {.name = "begin_suppress_tokens",
                                                   .check = check_first,
                                                   .applies = applies_first,
                                                   .logits = forbid_first};
