/**
 * zip.c - the headers of a ZIP, read strictly: zip.h says what that means. What lies in the entries
 * is archive.c's.
 */
#include "format/torch/zip.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/memory.h"
#include "format/torch/crc32.h"

enum {
    LOCAL = 0x04034b50,
    CENTRAL = 0x02014b50,
    END = 0x06054b50,
    END_64 = 0x06064b50,
    LOCATOR_64 = 0x07064b50,
    DESCRIPTOR = 0x08074b50,
    LOCAL_SIZE = 30,
    END_SIZE = 22,
    END_64_SIZE = 56,
    LOCATOR_64_SIZE = 20,
    EXTRA_64 = 1,            /* id of the extra field that has sizes of 64 bits */
    FLAG_DESCRIPTOR = 0x008, /* check sum and sizes follow the data */
    FLAG_UTF8 = 0x800
};

/* What the end records say. */
struct ending {
    uint64_t n_entries, at, size; /* of the central directory */
    size_t begin;                 /* of the first end record */
};

/* The fields that both headers of an entry have. */
struct header {
    uint16_t flags, method, n_name, n_extra;
    uint32_t crc;
    uint64_t packed, size, at;
};

static enum gen_status bad(const struct zip *zip, const char *what, struct gen_error *err) {
    return error_set(err, GEN_BAD_FILE, "%s: %s", zip->where, what);
}

static enum gen_status bad_entry(const struct zip *zip, const struct zip_entry *entry,
                                 enum gen_status status, const char *what, struct gen_error *err) {
    struct error_quoted quoted;
    return error_set(err, status, "%s: its entry \"%s\" %s", zip->where,
                     error_quote(&quoted, entry->name, entry->n_name), what);
}

bool zip_begins(const unsigned char *data, size_t n) {
    return n >= 4 && bytes_u32(data) == LOCAL;
}

/* ---- the end records -------------------------------------------------------------------------*/

/* A field of the old record, where it is not there only to point to the new one. */
static bool agrees(uint64_t old, uint64_t most, uint64_t now) {
    return old == now || old == most;
}

static enum gen_status read_end_64(const struct zip *zip, struct ending *ending,
                                   struct gen_error *err) {
    static const char wrong[] = "has end records of ZIP64 that do not fit together";
    size_t locator_at = ending->begin - LOCATOR_64_SIZE;
    struct cursor locator = cursor_over(zip->data + locator_at, LOCATOR_64_SIZE);
    cursor_u32(&locator);
    uint32_t disk = cursor_u32(&locator);
    uint64_t at = cursor_u64(&locator);
    uint32_t n_disks = cursor_u32(&locator);
    if (disk != 0 || n_disks > 1 || locator_at < END_64_SIZE || at != locator_at - END_64_SIZE) {
        return bad(zip, wrong, err);
    }
    struct cursor in = cursor_over(zip->data + at, END_64_SIZE);
    uint32_t magic = cursor_u32(&in);
    uint64_t rest = cursor_u64(&in);
    cursor_u32(&in); /* versions */
    uint64_t disks = cursor_u64(&in);
    uint64_t n_here = cursor_u64(&in), n = cursor_u64(&in);
    uint64_t size = cursor_u64(&in), directory = cursor_u64(&in);
    if (magic != END_64 || rest != END_64_SIZE - 12 || disks != 0 || n_here != n ||
        !agrees(ending->n_entries, UINT16_MAX, n) || !agrees(ending->size, UINT32_MAX, size) ||
        !agrees(ending->at, UINT32_MAX, directory)) {
        return bad(zip, wrong, err);
    }
    *ending = (struct ending){n, directory, size, (size_t)at};
    return GEN_OK;
}

