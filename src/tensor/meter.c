/**
 * meter.c - gen_meter: how fast this machine reads memory and multiplies, f32 and int8: the limits
 * that `gen bench` holds the model against. The loops themselves are kernels (limit_kernels.h,
 * int8_limit.h).
 */
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/size.h"
#include "base/threads.h"
#include "gen_bench.h"
#include "tensor/kernels/kernels.h"

/* A share of reading: long next to what claiming it costs, and there are many for each thread. */
#define SHARE_FLOATS ((size_t)1 << 18)
/* A share of computing, and how many of them a thread gets before the clock is looked at. */
#define SHARE_ROUNDS      ((size_t)1 << 14)
#define SHARES_PER_THREAD 8

#define BUFFER_LEAST ((size_t)256 << 20)
#define BUFFER_MOST  ((size_t)1 << 30)

struct gen_meter {
    const struct kernels *kernels;
    struct thread_pool *pool;
    double seconds;
    bool full_int8;
    float *buffer; /* [n_shares][SHARE_FLOATS] */
    size_t n_shares;
};

struct gen_meter_options gen_meter_options_default(void) {
    return (struct gen_meter_options){.seconds = 0.1};
}

/* Bytes of which no cache holds more than a fraction: there may be one for every thread. Not so
 * much that the machine would have to swap. */
static size_t default_buffer(int n_threads) {
    size_t bytes = threads_cache_bytes() * 4 * (size_t)n_threads;
    bytes = size_max(bytes, BUFFER_LEAST);
    bytes = size_min(bytes, BUFFER_MOST);
    long pages = sysconf(_SC_PHYS_PAGES);
    long page = sysconf(_SC_PAGESIZE);
    double most = pages > 0 && page > 0 ? (double)pages * (double)page / 8 : (double)bytes;
    return (double)bytes < most ? bytes : (size_t)most;
}

/* Pages that were never written are all the same page of zeros: write each of them. */
static void fill_share(void *context, size_t begin, size_t end, int thread) {
    struct gen_meter *meter = context;
    (void)thread;
    for (size_t i = begin * SHARE_FLOATS; i < end * SHARE_FLOATS; i++) {
        meter->buffer[i] = 1.0f;
    }
}

static enum gen_status check_options(const struct gen_meter_options *options,
                                     struct gen_error *err) {
    if (!(options->seconds >= 0 && options->seconds <= 3600)) {
        return error_set(err, GEN_BAD_ARGUMENT, "seconds is %g, but must be 0 to 3600",
                         options->seconds);
    }
    return threads_check(options->n_threads, err);
}

static enum gen_status meter_init(struct gen_meter *meter, const struct gen_meter_options *options,
                                  struct gen_error *err) {
    enum gen_status status = check_options(options, err);
    if (status != GEN_OK ||
        (status = kernels_choose(&meter->kernels, options->kernels, err)) != GEN_OK) {
        return status;
    }
    meter->seconds = options->seconds;
    meter->full_int8 = options->full_int8;
    meter->pool = thread_pool_new(options->n_threads);
    if (meter->pool == NULL) {
        return error_no_memory(err, "threads");
    }
    int n_threads = thread_pool_size(meter->pool);
    size_t bytes = options->buffer_bytes != 0 ? options->buffer_bytes : default_buffer(n_threads);
    size_t share_bytes = SHARE_FLOATS * sizeof(float);
    meter->n_shares = bytes / share_bytes + (bytes % share_bytes != 0);
    meter->buffer = memory_new_aligned(meter->n_shares, share_bytes);
    if (meter->buffer == NULL) {
        return error_set(err, GEN_NO_MEMORY, "out of memory for a buffer of %zu bytes to read",
                         bytes);
    }
    memory_will_fill(meter->buffer, meter->n_shares * share_bytes);
    thread_pool_run(meter->pool, meter->n_shares, 0, fill_share, meter);
    return GEN_OK;
}

