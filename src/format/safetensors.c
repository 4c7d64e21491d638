/**
 * safetensors.c - reading a safetensors file. The header is copied before anything in it is looked
 * at: the mapping shows what others write to the file, and a parser looks twice. Layout:
 *
 *   u64 n, little-endian
 *   n bytes of JSON: { "__metadata__": {text: text}, NAME: {"dtype": "F32",
 *                      "shape": [outermost, ..., innermost], "data_offsets": [begin, end]}, ... }
 *   data; the offsets count from its start, and the tensors cover it without holes or overlaps
 */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "base/size.h"
#include "format/looks_like.h"
#include "format/model_file.h"
#include "text/json.h"
#include "text/lines.h"

/* Longest header the format allows. */
#define SAFETENSORS_MAX_HEADER 100000000

struct reader {
    struct model_file *file;
    size_t map;
    const struct shard_filter *filter; /* or NULL */
    const unsigned char *data;
    size_t data_size;
    struct file_span *spans;
    size_t n_spans;
    struct error_quoted where;
    struct gen_error *err;
};

/* Bits of a number in the types that safetensors has and weights here have not; 0: no such type.
 */
static size_t other_type_bits(const char *name) {
    static const struct {
        const char *name;
        size_t bits;
    } types[] = {{"BOOL", 8},    {"U8", 8},          {"I8", 8},      {"U16", 16},
                 {"I16", 16},    {"U32", 32},        {"I32", 32},    {"U64", 64},
                 {"I64", 64},    {"F64", 64},        {"C64", 64},    {"F8_E5M2", 8},
                 {"F8_E4M3", 8}, {"F8_E5M2FNUZ", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8},
                 {"F6_E2M3", 6}, {"F6_E3M2", 6},     {"F4", 4}};
    for (size_t i = 0; i < N_OF(types); i++) {
        if (strcmp(name, types[i].name) == 0) {
            return types[i].bits;
        }
    }
    return 0;
}

bool safetensors_is_old_buffer(const char *name) {
    static const char *const endings[] = {".attn.bias", ".attn.masked_bias", ".attention.bias",
                                          ".attention.masked_bias"};
    bool found = false;
    for (size_t i = 0; i < N_OF(endings); i++) {
        found = found || text_ends_with(name, endings[i]);
    }
    return found;
}

static enum gen_status bad_tensor(const struct reader *reader, const char *name, const char *what) {
    struct error_quoted quoted;
    return error_set(reader->err, GEN_BAD_FILE, "%s: tensor \"%s\" %s", reader->where.text,
                     error_quote(&quoted, name, strlen(name)), what);
}

/* A tensor as the header describes it. */
struct described {
    const cJSON *item;
    const char *dtype;
    size_t bits;           /* of a number */
    bool readable;         /* a type that weights may have, in dimensions that they may have */
    const char *odd_shape; /* why the shape cannot be used, else NULL */
    uint64_t begin, end;
    struct file_tensor tensor;
};

/* The shape, turned around: innermost first. Any shape will do for a tensor that nobody needs. */
static enum gen_status read_shape(const struct reader *reader, struct described *d) {
    const cJSON *item = d->item, *shape = json_member(item, "shape");
    int64_t dims[FILE_TENSOR_MAX_DIMS];
    size_t n = 0, numbers = 1, bits = 0;
    bool fits = true;
    if (!cJSON_IsArray(shape)) {
        return bad_tensor(reader, item->string, "has no \"shape\" array");
    }
    for (const cJSON *dim = shape->child; dim != NULL; dim = dim->next, n++) {
        int64_t value = -1;
        if (!json_is_plain_integer(dim, &value) || value < 0) {
            return bad_tensor(reader, item->string,
                              "has a dimension that is not a whole number, 0 or above");
        }
        if (n < FILE_TENSOR_MAX_DIMS) {
            dims[n] = value;
        }
        if (value == 0) {
            d->odd_shape = "has a dimension of 0";
        }
        fits = fits && (uint64_t)value <= SIZE_MAX &&
               memory_multiply(numbers, (size_t)value, &numbers);
    }
    fits = fits && memory_multiply(numbers, d->bits, &bits) && bits % 8 == 0;
    if (!fits || bits / 8 != d->end - d->begin) {
        return bad_tensor(reader, item->string,
                          "has a shape and dtype that need another number of bytes than its "
                          "data_offsets span");
    }
    d->tensor.size = bits / 8;
    if (n > FILE_TENSOR_MAX_DIMS) {
        d->odd_shape = "has more than 4 dimensions";
        n = 0;
    }
    for (size_t i = 0; i < FILE_TENSOR_MAX_DIMS; i++) {
        d->tensor.dims[i] = i < n ? (uint64_t)dims[n - 1 - i] : 1;
    }
    d->tensor.n_dims = n > 0 ? (int)n : 1; /* a single number is a row of one */
    return GEN_OK;
}

