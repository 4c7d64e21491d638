/**
 * sentence.h - where a sentence ends, as far as that can be told from its last characters.
 */
#ifndef GENERATE_SENTENCE_H
#define GENERATE_SENTENCE_H

#include <stdbool.h>
#include <stddef.h>

/**
 * Whether a piece of text ends a sentence: with . ! ? … or the marks of Chinese, Japanese, Hindi
 * and Arabic, and after them perhaps closing quotes and brackets; but not with a full stop after a
 * digit, which may be the point of a number. `before` is the byte before the piece.
 */
bool sentence_ends(const char *text, size_t n, char before);

#endif
