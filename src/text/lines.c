/**
 * lines.c - byte order marks, ends of lines, blank lines, and what a line or the name of a file
 * says of itself. Whoever reads a text, in the program or in the library, uses these, so that all
 * of them agree. Reading the file is left to them.
 */
#include "text/lines.h"

#include "base/size.h"

#include <string.h>
#include <strings.h>

static const char utf8_mark[] = "\xef\xbb\xbf";

enum text_mark text_mark(const void *text, size_t n, bool whole) {
    static const char *const marks[] = {utf8_mark, "\xff\xfe", "\xfe\xff"};
    for (size_t i = 0; i < 3 && n > 0; i++) {
        size_t length = strlen(marks[i]);
        size_t shared = n < length ? n : length;
        if (memcmp(text, marks[i], shared) != 0) {
            continue;
        }
        if (shared == length) {
            return i == 0 ? TEXT_MARK_UTF8 : TEXT_MARK_UTF16;
        }
        if (!whole) {
            return TEXT_MARK_UNKNOWN;
        }
    }
    return n == 0 && !whole ? TEXT_MARK_UNKNOWN : TEXT_MARK_NONE;
}

size_t text_mark_length(const void *text, size_t n) {
    return n > 0 && text_mark(text, n, true) == TEXT_MARK_UTF8 ? strlen(utf8_mark) : 0;
}

const char *text_looks_like(const void *text, size_t n) {
    static const struct {
        const char *begins;
        size_t shorter_than; /* 0: of any length */
        const char *what;
    } known[] = {
        {"version https://git-lfs", 1024,
         "is a git-lfs pointer, not the file itself (fetch it: git lfs pull)"},
        {"\x1f\x8b", 0, "is compressed with gzip (unpack it: gunzip)"},
        {"\x28\xb5\x2f\xfd", 0, "is compressed with zstd (unpack it: zstd -d)"},
    };
    for (size_t i = 0; i < N_OF(known); i++) {
        size_t length = strlen(known[i].begins);
        if (n >= length && memcmp(text, known[i].begins, length) == 0 &&
            (known[i].shorter_than == 0 || n < known[i].shorter_than)) {
            return known[i].what;
        }
    }
    return NULL;
}

size_t text_without_cr(const char *line, size_t n) {
    return n > 0 && line[n - 1] == '\r' ? n - 1 : n;
}

size_t text_line_length(const char *text, size_t n, size_t *next) {
    const char *end = n > 0 ? memchr(text, '\n', n) : NULL;
    size_t length = end == NULL ? n : (size_t)(end - text);
    *next = end == NULL ? n : length + 1;
    return end != NULL ? text_without_cr(text, length) : length;
}

bool text_is_blank(const char *line, size_t n) {
    size_t i = 0;
    while (i < n && (line[i] == ' ' || line[i] == '\t' || line[i] == '\r')) {
        i++;
    }
    return i == n;
}

bool text_ends_with(const char *text, const char *end) {
    size_t n = strlen(text), n_end = strlen(end);
    return n >= n_end && strcmp(text + n - n_end, end) == 0;
}

bool text_is_json_lines(const char *path) {
    static const char *const ends[] = {".jsonl", ".ndjson", ".json"};
    size_t n = strlen(path);
    for (size_t i = 0; i < N_OF(ends); i++) {
        size_t length = strlen(ends[i]);
        if (n >= length && strcasecmp(path + n - length, ends[i]) == 0) {
            return true;
        }
    }
    return false;
}

bool text_is_array(const char *line, size_t n) {
    size_t i = 0;
    while (i < n && (line[i] == ' ' || line[i] == '\t')) {
        i++;
    }
    return i < n && line[i] == '[';
}

/* The code unit of an escape \uXXXX at the beginning of n bytes, or -1. */
static long code_unit(const char *text, size_t n) {
    if (n < 6 || text[0] != '\\' || text[1] != 'u') {
        return -1;
    }
    long unit = 0;
    for (size_t i = 2; i < 6; i++) {
        static const char digits[] = "0123456789abcdef";
        const char *digit = memchr(digits, text[i] >= 'A' ? text[i] | 0x20 : text[i], 16);
        if (digit == NULL) {
            return -1;
        }
        unit = unit * 16 + (digit - digits);
    }
    return unit;
}

size_t text_mend_surrogates(char *out, const char *json, size_t n) {
    size_t n_mended = 0;
    size_t i = 0;
    while (i < n) {
        const char *escape = memchr(json + i, '\\', n - i);
        if (escape == NULL) {
            break;
        }
        i = (size_t)(escape - json);
        long unit = code_unit(escape, n - i);
        if (unit < 0xD800 || unit > 0xDFFF) {
            i += 2; /* what follows a backslash is part of the same escape */
            continue;
        }
        long next = code_unit(escape + 6, n - i - 6);
        if (unit < 0xDC00 && next >= 0xDC00 && next <= 0xDFFF) {
            i += 12;
            continue;
        }
        if (out != NULL) {
            memcpy(out + i, "\\ufffd", 6);
        }
        n_mended++;
        i += 6;
    }
    return n_mended;
}
