/**
 * text_out.h - where text and data go: stdout, or the file of --output.
 *
 * A write that fails (disk full, pipe closed) is reported once, on stderr; every later call does
 * nothing and returns false, so a writer may look at the result of the last call alone.
 */
#ifndef CLI_TEXT_OUT_H
#define CLI_TEXT_OUT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/file.h"

/**
 * A file is written next to its target and renamed by text_out_close(), so that its old contents
 * stay until the new ones are whole. What is no regular file (stdout, a pipe, a device) gets the
 * text as it comes.
 */
struct text_out {
    int fd; /**< -1 where `writer` has the file */
    struct file_writer writer;
    const char *name; /**< for messages */
    char *buffer;
    size_t n;  /**< bytes waiting in the buffer */
    bool live; /**< a terminal, pipe or socket: somebody may be reading along */
    bool failed;
};

/** Open `path` for writing, or take stdout: NULL or "-". Returns false after a message. */
bool text_out_open(struct text_out *out, const char *path);
/** Open a file to add to its end, where every flush is seen at once. Returns false after a message.
 */
bool text_out_append(struct text_out *out, const char *path);
/** The directory in which text_out_close() will rename a file, or NULL. */
const char *text_out_directory(const struct text_out *out);
/** Whether both write to one place, so that one would spoil the other; /dev/null has no such. */
bool text_out_same(const struct text_out *a, const struct text_out *b);
/** Write what waits and close. Returns false if any write failed; the message is out by then. */
bool text_out_close(struct text_out *out);

/**
 * Close what did not become whole. The file of --output stays as it was, or is not made; what was
 * written so far, if anything, is kept as FILE.partial, and a message says so. Always false.
 */
bool text_out_close_partial(struct text_out *out);

bool text_out_write(struct text_out *out, const char *bytes, size_t n);
bool text_out_string(struct text_out *out, const char *text);
/** Write out what waits in the buffer. */
bool text_out_flush(struct text_out *out);
/** The same, but only if somebody may be reading along. */
bool text_out_show(struct text_out *out);

/** When to use colours. */
enum text_color { TEXT_COLOR_AUTO, TEXT_COLOR_ALWAYS, TEXT_COLOR_NEVER };
/** Names of the above, NULL-terminated. */
extern const char *const text_color_names[];

/** Whether to: AUTO means on a terminal, unless NO_COLOR is set or the terminal is dumb. */
bool text_out_color(const struct text_out *out, enum text_color when);

#endif
