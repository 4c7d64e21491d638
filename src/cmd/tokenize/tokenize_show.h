/**
 * tokenize_show.h - tokens that one can see, for `gen tokenize --show`.
 */
#ifndef CMD_TOKENIZE_TOKENIZE_SHOW_H
#define CMD_TOKENIZE_TOKENIZE_SHOW_H

#include <stdbool.h>
#include <stddef.h>

#include "gen.h"

struct tokenize_show {
    const struct gen_tokenizer *tokenizer;
    size_t width; /**< most columns of a line, at least 16 */
    bool color;   /**< tokens on alternating backgrounds; false: a | after each */
};

/**
 * Append the tokens of `text`, in lines of that width and without the end of the last one. A line
 * also ends after a token that ends with a newline.
 *
 * Nothing in a text is obeyed: newline, tab and carriage return are \n, \t and \r; bytes of a
 * character that was cut, bytes that are no UTF-8 and other control characters are \x1B; characters
 * that are not seen or change their neighbour are \u200D or \u{1F3FB}; a combining character at the
 * beginning of a token is on a dotted circle. These escapes are underlined; without color, where
 * they cannot be, a backslash of the text is \\ and its | is \|. Special tokens have a color of
 * their own, or brackets around them.
 */
void tokenize_show(struct gen_bytes *out, const struct tokenize_show *show, const char *text,
                   const struct gen_ids *ids, const struct gen_spans *spans);

#endif
