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
 * What a character is shown as, token_cells.h tells; escapes are underlined where there are colors.
 * Special tokens have a color of their own, or brackets around them.
 */
void tokenize_show(struct gen_bytes *out, const struct tokenize_show *show, const char *text,
                   const struct gen_ids *ids, const struct gen_spans *spans);

#endif
