/**
 * min_length.c - forbids every eos while the text is too short, counted with the prompt or without.
 */
#include <math.h>
#include <stddef.h>

#include "sample/processor.h"

#define AT(member) offsetof(struct gen_sampling, member)

static const struct sample_option options[] = {
    {"min_new_tokens", SAMPLE_COUNT, AT(min_new_tokens), 0, 0, false, NULL},
    {"min_length", SAMPLE_COUNT, AT(min_length), 0, 0, false, NULL},
    {.name = NULL},
};

static bool applies(const struct gen_sampling *sampling) {
    return sampling->min_new_tokens > 0 || sampling->min_length > 0;
}

static bool is_too_short(const struct sample_context *context) {
    const struct history *history = context->history;
    return history_n_new(history) < (size_t)context->options->min_new_tokens ||
           history->ids.n < (size_t)context->options->min_length;
}

static void forbid_eos(float *scores, const struct sample_context *context) {
    for (size_t i = 0; i < context->eos->n && is_too_short(context); i++) {
        scores[context->eos->data[i]] = -INFINITY;
    }
}

const struct processor processor_min_length = {
    .name = "min_length", .options = options, .applies = applies, .logits = forbid_eos};
