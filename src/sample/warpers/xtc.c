/**
 * xtc.c - excludes the top choices, at random: with a probability, all candidates whose share is at
 * least a threshold but for the least likely of them (llama.cpp's sampler of that name). Of equals
 * the one with the lower id stays. A threshold above 1/2 excludes nothing.
 *
 * The random numbers are a stream of the text's own besides that of the draw. One is taken for each
 * new id, whatever becomes of it.
 */
#include <math.h>
#include <stddef.h>

#include "base/memory.h"
#include "base/rng.h"
#include "sample/processor.h"

#define AT(member) offsetof(struct gen_sampling, member)

/* What the text's seed is hashed with. */
#define OF_XTC UINT64_C(0x787463)

static const struct sample_option options[] = {
    {"xtc_probability", SAMPLE_NUMBER, AT(xtc_probability), 0, 1, false, "from 0 (off) to 1"},
    {"xtc_threshold", SAMPLE_NUMBER, AT(xtc_threshold), 0, 1, false,
     "from 0 to 1 (above 0.5 is off)"},
    {.name = NULL},
};

struct chance {
    struct rng rng;
    double next; /* of the next id */
};

static bool applies(const struct gen_sampling *sampling) {
    return sampling->xtc_probability > 0.0f && sampling->xtc_threshold <= 0.5f;
}

static void *begin(const struct sample_context *context) {
    struct chance *chance = memory_new(1, sizeof *chance);
    if (chance != NULL) {
        rng_init_sequence(&chance->rng, rng_hash(context->seed, OF_XTC), 0, 0);
        chance->next = rng_double(&chance->rng);
    }
    return chance;
}

static bool accept(void *state, int32_t id, enum sample_origin origin) {
    struct chance *chance = state;
    (void)id;
    if (origin == SAMPLE_NEW) {
        chance->next = rng_double(&chance->rng);
    }
    return true;
}

static void *clone(const void *state) {
    struct chance *chance = memory_new(1, sizeof *chance);
    if (chance != NULL) {
        *chance = *(const struct chance *)state;
    }
    return chance;
}

static void release(void *state) {
    memory_free(state);
}

static bool exclude(struct candidates *list, const struct sample_context *context) {
    const struct chance *chance = context->state;
    float threshold = context->options->xtc_threshold;
    if (chance->next >= (double)context->options->xtc_probability) {
        return true;
    }
    double total = candidates_total_weight(list);
    size_t n_top = 0, last = 0;
    for (size_t i = 0; i < list->n; i++) {
        if ((float)((double)list->weights[i] / total) >= threshold) {
            last = n_top == 0 || list->weights[i] < list->weights[last] ? i : last;
            n_top++;
        }
    }
    if (n_top < 2 || list->n - (n_top - 1) < context->least) {
        return true;
    }
    for (size_t i = 0; i < list->n; i++) {
        if (i != last && (float)((double)list->weights[i] / total) >= threshold) {
            list->scores[i] = -INFINITY;
        }
    }
    candidates_drop_marked(list);
    candidates_weigh(list);
    return true;
}

const struct processor processor_xtc = {.name = "xtc_probability",
                                        .sampler = "xtc",
                                        .options = options,
                                        .applies = applies,
                                        .warps = true,
                                        .candidates = exclude,
                                        .begin = begin,
                                        .accept = accept,
                                        .clone = clone,
                                        .free = release};
