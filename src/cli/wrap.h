/**
 * wrap.h - text in lines of a certain width.
 */
#ifndef CLI_WRAP_H
#define CLI_WRAP_H

#include <stddef.h>

#include "gen.h"

/** The width of lines where no terminal has another: of files, pipes, 80 columns. */
#define WRAP_WIDTH 79

/** The width of lines on stdout: one less than the terminal's, as some break a full line. */
size_t wrap_stdout_width(void);

/**
 * Append `text` and a newline, broken between words so that no line is longer than `width` unless
 * one word is. The first line begins in `column`, where the cursor is, continued ones at `indent`;
 * if column is less than indent, so does the first. Newlines in `text` are kept. A byte counts as a
 * column.
 */
void wrap_text(struct gen_bytes *out, const char *text, size_t column, size_t indent, size_t width);

#endif