static enum gen_status read_offsets(const struct reader *reader, struct described *d) {
    const cJSON *item = d->item;
    const cJSON *offsets = json_member(item, "data_offsets");
    const cJSON *first = cJSON_IsArray(offsets) ? offsets->child : NULL;
    const cJSON *second = first != NULL ? first->next : NULL;
    int64_t from = -1, to = -1;
    if (second == NULL || second->next != NULL || !json_is_plain_integer(first, &from) ||
        !json_is_plain_integer(second, &to) || from < 0 || to < from) {
        return bad_tensor(reader, item->string,
                          "needs \"data_offsets\": two whole numbers, begin and end");
    }
    if ((uint64_t)to > reader->data_size) {
        return bad_tensor(reader, item->string,
                          "lies beyond the end of the data: the file is cut off, or its "
                          "data_offsets are wrong");
    }
    d->begin = (uint64_t)from;
    d->end = (uint64_t)to;
    return GEN_OK;
}

static enum gen_status read_type(const struct reader *reader, struct described *d) {
    const cJSON *dtype = json_member(d->item, "dtype");
    if (!cJSON_IsString(dtype)) {
        return bad_tensor(reader, d->item->string, "has no \"dtype\" text");
    }
    d->dtype = dtype->valuestring;
    d->readable = tensor_type_from_name(d->dtype, strlen(d->dtype), &d->tensor.type) &&
                  tensor_type_info(d->tensor.type)->quant == NULL; /* those are GGUF's */
    d->bits =
        d->readable ? 8 * tensor_type_info(d->tensor.type)->block_bytes : other_type_bits(d->dtype);
    struct error_quoted tensor, quoted;
    return d->bits > 0 ? GEN_OK
                       : error_set(reader->err, GEN_BAD_FILE,
                                   "%s: tensor \"%s\" has dtype \"%s\", which is not read: "
                                   "safetensors has no such type",
                                   reader->where.text,
                                   error_quote(&tensor, d->item->string, strlen(d->item->string)),
                                   error_quote(&quoted, d->dtype, strlen(d->dtype)));
}

/* Where the index of the shards puts the tensor, as far as there is one. */
enum place { HERE, IN_ANOTHER_SHARD, NOWHERE };

static enum place place_of(const struct reader *reader, const char *name) {
    uint32_t owner = 0;
    if (reader->filter == NULL) {
        return HERE;
    }
    if (!hash_table_find(reader->filter->owners, name, strlen(name), &owner)) {
        return NOWHERE;
    }
    return owner == reader->filter->number ? HERE : IN_ANOTHER_SHARD;
}

static enum gen_status add_tensor(const struct reader *reader, const struct described *d) {
    const char *name = d->item->string;
    struct unread_tensor unread = {.tensor = d->tensor};
    struct readable_types readable;
    char why[400];
    enum place place = place_of(reader, name);
    if (place == IN_ANOTHER_SHARD) { /* that shard's reading, or the check after it, says more */
        return GEN_OK;
    }
    if (place == HERE && d->readable && d->odd_shape == NULL) {
        return model_file_add_tensor(reader->file, &d->tensor, name, strlen(name),
                                     reader->where.text, reader->err);
    }
    if (place == NOWHERE) {
        snprintf(why, sizeof why, "is in %.100s, but the \"weight_map\" does not name it",
                 reader->where.text);
    } else if (d->odd_shape != NULL) {
        snprintf(why, sizeof why, "%s", d->odd_shape);
    } else {
        unread.is_f64 = strcmp(d->dtype, "F64") == 0;
        snprintf(why, sizeof why, "has dtype \"%s\", which is not read; types that are: %s, F64",
                 d->dtype, model_file_readable_types(&readable, NAMES_HF));
    }
    unread.why = why;
    unread.is_listed = place == HERE;
    return model_file_add_unread(reader->file, &unread, name, strlen(name), place == NOWHERE,
                                 reader->where.text, reader->err);
}

static enum gen_status read_tensor(struct reader *reader, const cJSON *item) {
    struct described d = {.item = item, .tensor = {.map = reader->map}};
    if (!cJSON_IsObject(item)) {
        return bad_tensor(reader, item->string, "is not described by an object");
    }
    enum gen_status status = read_type(reader, &d);
    if (status == GEN_OK) {
        status = read_offsets(reader, &d);
    }
    if (status == GEN_OK) {
        status = read_shape(reader, &d);
    }
    if (status != GEN_OK) {
        return status;
    }
    d.tensor.data = reader->data + d.begin;
    reader->spans[reader->n_spans++] = (struct file_span){d.begin, d.end, item->string};
    return add_tensor(reader, &d);
}

