/**
 * tokenize_show.c - the tokens of a text for eyes: each becomes a row of cells (a character, or the
 * escape of what cannot be shown), which are put into lines of a terminal's width. How wide a
 * character is, utf8proc says; which must not be shown as they are, base/printable.h does.
 */
#include "cmd/tokenize/tokenize_show.h"

#include <stdio.h>
#include <string.h>
#include <utf8proc.h>

#include "base/printable.h"
#include "cli/alloc.h"

#define NORMAL  "\033[0m"
#define SPECIAL "\033[1;97;45m"
static const char *const backgrounds[] = {"\033[30;46m", "\033[30;43m"};

#define UNDERLINE    "\033[4m"
#define NO_UNDERLINE "\033[24m"

/* What a combining character stands on where its own is in another token. */
#define DOTTED_CIRCLE "\xe2\x97\x8c"

/* A character, or an escape, as it is shown. */
struct cell {
    char text[16];
    size_t n;
    size_t columns;
    bool escape;
};

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
        put(lines, NORMAL);
    }
    put(lines, "\n");
    if (lines->color != NULL) {
        put(lines, lines->color);
    }
    lines->column = 0;
}

/* ---- cells -----------------------------------------------------------------------------------*/

/* Characters that a terminal may draw into the one before them, or together with it: selectors of
 * variants, colors of skin, halves of flags. */
static bool changes_neighbour(uint32_t c) {
    return (c >= 0xfe00 && c <= 0xfe0f) || (c >= 0x180b && c <= 0x180f) ||
           (c >= 0xe0000 && c <= 0xe0fff) || (c >= 0x1f3fb && c <= 0x1f3ff) ||
           (c >= 0x1f1e6 && c <= 0x1f1ff);
}

/* What a character is shown as if it is ASCII, or a control character of it; NULL: as itself, or by
 * its number. */
static const char *short_escape(uint32_t c, bool color) {
    switch (c) {
    case '\n':
        return "\\n";
    case '\t':
        return "\\t";
    case '\r':
        return "\\r";
    case '\\':
        return color ? NULL : "\\\\";
    case '|':
        return color ? NULL : "\\|";
    default:
        return NULL;
    }
}

/* "\\x1B", of a byte or an ASCII character, or a character's number. */
static void set_escape(struct cell *cell, uint32_t number, bool is_byte) {
    int n = is_byte            ? snprintf(cell->text, sizeof cell->text, "\\x%02X", number)
            : number <= 0xffff ? snprintf(cell->text, sizeof cell->text, "\\u%04X", number)
                               : snprintf(cell->text, sizeof cell->text, "\\u{%X}", number);
    cell->n = cell->columns = (size_t)n;
    cell->escape = true;
}

/* The cell at the start of n bytes of a token, of which it takes *used. `after`: a character is
 * before it, on which another can be put. */
static struct cell next_cell(const char *text, size_t n, bool after, bool color, bool special,
                             size_t *used) {
    struct cell cell = {{0}, 0, 0, false};
    utf8proc_int32_t found;
    utf8proc_ssize_t length =
        utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)n, &found);
    *used = length < 1 ? 1 : (size_t)length;
    if (length < 1) {
        set_escape(&cell, (unsigned char)*text, true);
        return cell;
    }
    uint32_t c = (uint32_t)found;
    /* The bar of a special token is no border: brackets are around it. */
    const char *escape = special && c == '|' ? NULL : short_escape(c, color);
    if (escape != NULL) {
        cell.n = cell.columns = strlen(escape);
        memcpy(cell.text, escape, cell.n);
        cell.escape = true;
    } else if (!printable_is(c) || changes_neighbour(c)) {
        set_escape(&cell, c, c < 0x80);
    } else {
        int columns = utf8proc_charwidth(found);
        if (columns < 1 && !after) {
            memcpy(cell.text, DOTTED_CIRCLE, sizeof DOTTED_CIRCLE - 1);
            cell.n = sizeof DOTTED_CIRCLE - 1;
            columns = 1;
        }
        memcpy(cell.text + cell.n, text, *used);
        cell.n += *used;
        cell.columns = columns < 1 ? 0 : (size_t)columns;
    }
    return cell;
}

/* ---- tokens ----------------------------------------------------------------------------------*/

/* Columns of n bytes of a token; more than `most` need not be counted. */
static size_t token_columns(const struct lines *lines, const char *text, size_t n, bool special,
                            size_t most) {
    size_t columns = 0;
    bool after = false;
    for (size_t at = 0, used; at < n && columns <= most; at += used) {
        struct cell cell = next_cell(text + at, n - at, after, lines->show->color, special, &used);
        columns += cell.columns;
        after = !cell.escape;
    }
    return columns;
}

/* Put a cell, in a new line where the last one has no room. */
static void put_cell(struct lines *lines, const struct cell *cell) {
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
    const struct cell cell = {{mark}, 1, 1, false};
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
    bool after = false;
    for (size_t at = 0, used; at < n; at += used) {
        struct cell cell = next_cell(text + at, n - at, after, color, special, &used);
        after = !cell.escape;
        put_cell(lines, &cell);
    }
    if (!color && special) {
        put_mark(lines, ']');
    }
    if (color) {
        put(lines, NORMAL);
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
        lines.color = !show->color ? NULL : special ? SPECIAL : backgrounds[i % 2];
        put_token(&lines, text + span->begin, n, special);
        lines.color = NULL;
        if (i + 1 < ids->n && n > 0 && text[span->end - 1] == '\n') {
            new_line(&lines);
        }
    }
}
