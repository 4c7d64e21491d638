/**
 * digest.h - a 64-bit check sum of bytes as they come, to tell whether files are what they were:
 * damage, another corpus, another vocabulary. Not against an adversary.
 *
 * Eight bytes at a time, little-endian: h = mix((h ^ word) * odd). The bytes may come in pieces of
 * any size; the result is that of all of them at once.
 */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

/** Start from {0}. */
struct digest {
    uint64_t state;
    uint64_t n;               /**< bytes so far */
    unsigned char waiting[8]; /**< the n % 8 last of them */
};

void digest_add(struct digest *digest, const void *bytes, size_t n);
void digest_add_u64(struct digest *digest, uint64_t value);
/** n bytes with their number before them, so that two texts are not the same as one. */
void digest_add_text(struct digest *digest, const void *bytes, size_t n);
/** The sum of what was added so far. */
uint64_t digest_value(const struct digest *digest);

/**
 * A sum of n bytes that are all there, in a quarter of the time: words 0, 4, 8, ... have a state of
 * their own, and so 1, 5, 9, ... and the others; the sum is the one of the four states and what is
 * left. Not the value that digest_add() comes to.
 */
uint64_t digest_of(const void *bytes, size_t n);

#endif
