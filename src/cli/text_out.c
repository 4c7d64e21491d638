#include "cli/text_out.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/alloc.h"
#include "cli/message.h"

#define BUFFER_SIZE ((size_t)1 << 16)

const char *const text_color_names[] = {"auto", "always", "never", NULL};

bool text_out_open(struct text_out *out, const char *path) {
    *out = (struct text_out){.fd = STDOUT_FILENO, .name = "stdout"};
    if (path != NULL && strcmp(path, "-") != 0) {
        out->name = path;
        out->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (out->fd < 0) {
            message_errno(path, errno);
            return false;
        }
    }
    struct stat status;
    out->live = fstat(out->fd, &status) == 0 && !S_ISREG(status.st_mode);
    out->buffer = alloc_new(BUFFER_SIZE, 1);
    return true;
}

bool text_out_same(const struct text_out *a, const struct text_out *b) {
    struct stat status_a, status_b;
    return a->fd == b->fd || (fstat(a->fd, &status_a) == 0 && fstat(b->fd, &status_b) == 0 &&
                              !S_ISCHR(status_a.st_mode) && status_a.st_dev == status_b.st_dev &&
                              status_a.st_ino == status_b.st_ino);
}

/** Write all of it, going on after short writes and signals. */
static bool write_all(struct text_out *out, const char *bytes, size_t n) {
    while (n > 0 && !out->failed) {
        ssize_t written = write(out->fd, bytes, n);
        if (written >= 0) {
            bytes += written;
            n -= (size_t)written;
        } else if (errno == EAGAIN) {
            /* Whoever shares the pipe or terminal made it non-blocking. */
            poll(&(struct pollfd){.fd = out->fd, .events = POLLOUT}, 1, -1);
        } else if (errno != EINTR) {
            out->failed = true;
            message_errno(out->name, errno);
        }
    }
    return !out->failed;
}

bool text_out_flush(struct text_out *out) {
    bool good = write_all(out, out->buffer, out->n);
    out->n = 0;
    return good;
}

bool text_out_show(struct text_out *out) {
    return out->live ? text_out_flush(out) : !out->failed;
}

bool text_out_write(struct text_out *out, const char *bytes, size_t n) {
    if (n > BUFFER_SIZE - out->n) {
        text_out_flush(out);
    }
    if (n > BUFFER_SIZE) {
        return write_all(out, bytes, n);
    }
    if (n > 0) {
        memcpy(out->buffer + out->n, bytes, n);
        out->n += n;
    }
    return !out->failed;
}

bool text_out_string(struct text_out *out, const char *text) {
    return text_out_write(out, text, strlen(text));
}

bool text_out_close(struct text_out *out) {
    if (out->buffer == NULL) {
        return true;
    }
    text_out_flush(out);
    /* Some file systems tell of a failed write only here. */
    if (close(out->fd) != 0 && errno != EINTR && !out->failed) {
        out->failed = true;
        message_errno(out->name, errno);
    }
    free(out->buffer);
    out->buffer = NULL;
    return !out->failed;
}

bool text_out_color(const struct text_out *out, enum text_color when) {
    if (when != TEXT_COLOR_AUTO) {
        return when == TEXT_COLOR_ALWAYS;
    }
    const char *no_color = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    return isatty(out->fd) && (no_color == NULL || *no_color == '\0') &&
           !(terminal != NULL && strcmp(terminal, "dumb") == 0);
}
