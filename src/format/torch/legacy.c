/**
 * legacy.c - the form that torch.save() had before PyTorch 1.6: pickles, then the bytes of the
 * storages in the order of the last pickle's list.
 */
#include <string.h>

#include "format/torch/archive.h"

/* The first two pickles, whole: the magic number and the version of the form. */
static const unsigned char magic[] = {0x80, 2,    0x8a, 10,   0x6c, 0xfc, 0x9c,
                                      0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19,
                                      '.',  0x80, 2,    'M',  0xe9, 3,    '.'};

bool torch_legacy_begins(const unsigned char *data, size_t n) {
    return n >= sizeof magic && memcmp(data, magic, sizeof magic) == 0;
}

static enum gen_status bad(const struct torch_archive *archive, enum gen_status status,
                           const char *what, struct gen_error *err) {
    return error_set(err, status, "%s: %s", archive->where.text, what);
}

/* {'protocol_version': 1001, 'little_endian': True, 'type_sizes': {...}} */
static enum gen_status read_machine(const struct torch_archive *archive, struct cursor *in,
                                    struct gen_error *err) {
    struct pickle about = {0};
    uint32_t little = 0;
    enum gen_status status = pickle_read(&about, in, PICKLE_TORCH, archive->pickle_where.text, err);
    if (status == GEN_OK && !(pickle_member(&about, about.root, "little_endian", &little) &&
                              pickle_at(&about, little)->tag == PICKLE_BOOL)) {
        status = bad(archive, GEN_BAD_FILE, "does not say whether it is little_endian", err);
    } else if (status == GEN_OK && pickle_at(&about, little)->as.i == 0) {
        status =
            bad(archive, GEN_UNSUPPORTED,
                "was written on a big-endian machine (save it again on a little-endian one)", err);
    }
    pickle_release(&about);
    return status;
}

/* The bytes of one storage. */
static enum gen_status place(struct torch_archive *archive, const char *key, size_t n_key,
                             struct cursor *in, struct gen_error *err) {
    struct torch_storage *storage = key != NULL ? torch_find_storage(archive, key, n_key) : NULL;
    struct error_quoted quoted;
    if (storage == NULL || storage->data != NULL) {
        return error_set(err, GEN_BAD_FILE,
                         "%s: the storage \"%s\" in its list is there twice, or no tensor has it",
                         archive->where.text, error_quote(&quoted, key != NULL ? key : "", n_key));
    }
    uint64_t n = cursor_u64(in);
    if (!in->failed && n != storage->n) {
        return error_set(err, GEN_BAD_FILE,
                         "%s: the storage \"%s\" has %llu numbers, but its tensors say %llu",
                         archive->where.text, error_quote(&quoted, key, n_key),
                         (unsigned long long)n, (unsigned long long)storage->n);
    }
    storage->data = cursor_take(in, n * torch_type_of(storage->type)->size);
    return storage->data != NULL
               ? GEN_OK
               : error_set(err, GEN_BAD_FILE,
                           "%s: ends within the storage \"%s\": it is cut off (download it again)",
                           archive->where.text, error_quote(&quoted, key, n_key));
}

static enum gen_status read_storages(struct torch_archive *archive, struct cursor *in,
                                     struct gen_error *err) {
    struct pickle keys = {0};
    uint32_t item;
    size_t n_placed = 0;
    enum gen_status status = pickle_read(&keys, in, PICKLE_TORCH, archive->pickle_where.text, err);
    if (status == GEN_OK && pickle_at(&keys, keys.root)->tag != PICKLE_LIST) {
        status = bad(archive, GEN_BAD_FILE, "has no list of its storages", err);
    }
    struct pickle_walk walk = {0};
    if (status == GEN_OK) {
        walk = pickle_walk(&keys, keys.root);
    }
    while (status == GEN_OK && pickle_next(&walk, &item)) {
        size_t n = 0;
        const char *key = pickle_text(&keys, item, &n);
        status = place(archive, key, key != NULL ? n : 0, in, err);
        n_placed++;
    }
    pickle_release(&keys);
    if (status == GEN_OK && n_placed != archive->n_storages) {
        status = bad(archive, GEN_BAD_FILE, "has tensors whose storage is not in its list", err);
    }
    return status;
}

enum gen_status torch_legacy_read(struct torch_archive *archive, const unsigned char *data,
                                  size_t size, struct gen_error *err) {
    struct cursor in = cursor_over(data, size);
    cursor_take(&in, sizeof magic);
    enum gen_status status = read_machine(archive, &in, err);
    if (status == GEN_OK) {
        status = pickle_read(&archive->pickle, &in, PICKLE_TORCH, archive->pickle_where.text, err);
    }
    if (status == GEN_OK) {
        status = torch_list_storages(archive, err);
    }
    if (status == GEN_OK) {
        status = read_storages(archive, &in, err);
    }
    if (status == GEN_OK && cursor_left(&in) > 0) {
        status = bad(archive, GEN_BAD_FILE, "has bytes after the last storage", err);
    }
    return status;
}
