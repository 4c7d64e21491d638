/**
 * pair_order.c - which pairs are learned in which step: the split into learned and held-out ones,
 * and each epoch's shuffled order by lengths. The pairs themselves are pairs.c's.
 */
#include "data/pair_order.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/rng.h"
#include "base/size.h"

/* Steps whose pairs are put in order together. */
#define GROUP_STEPS 32
/* Stream of the random numbers that hold pairs out; epochs count from 0. */
#define HOLDING_STREAM UINT64_MAX

static void shuffle(uint32_t *numbers, size_t n, uint64_t seed, uint64_t stream,
                    uint64_t sequence) {
    struct rng rng;
    rng_init_sequence(&rng, seed, stream, sequence);
    for (size_t i = 0; i < n; i++) {
        size_t other = (size_t)(rng_double(&rng) * (double)(i + 1));
        uint32_t moved = numbers[i];
        numbers[i] = numbers[other];
        numbers[other] = moved;
    }
}

/* ---- lengths ---------------------------------------------------------------------------------*/

struct pair_by_length {
    size_t length;
    uint32_t place; /* before sorting, so that no two are equal */
    uint32_t number;
};

static int compare(const void *a, const void *b) {
    const struct pair_by_length *x = a;
    const struct pair_by_length *y = b;
    if (x->length != y->length) {
        return x->length < y->length ? -1 : 1;
    }
    return x->place < y->place ? -1 : x->place > y->place;
}

/* Sort numbers of pairs by the pairs' lengths; `room` is as long. */
static void sort_by_length(uint32_t *numbers, size_t n, const struct pairs *pairs,
                           const uint32_t *which, struct pair_by_length *room) {
    for (size_t i = 0; i < n; i++) {
        uint32_t number = numbers[i];
        room[i] = (struct pair_by_length){pairs->all[which != NULL ? which[number] : number].n,
                                          (uint32_t)i, number};
    }
    qsort(room, n, sizeof *room, compare);
    for (size_t i = 0; i < n; i++) {
        numbers[i] = room[i].number;
    }
}

/* ---- sets ------------------------------------------------------------------------------------*/

enum gen_status pair_set_divide(struct pair_set *learned, struct pair_set *held,
                                const struct pairs *pairs, double share, uint64_t seed,
                                struct gen_error *err) {
    size_t n_held = (size_t)(share * (double)pairs->n + 0.5);
    if (share > 0 && n_held == 0) {
        n_held = 1;
    }
    if (share < 1 && n_held >= pairs->n) {
        n_held = pairs->n > 0 ? pairs->n - 1 : 0;
    }
    *learned = (struct pair_set){.pairs = pairs, .n = pairs->n - n_held};
    *held = (struct pair_set){.pairs = pairs, .n = n_held};
    learned->which = memory_new(pairs->n, sizeof *learned->which);
    held->which = memory_new(n_held, sizeof *held->which);
    struct pair_by_length *room = memory_new(n_held, sizeof *room);
    if (learned->which == NULL || held->which == NULL || room == NULL || pairs->n > UINT32_MAX) {
        memory_free(room);
        return error_no_memory(err, "pairs");
    }
    for (size_t i = 0; i < pairs->n; i++) {
        learned->which[i] = (uint32_t)i;
    }
    if (n_held > 0) {
        shuffle(learned->which, pairs->n, seed, HOLDING_STREAM, 3);
    }
    for (size_t i = 0; i < n_held; i++) {
        held->which[i] = learned->which[learned->n + i];
    }
    sort_by_length(held->which, n_held, pairs, NULL, room);
    memory_free(room);
    return GEN_OK;
}

void pair_set_release(struct pair_set *set) {
    memory_free(set->which);
    *set = (struct pair_set){0};
}

/* ---- order -----------------------------------------------------------------------------------*/

static void begin_epoch(struct pair_order *order, uint64_t epoch) {
    const struct pair_set *set = order->set;
    size_t group = GROUP_STEPS * order->step_pairs;
    size_t n = order->n_full * order->step_pairs;
    for (size_t i = 0; i < set->n; i++) {
        order->sequence[i] = (uint32_t)i;
    }
    for (size_t i = 0; i < order->n_full; i++) {
        order->steps[i] = (uint32_t)i;
    }
    shuffle(order->sequence, set->n, order->seed, epoch, 3);
    for (size_t first = 0; first < n; first += group) {
        sort_by_length(order->sequence + first, size_min(n - first, group), set->pairs, set->which,
                       order->room);
    }
    shuffle(order->steps, order->n_full, order->seed, epoch, 4);
    order->epoch = epoch;
}

enum gen_status pair_order_init(struct pair_order *order, const struct pair_set *set,
                                size_t step_pairs, uint64_t seed, struct gen_error *err) {
    *order = (struct pair_order){.set = set, .seed = seed};
    order->step_pairs = size_min(step_pairs, set->n);
    order->n_full = set->n / order->step_pairs;
    order->n_steps = order->n_full + (set->n % order->step_pairs > 0);
    order->sequence = memory_new(set->n, sizeof *order->sequence);
    order->steps = memory_new(order->n_full, sizeof *order->steps);
    order->room = memory_new(set->n, sizeof *order->room);
    if (order->sequence == NULL || order->steps == NULL || order->room == NULL) {
        return error_no_memory(err, "the order of the pairs");
    }
    begin_epoch(order, 0);
    return GEN_OK;
}

void pair_order_release(struct pair_order *order) {
    memory_free(order->sequence);
    memory_free(order->steps);
    memory_free(order->room);
    *order = (struct pair_order){0};
}

size_t pair_order_at(struct pair_order *order, uint64_t i) {
    uint64_t epoch = i / order->set->n;
    if (epoch != order->epoch) {
        begin_epoch(order, epoch);
    }
    size_t at = (size_t)(i % order->set->n);
    size_t step = at / order->step_pairs;
    size_t from = step < order->n_full ? order->steps[step] : step;
    return order->set->which[order->sequence[from * order->step_pairs + at % order->step_pairs]];
}
