/**
 * roff.h - what the writers of man pages have in common: text and requests of roff, to stdout.
 */
#ifndef ROFF_H
#define ROFF_H

#include <stddef.h>

/** Bytes of the line of source so far; roff takes a dot or a quote at its begin for a request. */
extern size_t roff_column;

/** n bytes as they are. */
void roff_exactly(const char *text, size_t n);
/** Running text, in lines of source that are short; newlines are blanks. */
void roff_text(const char *text);
/** End the line of source, if it has begun. */
void roff_end_line(void);
/** ".PP" */
void roff_request(const char *request);
/** ".SH name" */
void roff_section(const char *name);

#endif
