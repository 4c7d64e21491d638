/**
 * terminal_text.h - text of a model, made fit for a terminal.
 */
#ifndef CLI_TERMINAL_TEXT_H
#define CLI_TERMINAL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/text_out.h"
#include "gen.h"

/** Whether `out` is a terminal, so that what a model wrote must be shown, not obeyed. */
bool terminal_text_needed(const struct text_out *out);

/**
 * Append text[n], whole characters, to `shown`. Newlines and tabs stay; other control characters
 * are written as `cat -v` does (^[ for ESC, ^M for a carriage return), C1 controls and bytes that
 * are not UTF-8 become U+FFFD.
 */
void terminal_text_append(struct gen_bytes *shown, const char *text, size_t n);

#endif
