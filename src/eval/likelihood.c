/**
 * likelihood.c - log probabilities, ranks and the likeliest ids of the rows of a pass: each piece
 * of logits is reduced to a few numbers by the thread that computed it, and these are put together
 * row by row at the end. Which rows and ids these are is score.c's.
 */
#include "eval/likelihood.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/size.h"

_Static_assert(OP_PIECE == LOG_SOFTMAX_PIECE, "sums are those of whole rows");

void likelihood_release(struct likelihood *likelihood) {
    memory_free(likelihood->asks);
    memory_free(likelihood->elements);
    memory_free(likelihood->values);
    memory_free(likelihood->sums);
    memory_free(likelihood->best);
    memory_free(likelihood->merged);
    memory_free(likelihood->first_ask);
    memory_free(likelihood->n_better);
    *likelihood = (struct likelihood){0};
}

/* ---- what is asked ---------------------------------------------------------------------------*/

void likelihood_begin(struct likelihood *likelihood) {
    likelihood->n_rows = 0;
    likelihood->n_asks = 0;
}

bool likelihood_add_row(struct likelihood *likelihood) {
    if (!memory_grow(&likelihood->first_ask, &likelihood->rows_capacity, likelihood->n_rows + 2,
                     sizeof *likelihood->first_ask)) {
        return false;
    }
    likelihood->first_ask[likelihood->n_rows++] = likelihood->n_asks;
    likelihood->first_ask[likelihood->n_rows] = likelihood->n_asks;
    return true;
}

bool likelihood_add_ask(struct likelihood *likelihood, struct likelihood_ask ask) {
    size_t n = likelihood->n_asks;
    if (!memory_grow(&likelihood->asks, &likelihood->asks_capacity, n + 1, sizeof ask) ||
        !memory_grow(&likelihood->elements, &likelihood->elements_capacity, n + 1,
                     sizeof *likelihood->elements)) {
        return false;
    }
    likelihood->asks[n] = ask;
    likelihood->elements[n] =
        (struct op_element){.row = likelihood->n_rows - 1, .column = (size_t)ask.score->id};
    likelihood->first_ask[likelihood->n_rows] = ++likelihood->n_asks;
    return true;
}

/* ---- pieces, by any thread -------------------------------------------------------------------*/

/* How many of the ids first ... first+n-1 come before `id`: by their logits, of equals the lower.
 */
static int32_t count_better(const float *x, size_t first, size_t n, size_t id, float logit) {
    size_t n_lower = id <= first ? 0 : size_min(id - first, n);
    int32_t better = 0;
    for (size_t i = 0; i < n_lower; i++) {
        better += x[i] >= logit;
    }
    for (size_t i = n_lower; i < n; i++) {
        better += x[i] > logit;
    }
    return better;
}

/* The n_best likeliest of a piece, best first; what there is no id for has id -1. */
static void find_best(struct gen_logprob *best, size_t n_best, const float *x, size_t first,
                      size_t n) {
    size_t found = 0;
    for (size_t i = 0; i < n; i++) {
        if (found == n_best && !(x[i] > best[n_best - 1].logprob)) {
            continue;
        }
        size_t at = found < n_best ? found++ : n_best - 1;
        for (; at > 0 && x[i] > best[at - 1].logprob; at--) {
            best[at] = best[at - 1];
        }
        best[at] = (struct gen_logprob){.id = (int32_t)(first + i), .logprob = x[i]};
    }
    for (; found < n_best; found++) {
        best[found] = (struct gen_logprob){.id = -1};
    }
}

static void look_at_piece(void *context, const struct op_piece *piece) {
    struct likelihood *likelihood = context;
    size_t number = piece->first / OP_PIECE;
    for (size_t row = 0; row < piece->n_rows; row++) {
        const float *x = piece->y + row * piece->y_stride;
        size_t at = number * likelihood->n_rows + row;
        likelihood->sums[at] = log_softmax_piece_of(x, piece->n);
        for (size_t i = likelihood->first_ask[row]; i < likelihood->first_ask[row + 1]; i++) {
            int32_t better = count_better(x, piece->first, piece->n, likelihood->elements[i].column,
                                          likelihood->values[i]);
            /* A count is the same in whatever order its parts are added. */
            atomic_fetch_add_explicit(&likelihood->n_better[i], better, memory_order_relaxed);
        }
        if (likelihood->n_best > 0) {
            find_best(likelihood->best + at * likelihood->n_best, likelihood->n_best, x,
                      piece->first, piece->n);
        }
    }
}

