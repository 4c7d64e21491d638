/**
 * top_h.c - of the 100 best, in descending order, keeps those up to which the sum of -p log p is at
 * most h times that of all 100 (Potraghloo and others 2025, arXiv 2509.02510; transformers'
 * processor of that name). The best one stays. Of equals the lower id comes first.
 */
#include <math.h>
#include <stddef.h>

#include "base/math.h"
#include "base/size.h"
#include "sample/processor.h"

/* Candidates that are looked at. */
#define MOST 100

static const struct sample_option options[] = {
    {"top_h", SAMPLE_NUMBER, offsetof(struct gen_sampling, top_h), 0, 1, false,
     "from 0 (off) to 1"},
    {.name = NULL},
};

static bool applies(const struct gen_sampling *sampling) {
    return sampling->top_h > 0.0f;
}

/* -p log p of a candidate whose weight is part of `total`. */
static double term(const struct candidates *list, size_t at, double total) {
    float p = (float)((double)list->weights[at] / total);
    return p > 0.0f ? -(double)p * (double)math_log(p) : 0.0;
}

static bool thin_out(struct candidates *list, const struct sample_context *context) {
    if (!candidates_reserve_ranks(list)) {
        return false;
    }
    for (size_t i = 0; i < list->n; i++) {
        /* Descending, so that of equals the lower id is the first. */
        list->ranks[i] =
            (struct candidate_rank){.key = ~candidates_key(list->scores[i]), .at = (uint32_t)i};
    }
    const struct candidate_rank *order = candidates_sort_ranks(list);
    size_t n = size_min(list->n, MOST);
    double total = 0.0, entropy = 0.0, sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        total += (double)list->weights[order[i].at];
    }
    for (size_t i = 0; i < n; i++) {
        entropy += term(list, order[i].at, total);
    }
    float limit = context->options->top_h * (float)entropy;
    size_t n_kept = 0;
    while (n_kept < n) {
        sum += term(list, order[n_kept].at, total);
        if ((float)sum > limit) {
            break;
        }
        n_kept++;
    }
    for (size_t i = size_max(n_kept, context->least); i < list->n; i++) {
        list->scores[order[i].at] = -INFINITY;
    }
    candidates_drop_marked(list);
    return true;
}

const struct processor processor_top_h = {.name = "top_h",
                                          .sampler = "top_h",
                                          .options = options,
                                          .applies = applies,
                                          .warps = true,
                                          .candidates = thin_out};
