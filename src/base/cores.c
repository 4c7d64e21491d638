/**
 * cores.c - how many threads to use by default: the cores that this process may run on,
 * hyper-threads (SMT siblings) counted once, no more than the cgroup's CPU quota. Also the size of
 * the largest cache, and whether a number of threads is allowed. threads.c starts them.
 */
/* For the affinity calls. The macro is glibc's, so it must come before every header. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#ifdef __linux__
#include <fcntl.h>
#include <sched.h>
#endif

#include "base/error.h"
#include "base/size.h"
#include "base/threads.h"

#ifdef __linux__

/* A small file of /sys or /proc as a string; false if it cannot be read. */
static bool read_small(const char *path, char *out, size_t size) {
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return false;
    }
    ssize_t n = read(descriptor, out, size - 1);
    close(descriptor);
    if (n < 0) {
        return false;
    }
    out[n] = '\0';
    return true;
}

/* Whether `cpu` is the first of its SMT siblings that this process may use, i.e. is the one thread
 * that is counted for its physical core. The list reads "0,64" or "0-1". */
static bool is_first_sibling(int cpu, const cpu_set_t *allowed) {
    char path[96];
    char list[256];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
    if (!read_small(path, list, sizeof list)) {
        return true;
    }
    for (char *at = list; isdigit((unsigned char)*at);) {
        long first = strtol(at, &at, 10);
        long last = *at == '-' ? strtol(at + 1, &at, 10) : first;
        for (long other = first; other <= last && other < cpu; other++) {
            if (CPU_ISSET((size_t)other, allowed)) {
                return false;
            }
        }
        at += *at == ',';
    }
    return true;
}

/* CPUs granted by the cgroup's quota, rounded up; 0 if there is none. */
static int cgroup_quota(void) {
    char text[128];
    long long quota = 0;
    long long period = 0;
    if (read_small("/sys/fs/cgroup/cpu.max", text, sizeof text)) {
        char *rest;
        quota = strtoll(text, &rest, 10); /* "max" where there is none: 0 */
        period = strtoll(rest, NULL, 10);
    } else {
        char other[64];
        if (!read_small("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", text, sizeof text) ||
            !read_small("/sys/fs/cgroup/cpu/cpu.cfs_period_us", other, sizeof other)) {
            return 0;
        }
        quota = strtoll(text, NULL, 10);
        period = strtoll(other, NULL, 10);
    }
    if (quota <= 0 || period <= 0 || quota / period > THREADS_MAX) {
        return 0;
    }
    return (int)(quota / period + (quota % period > 0 ? 1 : 0));
}

int threads_default(void) {
    cpu_set_t allowed;
    int n = 0;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
        for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
            n += CPU_ISSET((size_t)cpu, &allowed) && is_first_sibling(cpu, &allowed);
        }
    }
    int quota = cgroup_quota();
    if (quota > 0 && quota < n) {
        n = quota;
    }
    return n < 1 ? 1 : n > THREADS_MAX ? THREADS_MAX : n;
}

/* The kernel's list, not sysconf(): glibc's number is ten times too large in some virtual
 * machines. A size reads "32768K". */
size_t threads_cache_bytes(void) {
    size_t most = 0;
    for (int i = 0; i < 8; i++) {
        char path[96];
        char text[32];
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/size", i);
        if (read_small(path, text, sizeof text)) {
            char *unit;
            unsigned long n = strtoul(text, &unit, 10);
            size_t factor = *unit == 'K' ? 1024 : *unit == 'M' ? 1024 * 1024 : 1;
            size_t bytes = n < (1UL << 30) / factor ? n * factor : (size_t)1 << 30;
            most = size_max(bytes, most);
        }
    }
    return most;
}

#else

int threads_default(void) {
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > THREADS_MAX ? THREADS_MAX : (int)n;
}

size_t threads_cache_bytes(void) {
    return 0;
}

#endif

int gen_default_threads(void) {
    return threads_default();
}

enum gen_status threads_check(int n_threads, struct gen_error *err) {
    if (n_threads < 0 || n_threads > THREADS_MAX) {
        return error_set(err, GEN_BAD_ARGUMENT, "n_threads is %d, but must be 0 to %d", n_threads,
                         THREADS_MAX);
    }
    return GEN_OK;
}
