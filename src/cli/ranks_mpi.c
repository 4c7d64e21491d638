/**
 * ranks_mpi.c - ranks as processes of MPI: sums and broadcasts in pieces, and how many processes
 * share this one's cores. Compiled by `make MPI=1`; ranks.c begins and ends it, training
 * (train/ranks.c) calls it.
 */
/* For the affinity calls. The macro is glibc's, so it must come before every header. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <mpi.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sched.h>
#endif

#include "cli/alloc.h"
#include "cli/exit_code.h"
#include "cli/message.h"
#include "cli/ranks.h"

/* Numbers of a call: MPI counts in int, and smaller buffers are enough for it. */
#define PIECE ((size_t)1 << 24)

const char ranks_engine_advice[] =
    "they did not find each other: each would write the same files (start them with the mpirun of "
    "the MPI that this program was built with)";

/* Ends all processes unless `result` is good: the others may wait for this one for ever. */
static void check(int result) {
    if (result == MPI_SUCCESS) {
        return;
    }
    char text[MPI_MAX_ERROR_STRING + 1] = "";
    int n;
    MPI_Error_string(result, text, &n);
    message_silence(false);
    message("the exchange with the other processes failed: %.300s", text);
    MPI_Abort(MPI_COMM_WORLD, EXIT_FAILED);
    exit(EXIT_FAILED);
}

static size_t piece(size_t left) {
    return left < PIECE ? left : PIECE;
}

static bool sum_floats(void *context, float *values, size_t n) {
    (void)context;
    for (size_t at = 0; at < n; at += PIECE) {
        check(MPI_Allreduce(MPI_IN_PLACE, values + at, (int)piece(n - at), MPI_FLOAT, MPI_SUM,
                            MPI_COMM_WORLD));
    }
    return true;
}

static bool sum_doubles(void *context, double *values, size_t n) {
    (void)context;
    for (size_t at = 0; at < n; at += PIECE) {
        check(MPI_Allreduce(MPI_IN_PLACE, values + at, (int)piece(n - at), MPI_DOUBLE, MPI_SUM,
                            MPI_COMM_WORLD));
    }
    return true;
}

static bool broadcast(void *context, int32_t from, void *bytes, size_t n) {
    (void)context;
    for (size_t at = 0; at < n; at += PIECE) {
        check(MPI_Bcast((char *)bytes + at, (int)piece(n - at), MPI_BYTE, from, MPI_COMM_WORLD));
    }
    return true;
}

/*
 * How many of the n processes of a machine may use one of the cores that this one may use: all of
 * them, unless the launcher has bound each to cores of its own.
 */
static int32_t count_on_cores(MPI_Comm machine, int32_t n) {
#ifdef __linux__
    cpu_set_t own;
    CPU_ZERO(&own);
    if (sched_getaffinity(0, sizeof own, &own) != 0) {
        memset(&own, 0xff, sizeof own);
    }
    cpu_set_t *all = alloc_new((size_t)n, sizeof *all);
    check(MPI_Allgather(&own, (int)sizeof own, MPI_BYTE, all, (int)sizeof own, MPI_BYTE, machine));
    int32_t n_sharing = 0;
    for (int32_t i = 0; i < n; i++) {
        cpu_set_t both;
        CPU_AND(&both, &own, &all[i]);
        n_sharing += CPU_COUNT(&both) > 0;
    }
    free(all);
    return n_sharing;
#else
    (void)machine;
    return n;
#endif
}

void ranks_engine_begin(struct gen_ranks *ranks) {
    /* Threads of the program's own work next to it; this one alone calls MPI. */
    int level;
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level) != MPI_SUCCESS) {
        message("MPI does not start");
        exit(EXIT_FAILED);
    }
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    int rank, n, n_on_machine;
    MPI_Comm machine;
    check(MPI_Comm_rank(MPI_COMM_WORLD, &rank));
    check(MPI_Comm_size(MPI_COMM_WORLD, &n));
    check(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank, MPI_INFO_NULL, &machine));
    check(MPI_Comm_size(machine, &n_on_machine));
    *ranks = (struct gen_ranks){.rank = rank,
                                .n = n,
                                .n_on_machine = n_on_machine,
                                .n_on_cores = count_on_cores(machine, n_on_machine),
                                .sum_floats = sum_floats,
                                .sum_doubles = sum_doubles,
                                .broadcast = broadcast};
    MPI_Comm_free(&machine);
}

void ranks_engine_end(void) {
    MPI_Finalize();
}
