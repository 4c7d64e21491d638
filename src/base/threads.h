/**
 * threads.h - parallel loops (OpenMP behind one function).
 *
 * Work is cut into items that do not depend on each other; which thread does which item never
 * changes a result.
 */
#ifndef BASE_THREADS_H
#define BASE_THREADS_H

#include <stddef.h>

/** Most threads that may be asked for. */
#define THREADS_MAX 1024

/** Do items begin ... end-1; `thread` is 0 ... n_threads-1, for scratch memory of its own. */
typedef void threads_work(void *context, size_t begin, size_t end, int thread);

/**
 * Run `work` over n_items items with at most n_threads threads, each getting one contiguous,
 * nearly equal share. Returns when all is done.
 */
void threads_run(int n_threads, size_t n_items, threads_work *work, void *context);

/**
 * The same for items of uneven cost: shares of `grain` items are handed out as threads get free.
 */
void threads_run_dynamic(int n_threads, size_t n_items, size_t grain, threads_work *work,
                         void *context);

/** Physical cores this process may use: affinity mask, SMT siblings and cgroup quota counted. */
int threads_default(void);

#endif
