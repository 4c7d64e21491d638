/**
 * wrap.c - breaking text between words, for the help. How wide lines are on stdout, the terminal
 * says.
 */
#include "cli/wrap.h"

#include <string.h>
#include <unistd.h>

#include "cli/alloc.h"
#include "cli/terminal_size.h"

/* Narrower than that is taken for that: no text can be read so. */
#define LEAST_WIDTH 20

size_t wrap_stdout_width(void) {
    size_t columns = terminal_columns(STDOUT_FILENO);
    if (columns == 0) {
        return WRAP_WIDTH;
    }
    return columns > LEAST_WIDTH ? columns - 1 : LEAST_WIDTH;
}

static void put_blanks(struct gen_bytes *out, size_t n) {
    for (; n > 0; n--) {
        alloc_append(out, " ", 1);
    }
}

void wrap_text(struct gen_bytes *out, const char *text, size_t column, size_t indent,
               size_t width) {
    while (*text != '\0') {
        size_t n = strcspn(text, " \n");
        if (column > indent && column + 1 + n > width) {
            alloc_append(out, "\n", 1);
            column = 0;
        }
        if (column < indent) {
            put_blanks(out, indent - column);
            column = indent;
        } else if (column > indent) {
            alloc_append(out, " ", 1);
            column++;
        }
        alloc_append(out, text, n);
        column += n;
        text += n;
        if (*text == '\n') {
            alloc_append(out, "\n", 1);
            column = 0;
        }
        text += *text != '\0' ? 1 : 0;
    }
    alloc_append(out, "\n", 1);
}
