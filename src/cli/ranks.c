/**
 * ranks.c - whether this process is one of several that a launcher (mpirun, srun) started, and the
 * message where it is but finds itself alone. The exchange itself is in ranks_mpi.c, or ranks_one.c
 * in a build without MPI.
 */
#include "cli/ranks.h"

#include <stdlib.h>

#include "base/size.h"
#include "cli/exit_code.h"
#include "cli/message.h"

/* What launchers tell a process: Open MPI's; that of MPICH, Intel MPI and Slurm; MVAPICH's. */
static const struct launcher {
    const char *size, *rank;
} launchers[] = {
    {"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"},
    {"PMI_SIZE", "PMI_RANK"},
    {"MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK"},
};

/* A number of the environment, 0 where there is none. */
static long number(const char *name) {
    const char *text = getenv(name);
    return text != NULL ? strtol(text, NULL, 10) : 0;
}

static bool lost;
/* Of a process that is lost, what its launcher calls it. */
static long launched_rank;

static bool is_lost(void) {
    for (size_t i = 0; i < N_OF(launchers); i++) {
        long n = number(launchers[i].size);
        if (n > 1) {
            launched_rank = number(launchers[i].rank);
            if (launched_rank == 0) {
                message("%ld processes were started to train one model, but %s", n,
                        ranks_engine_advice);
            }
            return true;
        }
    }
    return false;
}

bool ranks_begin(struct gen_ranks *ranks) {
    ranks_engine_begin(ranks);
    lost = ranks->n == 1 && is_lost();
    message_silence(ranks->rank > 0);
    return !lost;
}

int ranks_end(int code) {
    ranks_engine_end();
    /* A launcher kills all others when one fails: the one with the message must be that one. */
    return lost && launched_rank > 0 ? EXIT_DONE : code;
}
