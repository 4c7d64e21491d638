/**
 * min_p.c - removes candidates less probable than p times the most probable one.
 */
#include <math.h>
#include <stddef.h>

#include "base/size.h"
#include "sample/processor.h"

#define AT(member) offsetof(struct gen_sampling, member)

static const struct sample_option options[] = {
    {"min_p", SAMPLE_NUMBER, AT(min_p), 0, 1, false, "from 0 (off) to 1"},
    {.name = NULL},
};

static bool applies(const struct gen_sampling *sampling) {
    return sampling->min_p > 0.0f;
}

static bool thin_out(struct candidates *list, const struct sample_context *context) {
    float p = context->options->min_p;
    if (context->least > 1) {
        /* The most probable candidate has weight 1. */
        float last =
            candidates_kth_largest(list->weights, list->n, size_min(context->least, list->n));
        p = last < p ? last : p;
    }
    for (size_t i = 0; i < list->n; i++) {
        if (list->weights[i] < p) {
            list->scores[i] = -INFINITY;
        }
    }
    candidates_drop_marked(list);
    return true;
}

const struct processor processor_min_p = {.name = "min_p",
                                          .sampler = "min_p",
                                          .options = options,
                                          .applies = applies,
                                          .warps = true,
                                          .candidates = thin_out};
