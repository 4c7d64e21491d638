/**
 * history.c - the ids of a text so far, and for each distinct id how often it was generated. The
 * rules that look at it are repetition.c, ngrams.c, bad_words.c and min_length.c.
 */
#include "sample/history.h"

#include <string.h>

#include "base/memory.h"

bool history_init(struct history *history, size_t n_vocab) {
    *history = (struct history){0};
    history->entry_of = memory_new(n_vocab, sizeof *history->entry_of);
    return history->entry_of != NULL;
}

void history_release(struct history *history) {
    gen_ids_release(&history->ids);
    memory_free(history->entries);
    memory_free(history->entry_of);
    *history = (struct history){0};
}

/** The entry of an id, made if this is the first time it is seen; NULL: out of memory. */
static struct history_entry *entry_of(struct history *history, int32_t id) {
    uint32_t *slot = &history->entry_of[id];
    if (*slot == 0) {
        if (!memory_grow(&history->entries, &history->capacity, history->n_entries + 1,
                         sizeof *history->entries)) {
            return NULL;
        }
        history->entries[history->n_entries++] = (struct history_entry){.id = id};
        *slot = (uint32_t)history->n_entries;
    }
    return &history->entries[*slot - 1];
}

bool history_add_prompt(struct history *history, const int32_t *ids, size_t n) {
    if (gen_ids_append(&history->ids, ids, n) != GEN_OK) {
        return false;
    }
    history->n_prompt += n;
    for (size_t i = 0; i < n; i++) {
        if (entry_of(history, ids[i]) == NULL) {
            return false;
        }
    }
    return true;
}

bool history_add_new(struct history *history, int32_t id) {
    struct history_entry *entry = entry_of(history, id);
    if (entry == NULL || gen_ids_append(&history->ids, &id, 1) != GEN_OK) {
        return false;
    }
    entry->n_new++;
    return true;
}

size_t history_n_new(const struct history *history) {
    return history->ids.n - history->n_prompt;
}

bool history_ends_with(const struct history *history, const int32_t *ids, size_t n) {
    const struct gen_ids *all = &history->ids;
    return n == 0 || (n <= all->n && memcmp(ids, all->data + all->n - n, n * sizeof *ids) == 0);
}
