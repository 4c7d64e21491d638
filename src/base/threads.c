/**
 * threads.c - the thread pool: workers claim shares of a loop, watch for the next loop for a while,
 * then sleep. How many there should be is in cores.c; what a loop computes is its caller's.
 */
#include "base/threads.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"
#include "base/size.h"

/* How often a thread looks for work before it sleeps. First with a pause of some tens of cycles
 * each time: about 30 microseconds, a few times the pauses between the loops of one token. Then it
 * lets others run each time, who are waiting for this core: some hundred microseconds where nobody
 * is, as long as a loop over a prompt waits for a thread that was interrupted. */
#define LOOKS  1000
#define YIELDS 300

/* Items of equal cost are cut into equal units: for each thread one large share of UNITS_LARGE of
 * them, which are claimed first, and UNITS_SMALL shares of one. Where a share begins costs
 * something, but a thread that started late or is slower can so leave its part to the others. With
 * fewer than UNIT_ITEMS items to a unit there are SHARES_PER_THREAD equal shares instead. */
#define UNITS_LARGE       6
#define UNITS_SMALL       2
#define UNIT_ITEMS        3
#define SHARES_PER_THREAD 2

/*
 * The claim word holds the number of the loop in its upper half and the next free share in the
 * lower. A thread reads the loop's fields, then claims by exchanging exactly the word it saw: if
 * that succeeds the loop is still the one the fields belong to, and it cannot end before the
 * share is done. A thread that comes late fails to claim and has touched nothing.
 */
#define LOOP_OF(word)     ((uint32_t)((word) >> 32))
#define SHARE_OF(word)    ((uint32_t)(word))
#define WORD(loop, share) ((uint64_t)(loop) << 32 | (share))
#define NO_SHARE          UINT32_MAX

struct worker {
    struct thread_pool *pool;
    pthread_t id;
    int index; /* 1 ... size-1 */
};

struct thread_pool {
    int size;
    struct worker *workers; /* [size - 1] */

    _Atomic uint64_t claim;
    _Atomic(thread_work *) work;
    _Atomic(void *) context;
    atomic_size_t n_items;
    _Atomic uint32_t n_shares;
    _Atomic uint32_t n_large; /* the first shares, of UNITS_LARGE units each; others have one */
    _Atomic uint32_t n_done;

    pthread_mutex_t lock;
    pthread_cond_t wake;     /* a new loop, or the end */
    pthread_cond_t finished; /* the last share of a loop is done */
    atomic_int n_asleep;     /* workers waiting for `wake` */
    atomic_bool main_asleep; /* the caller waits for `finished` */
    atomic_bool stop;
};

static void pause_briefly(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#else
    sched_yield();
#endif
}

static void pause_or_yield(int look) {
    if (look < LOOKS) {
        pause_briefly();
    } else {
        sched_yield();
    }
}

struct shares {
    size_t n_items;
    uint32_t n, n_large;
};

static size_t units_before(const struct shares *shares, uint32_t share) {
    uint32_t large = share < shares->n_large ? share : shares->n_large;
    return (size_t)large * (UNITS_LARGE - 1) + share;
}

/* Where a share begins: units have equally many items, the first n_items % n_units one more. */
static size_t share_begin(const struct shares *shares, uint32_t share) {
    size_t n_units = units_before(shares, shares->n);
    size_t unit = units_before(shares, share);
    size_t rest = shares->n_items % n_units;
    return unit * (shares->n_items / n_units) + size_min(unit, rest);
}

static void report_done(struct thread_pool *pool, uint32_t n_shares) {
    if (atomic_fetch_add(&pool->n_done, 1) + 1 == n_shares && atomic_load(&pool->main_asleep)) {
        pthread_mutex_lock(&pool->lock);
        pthread_cond_signal(&pool->finished);
        pthread_mutex_unlock(&pool->lock);
    }
}

/* Claim and do shares of loop `loop` until none is left. */
static void take_part(struct thread_pool *pool, uint32_t loop, int thread) {
    uint64_t seen = atomic_load(&pool->claim);
    for (;;) {
        thread_work *work = atomic_load(&pool->work);
        void *context = atomic_load(&pool->context);
        struct shares shares = {.n_items = atomic_load(&pool->n_items),
                                .n = atomic_load(&pool->n_shares),
                                .n_large = atomic_load(&pool->n_large)};
        if (LOOP_OF(seen) != loop || SHARE_OF(seen) >= shares.n) {
            return;
        }
        if (atomic_compare_exchange_weak(&pool->claim, &seen, seen + 1)) {
            uint32_t share = SHARE_OF(seen);
            work(context, share_begin(&shares, share), share_begin(&shares, share + 1), thread);
            report_done(pool, shares.n);
            seen = atomic_load(&pool->claim);
        }
    }
}

/* Wait until there is another loop than `loop`; its number. */
static uint32_t next_loop(struct thread_pool *pool, uint32_t loop) {
    for (int i = 0; i < LOOKS + YIELDS; i++) {
        uint32_t current = LOOP_OF(atomic_load(&pool->claim));
        if (current != loop) {
            return current;
        }
        pause_or_yield(i);
    }
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add(&pool->n_asleep, 1);
    uint32_t current;
    while ((current = LOOP_OF(atomic_load(&pool->claim))) == loop && !atomic_load(&pool->stop)) {
        pthread_cond_wait(&pool->wake, &pool->lock);
    }
    atomic_fetch_sub(&pool->n_asleep, 1);
    pthread_mutex_unlock(&pool->lock);
    return current;
}

