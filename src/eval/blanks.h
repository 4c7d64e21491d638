/**
 * blanks.h - white space at the ends of a UTF-8 text, as Python's str.strip() sees it: what the
 * prompts of lm-evaluation-harness are made with.
 */
#ifndef EVAL_BLANKS_H
#define EVAL_BLANKS_H

#include <stddef.h>

/** Bytes of white space at the beginning of text[n], and of text[n] without that at its end. */
size_t blanks_before(const char *text, size_t n);
size_t blanks_without_end(const char *text, size_t n);

#endif
