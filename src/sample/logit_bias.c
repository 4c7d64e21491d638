/**
 * logit_bias.c - score + bias, for ids that the user names (transformers: sequence_bias of one
 * token). -inf forbids an id.
 */
#include <math.h>

#include "base/error.h"
#include "base/memory.h"
#include "sample/processor.h"

static void add(float *scores, const struct sample_context *context) {
    const struct gen_sampling *options = context->options;
    for (size_t i = 0; i < options->n_logit_bias; i++) {
        scores[options->logit_bias[i].id] += options->logit_bias[i].bias;
    }
}

static bool applies(const struct gen_sampling *options) {
    return options->n_logit_bias > 0;
}

/* `seen` has n_vocab zeros. */
static enum gen_status check_biases(const struct gen_sampling *options, int32_t n_vocab,
                                    unsigned char *seen, struct gen_error *err) {
    for (size_t i = 0; i < options->n_logit_bias; i++) {
        int id = (int)options->logit_bias[i].id;
        double bias = (double)options->logit_bias[i].bias;
        if (id < 0 || id >= n_vocab) {
            return error_set(err, GEN_BAD_ARGUMENT,
                             "logit_bias is for id %d but ids are from 0 to %d", id,
                             (int)(n_vocab - 1));
        }
        if (isnan(bias) || bias == (double)INFINITY) {
            return error_set(err, GEN_BAD_ARGUMENT,
                             "logit_bias of id %d is %g, but must be a number or -inf", id, bias);
        }
        if (seen[id]) {
            return error_set(err, GEN_BAD_ARGUMENT,
                             "logit_bias is given twice for id %d but may be given once", id);
        }
        seen[id] = 1;
    }
    return GEN_OK;
}

static enum gen_status check(const struct gen_sampling *options, int32_t n_vocab,
                             struct gen_error *err) {
    if (options->n_logit_bias == 0) {
        return GEN_OK;
    }
    if (options->logit_bias == NULL) {
        return error_set(err, GEN_BAD_ARGUMENT, "logit_bias is NULL but n_logit_bias is %zu",
                         options->n_logit_bias);
    }
    unsigned char *seen = memory_new((size_t)n_vocab, 1);
    if (seen == NULL) {
        return error_no_memory(err, "the logit biases");
    }
    enum gen_status status = check_biases(options, n_vocab, seen, err);
    memory_free(seen);
    return status;
}

const struct processor processor_logit_bias = {
    .name = "logit_bias", .check = check, .applies = applies, .logits = add};
