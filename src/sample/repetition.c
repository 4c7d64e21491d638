/**
 * repetition.c - rules against saying the same again. The repetition penalty takes each id of
 * prompt and new text once: a negative score is multiplied by it, any other divided by it. Presence
 * and frequency (OpenAI's): score - (n * frequency + presence) for an id that was generated n > 0
 * times; the prompt does not count. With repeat_last_n all of them look at so many of the last ids
 * only.
 */
#include <math.h>
#include <stddef.h>

#include "base/error.h"
#include "base/memory.h"
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

/* ---- what is counted -------------------------------------------------------------------------*/

struct counted {
    struct tally *tally; /* of the ids in the window */
    struct gen_ids ids;  /* all, where the window is not all of them */
    size_t window;       /* SIZE_MAX: all ids */
    size_t n_prompt;     /* the first ones, which are not counted */
    bool counts_prompt;
};

static void release(void *state) {
    struct counted *counted = state;
    if (counted != NULL) {
        tally_free(counted->tally);
        gen_ids_release(&counted->ids);
        memory_free(counted);
    }
}

static void *begin(const struct sample_context *context, bool counts_prompt) {
    struct counted *counted = memory_new(1, sizeof *counted);
    int32_t last_n = context->options->repeat_last_n;
    if (counted == NULL) {
        return NULL;
    }
    counted->window = last_n < 0 ? SIZE_MAX : (size_t)last_n;
    counted->counts_prompt = counts_prompt;
    counted->tally = tally_new(context->n_vocab);
    if (counted->tally == NULL) {
        release(counted);
        return NULL;
    }
    return counted;
}

static void *begin_all(const struct sample_context *context) {
    return begin(context, true);
}

static void *begin_new(const struct sample_context *context) {
    return begin(context, false);
}

/* The window has moved on: the id that it has left does not count any more. */
static void leave(struct counted *counted) {
    size_t at = counted->ids.n - counted->window - 1;
    if (counted->counts_prompt || at >= counted->n_prompt) {
        tally_remove(counted->tally, counted->ids.data[at]);
    }
}

static bool accept(void *state, int32_t id, enum sample_origin origin) {
    struct counted *counted = state;
    bool counts = counted->counts_prompt || origin == SAMPLE_NEW;
    if (counts && !tally_add(counted->tally, id)) {
        return false;
    }
    if (counted->window == SIZE_MAX) {
        return true;
    }
    counted->n_prompt += origin == SAMPLE_PROMPT;
    if (gen_ids_append(&counted->ids, &id, 1) != GEN_OK) {
        return false;
    }
    if (counted->ids.n > counted->window) {
        leave(counted);
    }
    return true;
}

static void *clone(const void *state) {
    const struct counted *from = state;
    struct counted *counted = memory_new(1, sizeof *counted);
    if (counted == NULL) {
        return NULL;
    }
    *counted = *from;
    counted->ids = (struct gen_ids){0};
    counted->tally = tally_clone(from->tally);
    if (counted->tally == NULL ||
        gen_ids_append(&counted->ids, from->ids.data, from->ids.n) != GEN_OK) {
        release(counted);
        return NULL;
    }
    return counted;
}

/* ---- what follows from it --------------------------------------------------------------------*/

static void penalize_repetition(float *scores, const struct sample_context *context) {
    const struct counted *counted = context->state;
    const struct tally *tally = counted->tally;
    float penalty = context->options->repetition_penalty;
    for (size_t i = 0; i < tally->n_entries; i++) {
        float *score = &scores[tally->entries[i].id];
        if (tally->entries[i].n > 0) {
            *score = *score < 0.0f ? *score * penalty : *score / penalty;
        }
    }
}

static void penalize_presence_and_frequency(float *scores, const struct sample_context *context) {
    const struct counted *counted = context->state;
    const struct tally *tally = counted->tally;
    float presence = context->options->presence_penalty;
    float frequency = context->options->frequency_penalty;
    for (size_t i = 0; i < tally->n_entries; i++) {
        const struct tally_entry *entry = &tally->entries[i];
        if (entry->n > 0) {
            scores[entry->id] -= (float)entry->n * frequency + presence;
        }
    }
}

static enum gen_status check(const struct gen_sampling *options, int32_t n_vocab,
                             struct gen_error *err) {
    (void)n_vocab;
    return options->repeat_last_n >= -1
               ? GEN_OK
               : error_set(err, GEN_BAD_ARGUMENT,
                           "repeat_last_n is %d, but must be 0 or more, or -1: the whole text",
                           (int)options->repeat_last_n);
}

const struct processor processor_repetition_penalty = {.name = "repetition_penalty",
                                                       .sampler = "penalties",
                                                       .options = repetition_options,
                                                       .check = check,
                                                       .applies = repetition_applies,
                                                       .logits = penalize_repetition,
                                                       .begin = begin_all,
                                                       .accept = accept,
                                                       .clone = clone,
                                                       .free = release};

const struct processor processor_presence_frequency = {.name = "presence_penalty",
                                                       .sampler = "penalties",
                                                       .options = presence_options,
                                                       .applies = presence_applies,
                                                       .logits = penalize_presence_and_frequency,
                                                       .begin = begin_new,
                                                       .accept = accept,
                                                       .clone = clone,
                                                       .free = release};
