/**
 * bytes.h - the one cursor for untrusted bytes, and little-endian numbers.
 *
 * A cursor walks over a fixed range. A read past its end returns zero or NULL, leaves the
 * position where it was and sets `failed`, which stays set: read a group of fields, then ask
 * once. Nothing is read or allocated on the word of a length that the range does not cover.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cursor {
    const unsigned char *data;
    size_t size;
    size_t position;
    bool failed;
};

static inline struct cursor cursor_over(const void *data, size_t size) {
    return (struct cursor){.data = (const unsigned char *)data, .size = size};
}

/** Bytes not read yet; 0 after a failure. */
static inline size_t cursor_left(const struct cursor *cursor) {
    return cursor->failed ? 0 : cursor->size - cursor->position;
}

/** A pointer to the next n bytes, which the cursor then has passed; NULL if they are not there. */
static inline const unsigned char *cursor_take(struct cursor *cursor, uint64_t n) {
    if (cursor->failed || n > cursor->size - cursor->position) {
        cursor->failed = true;
        return NULL;
    }
    const unsigned char *at = cursor->data + cursor->position;
    cursor->position += (size_t)n;
    return at;
}

uint8_t cursor_u8(struct cursor *cursor);
uint16_t cursor_u16(struct cursor *cursor);
uint32_t cursor_u32(struct cursor *cursor);
uint64_t cursor_u64(struct cursor *cursor);
float cursor_f32(struct cursor *cursor);
double cursor_f64(struct cursor *cursor);
/** Move on to the next multiple of `alignment` (a power of two) from the start of the range. */
void cursor_align(struct cursor *cursor, size_t alignment);

/** Little-endian numbers at any address, on any machine; compilers make one load or store of each
 *  where the machine is like that. */
static inline uint16_t bytes_u16(const unsigned char *at) {
    return (uint16_t)(at[0] | at[1] << 8);
}

static inline uint32_t bytes_u32(const unsigned char *at) {
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static inline uint64_t bytes_u64(const unsigned char *at) {
    return (uint64_t)bytes_u32(at) | (uint64_t)bytes_u32(at + 4) << 32;
}

static inline void bytes_put_u16(unsigned char *at, uint16_t value) {
    at[0] = (unsigned char)(value & 0xff);
    at[1] = (unsigned char)(value >> 8);
}

static inline void bytes_put_u32(unsigned char *at, uint32_t value) {
    bytes_put_u16(at, (uint16_t)(value & 0xffff));
    bytes_put_u16(at + 2, (uint16_t)(value >> 16));
}

static inline void bytes_put_u64(unsigned char *at, uint64_t value) {
    bytes_put_u32(at, (uint32_t)(value & 0xffffffff));
    bytes_put_u32(at + 4, (uint32_t)(value >> 32));
}

/**
 * Length (1-4) of the valid UTF-8 sequence at the start of n > 0 bytes; 0 if the bytes there can
 * never become one; -1 if they are the beginning of one that the end cuts off. Overlong forms,
 * surrogates and code points above U+10FFFF are not valid. *codepoint (may be NULL) gets its
 * value where the length is positive.
 */
int bytes_utf8(const unsigned char *at, size_t n, uint32_t *codepoint);

#endif