static enum gen_status read_end(const struct zip *zip, struct ending *ending,
                                struct gen_error *err) {
    if (zip->size < END_SIZE || bytes_u32(zip->data + zip->size - END_SIZE) != END) {
        return bad(zip,
                   "does not end as a ZIP file must: it is cut off, or something was put after it "
                   "(download or save it again)",
                   err);
    }
    struct cursor in = cursor_over(zip->data + zip->size - END_SIZE, END_SIZE);
    cursor_u32(&in);
    uint32_t disks = cursor_u32(&in);
    uint16_t n_here = cursor_u16(&in), n = cursor_u16(&in);
    uint32_t size = cursor_u32(&in), at = cursor_u32(&in);
    uint16_t n_comment = cursor_u16(&in);
    *ending = (struct ending){n, at, size, zip->size - END_SIZE};
    if (disks != 0 || n_here != n || n_comment != 0) {
        return bad(zip, "has an end record that a file of torch.save() has not", err);
    }
    enum gen_status status = GEN_OK;
    if (ending->begin >= LOCATOR_64_SIZE &&
        bytes_u32(zip->data + ending->begin - LOCATOR_64_SIZE) == LOCATOR_64) {
        status = read_end_64(zip, ending, err);
    }
    if (status == GEN_OK &&
        (ending->size > ending->begin || ending->at != ending->begin - ending->size)) {
        status = bad(zip,
                     "has a central directory that does not lie right before its end record: bytes "
                     "were put before, into or after it",
                     err);
    }
    if (status == GEN_OK && ending->size > ZIP_MAX_DIRECTORY) {
        status = bad(zip, "has a central directory of more than 32 MiB, as no model has", err);
    }
    return status;
}

/* ---- headers ---------------------------------------------------------------------------------*/

/* The next extra field, whose bytes `field` then covers; false at the end and where it is cut off,
 * which in->failed tells apart. */
static bool next_extra(struct cursor *in, unsigned *id, struct cursor *field) {
    if (cursor_left(in) == 0) {
        return false;
    }
    *id = cursor_u16(in);
    size_t n = cursor_u16(in);
    const unsigned char *bytes = cursor_take(in, n);
    *field = cursor_over(bytes, in->failed ? 0 : n);
    return !in->failed;
}

/* In the central directory: values of 64 bits, for just those fields that are all ones. False where
 * they are not there, or there are others. */
static bool widen(struct cursor in, struct header *header) {
    bool wide_size = header->size == UINT32_MAX, wide_packed = header->packed == UINT32_MAX;
    bool wide_at = header->at == UINT32_MAX, found = false;
    struct cursor field;
    unsigned id;
    while (next_extra(&in, &id, &field)) {
        if (id != EXTRA_64) {
            continue;
        }
        if (found) {
            return false;
        }
        found = true;
        header->size = wide_size ? cursor_u64(&field) : header->size;
        header->packed = wide_packed ? cursor_u64(&field) : header->packed;
        header->at = wide_at ? cursor_u64(&field) : header->at;
        if (field.failed || cursor_left(&field) > 0) {
            return false;
        }
    }
    return !in.failed && (found || !(wide_size || wide_packed || wide_at));
}

/* In a local header torch has the same field as in the central directory, but its own sizes are 0:
 * both sizes, or the offset, or all three. They must be what is known already. */
static bool widen_local(struct cursor in, struct header *header, const struct zip_entry *entry) {
    bool wide = header->size == UINT32_MAX || header->packed == UINT32_MAX;
    bool found = false, good = true;
    struct cursor field;
    unsigned id;
    while (next_extra(&in, &id, &field)) {
        if (id != EXTRA_64) {
            continue;
        }
        size_t n = cursor_left(&field);
        good = good && !found && (n == 8 || n == 16 || n == 24);
        found = true;
        if (n >= 16) {
            good = good && cursor_u64(&field) == entry->size && cursor_u64(&field) == entry->size;
            header->size = header->size == UINT32_MAX ? entry->size : header->size;
            header->packed = header->packed == UINT32_MAX ? entry->size : header->packed;
            wide = false;
        }
        if (n % 16 == 8) {
            good = good && cursor_u64(&field) == entry->header;
        }
    }
    return good && !in.failed && !wide;
}

static struct header read_fields(struct cursor *in) {
    struct header header = {.flags = 0};
    header.flags = cursor_u16(in);
    header.method = cursor_u16(in);
    cursor_u32(in); /* time and date */
    header.crc = cursor_u32(in);
    header.packed = cursor_u32(in);
    header.size = cursor_u32(in);
    header.n_name = cursor_u16(in);
    header.n_extra = cursor_u16(in);
    return header;
}

