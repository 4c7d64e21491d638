/**
 * input.h - prompts and text from stdin or a file, whole or record by record.
 *
 * A byte order mark in front is no text and is passed over; UTF-16 is refused. Every failure is
 * reported through a gen_error that names the file.
 */
#ifndef CLI_INPUT_H
#define CLI_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gen.h"

/** Longest prompt in bytes: far more than any context holds. */
#define INPUT_PROMPT_LIMIT ((size_t)256 << 20)

/** What is wrong with a longer one, as the end of a sentence: a format for the limit in MiB. */
#define INPUT_TOO_LONG_FORMAT "more than %zu MiB, the most a text may have (cut it)"

struct input {
    int fd;
    const char *name;
    char *buffer;
    size_t start, end;  /**< bytes in the buffer not yet given out */
    bool at_end;        /**< the file has no more */
    bool looked;        /**< at the mark that a text may begin with */
    bool refused;       /**< it is UTF-16 */
    uint64_t n_records; /**< records begun so far: the number of the current one */
    bool begun;         /**< some of the next record is read */
    bool whole;         /**< all of it, its separator included */
    bool too_long;      /**< it is over the limit */
};

enum input_result {
    INPUT_RECORD,   /**< here is one */
    INPUT_END,      /**< there is none */
    INPUT_TOO_LONG, /**< one over the limit was passed over; err says so */
    INPUT_FAILED,   /**< reading failed, err says why; or a signal asked to stop */
};

/** Open `path`; NULL or "-" is stdin. Pipes and devices are fine, a directory is not. */
enum gen_status input_open(struct input *input, const char *path, struct gen_error *err);
/** Which part of the file has been read, 0 ... 1; below 0 where its size is unknown, as of a pipe.
 */
double input_share(const struct input *input);
void input_close(struct input *input);

/**
 * The next bytes there are, whatever they are: *n of them at *bytes, valid until the next call.
 * At the end of the file *n is 0.
 */
enum gen_status input_take(struct input *input, const char **bytes, size_t *n,
                           struct gen_error *err);

/**
 * Replace `record` by the next one, without the `separator` byte that ends it; the last one need
 * not be ended. Reads no more than there is, so that a line is given out as soon as it is there.
 */
enum input_result input_next(struct input *input, struct gen_bytes *record, char separator,
                             size_t limit, struct gen_error *err);

/**
 * Whether input_next() would answer without waiting. Reads what there is of the next record into
 * `record`, all of it if input->whole; the arguments are those that input_next() will get.
 */
bool input_ready(struct input *input, struct gen_bytes *record, char separator, size_t limit);

/** Open, read all and close in one. */
enum gen_status input_read_file(struct gen_bytes *bytes, const char *path, size_t limit,
                                struct gen_error *err);

/**
 * Whether what is written to `out` goes into the regular file `in`. NULL or "-" is stdin for the
 * one, stdout for the other; a path that leads nowhere is no file.
 */
bool input_same_file(const char *in, const char *out);

/** The same of what would still be read while `out` is written; `in` may be NULL for none. True
 *  after a message. */
bool input_spoiled_by(const char *in, const char *out);

#endif
