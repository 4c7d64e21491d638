/**
 * token_cells.c - which characters of a token are shown as they are and which as escapes. How wide
 * a character is, utf8proc says; which must not be shown as they are, base/printable.h does.
 */
#include "cli/token_cells.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <utf8proc.h>

#include "base/printable.h"

const char *const token_colors[2] = {"\033[30;46m", "\033[30;43m"};

/* What a combining character stands on where its own is in another token. */
#define DOTTED_CIRCLE "\xe2\x97\x8c"

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
static void set_escape(struct token_cell *cell, uint32_t number, bool is_byte) {
    int n = is_byte            ? snprintf(cell->text, sizeof cell->text, "\\x%02X", number)
            : number <= 0xffff ? snprintf(cell->text, sizeof cell->text, "\\u%04X", number)
                               : snprintf(cell->text, sizeof cell->text, "\\u{%X}", number);
    cell->n = cell->columns = (size_t)n;
    cell->escape = true;
}

/* Of a writing, or numbers, that go from right to left. */
static bool is_right_to_left(utf8proc_int32_t c) {
    utf8proc_propval_t direction = utf8proc_get_property(c)->bidi_class;
    return direction == UTF8PROC_BIDI_CLASS_R || direction == UTF8PROC_BIDI_CLASS_AL ||
           direction == UTF8PROC_BIDI_CLASS_AN;
}

/* A character of `length` bytes, as itself. */
static void set_character(struct token_cell *cell, const char *bytes, size_t length,
                          utf8proc_int32_t c, bool after) {
    int columns = utf8proc_charwidth(c);
    if (columns < 1 && !after) {
        memcpy(cell->text, DOTTED_CIRCLE, sizeof DOTTED_CIRCLE - 1);
        cell->n = sizeof DOTTED_CIRCLE - 1;
        columns = 1;
    }
    memcpy(cell->text + cell->n, bytes, length);
    cell->n += length;
    cell->columns = columns < 1 ? 0 : (size_t)columns;
    cell->right_to_left = is_right_to_left(c);
}

bool token_cells_next(struct token_cells *cells, struct token_cell *cell) {
    *cell = (struct token_cell){.n = 0};
    if (cells->n == 0) {
        return false;
    }
    utf8proc_int32_t c = 0;
    utf8proc_ssize_t length =
        utf8proc_iterate((const utf8proc_uint8_t *)cells->bytes, (utf8proc_ssize_t)cells->n, &c);
    size_t used = length < 1 ? 1 : (size_t)length;
    const char *escape =
        length < 1 || (cells->special && c == '|') ? NULL : short_escape((uint32_t)c, cells->color);
    if (length < 1) {
        set_escape(cell, (unsigned char)*cells->bytes, true);
    } else if (escape != NULL) {
        cell->n = cell->columns = strlen(escape);
        memcpy(cell->text, escape, cell->n);
        cell->escape = true;
    } else if (!printable_is((uint32_t)c) || changes_neighbour((uint32_t)c)) {
        set_escape(cell, (uint32_t)c, c < 0x80);
    } else {
        set_character(cell, cells->bytes, used, c, cells->after);
    }
    cells->after = !cell->escape;
    cells->bytes += used;
    cells->n -= used;
    return true;
}
