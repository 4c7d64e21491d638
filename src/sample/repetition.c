/**
 * repetition.c - rules against saying the same again. The repetition penalty takes each id of
 * prompt and new text once: a negative score is multiplied by it, any other divided by it. Presence
 * and frequency (OpenAI's): score - (n * frequency + presence) for an id that was generated n > 0
 * times; the prompt does not count.
 */
#include <math.h>
#include <stddef.h>

#include "sample/processor.h"
#include "sample/tally.h"

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

static bool repetition_applies(const struct gen_sampling *options) {
    return options->repetition_penalty != 1.0f;
}

static bool presence_applies(const struct gen_sampling *options) {
    return options->presence_penalty != 0.0f || options->frequency_penalty != 0.0f;
}

static void *begin(const struct sample_context *context) {
    return tally_new(context->n_vocab);
}

static bool accept_all(void *state, int32_t id, enum sample_origin origin) {
    (void)origin;
    return tally_add(state, id);
}

static bool accept_new(void *state, int32_t id, enum sample_origin origin) {
    return origin == SAMPLE_PROMPT || tally_add(state, id);
}

static void *clone(const void *state) {
    return tally_clone(state);
}

static void release(void *state) {
    tally_free(state);
}

static void penalize_repetition(float *scores, const struct sample_context *context) {
    const struct tally *tally = context->state;
    float penalty = context->options->repetition_penalty;
    for (size_t i = 0; i < tally->n_entries; i++) {
        float *score = &scores[tally->entries[i].id];
        *score = *score < 0.0f ? *score * penalty : *score / penalty;
    }
}

static void penalize_presence_and_frequency(float *scores, const struct sample_context *context) {
    const struct tally *tally = context->state;
    float presence = context->options->presence_penalty;
    float frequency = context->options->frequency_penalty;
    for (size_t i = 0; i < tally->n_entries; i++) {
        const struct tally_entry *entry = &tally->entries[i];
        scores[entry->id] -= (float)entry->n * frequency + presence;
    }
}

const struct processor processor_repetition_penalty = {.name = "repetition_penalty",
                                                       .options = repetition_options,
                                                       .applies = repetition_applies,
                                                       .logits = penalize_repetition,
                                                       .begin = begin,
                                                       .accept = accept_all,
                                                       .clone = clone,
                                                       .free = release};

const struct processor processor_presence_frequency = {.name = "presence_penalty",
                                                       .options = presence_options,
                                                       .applies = presence_applies,
                                                       .logits = penalize_presence_and_frequency,
                                                       .begin = begin,
                                                       .accept = accept_new,
                                                       .clone = clone,
                                                       .free = release};
