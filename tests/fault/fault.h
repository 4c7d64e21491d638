#ifndef TESTS_FAULT_H
#define TESTS_FAULT_H

#include <stdatomic.h>

/**
 * What the injector, which is linked into the program (inject.c), and the driver that runs it
 * (sweep.c) know of each other.
 *
 * GEN_FAULT=KIND:N:HOW makes the N-th call of a kind fail, N from 1 on; with a "+" after it all
 * from the N-th on. HOW is the name of an errno, or "short": half the bytes only, or "empty": none.
 * GEN_FAULT_COUNTS=FILE is a file of sizeof(struct fault_counts), in which calls are counted.
 */

enum fault_kind {
    FAULT_MEMORY, /* malloc and its like, cJSON's too, and mmap of no file */
    FAULT_MAP,    /* mmap of a file */
    FAULT_THREAD,
    FAULT_OPEN, /* files and directories */
    FAULT_STAT,
    FAULT_READ,
    FAULT_PREAD,
    FAULT_WRITE, /* but for stderr, where faults are told */
    FAULT_SYNC,
    FAULT_CLOSE,
    FAULT_RENAME,
    FAULT_UNLINK,
    FAULT_LOCK,
    FAULT_CHANGE, /* size, mode and owner of a file */
    FAULT_MKDIR,
    FAULT_POLL,
    FAULT_PIPE,
    FAULT_RANDOM,
    FAULT_KINDS
};

#define FAULT_NAMES                                                                                \
    {                                                                                              \
        "memory", "map", "thread", "open", "stat", "read", "pread", "write", "sync", "close",      \
            "rename", "unlink", "lock", "change", "mkdir", "poll", "pipe", "random"                \
    }

struct fault_counts {
    atomic_uint calls[FAULT_KINDS];
    atomic_uint injected;
};

#endif
