/**
 * beam_candidates.c - the best of what several beams may go on with, or some of it drawn. What a
 * beam is, and what becomes of a candidate, is decoder_beams.c's.
 */
#include "generate/beam_candidates.h"

#include <math.h>
#include <stdlib.h>

#include "base/math.h"
#include "base/memory.h"
#include "base/size.h"

void beam_candidates_release(struct beam_candidates *list) {
    memory_free(list->data);
    memory_free(list->weights);
    *list = (struct beam_candidates){0};
}

bool beam_candidates_add(struct beam_candidates *list, size_t rank, float score,
                         const struct gen_logprob *next, size_t n) {
    if (!memory_grow(&list->data, &list->capacity, list->n + n, sizeof *list->data)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        list->data[list->n++] = (struct beam_candidate){
            .score = score + next[i].logprob, .rank = rank, .id = next[i].id};
    }
    return true;
}

static int compare(const void *a, const void *b) {
    const struct beam_candidate *x = a;
    const struct beam_candidate *y = b;
    if (x->score != y->score) {
        return x->score > y->score ? -1 : 1;
    }
    if (x->rank != y->rank) {
        return x->rank < y->rank ? -1 : 1;
    }
    return (x->id > y->id) - (x->id < y->id);
}

void beam_candidates_keep_best(struct beam_candidates *list, size_t k) {
    if (list->n > 0) {
        qsort(list->data, list->n, sizeof *list->data, compare);
    }
    list->n = size_min(list->n, k);
}

/* Index of the first whose running sum of weights exceeds a random share of the sum of all; the
 * last that has weight if rounding leaves none; n without a random number if none has weight. */
static size_t draw(const float *weights, size_t n, struct rng *rng) {
    double total = 0.0;
    for (size_t i = 0; i < n; i++) {
        total += (double)weights[i];
    }
    if (!(total > 0.0)) {
        return n;
    }
    double target = rng_double(rng) * total, sum = 0.0;
    size_t last = n;
    for (size_t i = 0; i < n; i++) {
        sum += (double)weights[i];
        if (weights[i] > 0.0f) {
            last = i;
            if (target < sum) {
                break;
            }
        }
    }
    return last;
}

bool beam_candidates_draw(struct beam_candidates *list, size_t k, struct rng *rng) {
    if (!memory_grow(&list->weights, &list->weights_capacity, list->n, sizeof *list->weights)) {
        return false;
    }
    float highest = -INFINITY;
    for (size_t i = 0; i < list->n; i++) {
        highest = list->data[i].score > highest ? list->data[i].score : highest;
    }
    for (size_t i = 0; i < list->n; i++) {
        list->weights[i] = math_exp(list->data[i].score - highest);
    }
    for (size_t drawn = 0; drawn < k; drawn++) {
        size_t at = draw(list->weights, list->n, rng);
        if (at == list->n) {
            break; /* the rest weighs nothing */
        }
        list->weights[at] = 0.0f;
        /* Marked by a rank that no beam has. */
        list->data[at].rank = ~list->data[at].rank;
    }
    size_t n = 0;
    for (size_t i = 0; i < list->n; i++) {
        struct beam_candidate candidate = list->data[i];
        if (candidate.rank > SIZE_MAX / 2) {
            candidate.rank = ~candidate.rank;
            list->data[n++] = candidate;
        }
    }
    list->n = n;
    beam_candidates_keep_best(list, k);
    return true;
}
