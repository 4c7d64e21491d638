/**
 * ngrams.c - forbids an id that would complete an n-gram which prompt and new text already contain.
 */
#include <math.h>
#include <stddef.h>

#include "sample/processor.h"

#define AT(member) offsetof(struct gen_sampling, member)

static const struct sample_option options[] = {
    {"no_repeat_ngram_size", SAMPLE_COUNT, AT(no_repeat_ngram_size), 0, 0, false, NULL},
    {.name = NULL},
};

static bool applies(const struct gen_sampling *sampling) {
    return sampling->no_repeat_ngram_size > 0;
}

/* An n-gram is its first n-1 ids and the one that completes it. */
static void forbid(float *scores, const struct sample_context *context) {
    const struct gen_ids *ids = &context->history->ids;
    size_t n = (size_t)context->options->no_repeat_ngram_size;
    for (size_t i = n - 1; i < ids->n; i++) {
        if (history_ends_with(context->history, ids->data + i - (n - 1), n - 1)) {
            scores[ids->data[i]] = -INFINITY;
        }
    }
}

const struct processor processor_no_repeat_ngram = {
    .name = "no_repeat_ngram_size", .options = options, .applies = applies, .logits = forbid};