/* One entry of the central directory. */
static enum gen_status read_central(struct zip *zip, struct cursor *in, struct gen_error *err) {
    static const char cut[] = "has a central directory that ends within an entry";
    uint32_t magic = cursor_u32(in);
    cursor_u32(in); /* versions */
    struct header header = read_fields(in);
    uint16_t n_comment = cursor_u16(in), disk = cursor_u16(in);
    cursor_u16(in);
    cursor_u32(in); /* attributes */
    header.at = cursor_u32(in);
    struct zip_entry entry = {.n_name = header.n_name, .crc = header.crc, .flags = header.flags};
    entry.name = (const char *)cursor_take(in, header.n_name);
    const unsigned char *extra = cursor_take(in, header.n_extra);
    if (in->failed) {
        return bad(zip, cut, err);
    }
    if (magic != CENTRAL || n_comment != 0 || disk != 0) {
        return bad(zip, "has a central directory that a file of torch.save() has not", err);
    }
    if (header.method != 0) {
        return bad_entry(zip, &entry, GEN_UNSUPPORTED,
                         "is compressed, which torch.save() never does (save it again)", err);
    }
    if ((header.flags & ~(FLAG_DESCRIPTOR | FLAG_UTF8)) != 0) {
        return bad_entry(zip, &entry, GEN_UNSUPPORTED, "is encrypted or of another odd kind", err);
    }
    if (!widen(cursor_over(extra, header.n_extra), &header) || header.size != header.packed ||
        header.size > zip->size || header.at > zip->size) {
        return bad_entry(zip, &entry, GEN_BAD_FILE,
                         "has sizes that do not fit together, or into the file", err);
    }
    entry.size = (size_t)header.size;
    entry.header = (size_t)header.at;
    switch (hash_table_add(&zip->index, entry.name, entry.n_name, (uint32_t)zip->n_entries)) {
    case HASH_ADDED:
        break;
    case HASH_EXISTS:
        return bad_entry(zip, &entry, GEN_BAD_FILE, "is there twice", err);
    case HASH_NO_MEMORY:
        return error_no_memory(err, "the entries of a ZIP file");
    }
    if (!memory_grow(&zip->entries, &zip->capacity, zip->n_entries + 1, sizeof entry)) {
        return error_no_memory(err, "the entries of a ZIP file");
    }
    zip->entries[zip->n_entries++] = entry;
    return GEN_OK;
}

static enum gen_status read_directory(struct zip *zip, const struct ending *ending,
                                      struct gen_error *err) {
    zip->directory = memory_new((size_t)ending->size, 1);
    if (zip->directory == NULL) {
        return error_no_memory(err, "the entries of a ZIP file");
    }
    memcpy(zip->directory, zip->data + ending->at, (size_t)ending->size);
    struct cursor in = cursor_over(zip->directory, (size_t)ending->size);
    enum gen_status status = GEN_OK;
    while (status == GEN_OK && cursor_left(&in) > 0) {
        status = read_central(zip, &in, err);
    }
    if (status == GEN_OK && zip->n_entries != ending->n_entries) {
        status = bad(zip, "has another number of entries than its end record says", err);
    }
    return status;
}

/* ---- the entries themselves ------------------------------------------------------------------*/

/* Check sum and sizes after the data, up to `end`. */
static bool descriptor_agrees(const struct zip_entry *entry, struct cursor in) {
    size_t n = cursor_left(&in);
    if (n != 16 && n != 24) {
        return false;
    }
    uint32_t magic = cursor_u32(&in), crc = cursor_u32(&in);
    uint64_t packed = n == 16 ? cursor_u32(&in) : cursor_u64(&in);
    uint64_t size = n == 16 ? cursor_u32(&in) : cursor_u64(&in);
    return magic == DESCRIPTOR && crc == entry->crc && packed == entry->size && size == entry->size;
}

