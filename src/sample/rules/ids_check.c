/**
 * ids_check.c - one sentence for all options that are lists of ids.
 */
#include "sample/rules/ids_check.h"

#include "base/error.h"

enum gen_status ids_check(const struct gen_ids *ids, const char *name, int32_t n_vocab,
                          struct gen_error *err) {
    if (ids->n > 0 && ids->data == NULL) {
        return error_set(err, GEN_BAD_ARGUMENT, "%s is NULL but has %zu ids", name, ids->n);
    }
    for (size_t i = 0; i < ids->n; i++) {
        if (ids->data[i] < 0 || ids->data[i] >= n_vocab) {
            return error_set(err, GEN_BAD_ARGUMENT, "%s has id %d but ids are from 0 to %d", name,
                             (int)ids->data[i], (int)(n_vocab - 1));
        }
    }
    return GEN_OK;
}
