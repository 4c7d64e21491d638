/**
 * repetition.c - rules against saying the same again. The repetition penalty takes each id of
 * prompt and new text once: a negative score is multiplied by it, any other divided by it. Presence
 * and frequency (OpenAI's): score - (n * frequency + presence) for an id that was generated n > 0
 * times; the prompt does not count.
 */
#include <math.h>
#include <stddef.h>

#include "sample/processor.h"

#define AT(member) offsetof(struct gen_sampling, member)

static const struct sample_option repetition_options[] = {
    {"repetition_penalty", SAMPLE_NUMBER, AT(repetition_penalty), 0, INFINITY, true,
     "a number above 0 (1 is off)"},
    {.name = NULL},
};

static const struct sample_option presence_options[] = {
    {"presence_penalty", SAMPLE_NUMBER, AT(presence_penalty), -2, 2, false, "from -2 to 2"},
    {"frequency_penalty", SAMPLE_NUMBER, AT(frequency_penalty), -2, 2, false, "from -2 to 2"},
    {.name = NULL},
};

static bool repetition_is_wanted(const struct gen_sampling *options) {
    return options->repetition_penalty != 1.0f;
}

static bool presence_is_wanted(const struct gen_sampling *options) {
    return options->presence_penalty != 0.0f || options->frequency_penalty != 0.0f;
}

static void penalize_repetition(float *scores, const struct sample_context *context) {
    const struct history *history = context->history;
    float penalty = context->options->repetition_penalty;
    for (size_t i = 0; i < history->n_entries; i++) {
        float *score = &scores[history->entries[i].id];
        *score = *score < 0.0f ? *score * penalty : *score / penalty;
    }
}

static void penalize_presence_and_frequency(float *scores, const struct sample_context *context) {
    const struct history *history = context->history;
    float presence = context->options->presence_penalty;
    float frequency = context->options->frequency_penalty;
    for (size_t i = 0; i < history->n_entries; i++) {
        const struct history_entry *entry = &history->entries[i];
        if (entry->n_new > 0) {
            scores[entry->id] -= (float)entry->n_new * frequency + presence;
        }
    }
}

const struct processor processor_repetition_penalty = {.name = "repetition_penalty",
                                                       .options = repetition_options,
                                                       .is_wanted = repetition_is_wanted,
                                                       .logits = penalize_repetition};

const struct processor processor_presence_frequency = {.name = "presence_penalty",
                                                       .options = presence_options,
                                                       .is_wanted = presence_is_wanted,
                                                       .logits = penalize_presence_and_frequency};
