/**
 * storages.c - what a pickle says of the storages that its tensors lie in: key, type, how many
 * numbers. Where their bytes are is archive.c's and legacy.c's.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "format/torch/archive.h"

const struct torch_type *torch_type_of(enum pickle_global storage) {
    static const struct torch_type types[] = {
        {"float32", 4, true, false, TENSOR_F32},   {"float16", 2, true, false, TENSOR_F16},
        {"bfloat16", 2, true, false, TENSOR_BF16}, {"float64", 8, false, true, TENSOR_F32},
        {"uint8", 1, false, false, TENSOR_F32},    {"int8", 1, false, false, TENSOR_F32},
        {"int16", 2, false, false, TENSOR_F32},    {"int32", 4, false, false, TENSOR_F32},
        {"int64", 8, false, false, TENSOR_F32},    {"bool", 1, false, false, TENSOR_F32},
    };
    return &types[storage - PICKLE_FLOAT_STORAGE];
}

struct torch_storage *torch_find_storage(const struct torch_archive *archive, const char *key,
                                         size_t n) {
    uint32_t number = 0;
    return hash_table_find(&archive->keys, key, n, &number) ? &archive->storages[number] : NULL;
}

static enum gen_status bad_id(const struct torch_archive *archive, const char *what,
                              struct gen_error *err) {
    return error_set(err, GEN_BAD_FILE, "%s: has a tensor whose storage %s",
                     archive->pickle_where.text, what);
}

/* ('storage', type, key, place, numbers), and in the legacy form a view of another, or None. */
static enum gen_status read_id(const struct torch_archive *archive, uint32_t tuple,
                               struct torch_storage *out, struct gen_error *err) {
    const struct pickle *pickle = &archive->pickle;
    bool zip = archive->zip.size > 0;
    uint32_t part[6];
    size_t n = 0;
    int64_t numbers = 0;
    pickle_tuple(pickle, tuple, part, 6, &n);
    if (n != (zip ? 5 : 6) || !pickle_is_text(pickle, part[0], "storage")) {
        return bad_id(archive, "is not named as torch.save() does", err);
    }
    const struct pickle_value *type = pickle_at(pickle, part[1]);
    if (type->tag != PICKLE_GLOBAL || type->global < PICKLE_FLOAT_STORAGE) {
        return bad_id(archive, "has no type", err);
    }
    const char *key = pickle_text(pickle, part[2], &n);
    if (key == NULL) {
        return bad_id(archive, "has a key that is no text", err);
    }
    *out = (struct torch_storage){.key = key, .n_key = n, .type = type->global};
    size_t size = torch_type_of(out->type)->size;
    if (!pickle_int(pickle, part[4], &numbers) || numbers < 0 ||
        (uint64_t)numbers > SIZE_MAX / size) {
        return bad_id(archive, "has a size that is none", err);
    }
    out->n = (uint64_t)numbers;
    if (!zip && pickle_at(pickle, part[5])->tag != PICKLE_NONE) {
        return error_set(err, GEN_UNSUPPORTED,
                         "%s: has a tensor whose storage is a view of another, as PyTorch had them "
                         "before 0.4 (load it in Python and save it again)",
                         archive->pickle_where.text);
    }
    return GEN_OK;
}

/* The first one of a key is kept; the others must be like it. */
static enum gen_status add(struct torch_archive *archive, const struct torch_storage *storage,
                           struct gen_error *err) {
    struct error_quoted quoted;
    const struct torch_storage *known = torch_find_storage(archive, storage->key, storage->n_key);
    if (known != NULL) {
        return known->type == storage->type && known->n == storage->n
                   ? GEN_OK
                   : error_set(err, GEN_BAD_FILE,
                               "%s: says two different things about type or size of the storage "
                               "\"%s\"",
                               archive->pickle_where.text,
                               error_quote(&quoted, storage->key, storage->n_key));
    }
    if (!memory_grow(&archive->storages, &archive->capacity, archive->n_storages + 1,
                     sizeof *archive->storages) ||
        hash_table_add(&archive->keys, storage->key, storage->n_key,
                       (uint32_t)archive->n_storages) != HASH_ADDED) {
        return error_no_memory(err, "the list of storages");
    }
    archive->storages[archive->n_storages++] = *storage;
    return GEN_OK;
}

enum gen_status torch_list_storages(struct torch_archive *archive, struct gen_error *err) {
    const struct pickle *pickle = &archive->pickle;
    enum gen_status status = GEN_OK;
    for (uint32_t i = 0; i < pickle->n_values && status == GEN_OK; i++) {
        const struct pickle_value *value = pickle_at(pickle, i);
        struct torch_storage storage;
        if (value->tag != PICKLE_PERSISTENT) {
            continue;
        }
        status = read_id(archive, value->as.arguments, &storage, err);
        if (status == GEN_OK) {
            status = add(archive, &storage, err);
        }
    }
    return status;
}