static void *worker_main(void *argument) {
    struct worker *worker = argument;
    struct thread_pool *pool = worker->pool;
    uint32_t loop = 0;
    while (!atomic_load(&pool->stop)) {
        loop = next_loop(pool, loop);
        take_part(pool, loop, worker->index);
    }
    return NULL;
}

static void wake_workers(struct thread_pool *pool) {
    if (atomic_load(&pool->n_asleep) > 0) {
        pthread_mutex_lock(&pool->lock);
        pthread_cond_broadcast(&pool->wake);
        pthread_mutex_unlock(&pool->lock);
    }
}

static void wait_finished(struct thread_pool *pool, uint32_t n_shares) {
    for (int i = 0; i < LOOKS + YIELDS; i++) {
        if (atomic_load(&pool->n_done) == n_shares) {
            return;
        }
        pause_or_yield(i);
    }
    pthread_mutex_lock(&pool->lock);
    /* An exchange, not a store: qemu-aarch64 lets a load overtake a store before it, also where
     * both are sequentially consistent. n_done would be read first, the last worker would not see
     * who sleeps, and nobody would wake him. */
    (void)atomic_exchange(&pool->main_asleep, true);
    while (atomic_load(&pool->n_done) != n_shares) {
        pthread_cond_wait(&pool->finished, &pool->lock);
    }
    atomic_store(&pool->main_asleep, false);
    pthread_mutex_unlock(&pool->lock);
}

static struct shares plan_shares(const struct thread_pool *pool, size_t n_items, size_t grain) {
    struct shares shares = {.n_items = n_items};
    size_t n_threads = (size_t)pool->size;
    if (grain == 0 && n_items >= n_threads * (UNITS_LARGE + UNITS_SMALL) * UNIT_ITEMS) {
        shares.n_large = (uint32_t)n_threads;
        shares.n = (uint32_t)(n_threads * (1 + UNITS_SMALL));
        return shares;
    }
    size_t most = grain > 1 ? n_items / grain : n_items;
    size_t n_shares = grain == 0 ? n_threads * SHARES_PER_THREAD : n_items;
    size_t n = size_min(most, n_shares);
    shares.n = n < 1 ? 1 : n > UINT32_MAX / 2 ? UINT32_MAX / 2 : (uint32_t)n;
    return shares;
}

void thread_pool_run(struct thread_pool *pool, size_t n_items, size_t grain, thread_work *work,
                     void *context) {
    struct shares shares = plan_shares(pool, n_items, grain);
    if (n_items == 0) {
        return;
    }
    if (pool->size == 1 || shares.n == 1) {
        work(context, 0, n_items, 0);
        return;
    }
    /* While the fields change, the claim word names a loop of no shares: a thread that read some
     * of the old fields and some of the new ones can claim nothing. */
    uint32_t loop = LOOP_OF(atomic_load(&pool->claim)) + 1;
    atomic_store(&pool->claim, WORD(loop, NO_SHARE));
    loop++;
    atomic_store(&pool->work, work);
    atomic_store(&pool->context, context);
    atomic_store(&pool->n_items, n_items);
    atomic_store(&pool->n_shares, shares.n);
    atomic_store(&pool->n_large, shares.n_large);
    atomic_store(&pool->n_done, 0);
    atomic_store(&pool->claim, WORD(loop, 0));
    wake_workers(pool);
    take_part(pool, loop, 0);
    wait_finished(pool, shares.n);
}

int thread_pool_size(const struct thread_pool *pool) {
    return pool->size;
}

/* Start workers until one fails: the pool is then as large as the system allows. Signals stay
 * with the threads of the program. */
static void start_workers(struct thread_pool *pool, int n_threads) {
    sigset_t all;
    sigset_t old;
    sigfillset(&all);
    /* What a worker's own work raises is its own: blocked, it would end the process unheard. */
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGFPE);
    sigdelset(&all, SIGILL);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    for (int i = 1; i < n_threads; i++) {
        struct worker *worker = &pool->workers[i - 1];
        *worker = (struct worker){.pool = pool, .index = i};
        if (pthread_create(&worker->id, NULL, worker_main, worker) != 0) {
            break;
        }
        pool->size++;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

struct thread_pool *thread_pool_new(int n_threads) {
    int n = n_threads > 0 ? n_threads : threads_default();
    n = n > THREADS_MAX ? THREADS_MAX : n;
    struct thread_pool *pool = memory_new(1, sizeof *pool);
    if (pool == NULL) {
        return NULL;
    }
    pool->size = 1;
    pool->workers = memory_new((size_t)n, sizeof *pool->workers);
    if (pool->workers == NULL) {
        memory_free(pool);
        return NULL;
    }
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pthread_cond_init(&pool->finished, NULL);
    start_workers(pool, n);
    return pool;
}

void thread_pool_free(struct thread_pool *pool) {
    if (pool == NULL) {
        return;
    }
    pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->stop, true);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 1; i < pool->size; i++) {
        pthread_join(pool->workers[i - 1].id, NULL);
    }
    pthread_cond_destroy(&pool->finished);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    memory_free(pool->workers);
    memory_free(pool);
}
