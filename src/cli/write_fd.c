/**
 * write_fd.c - writing where it may have to wait. A write() that waits ends when a signal comes,
 * but not when it came just before; so waiting is left to poll(), which hears of signals by their
 * pipe, and each write() has no more than is taken at once.
 */
#include "cli/write_fd.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/size.h"
#include "cli/signals.h"

/* What a pipe that poll() calls writable takes without waiting. */
#ifdef PIPE_BUF
#define PIECE ((size_t)PIPE_BUF)
#else
#define PIECE ((size_t)_POSIX_PIPE_BUF)
#endif

/* Milliseconds that a reader has, once a signal asked to stop. */
#define PATIENCE 500

/* Wait until the file takes more; false if that was given up. */
static bool wait_writable(int fd) {
    static bool gave_up; /* nobody will wait again */
    for (;;) {
        bool stops = signals_caught() != 0;
        struct pollfd fds[2] = {{.fd = fd, .events = POLLOUT},
                                {.fd = stops ? -1 : signals_fd(), .events = POLLIN}};
        int n = poll(fds, 2, !stops ? -1 : gave_up ? 0 : PATIENCE);
        if ((n > 0 && fds[0].revents != 0) || (n < 0 && errno != EINTR && errno != EAGAIN)) {
            return true; /* what is wrong with it, write() tells */
        }
        if (stops && n == 0) {
            gave_up = true;
            return false;
        }
    }
}

int write_fd(int fd, const char *bytes, size_t n) {
    while (n > 0) {
        if (!wait_writable(fd)) {
            return ECANCELED;
        }
        ssize_t written = write(fd, bytes, size_min(n, PIECE));
        if (written > 0) {
            bytes += written;
            n -= (size_t)written;
        } else if (written == 0) {
            return EIO;
        } else if (errno != EINTR && errno != EAGAIN) {
            return errno;
        }
    }
    return 0;
}
