/**
 * added.h - where added tokens are in a text, by the rules of Hugging Face's tokenizers.
 *
 * Of several tokens at one place the longest is found, from left to right. One that is to be a
 * single word, but has part of a word (letter, mark, digit, connector such as _) right before or
 * after it, is passed over, and nothing else is found in its place. White space around those that
 * strip it belongs to them.
 */
#ifndef TOKENIZER_ADDED_H
#define TOKENIZER_ADDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tokenizer/vocab.h"

/** A walk over the added tokens of one pass in a text. Begin with `at` and `taken` 0. */
struct added_walk {
    const struct gen_tokenizer *vocab;
    const struct vocab_added *added;
    const char *text;
    size_t n;
    bool special; /**< special tokens count, too */
    size_t at;    /**< where the search goes on */
    size_t taken; /**< bytes that belong to what was found so far, or to the text before it */
};

/** The next token and what of the text it takes; false if there is none. */
bool added_next(struct added_walk *walk, int32_t *id, size_t *begin, size_t *end);

#endif
