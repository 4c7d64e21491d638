/**
 * arrays.c - the growing arrays of gen_base.h, struct gen_ids and struct gen_bytes: append to them,
 * free them. By how much they grow is memory_grow()'s choice.
 */
#include <string.h>

#include "base/memory.h"
#include "gen.h"

enum gen_status gen_ids_append(struct gen_ids *ids, const int32_t *more, size_t n) {
    size_t needed;
    if (!memory_add(ids->n, n, &needed) ||
        !memory_grow(&ids->data, &ids->capacity, needed, sizeof *ids->data)) {
        return GEN_NO_MEMORY;
    }
    if (n > 0) {
        memcpy(ids->data + ids->n, more, n * sizeof *more);
    }
    ids->n = needed;
    return GEN_OK;
}

enum gen_status gen_bytes_append(struct gen_bytes *bytes, const char *more, size_t n) {
    size_t needed;
    if (!memory_add(bytes->n, n, &needed) ||
        !memory_grow(&bytes->data, &bytes->capacity, needed, 1)) {
        return GEN_NO_MEMORY;
    }
    if (n > 0) {
        memcpy(bytes->data + bytes->n, more, n);
    }
    bytes->n = needed;
    return GEN_OK;
}

void gen_ids_release(struct gen_ids *ids) {
    if (ids != NULL) {
        memory_free(ids->data);
        *ids = (struct gen_ids){0};
    }
}

void gen_bytes_release(struct gen_bytes *bytes) {
    if (bytes != NULL) {
        memory_free(bytes->data);
        *bytes = (struct gen_bytes){0};
    }
}
