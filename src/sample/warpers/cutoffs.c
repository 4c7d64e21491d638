/**
 * cutoffs.c - removes candidates less probable than a limit (Hewitt and others 2022, arXiv
 * 2210.15191): epsilon, or eta = min(epsilon, sqrt(epsilon) exp(-H)) with the entropy H of the
 * candidates. The best ones stay.
 */
#include <math.h>
#include <stddef.h>

#include "base/math.h"
#include "base/size.h"
#include "sample/processor.h"

#define AT(member) offsetof(struct gen_sampling, member)

static const struct sample_option epsilon_options[] = {
    {"epsilon_cutoff", SAMPLE_NUMBER, AT(epsilon_cutoff), 0, 1, false, "from 0 (off) to 1"},
    {.name = NULL},
};
static const struct sample_option eta_options[] = {
    {"eta_cutoff", SAMPLE_NUMBER, AT(eta_cutoff), 0, 1, false, "from 0 (off) to 1"},
    {.name = NULL},
};

static bool epsilon_applies(const struct gen_sampling *sampling) {
    return sampling->epsilon_cutoff > 0.0f;
}

static bool eta_applies(const struct gen_sampling *sampling) {
    return sampling->eta_cutoff > 0.0f;
}

static void cut(struct candidates *list, double total, float limit, size_t least) {
    float last = candidates_kth_largest(list->weights, list->n, size_min(least, list->n));
    for (size_t i = 0; i < list->n; i++) {
        if ((float)((double)list->weights[i] / total) < limit && list->weights[i] < last) {
            list->scores[i] = -INFINITY;
        }
    }
    candidates_drop_marked(list);
}

static bool cut_at_epsilon(struct candidates *list, const struct sample_context *context) {
    cut(list, candidates_total_weight(list), context->options->epsilon_cutoff, context->least);
    return true;
}

static bool cut_at_eta(struct candidates *list, const struct sample_context *context) {
    float epsilon = context->options->eta_cutoff;
    double total = candidates_total_weight(list);
    float eta = sqrtf(epsilon) * math_exp(-(float)candidates_entropy(list, total));
    cut(list, total, eta < epsilon ? eta : epsilon, context->least);
    return true;
}

const struct processor processor_epsilon_cutoff = {.name = "epsilon_cutoff",
                                                   .sampler = "epsilon_cutoff",
                                                   .options = epsilon_options,
                                                   .applies = epsilon_applies,
                                                   .warps = true,
                                                   .candidates = cut_at_epsilon};

const struct processor processor_eta_cutoff = {.name = "eta_cutoff",
                                               .sampler = "eta_cutoff",
                                               .options = eta_options,
                                               .applies = eta_applies,
                                               .warps = true,
                                               .candidates = cut_at_eta};
