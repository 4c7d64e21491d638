/**
 * error.h - one sentence about a failure, written once, where the fact is known.
 *
 * The sentence reads "FILE: thing, what was found, what must be (what to do)". Names that
 * come from a file may be hostile: pass them through error_quote() so that no control character
 * and no endless string reaches a terminal.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdarg.h>
#include <stddef.h>

#include "gen.h"

#if defined(__GNUC__)
#define ERROR_PRINTF(format_at, first) __attribute__((format(printf, format_at, first)))
#else
#define ERROR_PRINTF(format_at, first)
#endif

/**
 * Fill `err` (may be NULL) and return `status`, so that callers can `return error_set(...)`.
 * The finished message is cleaned: control characters become `?`, broken UTF-8 becomes `?`, and
 * a message that does not fit is cut at a character with "..." at its end.
 */
enum gen_status error_set(struct gen_error *err, enum gen_status status, const char *format, ...)
    ERROR_PRINTF(3, 4);

/** The sentence for a failed allocation of `what`. */
enum gen_status error_no_memory(struct gen_error *err, const char *what);

/** Printable form of untrusted bytes. */
struct error_quoted {
    char text[100];
};

/**
 * Write n bytes into `out` in printable form: control characters, backslash, DEL, bidirectional
 * overrides and broken UTF-8 as \xHH, long names shortened in the middle. Returns out->text.
 */
const char *error_quote(struct error_quoted *out, const char *bytes, size_t n);

/** Shorten a path in the middle (the file's end says most), printable as above; an empty one is "".
 */
const char *error_path(struct error_quoted *out, const char *path);

#endif
