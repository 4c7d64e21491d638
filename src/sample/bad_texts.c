/**
 * bad_texts.c - forbids the tokens that would complete a text that is never written
 * (gen_constraint.h). It looks at the prompt, too, whose end may begin one; special tokens there
 * are no text. An eos is none either, unless it is written like other tokens.
 */
#include <math.h>
#include <stddef.h>

#include "base/memory.h"
#include "constrain/bad_texts.h"
#include "sample/processor.h"

struct kept {
    struct gen_bad_texts *bad;
    uint32_t at;
    uint32_t *path; /* scratch */
};

static bool applies(const struct gen_sampling *options) {
    return options->bad_texts != NULL;
}

static void forget(void *state) {
    struct kept *kept = state;
    if (kept != NULL) {
        gen_bad_texts_free(kept->bad);
        memory_free(kept->path);
        memory_free(kept);
    }
}

static struct kept *new_kept(struct gen_bad_texts *bad, uint32_t at) {
    struct kept *kept = memory_new(1, sizeof *kept);
    if (kept == NULL) {
        return NULL;
    }
    kept->bad = gen_bad_texts_use(bad);
    kept->at = at;
    kept->path = memory_new(bad_texts_deepest(bad) + 1, sizeof *kept->path);
    if (kept->path == NULL) {
        forget(kept);
        return NULL;
    }
    return kept;
}

static void *begin(const struct sample_context *context) {
    return new_kept(context->options->bad_texts, BAD_TEXTS_START);
}

static bool accept(void *state, int32_t id, enum sample_origin origin) {
    struct kept *kept = state;
    bool is_text = origin == SAMPLE_NEW || !bad_texts_is_special(kept->bad, id);
    kept->at = is_text ? bad_texts_step(kept->bad, kept->at, id) : BAD_TEXTS_START;
    return true;
}

static void *clone(const void *state) {
    const struct kept *kept = state;
    return new_kept(kept->bad, kept->at);
}

struct work {
    float *scores;
    const struct sample_context *context;
};

static void forbid_one(void *context, int32_t id) {
    const struct work *work = context;
    const struct gen_ids *eos = work->context->eos;
    bool is_end = false;
    for (size_t i = 0; i < eos->n && !work->context->eos_is_text; i++) {
        is_end = is_end || eos->data[i] == id;
    }
    if (!is_end && (size_t)id < work->context->n_vocab) {
        work->scores[id] = -INFINITY;
    }
}

static void forbid(float *scores, const struct sample_context *context) {
    const struct kept *kept = context->state;
    struct work work = {scores, context};
    bad_texts_find(kept->bad, kept->at, kept->path, &work, forbid_one);
}

const struct processor processor_bad_texts = {.name = "bad_words",
                                              .applies = applies,
                                              .logits = forbid,
                                              .begin = begin,
                                              .accept = accept,
                                              .clone = clone,
                                              .free = forget};
