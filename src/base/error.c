/**
 * error.c - the one sentence of a failure (struct gen_error): formatted, cut at a whole character,
 * and names from files quoted in it so that they are short and printable. Which characters are is
 * in printable.c; the library only returns the sentence, the program prints it.
 */
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/printable.h"

/* Length of the printable character at `at`, or 0 if its first byte cannot be shown as it is. */
static size_t printable_length(const unsigned char *at, size_t n) {
    uint32_t codepoint;
    int length = bytes_utf8(at, n, &codepoint);
    return length > 0 && printable_is(codepoint) ? (size_t)length : 0;
}

/* Replace what must not be printed by '?', in place. */
static void clean(char *text) {
    unsigned char *at = (unsigned char *)text;
    size_t left = strlen(text);
    while (left > 0) {
        size_t length = printable_length(at, left);
        if (length == 0) {
            *at = '?';
            length = 1;
        }
        at += length;
        left -= length;
    }
}

/* Shorten a message that vsnprintf cut off: end it at a whole character, with "...". */
static void mark_cut(char *text, size_t size) {
    static const char dots[] = "...";
    size_t end = size - sizeof dots;
    while (end > 0 && ((unsigned char)text[end] & 0xc0) == 0x80) {
        end--;
    }
    memcpy(text + end, dots, sizeof dots);
}

enum gen_status error_set(struct gen_error *err, enum gen_status status, const char *format, ...) {
    if (err == NULL) {
        return status;
    }
    err->status = status;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(err->message, sizeof err->message, format, arguments);
    va_end(arguments);
    if (length >= (int)sizeof err->message) {
        mark_cut(err->message, sizeof err->message);
    }
    clean(err->message);
    return status;
}

enum gen_status error_no_memory(struct gen_error *err, const char *what) {
    return error_set(err, GEN_NO_MEMORY, "out of memory for %s", what);
}

/* Append one character of the source in printable form to out; returns its new length, or 0 if
 * it does not fit in `room` bytes. `used` gets the bytes of the source it stands for. */
static size_t quote_one(char *out, size_t room, const unsigned char *at, size_t n, size_t *used) {
    size_t length = *at == '\\' ? 0 : printable_length(at, n);
    *used = length == 0 ? 1 : length;
    if (length == 0) {
        return room < 4 ? 0 : (size_t)snprintf(out, 5, "\\x%02x", *at);
    }
    if (length > room) {
        return 0;
    }
    memcpy(out, at, length);
    return length;
}

/* Quote from the start of n bytes into at most `room` bytes; returns the length written and in
 * *used how much of the source that was. */
static size_t quote_head(char *out, size_t room, const unsigned char *at, size_t n, size_t *used) {
    size_t length = 0;
    *used = 0;
    while (*used < n) {
        size_t step;
        size_t more = quote_one(out + length, room - length, at + *used, n - *used, &step);
        if (more == 0) {
            break;
        }
        length += more;
        *used += step;
    }
    return length;
}

/* The longest end of the source whose quoted form fits in `room` bytes. */
static size_t tail_start(const unsigned char *at, size_t n, size_t room) {
    char scratch[sizeof(struct error_quoted)];
    size_t start = n > room ? n - room : 0;
    for (; start < n; start++) {
        if ((at[start] & 0xc0) == 0x80) {
            continue;
        }
        size_t used;
        quote_head(scratch, room, at + start, n - start, &used);
        if (used == n - start) {
            break;
        }
    }
    return start;
}

/* Quote with `head` bytes for the beginning if it has to be shortened. */
static const char *quote(struct error_quoted *out, const char *bytes, size_t n, size_t head) {
    static const char dots[] = "...";
    const unsigned char *at = (const unsigned char *)bytes;
    size_t room = sizeof out->text - 1;
    size_t used;
    size_t length = quote_head(out->text, room, at, n, &used);
    if (used < n) {
        length = quote_head(out->text, head, at, n, &used);
        memcpy(out->text + length, dots, 3);
        length += 3;
        size_t start = used + tail_start(at + used, n - used, room - length);
        length += quote_head(out->text + length, room - length, at + start, n - start, &used);
    }
    out->text[length] = '\0';
    return out->text;
}

const char *error_quote(struct error_quoted *out, const char *bytes, size_t n) {
    return quote(out, bytes, n, 60);
}

const char *error_path(struct error_quoted *out, const char *path) {
    path = *path != '\0' ? path : "\"\""; /* an empty name would not be seen */
    return quote(out, path, strlen(path), 24);
}
