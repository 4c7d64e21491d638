/**
 * sentence.c - the marks that end sentences, and those that may close after them. There is no list
 * of abbreviations: "Dr." ends a sentence here.
 */
#include "generate/sentence.h"

#include <string.h>

#include "base/size.h"

/* Bytes of the first of the marks that text[n] ends with; 0: none. */
static size_t ending(const char *text, size_t n, const char *const *marks, size_t n_marks) {
    for (size_t i = 0; i < n_marks; i++) {
        size_t n_mark = strlen(marks[i]);
        if (n_mark <= n && memcmp(text + n - n_mark, marks[i], n_mark) == 0) {
            return n_mark;
        }
    }
    return 0;
}

bool sentence_ends(const char *text, size_t n, char before) {
    static const char *const closing[] = {"\"",     "'",      ")",      "]",      "\u201d",
                                          "\u2019", "\u00bb", "\u300d", "\u300f", "\uff09"};
    static const char *const marks[] = {".",      "!",      "?",      "\u2026", "\u3002",
                                        "\uff01", "\uff1f", "\u0964", "\u061f"};
    size_t n_closing;
    while ((n_closing = ending(text, n, closing, N_OF(closing))) > 0) {
        n -= n_closing;
    }
    size_t n_mark = ending(text, n, marks, N_OF(marks));
    char last = before;
    if (n > 1) {
        last = text[n - 2];
    }
    bool is_point = n_mark == 1 && text[n - 1] == '.' && last >= '0' && last <= '9';
    return n_mark > 0 && !is_point;
}
