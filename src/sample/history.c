/**
 * history.c - the ids of a text so far. The rules that look at them are ngrams.c, bad_words.c and
 * min_length.c.
 */
#include "sample/history.h"

#include <string.h>

void history_release(struct history *history) {
    gen_ids_release(&history->ids);
    *history = (struct history){0};
}

bool history_add(struct history *history, int32_t id, enum sample_origin origin) {
    if (gen_ids_append(&history->ids, &id, 1) != GEN_OK) {
        return false;
    }
    history->n_prompt += origin == SAMPLE_PROMPT;
    return true;
}

bool history_copy(struct history *history, const struct history *from) {
    history->n_prompt = from->n_prompt;
    return gen_ids_append(&history->ids, from->ids.data, from->ids.n) == GEN_OK;
}

size_t history_n_new(const struct history *history) {
    return history->ids.n - history->n_prompt;
}

bool history_ends_with(const struct history *history, const int32_t *ids, size_t n) {
    const struct gen_ids *all = &history->ids;
    return n == 0 || (n <= all->n && memcmp(ids, all->data + all->n - n, n * sizeof *ids) == 0);
}
