/**
 * input.c - reading prompts and text from stdin or a file, whole, in pieces or record by record,
 * while signals are heeded (poll) and byte order marks passed over. What a record means is left to
 * the commands.
 */
#include "cli/input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/alloc.h"
#include "cli/message.h"
#include "cli/signals.h"
#include "text/lines.h"

#define BUFFER_SIZE ((size_t)1 << 16)

static enum gen_status failed(const struct input *input, struct gen_error *err) {
    message_set(err, GEN_IO_ERROR, "%.400s: %s", message_name(input->name), strerror(errno));
    return GEN_IO_ERROR;
}

static void too_long(const struct input *input, size_t limit, struct gen_error *err) {
    message_set(err, GEN_BAD_FILE, "%.400s: " INPUT_TOO_LONG_FORMAT, input->name, limit >> 20);
}

enum gen_status input_open(struct input *input, const char *path, struct gen_error *err) {
    *input = (struct input){.fd = STDIN_FILENO, .name = "stdin"};
    if (path != NULL && strcmp(path, "-") != 0) {
        input->name = path;
        input->fd = open(path, O_RDONLY | O_CLOEXEC);
        if (input->fd < 0) {
            return failed(input, err);
        }
    }
    input->buffer = alloc_new(BUFFER_SIZE, 1);
    return GEN_OK;
}

