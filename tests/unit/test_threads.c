/**
 * test_threads.c - the thread pool: every item exactly once, whatever the sizes, also on a busy
 * machine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/threads.h"
#include "gen.h"

enum { MOST_ITEMS = 3000 };

struct tally {
    atomic_uchar done[MOST_ITEMS];
    atomic_int highest_thread;
    atomic_size_t longest_share;
};

static void tally_work(void *context, size_t begin, size_t end, int thread) {
    struct tally *tally = context;
    for (size_t i = begin; i < end; i++) {
        atomic_fetch_add(&tally->done[i], 1);
    }
    int highest = atomic_load(&tally->highest_thread);
    while (thread > highest &&
           !atomic_compare_exchange_weak(&tally->highest_thread, &highest, thread)) {
    }
    size_t longest = atomic_load(&tally->longest_share);
    while (end - begin > longest &&
           !atomic_compare_exchange_weak(&tally->longest_share, &longest, end - begin)) {
    }
}

static void check_run(struct thread_pool *pool, size_t n_items, size_t grain) {
    struct tally tally = {0};
    thread_pool_run(pool, n_items, grain, tally_work, &tally);
    for (size_t i = 0; i < MOST_ITEMS; i++) {
        assert_int_equal(atomic_load(&tally.done[i]), i < n_items);
    }
    assert_true(atomic_load(&tally.highest_thread) < thread_pool_size(pool));
    if (grain > 0 && n_items >= grain && thread_pool_size(pool) > 1) {
        assert_true(atomic_load(&tally.longest_share) < 2 * grain);
    }
}

static void test_every_item_once(void **state) {
    (void)state;
    static const size_t items[] = {0, 1, 2, 3, 7, 8, 9, 64, 1000, MOST_ITEMS};
    static const int threads[] = {1, 2, 3, 7, 16};
    for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
        struct thread_pool *pool = thread_pool_new(threads[t]);
        assert_non_null(pool);
        assert_int_equal(thread_pool_size(pool), threads[t]);
        for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
            for (size_t grain = 0; grain < 12; grain = grain * 2 + 1) {
                check_run(pool, items[i], grain);
            }
        }
        thread_pool_free(pool);
    }
}

/* Loops right after each other, so that threads arrive late, claim, and sleep at every point. */
static void add_one(void *context, size_t begin, size_t end, int thread) {
    atomic_size_t *counts = context;
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        atomic_fetch_add(&counts[i], i + 1);
    }
}

static void test_many_loops(void **state) {
    (void)state;
    enum { ITEMS = 13, LOOPS = 20000 };
    struct thread_pool *pool = thread_pool_new(5);
    assert_non_null(pool);
    atomic_size_t counts[ITEMS] = {0};
    size_t wanted[ITEMS] = {0};
    for (size_t loop = 0; loop < LOOPS; loop++) {
        size_t n = 1 + loop % ITEMS;
        thread_pool_run(pool, n, loop % 3, add_one, counts);
        for (size_t i = 0; i < n; i++) {
            wanted[i] += i + 1;
            assert_int_equal(atomic_load(&counts[i]), wanted[i]);
        }
    }
    thread_pool_free(pool);
}

/* Shares longer than the caller watches for their end, so that he falls asleep while the last one
 * ends. In an emulator that was where he slept for ever. */
static void take_a_while(void *context, size_t begin, size_t end, int thread) {
    const unsigned *turns = context;
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        for (volatile unsigned turn = 0; turn < *turns; turn++) {
        }
    }
}

static void test_long_shares(void **state) {
    (void)state;
    enum { ITEMS = 6, LOOPS = 10000, LEAST_TURNS = 20000 };
    struct thread_pool *pool = thread_pool_new(3);
    assert_non_null(pool);
    for (unsigned loop = 0; loop < LOOPS; loop++) {
        unsigned turns = LEAST_TURNS + loop * 7919 % LEAST_TURNS;
        thread_pool_run(pool, ITEMS, 0, take_a_while, &turns);
    }
    thread_pool_free(pool);
}

static void test_sizes(void **state) {
    (void)state;
    struct thread_pool *pool = thread_pool_new(0);
    assert_non_null(pool);
    assert_int_equal(thread_pool_size(pool), threads_default());
    thread_pool_free(pool);
    thread_pool_free(NULL);
    assert_true(threads_default() >= 1 && threads_default() <= THREADS_MAX);
    assert_int_equal(gen_default_threads(), threads_default());
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_item_once),
        cmocka_unit_test(test_many_loops),
        cmocka_unit_test(test_long_shares),
        cmocka_unit_test(test_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
