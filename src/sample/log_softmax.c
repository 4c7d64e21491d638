/**
 * log_softmax.c - log probabilities of ids and the likeliest of them, from the model's raw logits.
 * Which ids are asked for is decided in generate/ and eval/.
 */
#include "sample/log_softmax.h"

#include <math.h>
#include <stdlib.h>

#include "base/floats.h"
#include "base/math.h"
#include "base/size.h"
#include "sample/candidates.h"

#define LANES 16

/* ---- sums ------------------------------------------------------------------------------------*/

static float greatest_of(const float *x, size_t n) {
    float greatest[LOG_SOFTMAX_PIECE / FLOATS_BLOCK];
    floats_block_greatest(greatest, x, n);
    float highest = greatest[0];
    for (size_t i = 1; i < floats_n_blocks(n); i++) {
        highest = greatest[i] > highest ? greatest[i] : highest;
    }
    return highest;
}

static double sum_of(const float *x, size_t n) {
    double lanes[LANES] = {0};
    size_t whole = n / LANES * LANES;
    for (size_t i = 0; i < whole; i += LANES) {
        for (size_t lane = 0; lane < LANES; lane++) {
            lanes[lane] += (double)x[i + lane];
        }
    }
    for (size_t i = whole; i < n; i++) {
        lanes[i - whole] += (double)x[i];
    }
    for (size_t half = LANES / 2; half > 0; half /= 2) {
        for (size_t lane = 0; lane < half; lane++) {
            lanes[lane] += lanes[lane + half];
        }
    }
    return lanes[0];
}

struct log_softmax_piece log_softmax_piece_of(const float *logits, size_t n) {
    float powers[LOG_SOFTMAX_PIECE];
    struct log_softmax_piece piece = {.greatest = greatest_of(logits, n)};
    if (piece.greatest == -INFINITY) {
        return piece; /* none of them is possible */
    }
    floats_exp(powers, logits, n, piece.greatest);
    piece.sum = sum_of(powers, n);
    return piece;
}

/* What a sum counts for where a row's greatest logit is another one. */
static double sum_at(const struct log_softmax_piece *piece, float greatest) {
    return piece->sum * (double)math_exp(piece->greatest - greatest);
}

struct log_softmax log_softmax_of_pieces(const struct log_softmax_piece *pieces, size_t n,
                                         size_t stride) {
    float greatest = pieces[0].greatest;
    for (size_t i = 1; i < n; i++) {
        float other = pieces[i * stride].greatest;
        greatest = other > greatest ? other : greatest;
    }
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += sum_at(&pieces[i * stride], greatest);
    }
    return (struct log_softmax){(double)greatest, math_log_wide(sum)};
}

struct log_softmax log_softmax_of(const float *logits, size_t n) {
    float greatest = logits[floats_first_greatest(logits, n)];
    double sum = 0;
    for (size_t first = 0; first < n; first += LOG_SOFTMAX_PIECE) {
        const struct log_softmax_piece piece =
            log_softmax_piece_of(logits + first, size_min(n - first, LOG_SOFTMAX_PIECE));
        sum += sum_at(&piece, greatest);
    }
    return (struct log_softmax){(double)greatest, math_log_wide(sum)};
}

/* ---- the likeliest ---------------------------------------------------------------------------*/

/* Order of two entries: higher first, of equals the lower id. */
static int compare(const void *a, const void *b) {
    const struct gen_logprob *x = a;
    const struct gen_logprob *y = b;
    if (x->logprob != y->logprob) {
        return x->logprob > y->logprob ? -1 : 1;
    }
    return (x->id > y->id) - (x->id < y->id);
}

size_t log_softmax_find_best(struct gen_logprob *best, size_t k, const float *scores, size_t n) {
    if (k == 0) {
        return 0;
    }
    float lowest = candidates_kth_largest(scores, n, k);
    size_t found = 0;
    for (size_t i = 0; i < n && found < k; i++) {
        if (scores[i] > lowest) {
            best[found++] = (struct gen_logprob){.id = (int32_t)i, .logprob = scores[i]};
        }
    }
    for (size_t i = 0; i < n && found < k && lowest > -INFINITY; i++) {
        if (scores[i] == lowest) {
            best[found++] = (struct gen_logprob){.id = (int32_t)i, .logprob = scores[i]};
        }
    }
    qsort(best, found, sizeof *best, compare);
    return found;
}

void log_softmax_best(struct log_softmax softmax, struct gen_logprob *best, size_t k,
                      const float *logits, size_t n) {
    size_t found = log_softmax_find_best(best, k, logits, n);
    for (size_t i = 0; i < found; i++) {
        best[i].logprob = (float)log_softmax_at(softmax, best[i].logprob);
    }
}

void log_softmax_all(float *out, const float *logits, size_t n) {
    struct log_softmax softmax = log_softmax_of(logits, n);
    for (size_t i = 0; i < n; i++) {
        out[i] = (float)log_softmax_at(softmax, logits[i]);
    }
}
