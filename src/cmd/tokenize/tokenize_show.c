/**
 * tokenize_show.c - the tokens of a text for eyes: each becomes a row of cells (token_cells.h),
 * which are put into lines of a terminal's width.
 */
#include "cmd/tokenize/tokenize_show.h"

#include <string.h>

#include "cli/alloc.h"
#include "cli/token_cells.h"

#define UNDERLINE    "\033[4m"
#define NO_UNDERLINE "\033[24m"

/* Where the output is. */
struct lines {
    struct gen_bytes *out;
    const struct tokenize_show *show;
    size_t column;
    const char *color; /* of the token; NULL: none */
};

static void put(struct lines *lines, const char *text) {
    alloc_append(lines->out, text, strlen(text));
}

static void new_line(struct lines *lines) {
    if (lines->color != NULL) {
        put(lines, TOKEN_COLOR_END);
    }
    put(lines, "\n");
    if (lines->color != NULL) {
        put(lines, lines->color);
    }
    lines->column = 0;
}

/* ---- tokens ----------------------------------------------------------------------------------*/

/* Columns of n bytes of a token; more than `most` need not be counted. */
static size_t token_columns(const struct lines *lines, const char *text, size_t n, bool special,
                            size_t most) {
    size_t columns = 0;
    struct token_cells cells = {text, n, lines->show->color, special, false};
    struct token_cell cell;
    while (columns <= most && token_cells_next(&cells, &cell)) {
        columns += cell.columns;
    }
    return columns;
}

/* Put a cell, in a new line where the last one has no room. */
static void put_cell(struct lines *lines, const struct token_cell *cell) {
    bool underlined = cell->escape && lines->color != NULL;
    if (lines->column > 0 && lines->column + cell->columns > lines->show->width) {
        new_line(lines);
    }
    if (underlined) {
        put(lines, UNDERLINE);
    }
    alloc_append(lines->out, cell->text, cell->n);
    if (underlined) {
        put(lines, NO_UNDERLINE);
    }
    lines->column += cell->columns;
}

static void put_mark(struct lines *lines, char mark) {
    const struct token_cell cell = {.text = {mark}, .n = 1, .columns = 1};
    put_cell(lines, &cell);
}

static void put_token(struct lines *lines, const char *text, size_t n, bool special) {
    bool color = lines->show->color;
    size_t width = lines->show->width;
    size_t columns = token_columns(lines, text, n, special, width) + (color ? 0 : special ? 3 : 1);
    if (lines->column > 0 && lines->column + columns > width) {
        const char *own = lines->color;
        lines->color = NULL;
        new_line(lines);
        lines->color = own;
    }
    if (color) {
        put(lines, lines->color);
    } else if (special) {
        put_mark(lines, '[');
    }
    struct token_cells cells = {text, n, color, special, false};
    struct token_cell cell;
    while (token_cells_next(&cells, &cell)) {
        put_cell(lines, &cell);
    }
    if (!color && special) {
        put_mark(lines, ']');
    }
    if (color) {
        put(lines, TOKEN_COLOR_END);
    } else {
        put_mark(lines, '|');
    }
}

void tokenize_show(struct gen_bytes *out, const struct tokenize_show *show, const char *text,
                   const struct gen_ids *ids, const struct gen_spans *spans) {
    struct lines lines = {.out = out, .show = show};
    for (size_t i = 0; i < ids->n; i++) {
        const struct gen_span *span = &spans->data[i];
        size_t n = span->end - span->begin;
        bool special = gen_tokenizer_is_special(show->tokenizer, ids->data[i]);
        lines.color = !show->color ? NULL : special ? TOKEN_COLOR_SPECIAL : token_colors[i % 2];
        put_token(&lines, text + span->begin, n, special);
        lines.color = NULL;
        if (i + 1 < ids->n && n > 0 && text[span->end - 1] == '\n') {
            new_line(&lines);
        }
    }
}