double input_share(const struct input *input) {
    struct stat status;
    if (fstat(input->fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size == 0) {
        return -1;
    }
    off_t at = lseek(input->fd, 0, SEEK_CUR);
    size_t waiting = input->end - input->start;
    return at < (off_t)waiting ? -1 : (double)(at - (off_t)waiting) / (double)status.st_size;
}

void input_close(struct input *input) {
    if (input->buffer != NULL && input->fd != STDIN_FILENO) {
        close(input->fd);
    }
    free(input->buffer);
    input->buffer = NULL;
}

/* Wait until there is something to read or a signal asks to stop; false for the latter. */
static bool wait_readable(const struct input *input) {
    struct pollfd fds[2] = {{.fd = input->fd, .events = POLLIN},
                            {.fd = signals_fd(), .events = POLLIN}};
    while (signals_caught() == 0 && poll(fds, 2, -1) < 0 && errno == EINTR) {
    }
    return signals_caught() == 0;
}

/* Read once, after what the buffer has. */
static enum gen_status read_more(struct input *input, struct gen_error *err) {
    if (!wait_readable(input)) {
        message_set(err, GEN_CANCELED, "%.400s: interrupted", input->name);
        return GEN_CANCELED;
    }
    ssize_t n = read(input->fd, input->buffer + input->end, BUFFER_SIZE - input->end);
    if (n < 0 && errno != EINTR && errno != EAGAIN) {
        return failed(input, err);
    }
    input->at_end = n == 0;
    input->end += n > 0 ? (size_t)n : 0;
    return GEN_OK;
}

/* Look at what the text begins with, and pass over the mark that is no text. */
static void look(struct input *input) {
    enum text_mark mark = text_mark(input->buffer, input->end, input->at_end);
    input->looked = mark != TEXT_MARK_UNKNOWN;
    input->refused = mark == TEXT_MARK_UTF16;
    input->start = mark == TEXT_MARK_UTF8 ? 3 : 0;
}

/* Fill the empty buffer. GEN_OK with nothing in it at the end of the file. */
static enum gen_status fill(struct input *input, struct gen_error *err) {
    enum gen_status status = GEN_OK;
    if (input->looked || input->start > 0) {
        input->start = input->end = 0;
    }
    while (status == GEN_OK && !input->refused && !input->at_end &&
           (input->start == input->end || !input->looked)) {
        status = read_more(input, err);
        if (status == GEN_OK && !input->looked) {
            look(input);
        }
    }
    if (status == GEN_OK && input->refused) {
        message_set(err, GEN_BAD_FILE, "%.400s: " TEXT_UTF16_PROBLEM, message_name(input->name));
        status = GEN_BAD_FILE;
    }
    return status;
}

enum gen_status input_take(struct input *input, const char **bytes, size_t *n,
                           struct gen_error *err) {
    enum gen_status status = input->start == input->end ? fill(input, err) : GEN_OK;
    *bytes = input->buffer + input->start;
    *n = input->end - input->start;
    input->start = input->end;
    return status;
}

/* Append all there is, at most `limit` bytes. */
static enum gen_status read_all(struct input *input, struct gen_bytes *bytes, size_t limit,
                                struct gen_error *err) {
    for (;;) {
        const char *more;
        size_t n;
        enum gen_status status = input_take(input, &more, &n, err);
        if (status != GEN_OK || n == 0) {
            return status;
        }
        if (n > limit - bytes->n) {
            too_long(input, limit, err);
            return GEN_BAD_FILE;
        }
        alloc_append(bytes, more, n);
    }
}

/* Move what the buffer has of the next record; true if that makes it whole. */
static bool take(struct input *input, struct gen_bytes *record, char separator, size_t limit) {
    size_t n = input->end - input->start;
    if (n == 0) {
        return false;
    }
    if (!input->begun) {
        record->n = 0;
        input->begun = true;
        input->too_long = false;
        input->n_records++;
    }
    const char *bytes = input->buffer + input->start;
    const char *end = memchr(bytes, separator, n);
    size_t n_taken = end != NULL ? (size_t)(end - bytes) : n;
    input->too_long = input->too_long || n_taken > limit - record->n;
    if (!input->too_long) {
        alloc_append(record, bytes, n_taken);
    }
    input->whole = end != NULL;
    input->start += n_taken + (input->whole ? 1 : 0);
    return input->whole;
}

enum input_result input_next(struct input *input, struct gen_bytes *record, char separator,
                             size_t limit, struct gen_error *err) {
    while (!input->whole && !take(input, record, separator, limit)) {
        if (fill(input, err) != GEN_OK) {
            return INPUT_FAILED;
        }
        if (input->start == input->end) {
            break;
        }
    }
    bool begun = input->begun;
    input->begun = input->whole = false;
    if (!begun) {
        record->n = 0;
        return INPUT_END;
    }
    if (input->too_long) {
        too_long(input, limit, err);
        return INPUT_TOO_LONG;
    }
    return INPUT_RECORD;
}

/* Whether a read would return at once. */
static bool is_readable(const struct input *input) {
    struct pollfd fd = {.fd = input->fd, .events = POLLIN};
    return poll(&fd, 1, 0) > 0;
}

bool input_ready(struct input *input, struct gen_bytes *record, char separator, size_t limit) {
    struct gen_error later; /* input_next() meets it again */
    while (!input->whole && !take(input, record, separator, limit)) {
        if (!input->at_end && !is_readable(input)) {
            return false;
        }
        if (fill(input, &later) != GEN_OK || input->start == input->end) {
            return true;
        }
    }
    return true;
}

enum gen_status input_read_file(struct gen_bytes *bytes, const char *path, size_t limit,
                                struct gen_error *err) {
    struct input input;
    enum gen_status status = input_open(&input, path, err);
    if (status == GEN_OK) {
        status = read_all(&input, bytes, limit, err);
    }
    input_close(&input);
    return status;
}

static bool status_of(struct stat *status, const char *path, int standard_fd) {
    bool standard = path == NULL || strcmp(path, "-") == 0;
    return (standard ? fstat(standard_fd, status) : stat(path, status)) == 0;
}

bool input_same_file(const char *in, const char *out) {
    struct stat status_in, status_out;
    return status_of(&status_in, in, STDIN_FILENO) && status_of(&status_out, out, STDOUT_FILENO) &&
           S_ISREG(status_in.st_mode) && status_in.st_dev == status_out.st_dev &&
           status_in.st_ino == status_out.st_ino;
}

bool input_spoiled_by(const char *in, const char *out) {
    bool spoiled = in != NULL && input_same_file(in, out);
    if (spoiled) {
        message("%.400s: would be overwritten while it is read (give another file)",
                out != NULL ? message_name(out) : "stdout");
    }
    return spoiled;
}
