/**
 * json_scan.c - is this text JSON (RFC 8259) and within the limits? One pass, no memory.
 *
 * It also counts what json.c has to treat further: numbers that are not spelled as whole ones, and
 * the words NaN and Infinity, which Python's json module writes and reads.
 */
#include <string.h>

#include "base/bytes.h"
#include "text/json.h"

struct scan {
    struct cursor text;
    size_t n_values;
    struct json_counts counts;
    bool python;         /* NaN, Infinity and -Infinity are values */
    const char *problem; /* the first one; NULL while all is well */
};

static bool scan_value(struct scan *scan, int depth);

static bool fail(struct scan *scan, const char *problem) {
    if (scan->problem == NULL) {
        scan->problem = problem;
    }
    return false;
}

/* The next byte, which stays there; -1 at the end. */
static int peek(const struct scan *scan) {
    return cursor_left(&scan->text) > 0 ? scan->text.data[scan->text.position] : -1;
}

/* Step over the next byte if it is `expected`. */
static bool accept(struct scan *scan, char expected) {
    if (peek(scan) != expected) {
        return false;
    }
    cursor_take(&scan->text, 1);
    return true;
}

static void skip_space(struct scan *scan) {
    for (int next = peek(scan); next == ' ' || next == '\t' || next == '\n' || next == '\r';
         next = peek(scan)) {
        cursor_take(&scan->text, 1);
    }
}

static bool scan_hex4(struct scan *scan, uint32_t *unit) {
    *unit = 0;
    for (int i = 0; i < 4; i++) {
        int next = peek(scan);
        uint32_t digit = 0;
        if (next >= '0' && next <= '9') {
            digit = (uint32_t)(next - '0');
        } else if ((next >= 'a' && next <= 'f') || (next >= 'A' && next <= 'F')) {
            digit = (uint32_t)((next | 0x20) - 'a' + 10);
        } else {
            return fail(scan, "\\u needs four hexadecimal digits");
        }
        *unit = *unit * 16 + digit;
        cursor_take(&scan->text, 1);
    }
    return true;
}

/* After `\u`: one code unit, or two that make a surrogate pair. */
static bool scan_unicode_escape(struct scan *scan) {
    uint32_t unit = 0;
    if (!scan_hex4(scan, &unit)) {
        return false;
    }
    if (unit == 0) {
        return fail(scan, "\\u0000 in a string");
    }
    if (unit < 0xD800 || unit > 0xDFFF) {
        return true;
    }
    if (unit > 0xDBFF || !accept(scan, '\\') || !accept(scan, 'u')) {
        return fail(scan, "half a surrogate pair in a string");
    }
    if (!scan_hex4(scan, &unit)) {
        return false;
    }
    return (unit >= 0xDC00 && unit <= 0xDFFF) || fail(scan, "half a surrogate pair in a string");
}

static bool scan_escape(struct scan *scan) {
    int next = peek(scan);
    if (next < 0) {
        return fail(scan, "the text ends inside a string");
    }
    if (strchr("\"\\/bfnrtu", next) == NULL || next == 0) {
        return fail(scan, "unknown escape in a string");
    }
    cursor_take(&scan->text, 1);
    return next != 'u' || scan_unicode_escape(scan);
}

static bool scan_string(struct scan *scan) {
    if (!accept(scan, '"')) {
        return fail(scan, "there must be a string");
    }
    for (;;) {
        int next = peek(scan);
        if (next < 0) {
            return fail(scan, "the text ends inside a string");
        }
        if (next < 0x20) {
            return fail(scan, "control character in a string");
        }
        int length =
            bytes_utf8(scan->text.data + scan->text.position, cursor_left(&scan->text), NULL);
        if (length <= 0) {
            return fail(scan, "bytes that are not UTF-8");
        }
        cursor_take(&scan->text, (uint64_t)length);
        if (next == '"') {
            return true;
        }
        if (next == '\\' && !scan_escape(scan)) {
            return false;
        }
    }
}

/* One digit or more. */
static bool scan_digits(struct scan *scan) {
    int next = peek(scan);
    if (next < '0' || next > '9') {
        return fail(scan, "malformed number");
    }
    for (; next >= '0' && next <= '9'; next = peek(scan)) {
        cursor_take(&scan->text, 1);
    }
    return true;
}

