/**
 * shares.c - keeping the probabilities of candidates until it is known which of them was drawn.
 * What follows from it is in mirostat.c and adaptive_p.c.
 */
#include "sample/warpers/shares.h"

#include <string.h>

#include "base/memory.h"

void shares_release(struct shares *shares) {
    memory_free(shares->ids);
    memory_free(shares->p);
    *shares = (struct shares){0};
}

static bool reserve(struct shares *shares, size_t n) {
    return memory_grow(&shares->ids, &shares->ids_capacity, n, sizeof *shares->ids) &&
           memory_grow(&shares->p, &shares->p_capacity, n, sizeof *shares->p);
}

bool shares_set(struct shares *shares, const struct candidates *list) {
    double total = candidates_total_weight(list);
    if (!reserve(shares, list->n)) {
        return false;
    }
    for (size_t i = 0; i < list->n; i++) {
        shares->ids[i] = list->ids[i];
        shares->p[i] = (float)((double)list->weights[i] / total);
    }
    shares->n = list->n;
    return true;
}

bool shares_copy(struct shares *shares, const struct shares *from) {
    if (!reserve(shares, from->n)) {
        return false;
    }
    if (from->n > 0) {
        memcpy(shares->ids, from->ids, from->n * sizeof *shares->ids);
        memcpy(shares->p, from->p, from->n * sizeof *shares->p);
    }
    shares->n = from->n;
    return true;
}

float shares_take(struct shares *shares, int32_t id) {
    size_t low = 0, high = shares->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (shares->ids[middle] < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    float p = low < shares->n && shares->ids[low] == id ? shares->p[low] : 0.0f;
    shares->n = 0;
    return p;
}
