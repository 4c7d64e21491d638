/**
 * tally.h - how often each id came: what the rules against repetition keep of a text.
 */
#ifndef SAMPLE_TALLY_H
#define SAMPLE_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** One distinct id. */
struct tally_entry {
    int32_t id;
    uint32_t n; /**< times that it came; 0: all were taken back */
};

struct tally {
    struct tally_entry *entries; /**< in the order in which they came first */
    size_t n_entries;
    size_t capacity;
    uint32_t *entry_of; /**< [n_vocab] 1 + index into entries; 0: did not come yet */
    size_t n_vocab;
};

/** Of no id, over n_vocab ids. NULL: out of memory. */
struct tally *tally_new(size_t n_vocab);
/** NULL: out of memory. */
struct tally *tally_clone(const struct tally *tally);
void tally_free(struct tally *tally);

/** An id, 0 <= id < n_vocab, came. False: out of memory. */
bool tally_add(struct tally *tally, int32_t id);
/** Take back one time that it came. */
void tally_remove(struct tally *tally, int32_t id);

#endif
