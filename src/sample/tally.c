/**
 * tally.c - counting ids: a list of those that came, and for each id of the vocabulary its place
 * there. What follows from the numbers is in repetition.c.
 */
#include "sample/tally.h"

#include <string.h>

#include "base/memory.h"

struct tally *tally_new(size_t n_vocab) {
    struct tally *tally = memory_new(1, sizeof *tally);
    if (tally == NULL) {
        return NULL;
    }
    tally->n_vocab = n_vocab;
    tally->entry_of = memory_new(n_vocab, sizeof *tally->entry_of);
    if (tally->entry_of == NULL) {
        tally_free(tally);
        return NULL;
    }
    return tally;
}

struct tally *tally_clone(const struct tally *tally) {
    struct tally *clone = tally_new(tally->n_vocab);
    if (clone == NULL ||
        !memory_grow(&clone->entries, &clone->capacity, tally->n_entries, sizeof *clone->entries)) {
        tally_free(clone);
        return NULL;
    }
    clone->n_entries = tally->n_entries;
    memcpy(clone->entry_of, tally->entry_of, tally->n_vocab * sizeof *clone->entry_of);
    if (tally->n_entries > 0) {
        memcpy(clone->entries, tally->entries, tally->n_entries * sizeof *clone->entries);
    }
    return clone;
}

void tally_free(struct tally *tally) {
    if (tally == NULL) {
        return;
    }
    memory_free(tally->entries);
    memory_free(tally->entry_of);
    memory_free(tally);
}

bool tally_add(struct tally *tally, int32_t id) {
    uint32_t *place = &tally->entry_of[id];
    if (*place == 0) {
        if (!memory_grow(&tally->entries, &tally->capacity, tally->n_entries + 1,
                         sizeof *tally->entries)) {
            return false;
        }
        tally->entries[tally->n_entries++] = (struct tally_entry){.id = id};
        *place = (uint32_t)tally->n_entries;
    }
    tally->entries[*place - 1].n++;
    return true;
}

void tally_remove(struct tally *tally, int32_t id) {
    tally->entries[tally->entry_of[id] - 1].n--;
}
