/**
 * text_out.c - where text and data go: stdout, a pipe, a file. That files are written next to their
 * targets and renamed is base/file_writer.c's; to give up where a reader does not read and a signal
 * has asked to stop, this one's.
 */
#include "cli/text_out.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/alloc.h"
#include "cli/message.h"
#include "cli/signals.h"

#define BUFFER_SIZE ((size_t)1 << 16)

const char *const text_color_names[] = {"auto", "always", "never", NULL};

/** The most that a pipe takes without waiting once it can take anything. */
#define PIPE_PIECE ((size_t)PIPE_BUF)

static bool begin(struct text_out *out) {
    struct stat status;
    out->live = out->fd >= 0 && fstat(out->fd, &status) == 0 && !S_ISREG(status.st_mode);
    out->buffer = alloc_new(BUFFER_SIZE, 1);
    return true;
}

static bool open_with(struct text_out *out, const char *path, int flags) {
    out->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0666);
    if (out->fd < 0) {
        message_errno(path, errno);
        return false;
    }
    return begin(out);
}

bool text_out_open(struct text_out *out, const char *path) {
    *out = (struct text_out){.fd = STDOUT_FILENO, .name = "stdout"};
    if (path == NULL || strcmp(path, "-") == 0 || strcmp(path, "/dev/stdout") == 0) {
        return begin(out);
    }
    out->name = path;
    if (file_kind_of(path) == FILE_OTHER && access(path, F_OK) == 0) {
        return open_with(out, path, 0);
    }
    struct gen_error err;
    out->fd = -1;
    if (file_writer_open(&out->writer, path, &err) != GEN_OK) {
        message("%s", err.message);
        return false;
    }
    return begin(out);
}

bool text_out_append(struct text_out *out, const char *path) {
    *out = (struct text_out){.name = path};
    return open_with(out, path, O_APPEND);
}

const char *text_out_directory(const struct text_out *out) {
    return out->writer.target.directory;
}

bool text_out_same(const struct text_out *a, const struct text_out *b) {
    if (a->fd < 0 && b->fd < 0) {
        return strcmp(a->writer.target.path, b->writer.target.path) == 0;
    }
    struct stat status_a, status_b;
    bool known =
        (a->fd < 0 ? stat(a->writer.target.path, &status_a) : fstat(a->fd, &status_a)) == 0 &&
        (b->fd < 0 ? stat(b->writer.target.path, &status_b) : fstat(b->fd, &status_b)) == 0;
    return known && !S_ISCHR(status_a.st_mode) && status_a.st_dev == status_b.st_dev &&
           status_a.st_ino == status_b.st_ino;
}

/**
 * Wait until the reader takes something. False when a signal asks to stop first: a write that waits
 * would not end then, as the signal may have come just before it.
 */
static bool wait_for_reader(const struct text_out *out) {
    struct pollfd fds[2] = {{.fd = out->fd, .events = POLLOUT},
                            {.fd = signals_fd(), .events = POLLIN}};
    while (poll(fds, 2, -1) < 0 && errno == EINTR) {
    }
    return fds[0].revents != 0 || signals_caught() == 0;
}

/** Write all of it, going on after short writes and signals. */
static bool write_all(struct text_out *out, const char *bytes, size_t n) {
    struct gen_error err;
    if (out->fd < 0) {
        if (!out->failed && file_writer_put(&out->writer, bytes, n, &err) != GEN_OK) {
            out->failed = true;
            message("%s", err.message);
        }
        return !out->failed;
    }
    while (n > 0 && !out->failed) {
        if (out->live && !wait_for_reader(out)) {
            out->failed = true; /* there is nobody to tell */
            break;
        }
        ssize_t written = write(out->fd, bytes, out->live && n > PIPE_PIECE ? PIPE_PIECE : n);
        if (written >= 0) {
            bytes += written;
            n -= (size_t)written;
        } else if (errno != EINTR && errno != EAGAIN) {
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

static void release(struct text_out *out) {
    file_writer_close(&out->writer);
    free(out->buffer);
    out->buffer = NULL;
}

bool text_out_close(struct text_out *out) {
    if (out->buffer == NULL) {
        return true;
    }
    text_out_flush(out);
    struct gen_error err;
    if (out->fd < 0) {
        if (!out->failed && file_writer_commit(&out->writer, &err) != GEN_OK) {
            out->failed = true;
            message("%s", err.message);
        }
    } else if (close(out->fd) != 0 && errno != EINTR && !out->failed) {
        /* Some file systems tell of a failed write only here. */
        out->failed = true;
        message_errno(out->name, errno);
    }
    release(out);
    return !out->failed;
}

bool text_out_close_partial(struct text_out *out) {
    if (out->buffer == NULL) {
        return false;
    }
    text_out_flush(out);
    if (out->fd >= 0) {
        text_out_close(out);
        return false;
    }
    struct gen_error err;
    if (out->writer.n_written == 0 || out->failed) {
        /* There is nothing to keep, or it was said why not. */
    } else if (file_writer_commit_as(&out->writer, ".partial", &err) != GEN_OK) {
        message("%s", err.message);
    } else {
        message("%.200s: not whole, so it %s; what was written so far is in %.200s.partial",
                out->name, out->writer.target.exists ? "stays as it was" : "was not made",
                out->name);
    }
    release(out);
    return false;
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
