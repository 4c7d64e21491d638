/**
 * forced.c - ids that must come at a place: one as the second of a text (transformers'
 * forced_bos_token_id, for texts that begin with one id), some of which one must be the last that
 * the text may have (forced_eos_token_id). Their score is 0, all others are forbidden.
 */
#include <math.h>

#include "base/error.h"
#include "sample/processor.h"
#include "sample/rules/ids_check.h"

static void force(float *scores, size_t n_vocab, const int32_t *ids, size_t n) {
    for (size_t i = 0; i < n_vocab; i++) {
        scores[i] = -INFINITY;
    }
    for (size_t i = 0; i < n; i++) {
        scores[ids[i]] = 0.0f;
    }
}

static void force_bos(float *scores, const struct sample_context *context) {
    if (context->completes < 0 && context->history->ids.n == 1) {
        force(scores, context->n_vocab, &context->options->forced_bos, 1);
    }
}

static void force_eos(float *scores, const struct sample_context *context) {
    const struct gen_ids *ids = &context->options->forced_eos;
    if (context->completes < 0 && history_n_new(context->history) + 1 == context->n_new_max) {
        force(scores, context->n_vocab, ids->data, ids->n);
    }
}

static bool bos_applies(const struct gen_sampling *options) {
    return options->forced_bos >= 0;
}

static bool eos_applies(const struct gen_sampling *options) {
    return options->forced_eos.n > 0;
}

static enum gen_status check_bos(const struct gen_sampling *options, int32_t n_vocab,
                                 struct gen_error *err) {
    bool good = options->forced_bos >= -1 && options->forced_bos < n_vocab;
    return good ? GEN_OK
                : error_set(err, GEN_BAD_ARGUMENT,
                            "forced_bos is %d, but must be from 0 to %d, or -1: none",
                            (int)options->forced_bos, (int)(n_vocab - 1));
}

static enum gen_status check_eos(const struct gen_sampling *options, int32_t n_vocab,
                                 struct gen_error *err) {
    return ids_check(&options->forced_eos, "forced_eos", n_vocab, err);
}

const struct processor processor_forced_bos = {
    .name = "forced_bos", .check = check_bos, .applies = bos_applies, .logits = force_bos};

const struct processor processor_forced_eos = {
    .name = "forced_eos", .check = check_eos, .applies = eos_applies, .logits = force_eos};
