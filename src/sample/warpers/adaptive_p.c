/**
 * adaptive_p.c - prefers candidates whose probability is near a target (llama.cpp's adaptive-p):
 * the score of one with probability p becomes 5 - 10 d^2 / (1 + d), d = |p - t| / 0.3. t is 2
 * target less the mean of the probabilities that the ids drawn before had, each older one counting
 * `decay` times as much as the next, clamped to 0 ... 1. The mean begins with the target.
 */
#include <math.h>
#include <stddef.h>

#include "base/error.h"
#include "base/memory.h"
#include "sample/processor.h"
#include "sample/warpers/shares.h"

#define WIDTH     0.3f
#define PEAK      5.0f
#define SHARPNESS 10.0f

static const struct sample_option options[] = {
    {"adaptive_decay", SAMPLE_NUMBER, offsetof(struct gen_sampling, adaptive_decay), 0, 0.99f,
     false, "from 0 to 0.99"},
    {.name = NULL},
};

struct adaptive {
    float decay;
    float sum, weight; /* of the probabilities so far, each weighted by its age; of the weights */
    struct shares shares;
};

static bool applies(const struct gen_sampling *sampling) {
    return sampling->adaptive_target >= 0.0f;
}

static enum gen_status check(const struct gen_sampling *sampling, int32_t n_vocab,
                             struct gen_error *err) {
    (void)n_vocab;
    float target = sampling->adaptive_target;
    bool good = target == -1.0f || (target >= 0.0f && target <= 1.0f);
    return good ? GEN_OK
                : error_set(err, GEN_BAD_ARGUMENT,
                            "adaptive_target is %g, but must be from 0 to 1, or -1: off",
                            (double)target);
}

static void *begin(const struct sample_context *context) {
    struct adaptive *adaptive = memory_new(1, sizeof *adaptive);
    if (adaptive != NULL) {
        adaptive->decay = context->options->adaptive_decay;
        adaptive->weight = 1.0f / (1.0f - adaptive->decay);
        adaptive->sum = context->options->adaptive_target * adaptive->weight;
    }
    return adaptive;
}

static void release(void *state) {
    struct adaptive *adaptive = state;
    if (adaptive != NULL) {
        shares_release(&adaptive->shares);
        memory_free(adaptive);
    }
}

static void *clone(const void *state) {
    const struct adaptive *from = state;
    struct adaptive *adaptive = memory_new(1, sizeof *adaptive);
    if (adaptive == NULL) {
        return NULL;
    }
    adaptive->decay = from->decay;
    adaptive->sum = from->sum;
    adaptive->weight = from->weight;
    if (!shares_copy(&adaptive->shares, &from->shares)) {
        release(adaptive);
        return NULL;
    }
    return adaptive;
}

static bool accept(void *state, int32_t id, enum sample_origin origin) {
    struct adaptive *adaptive = state;
    bool is_known = adaptive->shares.n > 0;
    float p = shares_take(&adaptive->shares, id);
    if (origin == SAMPLE_NEW && is_known) {
        adaptive->sum = p + adaptive->decay * adaptive->sum;
        adaptive->weight = 1.0f + adaptive->decay * adaptive->weight;
    }
    return true;
}

static bool weigh(struct candidates *list, const struct sample_context *context) {
    struct adaptive *adaptive = context->state;
    float target = 2.0f * context->options->adaptive_target - adaptive->sum / adaptive->weight;
    target = target < 0.0f ? 0.0f : target > 1.0f ? 1.0f : target;
    if (!shares_set(&adaptive->shares, list)) {
        return false;
    }
    for (size_t i = 0; i < list->n; i++) {
        float distance = fabsf(adaptive->shares.p[i] - target) / WIDTH;
        list->scores[i] = PEAK - SHARPNESS * distance * distance / (1.0f + distance);
    }
    candidates_weigh(list);
    return true;
}

const struct processor processor_adaptive_p = {.name = "adaptive_target",
                                               .sampler = "adaptive_p",
                                               .options = options,
                                               .check = check,
                                               .applies = applies,
                                               .warps = true,
                                               .candidates = weigh,
                                               .begin = begin,
                                               .accept = accept,
                                               .clone = clone,
                                               .free = release};
