/**
 * text_line.h - lines of text for people, made of numbers and of names that may be hostile.
 */
#ifndef CLI_TEXT_LINE_H
#define CLI_TEXT_LINE_H

#include "cli/message.h"
#include "gen.h"

/** Append one line; a long one is cut, and what could move the cursor becomes `?`. */
void text_line(struct gen_bytes *text, const char *format, ...) MESSAGE_PRINTF(2, 3);

#endif
