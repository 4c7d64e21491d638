/**
 * text.c - texts as Python's str has them: characters are code points, white space is Unicode's.
 * A byte that begins no character is one for itself.
 */
#include <string.h>

#include "base/bytes.h"
#include "text/jinja/parts.h"

size_t text_character(struct span text, size_t at) {
    int n = bytes_utf8((const unsigned char *)text.text + at, text.n - at, NULL);
    return n > 0 ? (size_t)n : 1;
}

bool text_is_space(struct span text, size_t at, size_t *n) {
    uint32_t c = 0;
    int length = bytes_utf8((const unsigned char *)text.text + at, text.n - at, &c);
    *n = length > 0 ? (size_t)length : 1;
    return length > 0 && ((c >= 9 && c <= 13) || (c >= 28 && c <= 32) || c == 0x85 || c == 0xa0 ||
                          c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
                          c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000);
}

/* Whether the character at `at`, n bytes, goes: white space, or one of some. */
static bool goes(struct span text, size_t at, const struct span *characters, size_t *n) {
    if (characters == NULL) {
        return text_is_space(text, at, n);
    }
    *n = text_character(text, at);
    for (size_t i = 0; i < characters->n;) {
        size_t length = text_character(*characters, i);
        if (length == *n && memcmp(characters->text + i, text.text + at, length) == 0) {
            return true;
        }
        i += length;
    }
    return false;
}

/* Where the character before `end` begins. */
static size_t before(struct span text, size_t end) {
    size_t at = end - 1;
    for (size_t back = 1; back <= 4 && back <= end; back++) {
        struct span rest = {text.text, end};
        if (end - back + text_character(rest, end - back) == end) {
            at = end - back;
        }
    }
    return at;
}

struct span text_strip(struct span text, const struct span *characters, bool left, bool right) {
    size_t from = 0, to = text.n, n;
    while (left && from < to && goes(text, from, characters, &n)) {
        from += n;
    }
    while (right && to > from) {
        size_t at = before(text, to);
        if (at < from || !goes((struct span){text.text, to}, at, characters, &n)) {
            break;
        }
        to = at;
    }
    return (struct span){text.text + from, to - from};
}

size_t text_find(struct span text, size_t from, struct span what) {
    if (what.n == 0) {
        return from;
    }
    while (from + what.n <= text.n) {
        const char *first = memchr(text.text + from, what.text[0], text.n - what.n - from + 1);
        if (first == NULL) {
            break;
        }
        from = (size_t)(first - text.text);
        if (memcmp(first, what.text, what.n) == 0) {
            return from;
        }
        from++;
    }
    return text.n + 1;
}
