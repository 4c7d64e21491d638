/**
 * length_decay.c - makes an end likelier the longer a text gets (transformers'
 * exponential_decay_length_penalty): from new id number start + 1 on, counted from 0, the score of
 * each eos goes up by |score| (factor^(n - start) - 1), n being the new ids so far.
 */
#include <math.h>
#include <stddef.h>

#include "base/power.h"
#include "sample/processor.h"

#define AT(member) offsetof(struct gen_sampling, member)

static const struct sample_option options[] = {
    {"length_decay_start", SAMPLE_COUNT, AT(length_decay_start), 0, 0, false, NULL},
    {"length_decay_factor", SAMPLE_NUMBER, AT(length_decay_factor), 0, INFINITY, true,
     "a number above 0 (1 is off)"},
    {.name = NULL},
};

static bool applies(const struct gen_sampling *sampling) {
    return sampling->length_decay_factor != 1.0f;
}

static void raise(float *scores, const struct sample_context *context) {
    size_t n = history_n_new(context->history);
    size_t start = (size_t)context->options->length_decay_start;
    if (n <= start) {
        return;
    }
    double factor = power_of((double)context->options->length_decay_factor, n - start);
    float more = (float)(factor - 1.0);
    for (size_t i = 0; i < context->eos->n; i++) {
        float *score = &scores[context->eos->data[i]];
        if (isfinite(*score)) {
            *score += fabsf(*score) * more;
        }
    }
}

const struct processor processor_length_decay = {.name = "exponential_decay_length_penalty",
                                                 .options = options,
                                                 .applies = applies,
                                                 .logits = raise};