enum gen_status gen_meter_new(struct gen_meter **out, const struct gen_meter_options *options,
                              struct gen_error *err) {
    *out = NULL;
    struct gen_meter *meter = memory_new(1, sizeof *meter);
    if (meter == NULL) {
        return error_no_memory(err, "a meter");
    }
    struct gen_meter_options defaults = gen_meter_options_default();
    enum gen_status status = meter_init(meter, options != NULL ? options : &defaults, err);
    if (status != GEN_OK) {
        gen_meter_free(meter);
        return status;
    }
    *out = meter;
    return GEN_OK;
}

void gen_meter_free(struct gen_meter *meter) {
    if (meter == NULL) {
        return;
    }
    memory_free_aligned(meter->buffer, meter->n_shares, SHARE_FLOATS * sizeof(float));
    thread_pool_free(meter->pool);
    memory_free(meter);
}

/* ---- measuring -------------------------------------------------------------------------------*/

/* The kernels are reached through pointers, so the compiler cannot see that nobody wants their
 * results. */

static void read_share(void *context, size_t begin, size_t end, int thread) {
    const struct gen_meter *meter = context;
    (void)thread;
    meter->kernels->read_sum(meter->buffer + begin * SHARE_FLOATS, (end - begin) * SHARE_FLOATS);
}

static void f32_share(void *context, size_t begin, size_t end, int thread) {
    const struct gen_meter *meter = context;
    (void)thread;
    float sums[KERNELS_LOOP_SUMS] = {0};
    meter->kernels->fma_loop(sums, 0.5f, 1.0f, (end - begin) * SHARE_ROUNDS);
}

static void int8_share(void *context, size_t begin, size_t end, int thread) {
    const struct gen_meter *meter = context;
    (void)thread;
    int32_t sums[KERNELS_LOOP_SUMS] = {0};
    int8_t numbers[KERNELS_LOOP_NUMBERS];
    memset(numbers, 1, sizeof numbers);
    meter->kernels->int8_loop(sums, numbers, (end - begin) * SHARE_ROUNDS, meter->full_int8);
}

/* A loop over shares, and how much of the work, bytes or operations, one share is. */
struct trial {
    thread_work *work;
    size_t n_shares;
    size_t share_amount;
};

static struct trial trial_of(const struct gen_meter *meter, enum gen_limit limit) {
    const struct kernels *kernels = meter->kernels;
    size_t n_shares = (size_t)thread_pool_size(meter->pool) * SHARES_PER_THREAD;
    float f32[KERNELS_LOOP_SUMS] = {0};
    int32_t int8[KERNELS_LOOP_SUMS] = {0};
    const int8_t numbers[KERNELS_LOOP_NUMBERS] = {0};
    switch (limit) {
    case GEN_LIMIT_READ:
        return (struct trial){read_share, meter->n_shares, SHARE_FLOATS * sizeof(float)};
    case GEN_LIMIT_F32:
        return (struct trial){f32_share, n_shares,
                              kernels->fma_loop(f32, 0.5f, 1.0f, 1) * SHARE_ROUNDS};
    case GEN_LIMIT_INT8:
        return (struct trial){int8_share, n_shares,
                              kernels->int8_loop(int8, numbers, 1, meter->full_int8) *
                                  SHARE_ROUNDS};
    }
    return (struct trial){0};
}

enum gen_status gen_meter_measure(struct gen_meter *meter, enum gen_limit limit, double *per_second,
                                  struct gen_error *err) {
    *per_second = 0;
    struct trial trial = trial_of(meter, limit);
    if (trial.work == NULL) {
        return error_set(err, GEN_BAD_ARGUMENT, "there is no limit of number %d", (int)limit);
    }
    double done = 0;
    double start = gen_clock();
    double seconds;
    do {
        thread_pool_run(meter->pool, trial.n_shares, 1, trial.work, meter);
        done += (double)trial.n_shares * (double)trial.share_amount;
        seconds = gen_clock() - start;
    } while (seconds < meter->seconds);
    /* A clock may be too coarse for the least work. */
    *per_second = done / (seconds > 1e-9 ? seconds : 1e-9);
    return GEN_OK;
}

size_t gen_meter_buffer_bytes(const struct gen_meter *meter) {
    return meter->n_shares * SHARE_FLOATS * sizeof(float);
}
