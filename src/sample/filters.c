#include "sample/filters.h"

#include <math.h>
#include <string.h>

#include "base/floats.h"
#include "base/math.h"
#include "base/memory.h"

void filters_release(struct filters *filters) {
    memory_free(filters->ids);
    memory_free(filters->scores);
    memory_free(filters->weights);
    memory_free(filters->ranks);
    memory_free(filters->block_greatest);
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
    uint32_t starts[N_DIGITS][N_BUCKETS + 1] = {{0}};
    for (size_t i = 0; i < filters->n; i++) {
        for (int digit = 0; digit < N_DIGITS; digit++) {
            starts[digit][digit_of(from[i].key, digit) + 1]++;
        }
    }
    for (int digit = 0; digit < N_DIGITS; digit++) {
        uint32_t *start = starts[digit];
        for (size_t value = 0; value < N_BUCKETS; value++) {
            start[value + 1] += start[value];
        }
        for (size_t i = 0; i < filters->n; i++) {
            to[start[digit_of(from[i].key, digit)]++] = from[i];
        }
        struct filters_rank *sorted = to;
        to = from;
        from = sorted;
    }
    return from;
}

/* ---- candidates ------------------------------------------------------------------------- */

/** Memory for n candidates. */
static bool reserve(struct filters *filters, size_t n) {
    return memory_grow(&filters->ids, &filters->ids_capacity, n, sizeof *filters->ids) &&
           memory_grow(&filters->scores, &filters->scores_capacity, n, sizeof *filters->scores) &&
           memory_grow(&filters->weights, &filters->weights_capacity, n, sizeof *filters->weights);
}

/** Append the scores begin ... end-1 that are at least `lowest` and not -INFINITY. There is room
 * for all: each is written, and those that stay move the end on. */
static void gather_range(struct filters *filters, const float *scores, size_t begin, size_t end,
                         float lowest) {
    size_t n = filters->n;
    for (size_t i = begin; i < end; i++) {
        filters->ids[n] = (int32_t)i;
        filters->scores[n] = scores[i];
        n += scores[i] >= lowest && scores[i] > -INFINITY;
    }
    filters->n = n;
}

/** Keep the candidates with a score of at least `lowest`. */
static void keep_from(struct filters *filters, float lowest) {
    size_t n = 0;
    for (size_t i = 0; i < filters->n; i++) {
        filters->ids[n] = filters->ids[i];
        filters->scores[n] = filters->scores[i];
        n += filters->scores[i] >= lowest;
    }
    filters->n = n;
}

/**
 * Of the greatest scores of the blocks take the k-th largest: there are k scores as good as that,
 * so the k best are among those at least as good, and only blocks that have such are looked at.
 */
bool filters_gather(struct filters *filters, const float *scores, size_t n, size_t k) {
    size_t n_blocks = floats_n_blocks(n);
    /* One more than is used: gather_range() writes before it knows whether a score stays. */
    if (!reserve(filters, n + 1) ||
        !memory_grow(&filters->block_greatest, &filters->blocks_capacity, n_blocks,
                     sizeof *filters->block_greatest)) {
        return false;
    }
    filters->n = 0;
    if (k == 0 || k >= n) {
        gather_range(filters, scores, 0, n, -INFINITY);
        return true;
    }
    float bound = -INFINITY;
    floats_block_greatest(filters->block_greatest, scores, n);
    if (k <= n_blocks) {
        bound = filters_kth_largest(filters->block_greatest, n_blocks, k);
    }
    for (size_t block = 0; block < n_blocks; block++) {
        size_t begin = block * FLOATS_BLOCK;
        if (filters->block_greatest[block] >= bound) {
            size_t end = n - begin < FLOATS_BLOCK ? n : begin + FLOATS_BLOCK;
            gather_range(filters, scores, begin, end, bound);
        }
    }
    if (k < filters->n) {
        keep_from(filters, filters_kth_largest(filters->scores, filters->n, k));
    }
    return true;
}

