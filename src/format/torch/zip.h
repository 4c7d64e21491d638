/**
 * zip.h - a strict reader of ZIP files whose entries are stored, as torch.save() writes them.
 *
 *   for each entry: "PK\3\4", 26 bytes, name, extra field, data, perhaps a data descriptor
 *   the central directory: for each entry "PK\1\2", 42 bytes, name, extra field
 *   perhaps the end records of ZIP64; "PK\5\6", 18 bytes
 *
 * Two readers that see different things in one file are how bad files get past scanners. So a file
 * is read only if there is one way to read it: the entries lie one after the other from the first
 * byte to the central directory and the end records follow to the last byte; each entry's two
 * headers say the same; no name is there twice; nothing is compressed or encrypted.
 */
#ifndef FORMAT_TORCH_ZIP_H
#define FORMAT_TORCH_ZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash_table.h"
#include "gen.h"

/** Most bytes of the central directory. */
#define ZIP_MAX_DIRECTORY ((size_t)32 << 20)

struct zip_entry {
    const char *name; /**< n bytes of any kind, in the zip's copy; only ever compared */
    size_t n_name;
    size_t header;             /**< where its local header begins */
    const unsigned char *data; /**< in the mapping */
    size_t size;
    uint32_t crc;
    uint16_t flags;
};

/** Start from {0}. */
struct zip {
    const unsigned char *data; /**< the whole file */
    size_t size;
    const char *where;        /**< the file, printable */
    unsigned char *directory; /**< a copy: the file may change meanwhile */
    struct zip_entry *entries;
    size_t n_entries, capacity;
    struct hash_table index; /**< of entries by name */
};

/** Whether a file that begins with these n bytes is meant to be a ZIP. */
bool zip_begins(const unsigned char *data, size_t n);
/** Read headers of a mapped file; `data` and `where` must stay. */
enum gen_status zip_open(struct zip *zip, const unsigned char *data, size_t size, const char *where,
                         struct gen_error *err);
void zip_release(struct zip *zip);
/** The entry of this name, or NULL. */
const struct zip_entry *zip_find(const struct zip *zip, const char *name, size_t n);
/** Whether the entry's bytes have the check sum that its header says. */
enum gen_status zip_check(const struct zip *zip, const struct zip_entry *entry,
                          struct gen_error *err);

#endif
