/**
 * typical_p.c - orders the candidates by |-log p - entropy|; the first ones, up to the one whose
 * weight brings the share to p, stay, with all that are equally typical (Meister and others 2022).
 * The total and the entropy are summed in order of ids, the shares in the order of typicality.
 */
#include <math.h>
#include <stddef.h>

#include "base/math.h"
#include "base/size.h"
#include "sample/processor.h"

#define AT(member) offsetof(struct gen_sampling, member)

static const struct sample_option options[] = {
    {"typical_p", SAMPLE_NUMBER, AT(typical_p), 0, 1, true, "above 0 and at most 1 (off)"},
    {.name = NULL},
};

static bool applies(const struct gen_sampling *sampling) {
    return sampling->typical_p < 1.0f;
}

/* Set ranks to (|-log p - entropy|, candidate), unsorted. */
static void rank_by_typicality(struct candidates *list, double total) {
    float log_total = math_log((float)total);
    double entropy = candidates_entropy(list, total);
    for (size_t i = 0; i < list->n; i++) {
        float log_p = list->scores[i] - list->highest - log_total;
        float distance = fabsf(-log_p - (float)entropy);
        list->ranks[i] =
            (struct candidate_rank){.key = candidates_key(distance), .at = (uint32_t)i};
    }
}

static bool thin_out(struct candidates *list, const struct sample_context *context) {
    float p = context->options->typical_p;
    if (!candidates_reserve_ranks(list)) {
        return false;
    }
    double total = candidates_total_weight(list);
    rank_by_typicality(list, total);
    const struct candidate_rank *order = candidates_sort_ranks(list);

    size_t last = 0;
    double sum = 0.0;
    for (; last + 1 < list->n; last++) {
        sum += (double)list->weights[order[last].at];
        if ((float)(sum / total) >= p) {
            break;
        }
    }
    last = size_min(size_max(last, context->least - 1), list->n - 1);
    for (size_t i = last + 1; i < list->n; i++) {
        if (order[i].key > order[last].key) {
            list->scores[order[i].at] = -INFINITY;
        }
    }
    candidates_drop_marked(list);
    candidates_weigh(list); /* the best one may be gone */
    return true;
}

const struct processor processor_typical_p = {.name = "typical_p",
                                              .sampler = "typ_p",
                                              .options = options,
                                              .applies = applies,
                                              .warps = true,
                                              .candidates = thin_out};