/** Remove the candidates whose score a filter has set to -INFINITY. */
static void drop_marked(struct filters *filters) {
    size_t n = 0;
    for (size_t i = 0; i < filters->n; i++) {
        filters->ids[n] = filters->ids[i];
        filters->scores[n] = filters->scores[i];
        filters->weights[n] = filters->weights[i];
        n += filters->scores[i] > -INFINITY;
    }
    filters->n = n;
}

void filters_weigh(struct filters *filters) {
    size_t at = floats_first_greatest(filters->scores, filters->n);
    filters->highest = at < filters->n ? filters->scores[at] : -INFINITY;
    floats_exp(filters->weights, filters->scores, filters->n, filters->highest);
}

static double total_weight(const struct filters *filters) {
    double total = 0.0;
    for (size_t i = 0; i < filters->n; i++) {
        total += (double)filters->weights[i];
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
            (struct filters_rank){.key = key_of(filters->scores[i]), .at = (uint32_t)i};
    }
    const struct filters_rank *order = sort_ranks(filters);
    double total = 0.0;
    for (size_t i = 0; i < filters->n; i++) {
        total += (double)filters->weights[order[i].at];
    }

    float limit = (float)(1.0 - (double)p);
    double sum = 0.0;
    for (size_t i = 0; i + 1 < filters->n; i++) {
        sum += (double)filters->weights[order[i].at];
        if ((float)(sum / total) > limit) {
            break;
        }
        filters->scores[order[i].at] = -INFINITY;
    }
    drop_marked(filters);
    return true;
}

void filters_min_p(struct filters *filters, float p) {
    /* The most probable candidate has weight 1. */
    for (size_t i = 0; i < filters->n; i++) {
        if (filters->weights[i] < p) {
            filters->scores[i] = -INFINITY;
        }
    }
    drop_marked(filters);
}

/** Set ranks to (|-log p - entropy|, candidate), unsorted. */
static void rank_by_typicality(struct filters *filters, double total) {
    float log_total = math_log((float)total);
    double entropy = 0.0;
    for (size_t i = 0; i < filters->n; i++) {
        if (filters->weights[i] == 0.0f) {
            continue; /* p log p goes to 0, and log p may be -infinity */
        }
        float log_p = filters->scores[i] - filters->highest - log_total;
        entropy -= (double)log_p * ((double)filters->weights[i] / total);
    }
    for (size_t i = 0; i < filters->n; i++) {
        float log_p = filters->scores[i] - filters->highest - log_total;
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
        sum += (double)filters->weights[order[last].at];
        if ((float)(sum / total) >= p) {
            break;
        }
    }
    for (size_t i = last + 1; i < filters->n; i++) {
        if (order[i].key > order[last].key) {
            filters->scores[order[i].at] = -INFINITY;
        }
    }
    drop_marked(filters);
    return true;
}

/* ---- the draw --------------------------------------------------------------------------- */

/* Candidates from one note of the running sum to the next. */
#define DRAW_STEP 1024
/* Notes at most: beyond them the last part is long. */
#define DRAW_NOTES 64

int32_t filters_draw(const struct filters *filters, double uniform) {
    /* Additions wait for one another, so those of the total are not done again: the search begins
     * at the last note that is not beyond the target. */
    double notes[DRAW_NOTES] = {0.0};
    size_t n_notes = 1;
    double total = 0.0;
    for (size_t i = 0; i < filters->n; i++) {
        if (i > 0 && i % DRAW_STEP == 0 && n_notes < DRAW_NOTES) {
            notes[n_notes++] = total;
        }
        total += (double)filters->weights[i];
    }
    double target = uniform * total;
    while (n_notes > 1 && target < notes[n_notes - 1]) {
        n_notes--;
    }
    double sum = notes[n_notes - 1];
    for (size_t i = (n_notes - 1) * DRAW_STEP; i < filters->n; i++) {
        sum += (double)filters->weights[i];
        if (target < sum) {
            return filters->ids[i];
        }
    }
    /* Out of reach, since uniform < 1 and the sum above is the total, bit for bit. */
    return filters->ids[filters->n - 1];
}
