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

struct text_out {
    int fd;
    const char *name; /**< for messages */
    char *buffer;
    size_t n;  /**< bytes waiting in the buffer */
    bool live; /**< a terminal, pipe or socket: somebody may be reading along */
    bool failed;
};

/** Open `path` for writing, or take stdout: NULL or "-". Returns false after a message. */
bool text_out_open(struct text_out *out, const char *path);
/** Whether both write to one place, so that one would spoil the other; /dev/null has no such. */
bool text_out_same(const struct text_out *a, const struct text_out *b);
/** Write what waits and close. Returns false if any write failed; the message is out by then. */
bool text_out_close(struct text_out *out);

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
