/**
 * text_out.h - where text and data go: stdout, or the file of --output.
 *
 * A regular file is written next to its name and gets it at the end, when everything was done: what
 * was there before stays until then, and a text that was cut off never bears the name. stdout,
 * pipes and devices are written as the text comes.
 *
 * A write that fails (disk full, pipe closed) is reported once, on stderr; every later call does
 * nothing and returns false, so a writer may look at the result of the last call alone. A signal
 * that asked to stop (signals.h) is such a failure where nobody reads any more.
 */
#ifndef CLI_TEXT_OUT_H
#define CLI_TEXT_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/file.h"

struct text_out {
    int fd;           /**< written as the text comes; -1: `file` is written */
    const char *name; /**< for messages */
    char *buffer;
    size_t n;  /**< bytes waiting in the buffer */
    bool live; /**< a terminal, pipe or socket: somebody may be reading along */
    bool failed;
    bool many; /**< opened by text_out_open_many() */
    struct file_writer file;
    uint64_t n_whole; /**< bytes of many texts that text_out_mark() said are whole */
};

/** Open `path` for writing, or take stdout: NULL or "-". Returns false after a message. */
bool text_out_open(struct text_out *out, const char *path);
/**
 * The same for many texts, the work of hours: a regular file grows as FILE.partial, which is what
 * is left of the run if it does not come to its end.
 */
bool text_out_open_many(struct text_out *out, const char *path);
/**
 * The same, but what an interrupted run left in FILE.partial is gone on with, if it is there.
 */
bool text_out_continue_many(struct text_out *out, const char *path);
/** Bytes that were left there; 0 where there was nothing. */
uint64_t text_out_n_left(const struct text_out *out);
/** Go on after the first n bytes, which are whole texts. */
bool text_out_cut(struct text_out *out, uint64_t n);
/** The same for lines that come while others read them: the file has its name at once, and begins
 *  with n bytes that it may have had before. */
bool text_out_open_log(struct text_out *out, const char *path, const char *begin, size_t n);
/** Whether `path` could be opened; what it holds stays. False after a message. */
bool text_out_check(const char *path);

/** The directory in which a file will still get its name, to be freed with free(); NULL: none. */
char *text_out_directory(const struct text_out *out);
/** Whether both write to one place, so that one would spoil the other; /dev/null has no such. */
bool text_out_same(const struct text_out *a, const struct text_out *b);
/**
 * Write what waits and close; a file gets its name. Returns false if any write failed; the message
 * is out by then, and a file of that name is as it was.
 */
bool text_out_close(struct text_out *out);
/**
 * Close what did not come to its end: a file of that name is as it was, and of many texts those
 * that are whole are left in FILE.partial, which is said on stderr.
 */
void text_out_give_up(struct text_out *out);

bool text_out_write(struct text_out *out, const char *bytes, size_t n);
bool text_out_string(struct text_out *out, const char *text);
/** Write out what waits in the buffer. */
bool text_out_flush(struct text_out *out);
/** The same, but only if somebody may be reading along. */
bool text_out_show(struct text_out *out);
/** Flush, and note that what was written so far is a whole number of texts. */
bool text_out_mark(struct text_out *out);

/** When to use colours. */
enum text_color { TEXT_COLOR_AUTO, TEXT_COLOR_ALWAYS, TEXT_COLOR_NEVER };
/** Names of the above, NULL-terminated. */
extern const char *const text_color_names[];

/** Whether to: AUTO means on a terminal, unless NO_COLOR is set or the terminal is dumb. */
bool text_out_color(const struct text_out *out, enum text_color when);

#endif