/* ---- answers ---------------------------------------------------------------------------------*/

static struct log_softmax softmax_of(const struct likelihood *likelihood, size_t row) {
    return log_softmax_of_pieces(&likelihood->sums[row],
                                 size_divide_up(likelihood->n_vocab, OP_PIECE), likelihood->n_rows);
}

/* Order of two of the likeliest: higher first, of equals the lower id; those that are none last. */
static int compare(const void *a, const void *b) {
    const struct gen_logprob *x = a;
    const struct gen_logprob *y = b;
    if (x->id < 0 || y->id < 0) {
        return (x->id < 0) - (y->id < 0);
    }
    if (x->logprob != y->logprob) {
        return x->logprob > y->logprob ? -1 : 1;
    }
    return (x->id > y->id) - (x->id < y->id);
}

/* The likeliest of a row, at the beginning of `merged`. */
static void merge_best(const struct likelihood *likelihood, size_t row,
                       struct log_softmax softmax) {
    size_t n_pieces = size_divide_up(likelihood->n_vocab, OP_PIECE);
    size_t n_best = likelihood->n_best;
    for (size_t i = 0; i < n_pieces; i++) {
        const struct gen_logprob *from = likelihood->best + (i * likelihood->n_rows + row) * n_best;
        for (size_t k = 0; k < n_best; k++) {
            likelihood->merged[i * n_best + k] = from[k];
        }
    }
    qsort(likelihood->merged, n_pieces * n_best, sizeof *likelihood->merged, compare);
    for (size_t k = 0; k < n_best; k++) {
        struct gen_logprob *best = &likelihood->merged[k];
        best->logprob = (float)log_softmax_at(softmax, best->logprob);
    }
}

static void answer_row(const struct likelihood *likelihood, size_t row) {
    struct log_softmax softmax = softmax_of(likelihood, row);
    size_t n_best = likelihood->n_best;
    if (n_best > 0) {
        merge_best(likelihood, row, softmax);
    }
    for (size_t i = likelihood->first_ask[row]; i < likelihood->first_ask[row + 1]; i++) {
        const struct likelihood_ask *ask = &likelihood->asks[i];
        ask->score->logprob = log_softmax_at(softmax, likelihood->values[i]);
        ask->score->rank = 1 + atomic_load_explicit(&likelihood->n_better[i], memory_order_relaxed);
        for (size_t k = 0; k < n_best; k++) {
            ask->best[k] = likelihood->merged[k];
        }
    }
}

/* Memory for what is found. */
static bool reserve(struct likelihood *likelihood) {
    size_t n_pieces = size_divide_up(likelihood->n_vocab, OP_PIECE);
    size_t n_sums = n_pieces * likelihood->n_rows;
    return memory_grow(&likelihood->sums, &likelihood->sums_capacity, n_sums,
                       sizeof *likelihood->sums) &&
           memory_grow(&likelihood->values, &likelihood->values_capacity, likelihood->n_asks,
                       sizeof *likelihood->values) &&
           memory_grow(&likelihood->n_better, &likelihood->better_capacity, likelihood->n_asks,
                       sizeof *likelihood->n_better) &&
           memory_grow(&likelihood->best, &likelihood->best_capacity, n_sums * likelihood->n_best,
                       sizeof *likelihood->best) &&
           memory_grow(&likelihood->merged, &likelihood->merged_capacity,
                       n_pieces * likelihood->n_best, sizeof *likelihood->merged);
}

enum gen_status likelihood_eval(struct likelihood *likelihood, struct gen_session *session,
                                const struct gen_row *rows, size_t n, struct gen_error *err) {
    if (!reserve(likelihood)) {
        return error_no_memory(err, "log probabilities");
    }
    for (size_t i = 0; i < likelihood->n_asks; i++) {
        atomic_init(&likelihood->n_better[i], 0);
    }
    const struct forward_look look = {.elements = likelihood->elements,
                                      .n_elements = likelihood->n_asks,
                                      .values = likelihood->values,
                                      .look = look_at_piece,
                                      .context = likelihood};
    enum gen_status status = session_look_at_logits(session, rows, n, &look, err);
    for (size_t row = 0; status == GEN_OK && row < likelihood->n_rows; row++) {
        answer_row(likelihood, row);
    }
    return status;
}
