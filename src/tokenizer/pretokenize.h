/**
 * pretokenize.h - cuts text into the words that byte pair encoding works on, as GPT-2 does.
 *
 * GPT-2 gives a regular expression; the first alternative that matches wins:
 *
 *     's|'t|'re|'ve|'m|'ll|'d     the end of an English contraction
 *      ?\p{L}+                    letters,  with one space (U+0020) before them or none
 *      ?\p{N}+                    numbers,  the same
 *      ?[^\s\p{L}\p{N}]+          all else, the same
 *     \s+(?!\S)                   white space, but for its last character if text follows
 *     \s+                         white space
 *
 * Here a hand-written matcher does the same in linear time. \p{L} and \p{N} are the general
 * categories as utf8proc has them. \s is Unicode's White_Space: the categories Zs, Zl and Zp and
 * the control characters U+0009 ... U+000D and U+0085.
 *
 * A byte that is no part of a valid UTF-8 character counts as one character among "all else".
 */
#ifndef TOKENIZER_PRETOKENIZE_H
#define TOKENIZER_PRETOKENIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * Length of the word at the start of n > 0 bytes, always positive. The end of the n bytes is the
 * end of the text. Words follow each other without a gap: call again after this one.
 */
size_t pretokenize_word(const char *text, size_t n);

/** Whether a character is \s. */
bool pretokenize_is_space(uint32_t codepoint);

#endif
