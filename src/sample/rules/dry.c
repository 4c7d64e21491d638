/**
 * dry.c - "don't repeat yourself" (p-e-w 2024; llama.cpp's sampler of that name): an id that would
 * make a repetition of n ids one longer loses multiplier * base^(n - allowed length), if n is at
 * least that. n is the length of the longest end of the text that came before the id already. Only
 * the last ids of the text are looked at, and no repetition goes across a sequence that breaks it,
 * nor is an id that does so by itself ever the dearer.
 *
 * How long an end of the text is that came at some place before is its Z-function, read backwards:
 * for all places together that takes as many steps as there are ids.
 */
#include <float.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/power.h"
#include "base/size.h"
#include "sample/processor.h"
#include "sample/rules/ids_check.h"

#define AT(member) offsetof(struct gen_sampling, member)

static const struct sample_option options[] = {
    {"dry_multiplier", SAMPLE_NUMBER, AT(dry_multiplier), 0, INFINITY, false,
     "a number from 0 (off) up"},
    {"dry_base", SAMPLE_NUMBER, AT(dry_base), 1, INFINITY, false, "a number from 1 up"},
    {.name = NULL},
};

/* None of a list. */
#define NONE UINT32_MAX

struct dry {
    uint32_t *first; /* [n_vocab] a breaker that begins with the id, or NONE */
    uint32_t *next;  /* [n_breakers] another that begins with the same, or NONE */
    uint32_t *ends;  /* of the place k ids before the end: how much of the end ends there, too */
    size_t ends_capacity;
    uint32_t *longest; /* [n_vocab] 1 + the repetition that the id makes longer; 0 between uses */
    size_t n_vocab, n_breakers, n_ids;
    size_t window; /* ids at the end that are looked at */
};

/* ---- state -----------------------------------------------------------------------------------*/

static void release(void *state) {
    struct dry *dry = state;
    if (dry != NULL) {
        memory_free(dry->first);
        memory_free(dry->next);
        memory_free(dry->ends);
        memory_free(dry->longest);
        memory_free(dry);
    }
}

static struct dry *new_dry(size_t n_vocab, size_t n_breakers) {
    struct dry *dry = memory_new(1, sizeof *dry);
    if (dry == NULL) {
        return NULL;
    }
    dry->n_vocab = n_vocab;
    dry->n_breakers = n_breakers;
    dry->first = memory_new(n_vocab, sizeof *dry->first);
    dry->next = memory_new(n_breakers, sizeof *dry->next);
    dry->longest = memory_new(n_vocab, sizeof *dry->longest);
    if (dry->first == NULL || dry->next == NULL || dry->longest == NULL) {
        release(dry);
        return NULL;
    }
    return dry;
}

static void *begin(const struct sample_context *context) {
    const struct gen_sampling *sampling = context->options;
    struct dry *dry = new_dry(context->n_vocab, sampling->n_dry_breakers);
    if (dry == NULL) {
        return NULL;
    }
    int32_t last_n = sampling->dry_penalty_last_n;
    dry->window = last_n < 0 ? SIZE_MAX : (size_t)last_n;
    for (size_t id = 0; id < context->n_vocab; id++) {
        dry->first[id] = NONE;
    }
    for (size_t i = 0; i < sampling->n_dry_breakers; i++) {
        uint32_t *first = &dry->first[sampling->dry_breakers[i].data[0]];
        dry->next[i] = *first;
        *first = (uint32_t)i;
    }
    return dry;
}

static bool accept(void *state, int32_t id, enum sample_origin origin) {
    struct dry *dry = state;
    (void)id;
    (void)origin;
    dry->n_ids++;
    return memory_grow(&dry->ends, &dry->ends_capacity, size_min(dry->n_ids, dry->window),
                       sizeof *dry->ends);
}

static void *clone(const void *state) {
    const struct dry *from = state;
    struct dry *dry = new_dry(from->n_vocab, from->n_breakers);
    if (dry == NULL) {
        return NULL;
    }
    memcpy(dry->first, from->first, from->n_vocab * sizeof *dry->first);
    if (from->n_breakers > 0) {
        memcpy(dry->next, from->next, from->n_breakers * sizeof *dry->next);
    }
    dry->n_ids = from->n_ids;
    dry->window = from->window;
    if (!memory_grow(&dry->ends, &dry->ends_capacity, size_min(dry->n_ids, dry->window),
                     sizeof *dry->ends)) {
        release(dry);
        return NULL;
    }
    return dry;
}

/* ---- breakers --------------------------------------------------------------------------------*/

/* Length of the longest breaker that is the beginning of n ids; 0: none is. */
static size_t breaker_at(const struct dry *dry, const struct gen_ids *breakers, const int32_t *ids,
                         size_t n) {
    size_t longest = 0;
    for (uint32_t i = dry->first[ids[0]]; i != NONE; i = dry->next[i]) {
        const struct gen_ids *breaker = &breakers[i];
        if (breaker->n > longest && breaker->n <= n &&
            memcmp(breaker->data, ids, breaker->n * sizeof *ids) == 0) {
            longest = breaker->n;
        }
    }
    return longest;
}

