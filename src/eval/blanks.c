/**
 * blanks.c - what Python counts as white space (str.isspace), at the ends of a text.
 */
#include "eval/blanks.h"

#include <stdbool.h>
#include <stdint.h>

#include "base/size.h"

/* From one code point to another. */
static const struct {
    uint32_t first, last;
} blanks[] = {
    {0x09, 0x0d},     {0x1c, 0x20},     {0x85, 0x85},     {0xa0, 0xa0},     {0x1680, 0x1680},
    {0x2000, 0x200a}, {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000},
};

/* The character of n bytes; 0 where they are not UTF-8 of at most 3 bytes, as all blanks are. */
static uint32_t character(const unsigned char *at, size_t n) {
    switch (n) {
    case 1:
        return at[0];
    case 2:
        return (at[0] & 0xe0) == 0xc0 ? (at[0] & 0x1fU) << 6 | (at[1] & 0x3fU) : 0;
    default:
        return (at[0] & 0xf0) == 0xe0
                   ? (at[0] & 0x0fU) << 12 | (at[1] & 0x3fU) << 6 | (at[2] & 0x3fU)
                   : 0;
    }
}

static bool is_blank(const char *at, size_t n) {
    uint32_t c = character((const unsigned char *)at, n);
    for (size_t i = 0; i < N_OF(blanks); i++) {
        if (c >= blanks[i].first && c <= blanks[i].last) {
            return true;
        }
    }
    return false;
}

static bool goes_on(char byte) {
    return ((unsigned char)byte & 0xc0) == 0x80;
}

size_t blanks_before(const char *text, size_t n) {
    size_t at = 0;
    while (at < n) {
        size_t length = 1;
        while (length < 3 && at + length < n && goes_on(text[at + length])) {
            length++;
        }
        if (!is_blank(text + at, length)) {
            break;
        }
        at += length;
    }
    return at;
}

size_t blanks_without_end(const char *text, size_t n) {
    while (n > 0) {
        size_t length = 1;
        while (length < 3 && length < n && goes_on(text[n - length])) {
            length++;
        }
        if (!is_blank(text + n - length, length)) {
            break;
        }
        n -= length;
    }
    return n;
}
