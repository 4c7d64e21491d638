/**
 * token_cells.h - the bytes of a token as a terminal can show them, a cell for each character or
 * for the escape of what cannot be shown: `gen tokenize --show`, the table of `gen --logprobs`.
 *
 * Nothing in a token is obeyed: newline, tab and carriage return are \n, \t and \r; bytes of a
 * character that was cut, bytes that are no UTF-8 and other control characters are \x1B; characters
 * that are not seen or change their neighbour are \u200D or \u{1F3FB}; a combining character at the
 * beginning is on a dotted circle. Where tokens have no colors they have borders, and a backslash
 * of the text is \\ and its | is \|.
 */
#ifndef CLI_TOKEN_CELLS_H
#define CLI_TOKEN_CELLS_H

#include <stdbool.h>
#include <stddef.h>

/** What a terminal is sent before an ordinary token, by turns, before a special one, after both. */
extern const char *const token_colors[2];
#define TOKEN_COLOR_SPECIAL "\033[1;97;45m"
#define TOKEN_COLOR_END     "\033[0m"

struct token_cell {
    char text[16];
    size_t n;       /**< bytes of it */
    size_t columns; /**< that it takes, 0 of a combining character */
    bool escape;
    bool right_to_left; /**< a terminal may turn what is around it */
};

/** Goes through the cells of a token. */
struct token_cells {
    const char *bytes; /**< what is left of the token */
    size_t n;
    bool color;   /**< it has a color, no borders */
    bool special; /**< its bars are no borders: brackets are around it */
    bool after;   /**< a character is before the next, on which another can be put */
};

/** The next cell; false at the end. */
bool token_cells_next(struct token_cells *cells, struct token_cell *cell);

#endif