/* The local header of an entry whose bytes reach up to `end`, where the next thing begins. */
static enum gen_status read_local(const struct zip *zip, struct zip_entry *entry, size_t end,
                                  struct gen_error *err) {
    struct cursor in = cursor_over(zip->data + entry->header, end - entry->header);
    uint32_t magic = cursor_u32(&in);
    cursor_u16(&in); /* version */
    struct header header = read_fields(&in);
    const unsigned char *name = cursor_take(&in, header.n_name);
    const unsigned char *extra = cursor_take(&in, header.n_extra);
    const unsigned char *data = cursor_take(&in, entry->size);
    if (in.failed || magic != LOCAL) {
        return bad_entry(zip, entry, GEN_BAD_FILE,
                         "does not lie where the central directory puts it, or overlaps with the "
                         "next",
                         err);
    }
    bool later = (header.flags & FLAG_DESCRIPTOR) != 0;
    bool good = header.flags == entry->flags && header.method == 0 &&
                header.n_name == entry->n_name && memcmp(name, entry->name, entry->n_name) == 0 &&
                widen_local(cursor_over(extra, header.n_extra), &header, entry);
    bool same =
        header.crc == entry->crc && header.size == entry->size && header.packed == entry->size;
    bool none = header.crc == 0 && header.size == 0 && header.packed == 0;
    good = good && (same || (later && none));
    if (!good) {
        return bad_entry(zip, entry, GEN_BAD_FILE,
                         "has a header that says otherwise than the central directory", err);
    }
    struct cursor rest = cursor_over(zip->data + in.position + entry->header, cursor_left(&in));
    if (later ? !descriptor_agrees(entry, rest) : cursor_left(&rest) > 0) {
        return bad_entry(zip, entry, GEN_BAD_FILE,
                         "has bytes after its data that belong to nothing, or say otherwise than "
                         "the central directory",
                         err);
    }
    entry->data = data;
    return GEN_OK;
}

static int compare_headers(const void *left, const void *right) {
    const struct zip_entry *a = *(struct zip_entry *const *)left;
    const struct zip_entry *b = *(struct zip_entry *const *)right;
    return (a->header > b->header) - (a->header < b->header);
}

/* The entries in order, without holes and overlaps, up to the central directory. */
static enum gen_status read_entries(struct zip *zip, size_t end, struct gen_error *err) {
    struct zip_entry **sorted = memory_new(zip->n_entries, sizeof(struct zip_entry *));
    if (sorted == NULL) {
        return error_no_memory(err, "the entries of a ZIP file");
    }
    for (size_t i = 0; i < zip->n_entries; i++) {
        sorted[i] = &zip->entries[i];
    }
    qsort(sorted, zip->n_entries, sizeof(struct zip_entry *), compare_headers);
    enum gen_status status = GEN_OK;
    if (zip->n_entries == 0 || sorted[0]->header != 0) {
        status = bad(zip, "has no entry at its beginning", err);
    }
    for (size_t i = 0; i < zip->n_entries && status == GEN_OK; i++) {
        size_t next = i + 1 < zip->n_entries ? sorted[i + 1]->header : end;
        if (next > end || next <= sorted[i]->header) {
            status = bad_entry(zip, sorted[i], GEN_BAD_FILE,
                               "overlaps with another, or with the central directory", err);
        } else {
            status = read_local(zip, sorted[i], next, err);
        }
    }
    memory_free(sorted);
    return status;
}

enum gen_status zip_open(struct zip *zip, const unsigned char *data, size_t size, const char *where,
                         struct gen_error *err) {
    struct ending ending = {0};
    zip->data = data;
    zip->size = size;
    zip->where = where;
    enum gen_status status = read_end(zip, &ending, err);
    if (status == GEN_OK) {
        status = read_directory(zip, &ending, err);
    }
    return status == GEN_OK ? read_entries(zip, (size_t)ending.at, err) : status;
}

void zip_release(struct zip *zip) {
    hash_table_release(&zip->index);
    memory_free(zip->entries);
    memory_free(zip->directory);
    *zip = (struct zip){0};
}

const struct zip_entry *zip_find(const struct zip *zip, const char *name, size_t n) {
    uint32_t number = 0;
    return hash_table_find(&zip->index, name, n, &number) ? &zip->entries[number] : NULL;
}

enum gen_status zip_check(const struct zip *zip, const struct zip_entry *entry,
                          struct gen_error *err) {
    return crc32_of(entry->data, entry->size) == entry->crc
               ? GEN_OK
               : bad_entry(zip, entry, GEN_BAD_FILE,
                           "has another check sum (CRC-32) than the file says: it is damaged "
                           "(download it again)",
                           err);
}
