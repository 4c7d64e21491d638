/**
 * text_out.c - text and data on their way out, buffered: to a stream, or to a file that is whole or
 * not at all, which file_writer of base/file.h takes care of. write_fd.c waits for streams that are
 * slow.
 */
#include "cli/text_out.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/alloc.h"
#include "cli/message.h"
#include "cli/signals.h"
#include "cli/write_fd.h"

#define BUFFER_SIZE ((size_t)1 << 16)

const char *const text_color_names[] = {"auto", "always", "never", NULL};

typedef enum gen_status open_function(struct file_writer *writer, const char *path,
                                      struct gen_error *err);

/* What the text is to be written to: a stream, or with `is_file` a file by its name. */
static bool find_place(const char *path, bool *is_file) {
    *is_file = false;
    if (path == NULL || strcmp(path, "-") == 0) {
        return true;
    }
    struct file_target target;
    struct gen_error err;
    if (file_target_find(&target, path, &err) != GEN_OK) {
        message("%s", err.message);
        return false;
    }
    *is_file = target.kind != FILE_OTHER;
    memory_free(target.path);
    return true;
}

/* Open it by `open_file` where it is a file. */
static bool open_place(struct text_out *out, const char *path, open_function *open_file) {
    bool is_file;
    *out = (struct text_out){.fd = STDOUT_FILENO, .name = "stdout"};
    if (!find_place(path, &is_file)) {
        return false;
    }
    if (is_file) {
        struct gen_error err;
        out->name = path;
        out->fd = -1;
        if (open_file(&out->file, path, &err) != GEN_OK) {
            message("%s", err.message);
            return false;
        }
    } else if (path != NULL && strcmp(path, "-") != 0) {
        /* To the end of what the shell opened, if it is /dev/stdout. */
        out->name = path;
        out->fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
        if (out->fd < 0) {
            message_errno(path, errno);
            return false;
        }
    }
    struct stat status;
    out->live = out->fd >= 0 && fstat(out->fd, &status) == 0 && !S_ISREG(status.st_mode);
    out->buffer = alloc_new(BUFFER_SIZE, 1);
    return true;
}

bool text_out_open(struct text_out *out, const char *path) {
    return open_place(out, path, file_writer_open);
}

bool text_out_open_many(struct text_out *out, const char *path) {
    bool good = open_place(out, path, file_writer_open_partial);
    out->many = true;
    return good;
}

bool text_out_continue_many(struct text_out *out, const char *path) {
    bool good = open_place(out, path, file_writer_continue_partial);
    out->many = true;
    out->n_whole = out->file.n_written; /* left as it is until it is cut */
    return good;
}

uint64_t text_out_n_left(const struct text_out *out) {
    return out->file.n_written;
}

bool text_out_cut(struct text_out *out, uint64_t n) {
    struct gen_error err;
    if (file_writer_cut(&out->file, n, &err) != GEN_OK) {
        out->failed = true;
        message("%s", err.message);
    }
    out->n_whole = n;
    return !out->failed;
}

bool text_out_open_log(struct text_out *out, const char *path, const char *begin, size_t n) {
    if (!text_out_open(out, path)) {
        return false;
    }
    struct gen_error err;
    text_out_write(out, begin, n);
    text_out_flush(out);
    if (out->fd < 0 && !out->failed && file_writer_commit(&out->file, &err) != GEN_OK) {
        out->failed = true;
        message("%s", err.message);
    }
    if (out->failed) {
        text_out_give_up(out);
    }
    return !out->failed;
}

bool text_out_check(const char *path) {
    bool is_file;
    struct gen_error err;
    if (!find_place(path, &is_file)) {
        return false;
    }
    if (is_file && file_writer_check(path, &err) != GEN_OK) {
        message("%s", err.message);
        return false;
    }
    return true;
}

char *text_out_directory(const struct text_out *out) {
    if (out->file.target == NULL) {
        return NULL;
    }
    const char *slash = strrchr(out->file.target, '/');
    return slash == NULL
               ? alloc_printf(".")
               : alloc_printf("%.*s", (int)(slash - out->file.target) + 1, out->file.target);
}

bool text_out_same(const struct text_out *a, const struct text_out *b) {
    struct stat status_a, status_b;
    if (a->fd < 0 || b->fd < 0) {
        return a->fd < 0 && b->fd < 0 && file_target_same(a->file.path, b->file.path);
    }
    return a->fd == b->fd || (fstat(a->fd, &status_a) == 0 && fstat(b->fd, &status_b) == 0 &&
                              !S_ISCHR(status_a.st_mode) && status_a.st_dev == status_b.st_dev &&
                              status_a.st_ino == status_b.st_ino);
}

static bool write_file(struct text_out *out, const char *bytes, size_t n) {
    struct gen_error err;
    if (file_writer_put(&out->file, bytes, n, &err) != GEN_OK ||
        file_writer_flush(&out->file, &err) != GEN_OK) {
        out->failed = true;
        message("%s", err.message);
    }
    return !out->failed;
}

/* Write all of it, going on after short writes. */
static bool write_all(struct text_out *out, const char *bytes, size_t n) {
    if (out->failed || n == 0) {
        return !out->failed;
    }
    if (out->fd < 0) {
        return write_file(out, bytes, n);
    }
    int number = write_fd(out->fd, bytes, n);
    out->failed = number != 0;
    if (number != 0 && number != ECANCELED) {
        message_errno(out->name, number);
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

bool text_out_mark(struct text_out *out) {
    bool good = text_out_flush(out);
    if (good && out->many) {
        out->n_whole = out->file.n_written;
    }
    return good;
}

bool text_out_write(struct text_out *out, const char *bytes, size_t n) {
    if (out->buffer == NULL) {
        return false; /* it could not be opened */
    }
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

/* Whether the file bears its name: a log does from its beginning. */
static bool is_named(const struct text_out *out) {
    return out->file.temporary == NULL && !out->file.unnamed;
}

bool text_out_close(struct text_out *out) {
    if (out->buffer == NULL) {
        return true;
    }
    text_out_flush(out);
    struct gen_error err;
    if (out->fd < 0 && !is_named(out) && !out->failed &&
        file_writer_commit(&out->file, &err) != GEN_OK) {
        out->failed = true;
        message("%s", err.message);
    }
    if (out->failed) {
        text_out_give_up(out);
        return false;
    }
    /* Some file systems tell of a failed write only here. */
    if (out->fd < 0) {
        file_writer_close(&out->file);
    } else if (close(out->fd) != 0 && errno != EINTR) {
        out->failed = true;
        message_errno(out->name, errno);
    }
    free(out->buffer);
    out->buffer = NULL;
    return !out->failed;
}

void text_out_give_up(struct text_out *out) {
    if (out->buffer == NULL) {
        return;
    }
    if (out->fd >= 0) {
        text_out_flush(out);
        close(out->fd);
    } else if (!is_named(out)) {
        const char *name = out->file.temporary;
        char *partial = alloc_printf("%s", name != NULL ? name : "");
        if (out->n_whole > 0 && file_writer_leave(&out->file, out->n_whole)) {
            message("%.200s: not written; the texts that are whole are in %.200s", out->name,
                    partial);
        } else if (signals_caught() != 0) {
            message("%.400s: not written, as the run was interrupted", out->name);
        }
        free(partial);
    }
    file_writer_close(&out->file);
    free(out->buffer);
    out->buffer = NULL;
    out->failed = true;
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
