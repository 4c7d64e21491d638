/**
 * inject.c - the fault injector: linked into the program with `-Wl,--wrap=NAME` for each call
 * below, so that what the program calls NAME is __wrap_NAME here, and __real_NAME the true one.
 * Without GEN_FAULT nothing fails. fault.h says how it is steered.
 *
 * Two things are other than in the world, so that runs can be compared byte by byte: the clock
 * stands still, and random bytes are always the same. And nothing is flushed to the disk, which
 * takes longer than all the rest.
 */
#include <cjson/cJSON.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fault.h"

/* ---- what is to fail ------------------------------------------------------------------------ */

enum { SHORT = -1, EMPTY = -2 }; /* the others are numbers of errors */

static const struct {
    const char *name;
    int how;
} hows[] = {
    {"short", SHORT},   {"empty", EMPTY},   {"EACCES", EACCES}, {"EAGAIN", EAGAIN},
    {"EINTR", EINTR},   {"EIO", EIO},       {"EMFILE", EMFILE}, {"ENOLCK", ENOLCK},
    {"ENOMEM", ENOMEM}, {"ENOSPC", ENOSPC}, {"ENOSYS", ENOSYS}, {"EPERM", EPERM},
};

static struct fault_counts own_counts;
static struct fault_counts *counts = &own_counts;
static enum fault_kind chosen = FAULT_KINDS; /* none */
static unsigned chosen_call;
static int chosen_how;
static bool all_from_then_on;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_mmap(void *at, size_t n, int protection, int flags, int descriptor, off_t begin);
void *__wrap_mmap(void *at, size_t n, int protection, int flags, int descriptor, off_t begin);
int __real_open(const char *path, int flags, ...);
int __real_close(int descriptor);

/* KIND:N:HOW, with a + at the end or not. */
static bool parse(const char *text) {
    static const char *const names[] = FAULT_NAMES;
    const char *colon = strchr(text, ':');
    char *end = NULL;
    for (int i = 0; colon != NULL && i < FAULT_KINDS; i++) {
        if (strlen(names[i]) == (size_t)(colon - text) &&
            strncmp(names[i], text, strlen(names[i])) == 0) {
            chosen = (enum fault_kind)i;
            chosen_call = (unsigned)strtoul(colon + 1, &end, 10);
        }
    }
    if (end == NULL || *end != ':') {
        return false;
    }
    size_t length = strcspn(end + 1, "+");
    all_from_then_on = end[1 + length] == '+';
    for (size_t i = 0; i < sizeof hows / sizeof hows[0]; i++) {
        if (strlen(hows[i].name) == length && strncmp(hows[i].name, end + 1, length) == 0) {
            chosen_how = hows[i].how;
        }
    }
    return chosen_how != 0;
}

__attribute__((constructor)) static void prepare(void) {
    const char *path = getenv("GEN_FAULT_COUNTS");
    int descriptor = path == NULL ? -1 : __real_open(path, O_RDWR | O_CLOEXEC);
    if (descriptor >= 0) {
        void *shared =
            __real_mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
        __real_close(descriptor);
        if (shared == MAP_FAILED) {
            abort();
        }
        counts = shared;
    }
    cJSON_Hooks hooks = {.malloc_fn = __wrap_malloc, .free_fn = free};
    cJSON_InitHooks(&hooks);
    const char *fault = getenv("GEN_FAULT");
    if (fault != NULL && !parse(fault)) {
        abort();
    }
}

/* Count a call, and say how it has to fail; 0: not at all. */
static int fault(enum fault_kind kind) {
    unsigned n = atomic_fetch_add(&counts->calls[kind], 1) + 1;
    if (kind != chosen || (all_from_then_on ? n < chosen_call : n != chosen_call)) {
        return 0;
    }
    atomic_fetch_add(&counts->injected, 1);
    if (chosen_how > 0) {
        errno = chosen_how;
    }
    return chosen_how;
}

/* A call that fails whole: what it returns then, and else. */
#define WRAP(type, name, parameters, arguments, kind, failed)                                      \
    type __real_##name parameters;                                                                 \
    type __wrap_##name parameters;                                                                 \
    type __wrap_##name parameters {                                                                \
        return fault(kind) != 0 ? (failed) : __real_##name arguments;                              \
    }

/* ---- memory and threads --------------------------------------------------------------------- */

WRAP(void *, malloc, (size_t size), (size), FAULT_MEMORY, NULL)
WRAP(void *, calloc, (size_t count, size_t size), (count, size), FAULT_MEMORY, NULL)
WRAP(void *, realloc, (void *old, size_t size), (old, size), FAULT_MEMORY, NULL)
WRAP(void *, aligned_alloc, (size_t alignment, size_t size), (alignment, size), FAULT_MEMORY, NULL)
WRAP(void *, mmap, (void *at, size_t n, int protection, int flags, int descriptor, off_t begin),
     (at, n, protection, flags, descriptor, begin),
     (flags & MAP_ANONYMOUS) != 0 ? FAULT_MEMORY : FAULT_MAP, MAP_FAILED)
/* It returns the error. */
WRAP(int, pthread_create,
     (pthread_t * id, const pthread_attr_t *attributes, void *(*begin)(void *), void *argument),
     (id, attributes, begin, argument), FAULT_THREAD, chosen_how)

