/**
 * ranks.c - several processes training one model: who takes which part, how sums, failures and
 * values to compare go around. How bytes travel is the caller's (struct gen_ranks; the program's is
 * cli/ranks_mpi.c).
 */
#include "train/ranks.h"

#include <string.h>

#include "base/error.h"
#include "base/threads.h"

#define SUMS_MAX 8

enum gen_status ranks_check(const struct gen_ranks *ranks, struct gen_error *err) {
    if (ranks == NULL || (ranks->rank >= 0 && ranks->rank < ranks->n && ranks->n_on_machine > 0 &&
                          ranks->n_on_cores > 0 && ranks->sum_floats != NULL &&
                          ranks->sum_doubles != NULL && ranks->broadcast != NULL)) {
        return GEN_OK;
    }
    return error_set(err, GEN_BAD_ARGUMENT,
                     "rank %d of %d, with %d on its machine and %d on its cores, cannot be",
                     ranks->rank, ranks->n, ranks->n_on_machine, ranks->n_on_cores);
}

bool ranks_leads(const struct gen_ranks *ranks) {
    return ranks == NULL || ranks->rank == 0;
}

/* n * rank / n_ranks would not fit where n is near 2^64. */
static uint64_t share_begin(uint64_t n, uint64_t rank, uint64_t n_ranks) {
    uint64_t more = n % n_ranks;
    return n / n_ranks * rank + (rank < more ? rank : more);
}

void ranks_share(uint64_t *first, uint64_t *end, const struct gen_ranks *ranks, uint64_t n) {
    uint64_t rank = ranks != NULL ? (uint64_t)ranks->rank : 0;
    uint64_t n_ranks = ranks != NULL ? (uint64_t)ranks->n : 1;
    *first = share_begin(n, rank, n_ranks);
    *end = share_begin(n, rank + 1, n_ranks);
}

int ranks_threads(const struct gen_ranks *ranks, int n_threads) {
    if (ranks == NULL || n_threads > 0) {
        return n_threads;
    }
    int share = threads_default() / ranks->n_on_cores;
    return share > 1 ? share : 1;
}

static enum gen_status exchange_failed(struct gen_error *err) {
    return error_set(err, GEN_IO_ERROR, "the exchange with the other processes failed");
}

/* The failure of the lowest rank that has one, on all ranks: each shows its own in turn. */
static enum gen_status share_failure(const struct gen_ranks *ranks, enum gen_status status,
                                     struct gen_error *err) {
    struct gen_error own = {.status = status};
    if (status != GEN_OK && err != NULL) {
        own = *err;
    }
    struct gen_error shown = own;
    for (int32_t rank = 0; rank < ranks->n; rank++) {
        shown = own;
        if (!ranks->broadcast(ranks->context, rank, &shown, sizeof shown)) {
            return exchange_failed(err);
        }
        if (shown.status == GEN_OK) {
            continue;
        }
        if (rank == 0 || shown.status == GEN_CANCELED) {
            return error_set(err, shown.status, "%s", shown.message);
        }
        return error_set(err, shown.status, "rank %d of %d: %s", rank, ranks->n, shown.message);
    }
    return exchange_failed(err);
}

enum gen_status ranks_sum(const struct gen_ranks *ranks, double *values, size_t n,
                          enum gen_status status, struct gen_error *err) {
    if (ranks == NULL) {
        return status;
    }
    double sums[SUMS_MAX + 1] = {status != GEN_OK};
    memcpy(sums + 1, values, n * sizeof *sums);
    if (!ranks->sum_doubles(ranks->context, sums, n + 1)) {
        return exchange_failed(err);
    }
    if (sums[0] > 0) {
        return share_failure(ranks, status, err);
    }
    memcpy(values, sums + 1, n * sizeof *sums);
    return GEN_OK;
}

enum gen_status ranks_join(const struct gen_ranks *ranks, enum gen_status status,
                           struct gen_error *err) {
    double nothing = 0;
    return ranks_sum(ranks, &nothing, 0, status, err);
}

enum gen_status ranks_sum_gradients(const struct gen_ranks *ranks, float *gradients, size_t n,
                                    struct gen_error *err) {
    if (ranks == NULL || ranks->sum_floats(ranks->context, gradients, n)) {
        return GEN_OK;
    }
    return exchange_failed(err);
}

enum gen_status ranks_compare(const struct gen_ranks *ranks, uint64_t value,
                              struct gen_error *err) {
    if (ranks == NULL) {
        return GEN_OK;
    }
    uint64_t first = value;
    if (!ranks->broadcast(ranks->context, 0, &first, sizeof first)) {
        return exchange_failed(err);
    }
    enum gen_status status = GEN_OK;
    if (first != value) {
        status = error_set(err, GEN_BAD_FILE,
                           "the model or the data are not those of rank 0 (all processes need the "
                           "same program, options and files, such as on a shared disk)");
    }
    return ranks_join(ranks, status, err);
}
