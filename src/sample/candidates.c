/**
 * candidates.c - the list of tokens that may be drawn: gathering it, ordering it, and the draw.
 */
#include "sample/candidates.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/floats.h"
#include "base/math.h"
#include "base/memory.h"

void candidates_release(struct candidates *list) {
    memory_free(list->ids);
    memory_free(list->scores);
    memory_free(list->weights);
    memory_free(list->ranks);
    memory_free(list->block_greatest);
    *list = (struct candidates){0};
}

/* ---- order of floats -------------------------------------------------------------------------*/

/*
 * A float's bits, read as an integer, grow with its magnitude; flipping the sign bit of the
 * positive ones and all bits of the negative ones makes them grow with its value.
 */
#define SIGN_BIT UINT32_C(0x80000000)

uint32_t candidates_key(float number) {
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

/*
 * Counts how many keys have each value of the highest digit, finds the digit of the key in
 * question, and goes on with the next digit among the keys that agree so far.
 */
float candidates_kth_largest(const float *numbers, size_t n, size_t k) {
    uint32_t found = 0;
    uint32_t found_bits = 0;
    for (int digit = N_DIGITS - 1; digit >= 0; digit--) {
        size_t counts[N_BUCKETS] = {0};
        for (size_t i = 0; i < n; i++) {
            uint32_t key = candidates_key(numbers[i]);
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

bool candidates_reserve_ranks(struct candidates *list) {
    return memory_grow(&list->ranks, &list->ranks_capacity, 2 * list->n, sizeof *list->ranks);
}

/* By counting, one digit after the other. */
const struct candidate_rank *candidates_sort_ranks(struct candidates *list) {
    struct candidate_rank *from = list->ranks;
    struct candidate_rank *to = list->ranks + list->n;
    uint32_t starts[N_DIGITS][N_BUCKETS + 1] = {{0}};
    for (size_t i = 0; i < list->n; i++) {
        for (int digit = 0; digit < N_DIGITS; digit++) {
            starts[digit][digit_of(from[i].key, digit) + 1]++;
        }
    }
    for (int digit = 0; digit < N_DIGITS; digit++) {
        uint32_t *start = starts[digit];
        for (size_t value = 0; value < N_BUCKETS; value++) {
            start[value + 1] += start[value];
        }
        for (size_t i = 0; i < list->n; i++) {
            to[start[digit_of(from[i].key, digit)]++] = from[i];
        }
        struct candidate_rank *sorted = to;
        to = from;
        from = sorted;
    }
    return from;
}

/* ---- candidates ------------------------------------------------------------------------------*/

/* Memory for n candidates. */
static bool reserve(struct candidates *list, size_t n) {
    return memory_grow(&list->ids, &list->ids_capacity, n, sizeof *list->ids) &&
           memory_grow(&list->scores, &list->scores_capacity, n, sizeof *list->scores) &&
           memory_grow(&list->weights, &list->weights_capacity, n, sizeof *list->weights);
}

/* Append the scores begin ... end-1 that are at least `lowest` and not -INFINITY. There is room
 * for all: each is written, and those that stay move the end on. */
static void gather_range(struct candidates *list, const float *scores, size_t begin, size_t end,
                         float lowest) {
    size_t n = list->n;
    for (size_t i = begin; i < end; i++) {
        list->ids[n] = (int32_t)i;
        list->scores[n] = scores[i];
        n += scores[i] >= lowest && scores[i] > -INFINITY;
    }
    list->n = n;
}

/* Keep the candidates with a score of at least `lowest`. */
static void keep_from(struct candidates *list, float lowest) {
    size_t n = 0;
    for (size_t i = 0; i < list->n; i++) {
        list->ids[n] = list->ids[i];
        list->scores[n] = list->scores[i];
        n += list->scores[i] >= lowest;
    }
    list->n = n;
}

/*
 * Of the greatest scores of the blocks take the k-th largest: there are k scores as good as that,
 * so the k best are among those at least as good, and only blocks that have such are looked at.
 */
bool candidates_gather(struct candidates *list, const float *scores, size_t n, size_t k) {
    size_t n_blocks = floats_n_blocks(n);
    /* One more than is used: gather_range() writes before it knows whether a score stays. */
    if (!reserve(list, n + 1) || !memory_grow(&list->block_greatest, &list->blocks_capacity,
                                              n_blocks, sizeof *list->block_greatest)) {
        return false;
    }
    list->n = 0;
    if (k == 0 || k >= n) {
        gather_range(list, scores, 0, n, -INFINITY);
        return true;
    }
    float bound = -INFINITY;
    floats_block_greatest(list->block_greatest, scores, n);
    if (k <= n_blocks) {
        bound = candidates_kth_largest(list->block_greatest, n_blocks, k);
    }
    for (size_t block = 0; block < n_blocks; block++) {
        size_t begin = block * FLOATS_BLOCK;
        if (list->block_greatest[block] >= bound) {
            size_t end = n - begin < FLOATS_BLOCK ? n : begin + FLOATS_BLOCK;
            gather_range(list, scores, begin, end, bound);
        }
    }
    if (k < list->n) {
        keep_from(list, candidates_kth_largest(list->scores, list->n, k));
    }
    return true;
}

void candidates_keep_best(struct candidates *list, size_t k) {
    if (k == 0 || k >= list->n) {
        return;
    }
    float lowest = candidates_kth_largest(list->scores, list->n, k);
    for (size_t i = 0; i < list->n; i++) {
        list->scores[i] = list->scores[i] < lowest ? -INFINITY : list->scores[i];
    }
    candidates_drop_marked(list);
}

void candidates_drop_marked(struct candidates *list) {
    size_t n = 0;
    for (size_t i = 0; i < list->n; i++) {
        list->ids[n] = list->ids[i];
        list->scores[n] = list->scores[i];
        list->weights[n] = list->weights[i];
        n += list->scores[i] > -INFINITY;
    }
    list->n = n;
}

void candidates_weigh(struct candidates *list) {
    size_t at = floats_first_greatest(list->scores, list->n);
    list->highest = at < list->n ? list->scores[at] : -INFINITY;
    if (list->highest > FLT_MAX) {
        for (size_t i = 0; i < list->n; i++) {
            list->scores[i] = list->scores[i] > FLT_MAX ? FLT_MAX : list->scores[i];
        }
        list->highest = FLT_MAX;
    }
    floats_exp(list->weights, list->scores, list->n, list->highest);
}

double candidates_total_weight(const struct candidates *list) {
    double total = 0.0;
    for (size_t i = 0; i < list->n; i++) {
        total += (double)list->weights[i];
    }
    return total;
}

double candidates_entropy(const struct candidates *list, double total) {
    float log_total = math_log((float)total);
    double entropy = 0.0;
    for (size_t i = 0; i < list->n; i++) {
        if (list->weights[i] == 0.0f) {
            continue; /* p log p goes to 0, and log p may be -infinity */
        }
        float log_p = list->scores[i] - list->highest - log_total;
        entropy -= (double)log_p * ((double)list->weights[i] / total);
    }
    return entropy;
}

void candidates_normalize(struct candidates *list) {
    float log_total = math_log((float)candidates_total_weight(list));
    for (size_t i = 0; i < list->n; i++) {
        list->scores[i] = list->scores[i] - list->highest - log_total;
    }
}

/* ---- the draw --------------------------------------------------------------------------------*/

/* Candidates from one note of the running sum to the next. */
#define DRAW_STEP 1024
/* Notes at most: beyond them the last part is long. */
#define DRAW_NOTES 64

int32_t candidates_draw(const struct candidates *list, double uniform) {
    /* Additions wait for one another, so those of the total are not done again: the search begins
     * at the last note that is not beyond the target. */
    double notes[DRAW_NOTES] = {0.0};
    size_t n_notes = 1;
    double total = 0.0;
    for (size_t i = 0; i < list->n; i++) {
        if (i > 0 && i % DRAW_STEP == 0 && n_notes < DRAW_NOTES) {
            notes[n_notes++] = total;
        }
        total += (double)list->weights[i];
    }
    double target = uniform * total;
    while (n_notes > 1 && target < notes[n_notes - 1]) {
        n_notes--;
    }
    double sum = notes[n_notes - 1];
    for (size_t i = (n_notes - 1) * DRAW_STEP; i < list->n; i++) {
        sum += (double)list->weights[i];
        if (target < sum) {
            return list->ids[i];
        }
    }
    /* Out of reach, since uniform < 1 and the sum above is the total, bit for bit. */
    return list->ids[list->n - 1];
}
