#include "cli/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/exit_code.h"

/** Descriptors looked at for half-written files; a run has some ten of them. */
#define MOST_FILES 1024

static volatile sig_atomic_t caught;
/** The handler writes to the second, so that a wait for input on the first ends. */
static int wake_pipe[2] = {-1, -1};

/** The last part of a path that is a temporary file of base/file_writer.c. */
static bool is_temporary(const char *path, size_t n) {
    static const size_t length = sizeof "/.gen-0123456789abcdef.tmp" - 1;
    return n > length && memcmp(path + n - length, "/.gen-", 6) == 0 &&
           memcmp(path + n - 4, ".tmp", 4) == 0;
}

/**
 * Pages of a mapped file that are gone: somebody made it shorter while it was in use. There is no
 * way back into what read them, so end, but with a line and without a half-written file: those that
 * are open are found through /proc. Only functions that a signal handler may call.
 */
static void on_bus_error(int number) {
    static const char sentence[] = "gen: a file became shorter while it was in use\n";
    (void)number;
    for (int fd = STDERR_FILENO + 1; fd < MOST_FILES; fd++) {
        char link[] = "/proc/self/fd/0000";
        char path[PATH_MAX];
        for (int digit = 0, rest = fd; digit < 4; digit++, rest /= 10) {
            link[sizeof link - 2 - (size_t)digit] = (char)('0' + rest % 10);
        }
        char *name = link + sizeof "/proc/self/fd/" - 1;
        size_t zeros = strspn(name, "0");
        memmove(name, name + zeros, 5 - zeros);
        ssize_t n = readlink(link, path, sizeof path - 1);
        if (n > 0 && is_temporary(path, (size_t)n)) {
            path[n] = '\0';
            unlink(path);
        }
    }
    if (write(STDERR_FILENO, sentence, sizeof sentence - 1) < 0) {
        /* There is nobody to tell. */
    }
    _exit(EXIT_FAILED);
}

void signals_init(void) {
    /* Where one of the three is closed, the next file opened would take its place. What stands in
       for it fails as a closed one does: stdin cannot be read, the others cannot be written. */
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        int flags = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", flags) != fd) {
            exit(EXIT_FAILED);
        }
    }
    signal(SIGPIPE, SIG_DFL);
    /* A file that grows beyond ulimit -f is an error of its write, which cleans up, no death. */
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGBUS, on_bus_error);
}

static void on_signal(int number) {
    int saved = errno;
    caught = number;
    if (wake_pipe[1] >= 0 && write(wake_pipe[1], "", 1) < 0) {
        /* Full: then it is readable anyway. */
    }
    errno = saved;
}

void signals_catch(void) {
    if (wake_pipe[0] < 0 && pipe(wake_pipe) != 0) {
        wake_pipe[0] = wake_pipe[1] = -1;
    }
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    /* The second one finds the default again. */
    action.sa_flags = (int)SA_RESETHAND;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    struct sigaction before;
    if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN) {
        sigaction(SIGHUP, &action, NULL);
    }
}

void signals_ignore_pipe(void) {
    signal(SIGPIPE, SIG_IGN);
}

int signals_caught(void) {
    return caught;
}

int signals_fd(void) {
    return wake_pipe[0];
}