static bool scan_word(struct scan *scan, const char *word) {
    size_t n = strlen(word);
    if (cursor_left(&scan->text) < n ||
        memcmp(scan->text.data + scan->text.position, word, n) != 0) {
        return fail(scan, "unknown word");
    }
    cursor_take(&scan->text, n);
    return true;
}

/* A number that JSON has no word for. */
static bool scan_python_word(struct scan *scan, const char *word) {
    if (!scan->python) {
        return fail(scan, "NaN and Infinity are no JSON");
    }
    scan->counts.words++;
    return scan_word(scan, word);
}

static bool scan_number(struct scan *scan) {
    size_t start = scan->text.position;
    accept(scan, '-');
    if (peek(scan) == 'I') {
        return scan_python_word(scan, "Infinity");
    }
    if (accept(scan, '0')) {
        if (peek(scan) >= '0' && peek(scan) <= '9') {
            return fail(scan, "number with a leading zero");
        }
    } else if (!scan_digits(scan)) {
        return false;
    }
    bool fraction = accept(scan, '.');
    if (fraction && !scan_digits(scan)) {
        return false;
    }
    if (accept(scan, 'e') || accept(scan, 'E')) {
        fraction = true;
        if (!accept(scan, '+')) {
            accept(scan, '-');
        }
        if (!scan_digits(scan)) {
            return false;
        }
    }
    scan->counts.fractions += fraction;
    return scan->text.position - start <= JSON_MAX_DIGITS ||
           fail(scan, "number of more than 60 characters");
}

/* The inside of an array, after its bracket. */
static bool scan_array(struct scan *scan, int depth) {
    skip_space(scan);
    if (accept(scan, ']')) {
        return true;
    }
    do {
        if (!scan_value(scan, depth + 1)) {
            return false;
        }
    } while (accept(scan, ','));
    return accept(scan, ']') || fail(scan, "there must be `,` or `]`");
}

/* The inside of an object, after its brace. */
static bool scan_object(struct scan *scan, int depth) {
    skip_space(scan);
    if (accept(scan, '}')) {
        return true;
    }
    do {
        skip_space(scan);
        if (!scan_string(scan)) {
            return false;
        }
        skip_space(scan);
        if (!accept(scan, ':')) {
            return fail(scan, "there must be `:`");
        }
        if (!scan_value(scan, depth + 1)) {
            return false;
        }
    } while (accept(scan, ','));
    return accept(scan, '}') || fail(scan, "there must be `,` or `}`");
}

/* A value with the space around it. */
static bool scan_value(struct scan *scan, int depth) {
    if (depth > JSON_MAX_DEPTH) {
        return fail(scan, "nested more than 64 deep");
    }
    if (++scan->n_values > JSON_MAX_VALUES) {
        return fail(scan, "more than a million values");
    }
    skip_space(scan);
    int next = peek(scan);
    bool good = false;
    if (next == '{') {
        good = accept(scan, '{') && scan_object(scan, depth);
    } else if (next == '[') {
        good = accept(scan, '[') && scan_array(scan, depth);
    } else if (next == '"') {
        good = scan_string(scan);
    } else if (next == '-' || (next >= '0' && next <= '9')) {
        good = scan_number(scan);
    } else if (next == 't' || next == 'f' || next == 'n') {
        good = scan_word(scan, next == 't' ? "true" : next == 'f' ? "false" : "null");
    } else if (next == 'N' || next == 'I') {
        good = scan_python_word(scan, next == 'N' ? "NaN" : "Infinity");
    } else {
        fail(scan, next < 0 ? "the text ends where a value must be" : "not a JSON value");
    }
    skip_space(scan);
    return good;
}

const char *json_scan(const char *text, size_t n, bool python, struct json_counts *counts,
                      size_t *at) {
    struct scan scan = {.text = cursor_over(text, n), .python = python};
    if (scan_value(&scan, 1) && cursor_left(&scan.text) > 0) {
        fail(&scan, "text after the JSON value");
    }
    *at = scan.text.position;
    *counts = scan.counts;
    return scan.problem;
}
