/**
 * archive.h - a file of torch.save(): the value that was saved, and the storages that its tensors
 * lie in. Two forms:
 *
 *   ZIP (since PyTorch 1.6): TOP/data.pkl, the value; TOP/data/KEY, the bytes of each storage;
 *       TOP/byteorder. TOP is any name.
 *   legacy (before): pickles one after the other: a magic number, 1001, a dict about the machine,
 *       the value, a list of keys; then for each key i64 numbers, and so many numbers.
 *
 * The bytes are little-endian, and used where they lie in the mapping.
 */
#ifndef FORMAT_TORCH_ARCHIVE_H
#define FORMAT_TORCH_ARCHIVE_H

#include "base/error.h"
#include "base/hash_table.h"
#include "format/pickle/pickle.h"
#include "format/torch/zip.h"
#include "tensor/tensor_type.h"

/** A type of numbers. */
struct torch_type {
    const char *name; /**< as Python shows it: "float32" */
    size_t size;      /**< bytes of a number */
    bool readable;    /**< weights may have it: `type` */
    bool is_f64;
    enum tensor_type type;
};

/** That of a type of storage. */
const struct torch_type *torch_type_of(enum pickle_global storage);

struct torch_storage {
    const char *key; /**< in the pickle's texts */
    size_t n_key;
    enum pickle_global type;
    uint64_t n;                /**< numbers */
    const unsigned char *data; /**< NULL: not looked for yet */
    uint64_t n_used;           /**< numbers of all tensors that were found in it */
};

/** Start from {0}. */
struct torch_archive {
    struct pickle pickle;
    struct zip zip;  /**< empty in the legacy form */
    const char *top; /**< of the ZIP's names, with the slash */
    size_t n_top;
    struct error_quoted where, pickle_where; /**< the file; the same with ": data.pkl" */
    struct torch_storage *storages;
    size_t n_storages, capacity;
    struct hash_table keys; /**< of storages */
};

/** Whether a file that begins with these n bytes is meant to be of PyTorch. */
bool torch_begins(const unsigned char *data, size_t n);
/** Read a mapped file; `path` is its name. What it says of storages is only held against itself:
 *  torch_archive_storage() looks for the bytes. */
enum gen_status torch_archive_open(struct torch_archive *archive, const unsigned char *data,
                                   size_t size, const char *path, struct gen_error *err);
void torch_archive_release(struct torch_archive *archive);
/** The storage of a PICKLE_PERSISTENT value, with its bytes. */
enum gen_status torch_archive_storage(struct torch_archive *archive, uint32_t value,
                                      struct torch_storage **out, struct gen_error *err);

/* ---- legacy.c --------------------------------------------------------------------------------*/

bool torch_legacy_begins(const unsigned char *data, size_t n);
/** Read all pickles and find the bytes of all storages. */
enum gen_status torch_legacy_read(struct torch_archive *archive, const unsigned char *data,
                                  size_t size, struct gen_error *err);

/* ---- storages.c ------------------------------------------------------------------------------*/

/** What all tensors of the pickle say of their storages: the same key must mean the same. */
enum gen_status torch_list_storages(struct torch_archive *archive, struct gen_error *err);
/** The one of this key, or NULL. */
struct torch_storage *torch_find_storage(const struct torch_archive *archive, const char *key,
                                         size_t n);

#endif
