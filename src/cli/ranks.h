/**
 * ranks.h - the processes that mpirun has started, as the library wants them for training.
 *
 * `make MPI=1` builds ranks_mpi.c, every other build ranks_one.c, where a process is alone.
 */
#ifndef CLI_RANKS_H
#define CLI_RANKS_H

#include <stdbool.h>

#include "gen_train.h"

/**
 * Join the other processes; without mpirun this is the only one. From then on all but rank 0 print
 * no messages. Returns false after a message if a launcher has started several that cannot find
 * each other, and would write to the same files. ranks_end() in any case.
 */
bool ranks_begin(struct gen_ranks *ranks);

/** Leave them, with the files closed and the last word said; returns the exit code to end with. */
int ranks_end(int code);

/* The parts of the two that the engines differ in; for ranks.c alone. */

/** Join the others: numbers and functions, n 1 if alone. */
void ranks_engine_begin(struct gen_ranks *ranks);
void ranks_engine_end(void);
/** What to do about processes that did not find each other. */
extern const char ranks_engine_advice[];

#endif
