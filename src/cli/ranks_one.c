/**
 * ranks_one.c - ranks of a program that is built without MPI: one, so nothing is exchanged.
 * ranks_mpi.c takes its place in a build with MPI.
 */
#include "cli/ranks.h"

const char ranks_engine_advice[] =
    "this program was built without MPI: each would write the same files (build it with make "
    "MPI=1, or start it without mpirun)";

void ranks_engine_begin(struct gen_ranks *ranks) {
    *ranks = (struct gen_ranks){.n = 1, .n_on_machine = 1, .n_on_cores = 1};
}

void ranks_engine_end(void) {}
