/**
 * sequence_bias.c - score + bias for an id that would complete a sequence of ids which the user
 * names (transformers' sequence_bias). One whose beginning is longer than the text does not apply.
 */
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "sample/processor.h"
#include "sample/rules/ids_check.h"

static void add(float *scores, const struct sample_context *context) {
    const struct gen_sampling *options = context->options;
    const struct history *history = context->history;
    for (size_t i = 0; i < options->n_sequence_bias; i++) {
        const struct gen_ids *ids = &options->sequence_bias[i].ids;
        if (history_ends_with(history, ids->data, ids->n - 1)) {
            scores[ids->data[ids->n - 1]] += options->sequence_bias[i].bias;
        }
    }
}

static bool applies(const struct gen_sampling *options) {
    return options->n_sequence_bias > 0;
}

static enum gen_status check(const struct gen_sampling *options, int32_t n_vocab,
                             struct gen_error *err) {
    if (options->n_sequence_bias > 0 && options->sequence_bias == NULL) {
        return error_set(err, GEN_BAD_ARGUMENT, "sequence_bias is NULL but n_sequence_bias is %zu",
                         options->n_sequence_bias);
    }
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < options->n_sequence_bias && status == GEN_OK; i++) {
        const struct gen_sequence_bias *entry = &options->sequence_bias[i];
        char name[48];
        snprintf(name, sizeof name, "sequence_bias %zu", i);
        if (entry->ids.n == 0) {
            return error_set(err, GEN_BAD_ARGUMENT, "%s has no ids but must have at least one",
                             name);
        }
        if (isnan(entry->bias) || entry->bias == INFINITY) {
            return error_set(err, GEN_BAD_ARGUMENT, "%s is %g, but must be a number or -inf", name,
                             (double)entry->bias);
        }
        status = ids_check(&entry->ids, name, n_vocab, err);
    }
    return status;
}

const struct processor processor_sequence_bias = {
    .name = "sequence_bias", .check = check, .applies = applies, .logits = add};
