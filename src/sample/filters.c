#include "sample/filters.h"

#include <math.h>
#include <string.h>

#include "base/math.h"
#include "base/memory.h"

void filters_release(struct filters *filters) {
    memory_free(filters->items);
    memory_free(filters->ranks);
    *filters = (struct filters){0};
}

/* ---- order of floats -------------------------------------------------------------------- */

/*
 * A float's bits, read as an integer, grow with its magnitude; flipping the sign bit of the
 * positive ones and all bits of the negative ones makes them grow with its value.
 */
#define SIGN_BIT UINT32_C(0x80000000)

static uint32_t key_of(float number) {
    float no_negative_zero = number + 0.0f;
    uint32_t bits;
    memcpy(&bits, &no_negative_zero, sizeof bits);
    return bits & SIGN_BIT ? ~bits : bits | SIGN_BIT;
}

static float number_of(uint32_t key) {
    uint32_t bits = key & SIGN_BIT ? key & ~SIGN_BIT : ~key;
    float number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

/* A key is looked at as three digits, the lowest first: 11, 11 and 10 bits. */
#define N_DIGITS   3
#define DIGIT_BITS 11
#define N_BUCKETS  (1u << DIGIT_BITS)
#define DIGIT_MASK (N_BUCKETS - 1u)

static uint32_t digit_of(uint32_t key, int digit) {
    return (key >> (digit * DIGIT_BITS)) & DIGIT_MASK;
}

/**
 * Counts how many keys have each value of the highest digit, finds the digit of the wanted key,
 * and goes on with the next digit among the keys that agree so far.
 */
float filters_kth_largest(const float *numbers, size_t n, size_t k) {
    uint32_t found = 0;
    uint32_t found_bits = 0;
    for (int digit = N_DIGITS - 1; digit >= 0; digit--) {
        size_t counts[N_BUCKETS] = {0};
        for (size_t i = 0; i < n; i++) {
            uint32_t key = key_of(numbers[i]);
            if ((key & found_bits) == found) {
                counts[digit_of(key, digit)]++;
            }
        }
        uint32_t value = DIGIT_MASK;
        for (; counts[value] < k; value--) {
            k -= counts[value];
        }
        found |= value << (digit * DIGIT_BITS);
        found_bits |= DIGIT_MASK << (digit * DIGIT_BITS);
    }
    return number_of(found);
}

/** Memory to rank all candidates. */
static bool reserve_ranks(struct filters *filters) {
    return memory_grow(&filters->ranks, &filters->ranks_capacity, 2 * filters->n,
                       sizeof *filters->ranks);
}

/**
 * Sort the first half of filters->ranks by key and return the sorted order, which lies in the
 * memory of filters->ranks too. Stable, by counting, one digit after the other.
 */
static const struct filters_rank *sort_ranks(struct filters *filters) {
    struct filters_rank *from = filters->ranks;
    struct filters_rank *to = filters->ranks + filters->n;
    for (int digit = 0; digit < N_DIGITS; digit++) {
        size_t starts[N_BUCKETS + 1] = {0};
        for (size_t i = 0; i < filters->n; i++) {
            starts[digit_of(from[i].key, digit) + 1]++;
        }
        for (size_t value = 0; value < N_BUCKETS; value++) {
            starts[value + 1] += starts[value];
        }
        for (size_t i = 0; i < filters->n; i++) {
            to[starts[digit_of(from[i].key, digit)]++] = from[i];
        }
        struct filters_rank *sorted = to;
        to = from;
        from = sorted;
    }
    return from;
}

/* ---- candidates ------------------------------------------------------------------------- */

bool filters_gather(struct filters *filters, const float *scores, size_t n, size_t k) {
    float lowest = k > 0 && k < n ? filters_kth_largest(scores, n, k) : -INFINITY;
    filters->n = 0;
    for (size_t i = 0; i < n; i++) {
        if (scores[i] < lowest || scores[i] == -INFINITY) {
            continue;
        }
        if (filters->n == filters->capacity &&
            !memory_grow(&filters->items, &filters->capacity, filters->n + 1,
                         sizeof *filters->items)) {
            return false;
        }
        filters->items[filters->n++] = (struct candidate){.id = (int32_t)i, .score = scores[i]};
    }
    return true;
}

/** Remove the candidates whose score a filter has set to -INFINITY. */
static void drop_marked(struct filters *filters) {
    size_t n = 0;
    for (size_t i = 0; i < filters->n; i++) {
        if (filters->items[i].score > -INFINITY) {
            filters->items[n++] = filters->items[i];
        }
    }
    filters->n = n;
}

void filters_weigh(struct filters *filters) {
    float highest = -INFINITY;
    for (size_t i = 0; i < filters->n; i++) {
        if (filters->items[i].score > highest) {
            highest = filters->items[i].score;
        }
    }
    for (size_t i = 0; i < filters->n; i++) {
        filters->items[i].weight = math_exp(filters->items[i].score - highest);
    }
    filters->highest = highest;
}

static double total_weight(const struct filters *filters) {
    double total = 0.0;
    for (size_t i = 0; i < filters->n; i++) {
        total += (double)filters->items[i].weight;
    }
    return total;
}

/* ---- filters ---------------------------------------------------------------------------- */

bool filters_top_p(struct filters *filters, float p) {
    if (!reserve_ranks(filters)) {
        return false;
    }
    for (size_t i = 0; i < filters->n; i++) {
        filters->ranks[i] =
            (struct filters_rank){.key = key_of(filters->items[i].score), .at = (uint32_t)i};
    }
    const struct filters_rank *order = sort_ranks(filters);
    double total = 0.0;
    for (size_t i = 0; i < filters->n; i++) {
        total += (double)filters->items[order[i].at].weight;
    }

    float limit = (float)(1.0 - (double)p);
    double sum = 0.0;
    for (size_t i = 0; i + 1 < filters->n; i++) {
        struct candidate *candidate = &filters->items[order[i].at];
        sum += (double)candidate->weight;
        if ((float)(sum / total) > limit) {
            break;
        }
        candidate->score = -INFINITY;
    }
    drop_marked(filters);
    return true;
}

void filters_min_p(struct filters *filters, float p) {
    /* The most probable candidate has weight 1. */
    for (size_t i = 0; i < filters->n; i++) {
        if (filters->items[i].weight < p) {
            filters->items[i].score = -INFINITY;
        }
    }
    drop_marked(filters);
}

/** Set ranks to (|-log p - entropy|, candidate), unsorted. */
static void rank_by_typicality(struct filters *filters, double total) {
    float log_total = math_log((float)total);
    double entropy = 0.0;
    for (size_t i = 0; i < filters->n; i++) {
        const struct candidate *candidate = &filters->items[i];
        if (candidate->weight == 0.0f) {
            continue; /* p log p goes to 0, and log p may be -infinity */
        }
        float log_p = candidate->score - filters->highest - log_total;
        entropy -= (double)log_p * ((double)candidate->weight / total);
    }
    for (size_t i = 0; i < filters->n; i++) {
        float log_p = filters->items[i].score - filters->highest - log_total;
        float distance = fabsf(-log_p - (float)entropy);
        filters->ranks[i] = (struct filters_rank){.key = key_of(distance), .at = (uint32_t)i};
    }
}

bool filters_typical_p(struct filters *filters, float p) {
    if (!reserve_ranks(filters)) {
        return false;
    }
    double total = total_weight(filters);
    rank_by_typicality(filters, total);
    const struct filters_rank *order = sort_ranks(filters);

    size_t last = 0;
    double sum = 0.0;
    for (; last + 1 < filters->n; last++) {
        sum += (double)filters->items[order[last].at].weight;
        if ((float)(sum / total) >= p) {
            break;
        }
    }
    for (size_t i = last + 1; i < filters->n; i++) {
        if (order[i].key > order[last].key) {
            filters->items[order[i].at].score = -INFINITY;
        }
    }
    drop_marked(filters);
    return true;
}

/* ---- the draw --------------------------------------------------------------------------- */

int32_t filters_draw(const struct filters *filters, double uniform) {
    double target = uniform * total_weight(filters);
    double sum = 0.0;
    for (size_t i = 0; i < filters->n; i++) {
        sum += (double)filters->items[i].weight;
        if (target < sum) {
            return filters->items[i].id;
        }
    }
    /* Out of reach, since uniform < 1 and the sum above is the total, bit for bit. */
    return filters->items[filters->n - 1].id;
}
