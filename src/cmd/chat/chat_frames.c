/**
 * chat_frames.c - letters and bytes through a pipe, whole.
 */
#include "cmd/chat/chat_frames.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "base/size.h"
#include "cli/alloc.h"

struct header {
    size_t n;
    int frame;
};

static bool put(int fd, const void *bytes, size_t n) {
    const char *at = bytes;
    while (n > 0) {
        ssize_t written = write(fd, at, n);
        if (written > 0) {
            at += written;
            n -= (size_t)written;
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

static bool take(int fd, void *bytes, size_t n) {
    char *at = bytes;
    while (n > 0) {
        ssize_t got = read(fd, at, n);
        if (got > 0) {
            at += got;
            n -= (size_t)got;
        } else if (got == 0 || errno != EINTR) {
            return false;
        }
    }
    return true;
}

bool chat_frame_send(int fd, enum chat_frame frame, const char *bytes, size_t n) {
    struct header header = {.n = n, .frame = (int)frame};
    /* That nobody reads here is no reason to end without a word. */
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    sigemptyset(&ignore.sa_mask);
    bool ignored = sigaction(SIGPIPE, &ignore, &before) == 0;
    bool sent = put(fd, &header, sizeof header) && put(fd, bytes, n);
    if (ignored) {
        sigaction(SIGPIPE, &before, NULL);
    }
    return sent;
}

bool chat_frame_receive(int fd, enum chat_frame *frame, struct gen_bytes *bytes) {
    struct header header;
    char piece[4096];
    bytes->n = 0;
    if (!take(fd, &header, sizeof header)) {
        return false;
    }
    *frame = (enum chat_frame)header.frame;
    while (header.n > 0) {
        size_t n = size_min(header.n, sizeof piece);
        if (!take(fd, piece, n)) {
            return false;
        }
        alloc_append(bytes, piece, n);
        header.n -= n;
    }
    return true;
}