/* How many of the last of n ids come after what breaks a repetition. */
static size_t unbroken(const struct dry *dry, const struct gen_ids *breakers, const int32_t *ids,
                       size_t n) {
    for (size_t i = 0; i < n; i++) {
        size_t length = breaker_at(dry, breakers, ids + n - 1 - i, i + 1);
        if (length > 0) {
            return i + 1 - length;
        }
    }
    return n;
}

static bool breaks_alone(const struct dry *dry, const struct gen_ids *breakers, int32_t id) {
    return breaker_at(dry, breakers, &id, 1) > 0;
}

/* ---- repetitions -----------------------------------------------------------------------------*/

/* ends[k] = how many of the last ids are also those before the last k, for k from 1 to n - 1. */
static void find_ends(uint32_t *ends, const int32_t *ids, size_t n) {
    const int32_t *last = ids + n - 1;
    size_t left = 0, right = 0; /* of the match that reaches farthest back: [left, right) */
    for (size_t k = 1; k < n; k++) {
        size_t length = k < right ? size_min(ends[k - left], right - k) : 0;
        while (k + length < n && last[-(ptrdiff_t)length] == last[-(ptrdiff_t)(k + length)]) {
            length++;
        }
        if (k + length > right) {
            left = k;
            right = k + length;
        }
        ends[k] = (uint32_t)length;
    }
}

/* base^n, or the greatest float. */
static float growth(float base, size_t n) {
    double power = power_of((double)base, n);
    return power < (double)FLT_MAX ? (float)power : FLT_MAX;
}

static void penalize(float *scores, const struct sample_context *context) {
    const struct gen_sampling *sampling = context->options;
    const struct gen_ids *breakers = sampling->dry_breakers;
    struct dry *dry = context->state;
    size_t n = size_min(context->history->ids.n, dry->window);
    const int32_t *ids = context->history->ids.data + context->history->ids.n - n;
    size_t allowed = (size_t)sampling->dry_allowed_length;
    if (n <= allowed) {
        return;
    }
    size_t limit = unbroken(dry, breakers, ids, n);
    if (limit < allowed) {
        return;
    }
    find_ends(dry->ends, ids, n);
    for (size_t k = 1; k < n; k++) {
        uint32_t *longest = &dry->longest[ids[n - k]]; /* of the id after that place */
        uint32_t length = (uint32_t)size_min(dry->ends[k], limit);
        *longest = length >= allowed && length + 1 > *longest ? length + 1 : *longest;
    }
    for (size_t k = 1; k < n; k++) {
        int32_t id = ids[n - k];
        uint32_t length = dry->longest[id];
        dry->longest[id] = 0;
        if (length > 0 && !breaks_alone(dry, breakers, id)) {
            scores[id] -=
                sampling->dry_multiplier * growth(sampling->dry_base, length - 1 - allowed);
        }
    }
}

/* ---- options ---------------------------------------------------------------------------------*/

static bool applies(const struct gen_sampling *sampling) {
    return sampling->dry_multiplier > 0.0f && sampling->dry_penalty_last_n != 0;
}

static enum gen_status check(const struct gen_sampling *sampling, int32_t n_vocab,
                             struct gen_error *err) {
    if (sampling->dry_penalty_last_n < -1) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "dry_penalty_last_n is %d, but must be 0 (off) or more, or -1: the whole "
                         "text",
                         (int)sampling->dry_penalty_last_n);
    }
    if (sampling->dry_allowed_length < 0) {
        return error_set(err, GEN_BAD_ARGUMENT, "dry_allowed_length is %d, but must be 0 or more",
                         (int)sampling->dry_allowed_length);
    }
    if (sampling->n_dry_breakers > 0 && sampling->dry_breakers == NULL) {
        return error_set(err, GEN_BAD_ARGUMENT, "dry_breakers is NULL but n_dry_breakers is %zu",
                         sampling->n_dry_breakers);
    }
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < sampling->n_dry_breakers && status == GEN_OK; i++) {
        if (sampling->dry_breakers[i].n == 0) {
            return error_set(err, GEN_BAD_ARGUMENT,
                             "dry_breakers %zu has no ids but must have at least one", i);
        }
        status = ids_check(&sampling->dry_breakers[i], "dry_breakers", n_vocab, err);
    }
    return status;
}

const struct processor processor_dry = {.name = "dry_multiplier",
                                        .sampler = "dry",
                                        .options = options,
                                        .check = check,
                                        .applies = applies,
                                        .logits = penalize,
                                        .begin = begin,
                                        .accept = accept,
                                        .clone = clone,
                                        .free = release};
