/**
 * roff.c - text as roff's man macros have it: what they would take for something else is escaped.
 */
#include "roff.h"

#include <stdio.h>
#include <string.h>

size_t roff_column;

/* What stands for a character that roff would take for something else, or NULL. */
static const char *escape_of(char c) {
    switch (c) {
    case '\\':
        return "\\e";
    case '-':
        return "\\-";
    case '\'':
        return "\\(aq";
    case '`':
        return "\\(ga";
    case '^':
        return "\\(ha";
    case '~':
        return "\\(ti";
    case '"':
        return "\\(dq";
    default:
        return NULL;
    }
}

void roff_exactly(const char *text, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const char *escape = escape_of(text[i]);
        if (roff_column == 0 && text[i] == '.') {
            fputs("\\&", stdout);
        }
        if (escape != NULL) {
            fputs(escape, stdout);
            roff_column += strlen(escape);
        } else {
            putchar(text[i]);
            roff_column = text[i] == '\n' ? 0 : roff_column + 1;
        }
    }
}

void roff_end_line(void) {
    if (roff_column > 0) {
        roff_exactly("\n", 1);
    }
}

void roff_text(const char *text) {
    while (*(text += strspn(text, " \n")) != '\0') {
        size_t n = strcspn(text, " \n");
        size_t length = n;
        for (size_t i = 0; i < n; i++) {
            const char *escape = escape_of(text[i]);
            length += escape != NULL ? strlen(escape) - 1 : 0;
        }
        if (roff_column + length > 70) {
            roff_end_line();
        } else if (roff_column > 0) {
            roff_exactly(" ", 1);
        }
        roff_exactly(text, n);
        text += n;
    }
}

void roff_request(const char *request) {
    roff_end_line();
    puts(request);
}

void roff_section(const char *name) {
    roff_end_line();
    printf(".SH %s\n", name);
}
