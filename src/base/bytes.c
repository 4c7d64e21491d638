/**
 * bytes.c - reading bytes that nobody vouches for: little-endian numbers by a cursor that never
 * leaves its range, and one character of UTF-8. What the bytes mean, and when `failed` is looked
 * at, is left to the readers of each format.
 */
#include "base/bytes.h"

#include <string.h>

uint8_t cursor_u8(struct cursor *cursor) {
    const unsigned char *at = cursor_take(cursor, 1);
    return at == NULL ? 0 : at[0];
}

uint16_t cursor_u16(struct cursor *cursor) {
    const unsigned char *at = cursor_take(cursor, 2);
    return at == NULL ? 0 : bytes_u16(at);
}

uint32_t cursor_u32(struct cursor *cursor) {
    const unsigned char *at = cursor_take(cursor, 4);
    return at == NULL ? 0 : bytes_u32(at);
}

uint64_t cursor_u64(struct cursor *cursor) {
    const unsigned char *at = cursor_take(cursor, 8);
    return at == NULL ? 0 : bytes_u64(at);
}

float cursor_f32(struct cursor *cursor) {
    uint32_t bits = cursor_u32(cursor);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

double cursor_f64(struct cursor *cursor) {
    uint64_t bits = cursor_u64(cursor);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

void cursor_align(struct cursor *cursor, size_t alignment) {
    size_t past = cursor->position & (alignment - 1);
    if (past != 0) {
        cursor_take(cursor, alignment - past);
    }
}

/* What a lead byte promises: the length of the sequence and the range of the second byte, which
 * alone excludes overlong forms, surrogates and code points beyond U+10FFFF (Unicode 15, table
 * 3-7). Length 0: no sequence starts with this byte. */
struct lead {
    int length;
    unsigned char low, high;
};

static struct lead lead_of(unsigned char byte) {
    if (byte < 0x80) {
        return (struct lead){1, 0, 0};
    }
    if (byte >= 0xc2 && byte <= 0xdf) {
        return (struct lead){2, 0x80, 0xbf};
    }
    if (byte >= 0xe0 && byte <= 0xef) {
        return (struct lead){3, byte == 0xe0 ? 0xa0 : 0x80, byte == 0xed ? 0x9f : 0xbf};
    }
    if (byte >= 0xf0 && byte <= 0xf4) {
        return (struct lead){4, byte == 0xf0 ? 0x90 : 0x80, byte == 0xf4 ? 0x8f : 0xbf};
    }
    return (struct lead){0, 0, 0};
}

int bytes_utf8(const unsigned char *at, size_t n, uint32_t *codepoint) {
    struct lead lead = lead_of(at[0]);
    if (lead.length == 0) {
        return 0;
    }
    uint32_t value = lead.length == 1 ? at[0] : at[0] & (0x7fu >> lead.length);
    for (int i = 1; i < lead.length; i++) {
        if ((size_t)i >= n) {
            return -1;
        }
        unsigned char low = i == 1 ? lead.low : 0x80;
        unsigned char high = i == 1 ? lead.high : 0xbf;
        if (at[i] < low || at[i] > high) {
            return 0;
        }
        value = value << 6 | (at[i] & 0x3fu);
    }
    if (codepoint != NULL) {
        *codepoint = value;
    }
    return lead.length;
}
