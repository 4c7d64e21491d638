/**
 * mirostat.c - Mirostat 2 (Basu and others 2020, arXiv 2007.14966; llama.cpp's sampler): keeps the
 * surprise -log2 p of what is drawn near tau. Candidates of more than mu are removed, the best ones
 * stay; then mu goes down by eta times how much the surprise of the id that was drawn, among those
 * that were left, is above tau. It begins with 2 tau.
 */
#include <math.h>
#include <stddef.h>

#include "base/error.h"
#include "base/math.h"
#include "base/memory.h"
#include "base/size.h"
#include "sample/processor.h"
#include "sample/warpers/shares.h"

#define AT(member) offsetof(struct gen_sampling, member)

#define LOG2_E 1.44269504f

static const struct sample_option options[] = {
    {"mirostat_tau", SAMPLE_NUMBER, AT(mirostat_tau), 0, INFINITY, false, "a number from 0 up"},
    {"mirostat_eta", SAMPLE_NUMBER, AT(mirostat_eta), 0, INFINITY, false, "a number from 0 up"},
    {.name = NULL},
};

struct mirostat {
    float tau, eta, mu;
    struct shares shares; /* of those that were left */
};

static bool applies(const struct gen_sampling *sampling) {
    return sampling->mirostat != 0;
}

static enum gen_status check(const struct gen_sampling *sampling, int32_t n_vocab,
                             struct gen_error *err) {
    (void)n_vocab;
    bool good = sampling->mirostat == 0 || sampling->mirostat == 2;
    return good ? GEN_OK
                : error_set(err, GEN_BAD_ARGUMENT,
                            "mirostat is %d, but must be 0 (off) or 2, its second version",
                            (int)sampling->mirostat);
}

static void *begin(const struct sample_context *context) {
    struct mirostat *mirostat = memory_new(1, sizeof *mirostat);
    if (mirostat != NULL) {
        mirostat->tau = context->options->mirostat_tau;
        mirostat->eta = context->options->mirostat_eta;
        mirostat->mu = 2.0f * mirostat->tau;
    }
    return mirostat;
}

static void release(void *state) {
    struct mirostat *mirostat = state;
    if (mirostat != NULL) {
        shares_release(&mirostat->shares);
        memory_free(mirostat);
    }
}

static void *clone(const void *state) {
    const struct mirostat *from = state;
    struct mirostat *mirostat = memory_new(1, sizeof *mirostat);
    if (mirostat == NULL) {
        return NULL;
    }
    mirostat->tau = from->tau;
    mirostat->eta = from->eta;
    mirostat->mu = from->mu;
    if (!shares_copy(&mirostat->shares, &from->shares)) {
        release(mirostat);
        return NULL;
    }
    return mirostat;
}

/* Infinite where p is 0. */
static float surprise(float p) {
    return -math_log(p) * LOG2_E;
}

static bool accept(void *state, int32_t id, enum sample_origin origin) {
    struct mirostat *mirostat = state;
    float p = shares_take(&mirostat->shares, id);
    if (origin == SAMPLE_NEW && p > 0.0f) {
        mirostat->mu -= mirostat->eta * (surprise(p) - mirostat->tau);
    }
    return true;
}

static bool thin_out(struct candidates *list, const struct sample_context *context) {
    struct mirostat *mirostat = context->state;
    double total = candidates_total_weight(list);
    float last = candidates_kth_largest(list->weights, list->n, size_min(context->least, list->n));
    for (size_t i = 0; i < list->n; i++) {
        float p = (float)((double)list->weights[i] / total);
        if (list->weights[i] < last && surprise(p) > mirostat->mu) {
            list->scores[i] = -INFINITY;
        }
    }
    candidates_drop_marked(list);
    return shares_set(&mirostat->shares, list);
}

const struct processor processor_mirostat = {.name = "mirostat",
                                             .options = options,
                                             .check = check,
                                             .applies = applies,
                                             .warps = true,
                                             .candidates = thin_out,
                                             .begin = begin,
                                             .accept = accept,
                                             .clone = clone,
                                             .free = release};
