/**
 * check_sums.c - the check sums that a ZIP of torch.save() keeps of its entries, held against their
 * bytes, which are all read. When a model is opened only that of data.pkl is.
 */
#include <stdio.h>

#include "format/torch/torch.h"
#include "format/torch/zip.h"

static enum gen_status check(const struct file_map *map, const char *where, uint64_t *n_sums,
                             void (*wrong)(void *context, const char *sentence), void *context,
                             struct gen_error *err) {
    struct zip zip = {0};
    enum gen_status status = zip_open(&zip, map->data, map->size, where, err);
    for (size_t i = 0; i < zip.n_entries && status == GEN_OK; i++) {
        struct gen_error found;
        const struct zip_entry *entry = &zip.entries[i];
        if (zip_check(&zip, entry, &found) != GEN_OK) {
            wrong(context, found.message);
        }
        file_map_drop(map, entry->data, entry->size);
        ++*n_sums;
    }
    zip_release(&zip);
    return status;
}

enum gen_status torch_check_sums(const struct model_file *file, uint64_t *n_sums,
                                 void (*wrong)(void *context, const char *sentence), void *context,
                                 struct gen_error *err) {
    enum gen_status status = GEN_OK;
    *n_sums = 0;
    for (size_t i = 0; i < file->n_maps && status == GEN_OK; i++) {
        const struct file_map *map = &file->maps[i]; /* of what the reader made, size is 0 */
        if (map->data != NULL && zip_begins(map->data, map->size)) {
            status = check(map, file->map_where[i].text, n_sums, wrong, context, err);
        }
    }
    return status;
}
