/**
 * escapes.h - what is written after a backslash in the text of an option.
 */
#ifndef CLI_ESCAPES_H
#define CLI_ESCAPES_H

/**
 * A copy of `text`, to be freed, with \n, \t, \r and \\ as the characters they stand for. A
 * backslash before anything else, or at the end, stays.
 */
char *escapes_resolve(const char *text);

#endif
