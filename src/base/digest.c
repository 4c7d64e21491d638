/**
 * digest.c - the check sum of digest.h, eight bytes at a time, whatever pieces they come in. What
 * is held against what is for its users to say: src/train for states of runs, src/data for corpora,
 * pairs and vocabularies.
 */
#include "base/digest.h"

#include <string.h>

#include "base/bytes.h"
#include "base/size.h"

static uint64_t step(uint64_t state, uint64_t word) {
    state = (state ^ word) * 0x9E3779B97F4A7C15; /* 2^64 over the golden ratio */
    return state ^ state >> 29;
}

void digest_add(struct digest *digest, const void *bytes, size_t n) {
    const unsigned char *at = bytes;
    size_t n_waiting = digest->n % 8;
    digest->n += n;
    if (n_waiting > 0) {
        size_t missing = 8 - n_waiting;
        size_t now = size_min(n, missing);
        memcpy(digest->waiting + n_waiting, at, now);
        if (now < missing) {
            return;
        }
        digest->state = step(digest->state, bytes_u64(digest->waiting));
        at += now;
        n -= now;
    }
    uint64_t state = digest->state;
    for (; n >= 8; n -= 8, at += 8) {
        state = step(state, bytes_u64(at));
    }
    digest->state = state;
    if (n > 0) {
        memcpy(digest->waiting, at, n);
    }
}

void digest_add_u64(struct digest *digest, uint64_t value) {
    unsigned char bytes[8];
    bytes_put_u64(bytes, value);
    digest_add(digest, bytes, sizeof bytes);
}

void digest_add_text(struct digest *digest, const void *bytes, size_t n) {
    digest_add_u64(digest, n);
    digest_add(digest, bytes, n);
}

uint64_t digest_value(const struct digest *digest) {
    unsigned char last[8] = {0};
    memcpy(last, digest->waiting, digest->n % 8);
    uint64_t state = step(digest->state, bytes_u64(last));
    return step(step(state, digest->n), 0);
}

uint64_t digest_of(const void *bytes, size_t n) {
    enum { LANES = 4 };
    const unsigned char *at = bytes;
    uint64_t a = 0, b = 1, c = 2, d = 3;
    struct digest digest = {0};
    size_t left = n;
    for (; left >= 8 * LANES; left -= 8 * LANES, at += 8 * LANES) {
        a = step(a, bytes_u64(at));
        b = step(b, bytes_u64(at + 8));
        c = step(c, bytes_u64(at + 16));
        d = step(d, bytes_u64(at + 24));
    }
    const uint64_t states[LANES] = {a, b, c, d};
    for (size_t i = 0; i < LANES; i++) {
        digest_add_u64(&digest, states[i]);
    }
    digest_add_text(&digest, at, left);
    digest_add_u64(&digest, n);
    return digest_value(&digest);
}
