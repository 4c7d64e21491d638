/**
 * top_p.c - in ascending order of score, removes candidates while the share of all removed ones is
 * at most 1 - p. The best ones stay, at least one. Sums run in that order.
 */
#include <math.h>
#include <stddef.h>

#include "sample/processor.h"

#define AT(member) offsetof(struct gen_sampling, member)

static const struct sample_option options[] = {
    {"top_p", SAMPLE_NUMBER, AT(top_p), 0, 1, true, "above 0 and at most 1 (off)"},
    {.name = NULL},
};

static bool applies(const struct gen_sampling *sampling) {
    return sampling->top_p < 1.0f;
}

static bool thin_out(struct candidates *list, const struct sample_context *context) {
    float p = context->options->top_p;
    if (!candidates_reserve_ranks(list)) {
        return false;
    }
    for (size_t i = 0; i < list->n; i++) {
        list->ranks[i] =
            (struct candidate_rank){.key = candidates_key(list->scores[i]), .at = (uint32_t)i};
    }
    const struct candidate_rank *order = candidates_sort_ranks(list);
    double total = 0.0;
    for (size_t i = 0; i < list->n; i++) {
        total += (double)list->weights[order[i].at];
    }

    float limit = (float)(1.0 - (double)p);
    double sum = 0.0;
    for (size_t i = 0; i + context->least < list->n; i++) {
        sum += (double)list->weights[order[i].at];
        if ((float)(sum / total) > limit) {
            break;
        }
        list->scores[order[i].at] = -INFINITY;
    }
    candidates_drop_marked(list);
    return true;
}

const struct processor processor_top_p = {.name = "top_p",
                                          .sampler = "top_p",
                                          .options = options,
                                          .applies = applies,
                                          .warps = true,
                                          .candidates = thin_out};
