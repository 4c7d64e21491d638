/**
 * threads.h - a pool of threads for loops whose items do not depend on each other; which thread
 * does which item never changes a result.
 *
 * A loop is cut into shares, which threads claim one after the other. The loop is over when all
 * shares are done, whether or not every thread took part: on a busy machine a thread that the
 * system does not run holds up nothing but a share it has already claimed. Threads without work
 * watch for the next loop for some hundred microseconds, because in a forward pass it follows at
 * once, soon letting others run between two looks, then sleep. (OpenMP's barriers wait for every
 * thread, and libgomp's watch much longer: next to two other busy processes on two cores decoding
 * was ten times slower.)
 */
#ifndef BASE_THREADS_H
#define BASE_THREADS_H

#include <stddef.h>

#include "gen.h"

/** Most threads a pool may have. */
#define THREADS_MAX 1024

struct thread_pool;

/**
 * A pool of n_threads (1 ... THREADS_MAX), the caller's own among them; 0: threads_default().
 * If the system gives fewer threads the pool is smaller. NULL if out of memory. Pools belong to
 * one thread at a time.
 */
struct thread_pool *thread_pool_new(int n_threads);
void thread_pool_free(struct thread_pool *pool);
/** Threads that thread_pool_run() uses, the caller included. */
int thread_pool_size(const struct thread_pool *pool);

/** Do items begin ... end-1; `thread` is 0 ... size-1, for scratch memory of its own. */
typedef void thread_work(void *context, size_t begin, size_t end, int thread);

/**
 * Run `work` over n_items items and return when all are done. Items of equal cost: grain 0, a
 * few shares per thread. Items of uneven cost: shares of `grain` items each.
 */
void thread_pool_run(struct thread_pool *pool, size_t n_items, size_t grain, thread_work *work,
                     void *context);

/** Physical cores this process may use: affinity mask, SMT siblings and cgroup quota counted. */
int threads_default(void);

/** Bytes of the largest cache of a core, which others may share; 0 where that is unknown. */
size_t threads_cache_bytes(void);

/** GEN_BAD_ARGUMENT unless n_threads is what thread_pool_new() takes. */
enum gen_status threads_check(int n_threads, struct gen_error *err);

#endif
