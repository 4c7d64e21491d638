/**
 * constraint.c - forbids the tokens that a constraint does not allow (gen_constraint.h), and every
 * eos but where the text may end. It looks at the new ids alone. Nothing comes after an id that it
 * does not allow, as an eos is.
 */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/memory.h"
#include "gen_constraint.h"
#include "sample/processor.h"

struct kept {
    struct gen_matcher *matcher;
    bool is_over;
    bool is_lost; /* nothing can be said any more, so nothing is allowed, not even the end */
};

static bool applies(const struct gen_sampling *options) {
    return options->constraint != NULL;
}

static void forget(void *state) {
    struct kept *kept = state;
    if (kept != NULL) {
        gen_matcher_free(kept->matcher);
        memory_free(kept);
    }
}

static void *begin(const struct sample_context *context) {
    struct kept *kept = memory_new(1, sizeof *kept);
    if (kept != NULL &&
        gen_matcher_new(&kept->matcher, context->options->constraint, NULL) != GEN_OK) {
        forget(kept);
        kept = NULL;
    }
    return kept;
}

static bool accept(void *state, int32_t id, enum sample_origin origin) {
    struct kept *kept = state;
    if (origin == SAMPLE_PROMPT || kept->is_over || kept->is_lost) {
        return true;
    }
    enum gen_status status = gen_matcher_accept(kept->matcher, id, NULL);
    kept->is_over = status == GEN_BAD_ARGUMENT;
    kept->is_lost = status == GEN_CONTEXT_FULL;
    return status != GEN_NO_MEMORY;
}

static void *clone(const void *state) {
    const struct kept *kept = state;
    struct kept *copy = memory_new(1, sizeof *copy);
    if (copy == NULL) {
        return NULL;
    }
    copy->is_over = kept->is_over;
    copy->is_lost = kept->is_lost;
    copy->matcher = gen_matcher_clone(kept->matcher);
    if (copy->matcher == NULL) {
        forget(copy);
        return NULL;
    }
    return copy;
}

static bool is_eos(size_t id, const struct gen_ids *eos) {
    for (size_t i = 0; i < eos->n; i++) {
        if ((size_t)eos->data[i] == id) {
            return true;
        }
    }
    return false;
}

static void forbid(float *scores, const struct sample_context *context) {
    struct kept *kept = context->state;
    bool goes_on = !kept->is_over && !kept->is_lost;
    const uint64_t *mask = goes_on ? gen_matcher_mask(kept->matcher) : NULL;
    kept->is_lost = kept->is_lost || (goes_on && mask == NULL);
    bool may_end = goes_on && mask != NULL && gen_matcher_may_end(kept->matcher);
    size_t n = mask == NULL ? 0 : gen_constraint_n_vocab(context->options->constraint);
    n = n < context->n_vocab ? n : context->n_vocab;
    for (size_t at = 0; at < n; at += 64) {
        uint64_t word = mask[at / 64];
        for (size_t id = at; word != UINT64_MAX && id < at + 64 && id < n; id++, word >>= 1) {
            bool allowed = (word & 1) != 0 || (may_end && is_eos(id, context->eos));
            scores[id] = allowed ? scores[id] : -INFINITY;
        }
    }
    for (size_t id = n; id < context->n_vocab; id++) {
        scores[id] = may_end && is_eos(id, context->eos) ? scores[id] : -INFINITY;
    }
}

const struct processor processor_constraint = {.name = "constraint",
                                               .applies = applies,
                                               .logits = forbid,
                                               .begin = begin,
                                               .accept = accept,
                                               .clone = clone,
                                               .free = forget};
