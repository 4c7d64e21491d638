/**
 * documents.c - what divides the documents of a text, `<|endoftext|>`, for all who read one:
 * training, its vocabulary, and `gen vocab`. What becomes of a document is left to them.
 */
#include "text/documents.h"

#include <string.h>

#include "text/lines.h"

static const char separator[] = "<|endoftext|>";

/* Bytes of the line end that n bytes begin with: 0, 1 or 2. */
static size_t line_end(const char *text, size_t n) {
    size_t length = n > 0 && text[0] == '\r' ? 1 : 0;
    return n > length && text[length] == '\n' ? length + 1 : 0;
}

size_t text_document(const char *text, size_t n, size_t *next) {
    const size_t length = sizeof separator - 1;
    *next = n;
    for (size_t at = 0; n - at >= length;) {
        const char *found = memchr(text + at, separator[0], n - at - length + 1);
        if (found == NULL) {
            return n;
        }
        at = (size_t)(found - text);
        if (memcmp(found, separator, length) == 0) {
            *next = at + length + line_end(found + length, n - at - length);
            return at;
        }
        at++;
    }
    return n;
}

size_t text_without_line_end(const char *text, size_t n) {
    n -= n > 0 && text[n - 1] == '\n';
    return text_without_cr(text, n);
}
