/**
 * archive.c - a file of torch.save() opened: which form it has; the ZIP's parts found by their
 * names; the bytes of a storage. The legacy form is legacy.c's.
 */
#include "format/torch/archive.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "format/looks_like.h"

#define PICKLE_NAME "data.pkl"

/* Longest name of an entry that is looked for. */
#define MAX_NAME 1000

bool torch_begins(const unsigned char *data, size_t n) {
    /* A tar has its mark at 257; before 0.2 torch.save() wrote one. */
    return zip_begins(data, n) || torch_legacy_begins(data, n) ||
           (n >= 262 && memcmp(data + 257, "ustar", 5) == 0);
}

/* TOP/name in the ZIP, or NULL. */
static const struct zip_entry *find(const struct torch_archive *archive, const char *folder,
                                    const char *name, size_t n) {
    char path[MAX_NAME];
    size_t n_folder = strlen(folder);
    if (archive->n_top + n_folder + n > sizeof path) {
        return NULL;
    }
    memcpy(path, archive->top, archive->n_top);
    memcpy(path + archive->n_top, folder, n_folder);
    memcpy(path + archive->n_top + n_folder, name, n);
    return zip_find(&archive->zip, path, archive->n_top + n_folder + n);
}

static enum gen_status bad(const struct torch_archive *archive, enum gen_status status,
                           const char *what, struct gen_error *err) {
    return error_set(err, status, "%s: %s", archive->where.text, what);
}

/* TOP/data.pkl, which there must be once. */
static enum gen_status find_top(struct torch_archive *archive, const struct zip_entry **out,
                                struct gen_error *err) {
    static const char ending[] = "/" PICKLE_NAME;
    size_t n = sizeof ending - 1;
    *out = NULL;
    for (size_t i = 0; i < archive->zip.n_entries; i++) {
        const struct zip_entry *entry = &archive->zip.entries[i];
        if (entry->n_name <= n || memcmp(entry->name + entry->n_name - n, ending, n) != 0) {
            continue;
        }
        if (*out != NULL) {
            return bad(archive, GEN_BAD_FILE, "has two entries data.pkl, but must have one", err);
        }
        *out = entry;
        archive->top = entry->name;
        archive->n_top = entry->n_name - n + 1;
    }
    return *out != NULL ? GEN_OK
                        : bad(archive, GEN_UNSUPPORTED,
                              "is a ZIP file without an entry data.pkl: none of PyTorch", err);
}

static enum gen_status check_kind(const struct torch_archive *archive, struct gen_error *err) {
    const struct zip_entry *order = find(archive, "", "byteorder", strlen("byteorder"));
    if (find(archive, "", "constants.pkl", strlen("constants.pkl")) != NULL) {
        return bad(archive, GEN_UNSUPPORTED,
                   "is a TorchScript program, as its entry constants.pkl says, and not weights (in "
                   "Python: torch.save(torch.jit.load(FILE).state_dict(), OTHER))",
                   err);
    }
    if (order != NULL && (order->size != 6 || memcmp(order->data, "little", 6) != 0)) {
        return bad(archive, GEN_UNSUPPORTED,
                   "was written on a big-endian machine, or its entry byteorder is damaged (save "
                   "it again on a little-endian one)",
                   err);
    }
    return GEN_OK;
}

static enum gen_status read_zip(struct torch_archive *archive, const unsigned char *data,
                                size_t size, struct gen_error *err) {
    const struct zip_entry *entry = NULL;
    enum gen_status status = zip_open(&archive->zip, data, size, archive->where.text, err);
    if (status != GEN_OK || (status = find_top(archive, &entry, err)) != GEN_OK ||
        (status = check_kind(archive, err)) != GEN_OK) {
        return status;
    }
    if (entry->size > PICKLE_MAX_BYTES) {
        return bad(archive, GEN_BAD_FILE, "has a data.pkl of more than 64 MiB, as no model has",
                   err);
    }
    struct cursor in = cursor_over(entry->data, entry->size);
    if ((status = zip_check(&archive->zip, entry, err)) != GEN_OK ||
        (status = pickle_read(&archive->pickle, &in, PICKLE_TORCH, archive->pickle_where.text,
                              err)) != GEN_OK) {
        return status;
    }
    if (cursor_left(&in) > 0) {
        return bad(archive, GEN_BAD_FILE, "has bytes after the pickle in data.pkl", err);
    }
    return torch_list_storages(archive, err);
}

static enum gen_status refuse_other(const struct torch_archive *archive, const unsigned char *data,
                                    size_t size, struct gen_error *err) {
    const char *other = size > 0 ? file_looks_like(data, size) : "the file is empty";
    return bad(archive, GEN_BAD_FILE,
               other != NULL ? other
                             : "is no file of torch.save(): it begins neither as a ZIP nor as the "
                               "older form (in Python, save it again: model.save_pretrained(DIR))",
               err);
}

enum gen_status torch_archive_open(struct torch_archive *archive, const unsigned char *data,
                                   size_t size, const char *path, struct gen_error *err) {
    error_path(&archive->where, path);
    error_path(&archive->pickle_where, path);
    size_t n = strlen(archive->where.text);
    snprintf(archive->pickle_where.text + n, sizeof archive->pickle_where.text - n,
             ": " PICKLE_NAME);
    if (!torch_begins(data, size)) {
        return refuse_other(archive, data, size, err);
    }
    if (zip_begins(data, size)) {
        return read_zip(archive, data, size, err);
    }
    if (torch_legacy_begins(data, size)) {
        return torch_legacy_read(archive, data, size, err);
    }
    return bad(
        archive, GEN_UNSUPPORTED,
        "is a tar file: PyTorch before 0.2 wrote such, which are not read (load it in Python "
        "and save it again)",
        err);
}

void torch_archive_release(struct torch_archive *archive) {
    pickle_release(&archive->pickle);
    zip_release(&archive->zip);
    hash_table_release(&archive->keys);
    memory_free(archive->storages);
}

enum gen_status torch_archive_storage(struct torch_archive *archive, uint32_t value,
                                      struct torch_storage **out, struct gen_error *err) {
    uint32_t part[3];
    size_t n = 0;
    pickle_tuple(&archive->pickle, pickle_at(&archive->pickle, value)->as.arguments, part, 3, &n);
    const char *key = pickle_text(&archive->pickle, part[2], &n);
    struct torch_storage *storage = *out = torch_find_storage(archive, key, n);
    if (storage->data != NULL) {
        return GEN_OK;
    }
    struct error_quoted quoted;
    const struct zip_entry *entry = find(archive, "data/", key, n);
    size_t size = (size_t)storage->n * torch_type_of(storage->type)->size;
    if (entry == NULL || entry->size != size) {
        return error_set(err, GEN_BAD_FILE, "%s: the entry data/%s must have %zu bytes, but %s",
                         archive->where.text, error_quote(&quoted, key, n), size,
                         entry == NULL ? "is not there" : "has another number");
    }
    storage->data = entry->data;
    return GEN_OK;
}