/* The tensors must cover the data, each byte once. */
static enum gen_status check_spans(struct reader *reader) {
    file_spans_sort(reader->spans, reader->n_spans);
    uint64_t end = 0;
    for (size_t i = 0; i < reader->n_spans; i++) {
        const struct file_span *span = &reader->spans[i];
        if (span->begin < end) {
            return bad_tensor(reader, span->name, "overlaps with the data of another tensor");
        }
        if (span->begin > end) {
            return bad_tensor(reader, span->name, "has a hole before its data");
        }
        end = span->end;
    }
    if (end != reader->data_size) {
        return error_set(reader->err, GEN_BAD_FILE,
                         "%s: after the last tensor are bytes that belong to nothing: %llu",
                         reader->where.text, (unsigned long long)(reader->data_size - end));
    }
    return GEN_OK;
}

static enum gen_status check_metadata(const struct reader *reader, const cJSON *metadata) {
    bool good = cJSON_IsObject(metadata);
    for (const cJSON *item = good ? metadata->child : NULL; item != NULL; item = item->next) {
        good = good && cJSON_IsString(item);
    }
    if (good) {
        return GEN_OK;
    }
    return error_set(reader->err, GEN_BAD_FILE, "%s: __metadata__ must be an object of texts",
                     reader->where.text);
}

static enum gen_status read_tensors(struct reader *reader, const cJSON *header) {
    size_t n = 0;
    for (const cJSON *item = header->child; item != NULL; item = item->next) {
        n++;
    }
    reader->spans = memory_new(n, sizeof *reader->spans);
    if (reader->spans == NULL) {
        return error_no_memory(reader->err, "the list of tensors");
    }
    enum gen_status status = GEN_OK;
    for (const cJSON *item = header->child; item != NULL && status == GEN_OK; item = item->next) {
        status = strcmp(item->string, "__metadata__") == 0 ? check_metadata(reader, item)
                                                           : read_tensor(reader, item);
    }
    if (status == GEN_OK) {
        status = check_spans(reader);
    }
    memory_free(reader->spans);
    return status;
}

/* Parse a copy of the header. */
static enum gen_status parse_header(cJSON **header, const unsigned char *bytes, size_t n,
                                    const char *where, struct gen_error *err) {
    char *text = memory_copy_string((const char *)bytes, n);
    if (text == NULL) {
        return error_no_memory(err, "a safetensors header");
    }
    enum gen_status status = json_parse(header, text, n, where, err);
    if (status == GEN_OK && !cJSON_IsObject(*header)) {
        status =
            error_set(err, GEN_BAD_FILE, "%s: the safetensors header is %s, but must be an object",
                      where, json_kind(*header));
    }
    memory_free(text);
    return status;
}

enum gen_status safetensors_read(struct model_file *file, size_t map, const char *path,
                                 const struct shard_filter *filter, struct gen_error *err) {
    struct reader reader = {.file = file, .map = map, .filter = filter, .err = err};
    struct cursor in = cursor_over(file->maps[map].data, file->maps[map].size);
    const char *where = error_path(&reader.where, path);
    if (in.size == 0) {
        return error_set(err, GEN_BAD_FILE, "%s: the file is empty", where);
    }
    uint64_t n = cursor_u64(&in);
    const char *other = NULL;
    if (in.failed || n > SAFETENSORS_MAX_HEADER || n > cursor_left(&in)) {
        other = file_looks_like(in.data, in.size);
    }
    if (other != NULL) {
        return error_set(err, GEN_BAD_FILE, "%s: %s", where, other);
    }
    if (!in.failed && n > SAFETENSORS_MAX_HEADER) {
        return error_set(err, GEN_BAD_FILE,
                         "%s: claims a header of %llu bytes, but %d is the most safetensors has",
                         where, (unsigned long long)n, SAFETENSORS_MAX_HEADER);
    }
    const unsigned char *text = cursor_take(&in, n);
    if (text == NULL) {
        return error_set(err, GEN_BAD_FILE,
                         "%s: the file ends inside its safetensors header: it is cut off, or no "
                         "safetensors file",
                         where);
    }
    reader.data_size = cursor_left(&in);
    reader.data = in.data + in.position;
    cJSON *header = NULL;
    enum gen_status status = parse_header(&header, text, (size_t)n, where, err);
    if (status == GEN_OK) {
        status = read_tensors(&reader, header);
    }
    cJSON_Delete(header);
    return status;
}