/* ---- files ---------------------------------------------------------------------------------- */

/* The mode is there only with O_CREAT. */
#define MODE_OF(mode, flags)                                                                       \
    mode_t mode = 0;                                                                               \
    if (((flags)&O_CREAT) != 0) {                                                                  \
        va_list rest;                                                                              \
        va_start(rest, flags);                                                                     \
        mode = va_arg(rest, mode_t);                                                               \
        va_end(rest);                                                                              \
    }

int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...) {
    MODE_OF(mode, flags)
    return fault(FAULT_OPEN) != 0 ? -1 : __real_open(path, flags, mode);
}

int __real_openat(int directory, const char *path, int flags, ...);
int __wrap_openat(int directory, const char *path, int flags, ...);
int __wrap_openat(int directory, const char *path, int flags, ...) {
    MODE_OF(mode, flags)
    return fault(FAULT_OPEN) != 0 ? -1 : __real_openat(directory, path, flags, mode);
}

WRAP(DIR *, opendir, (const char *path), (path), FAULT_OPEN, NULL)
WRAP(int, stat, (const char *path, struct stat *out), (path, out), FAULT_STAT, -1)
WRAP(int, lstat, (const char *path, struct stat *out), (path, out), FAULT_STAT, -1)
WRAP(int, fstat, (int descriptor, struct stat *out), (descriptor, out), FAULT_STAT, -1)
WRAP(int, access, (const char *path, int mode), (path, mode), FAULT_STAT, -1)
WRAP(int, rename, (const char *from, const char *to), (from, to), FAULT_RENAME, -1)
WRAP(int, unlink, (const char *path), (path), FAULT_UNLINK, -1)
WRAP(int, unlinkat, (int directory, const char *path, int flags), (directory, path, flags),
     FAULT_UNLINK, -1)
WRAP(int, flock, (int descriptor, int operation), (descriptor, operation), FAULT_LOCK, -1)
WRAP(int, ftruncate, (int descriptor, off_t size), (descriptor, size), FAULT_CHANGE, -1)
WRAP(int, fchmod, (int descriptor, mode_t mode), (descriptor, mode), FAULT_CHANGE, -1)
WRAP(int, fchown, (int descriptor, uid_t user, gid_t group), (descriptor, user, group),
     FAULT_CHANGE, -1)
WRAP(int, mkdir, (const char *path, mode_t mode), (path, mode), FAULT_MKDIR, -1)
WRAP(int, poll, (struct pollfd * fds, nfds_t n, int milliseconds), (fds, n, milliseconds),
     FAULT_POLL, -1)
WRAP(int, pipe, (int ends[2]), (ends), FAULT_PIPE, -1)

/* Linux closes the descriptor whatever it returns. */
int __wrap_close(int descriptor);
int __wrap_close(int descriptor) {
    int number = fault(FAULT_CLOSE);
    int result = __real_close(descriptor);
    if (number > 0) {
        errno = number;
        return -1;
    }
    return result;
}

int __wrap_fsync(int descriptor);
int __wrap_fsync(int descriptor) {
    return fault(FAULT_SYNC) != 0 ? -1 : fcntl(descriptor, F_GETFD) < 0 ? -1 : 0;
}

/* A call that can do half: the bytes to ask for, or what to return at once. */
static bool moves(enum fault_kind kind, size_t *n, ssize_t *result) {
    int how = fault(kind);
    *n = how == SHORT ? (*n + 1) / 2 : *n;
    *result = how == EMPTY ? 0 : -1;
    return how == 0 || how == SHORT;
}

ssize_t __real_read(int descriptor, void *out, size_t n);
ssize_t __wrap_read(int descriptor, void *out, size_t n);
ssize_t __wrap_read(int descriptor, void *out, size_t n) {
    ssize_t result;
    return moves(FAULT_READ, &n, &result) ? __real_read(descriptor, out, n) : result;
}

ssize_t __real_pread(int descriptor, void *out, size_t n, off_t at);
ssize_t __wrap_pread(int descriptor, void *out, size_t n, off_t at);
ssize_t __wrap_pread(int descriptor, void *out, size_t n, off_t at) {
    ssize_t result;
    return moves(FAULT_PREAD, &n, &result) ? __real_pread(descriptor, out, n, at) : result;
}

ssize_t __real_write(int descriptor, const void *bytes, size_t n);
ssize_t __wrap_write(int descriptor, const void *bytes, size_t n);
ssize_t __wrap_write(int descriptor, const void *bytes, size_t n) {
    ssize_t result;
    bool goes = descriptor == STDERR_FILENO || moves(FAULT_WRITE, &n, &result);
    return goes ? __real_write(descriptor, bytes, n) : result;
}

/* ---- time and chance ------------------------------------------------------------------------ */

int __wrap_clock_gettime(clockid_t clock, struct timespec *out);
int __wrap_clock_gettime(clockid_t clock, struct timespec *out) {
    (void)clock;
    *out = (struct timespec){.tv_sec = 1000000000};
    return 0;
}

int __wrap_getentropy(void *out, size_t n);
int __wrap_getentropy(void *out, size_t n) {
    static atomic_uchar next;
    if (fault(FAULT_RANDOM) != 0) {
        return -1;
    }
    memset(out, atomic_fetch_add(&next, 1), n);
    return 0;
}
