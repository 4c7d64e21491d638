/**
 * message.h - what gen says on stderr.
 *
 * A message is one line, "gen: sentence", shorter than 600 bytes and without control characters,
 * whatever names went into it.
 */
#ifndef CLI_MESSAGE_H
#define CLI_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "gen.h"

#if defined(__GNUC__)
#define MESSAGE_PRINTF(format_at, first) __attribute__((format(printf, format_at, first)))
#else
#define MESSAGE_PRINTF(format_at, first)
#endif

/** Longest sentence with its NUL; what is longer is cut and ends in "...". */
#define MESSAGE_SIZE 580

/** Print one line. */
void message(const char *format, ...) MESSAGE_PRINTF(1, 2);

/**
 * Write bytes to stderr as they are, for bars and texts. Like a message it does not wait for ever:
 * see write_fd.h; stdio's functions would.
 */
void message_raw(const char *bytes, size_t n);

/** Print no messages from now on, as another process of the same job says them; or do again. */
void message_silence(bool silent);

/** The name of a file as messages show it: an empty one is seen too. */
const char *message_name(const char *name);

/** Print "gen: NAME: what errno says". */
void message_errno(const char *name, int error_number);

/** Fill a gen_error of the program's own; the library's come filled. */
void message_set(struct gen_error *err, enum gen_status status, const char *format, ...)
    MESSAGE_PRINTF(3, 4);

/** Put "--OPTION: " before a message about the option's value, and `hint`, if any, after it. */
void message_about(struct gen_error *err, const char *option, const char *hint);

/**
 * Make `text`, a string of at most `size` bytes with its NUL, fit for one line: control
 * characters and bytes that are not UTF-8 become `?`.
 */
void message_clean(char *text);

/** The exit code for a failed library call. */
int message_exit_code(enum gen_status status);

#endif
