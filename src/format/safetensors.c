/**
 * safetensors.c - reading a safetensors file:
 *
 *   u64 n, little-endian
 *   n bytes of JSON: { "__metadata__": {text: text}, NAME: {"dtype": "F32",
 *                      "shape": [outermost, ..., innermost], "data_offsets": [begin, end]}, ... }
 *   data; the offsets count from its start, and the tensors cover it without holes or overlaps
 */
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "format/json.h"
#include "format/model_file.h"

/** Longest header the format allows. */
#define SAFETENSORS_MAX_HEADER 100000000

struct reader {
    struct model_file *file;
    size_t map;
    const unsigned char *data;
    size_t data_size;
    struct file_span *spans;
    size_t n_spans;
    struct error_quoted where;
    struct gen_error *err;
};

/** Types that only old buffers may have. */
static size_t other_type_size(const char *name) {
    static const struct {
        const char *name;
        size_t size;
    } types[] = {{"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"U16", 2}, {"I16", 2},
                 {"U32", 4},  {"I32", 4}, {"U64", 8}, {"I64", 8}, {"F64", 8}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(name, types[i].name) == 0)
            return types[i].size;
    return 0;
}

static bool ends_with(const char *text, const char *end) {
    size_t n = strlen(text), n_end = strlen(end);
    return n >= n_end && strcmp(text + n - n_end, end) == 0;
}

bool safetensors_is_old_buffer(const char *name) {
    return ends_with(name, ".attn.bias") || ends_with(name, ".attn.masked_bias");
}

static enum gen_status bad_tensor(const struct reader *reader, const char *name, const char *what) {
    struct error_quoted quoted;
    return error_set(reader->err, GEN_BAD_FILE, "%s: tensor \"%s\" %s", reader->where.text,
                     error_quote(&quoted, name, strlen(name)), what);
}

/** The shape, turned around: innermost first. */
static enum gen_status read_shape(const struct reader *reader, const cJSON *item,
                                  struct file_tensor *tensor) {
    const cJSON *shape = json_member(item, "shape");
    int64_t dims[FILE_TENSOR_MAX_DIMS];
    int n = 0;
    if (!cJSON_IsArray(shape))
        return bad_tensor(reader, item->string, "has no \"shape\" array");
    for (const cJSON *dim = shape->child; dim != NULL; dim = dim->next) {
        if (n == FILE_TENSOR_MAX_DIMS)
            return bad_tensor(reader, item->string, "has more than 4 dimensions");
        if (!json_is_integer(dim, &dims[n]) || dims[n] < 1)
            return bad_tensor(reader, item->string,
                              "has a dimension that is not a whole number above 0");
        n++;
    }
    for (int d = 0; d < FILE_TENSOR_MAX_DIMS; d++)
        tensor->dims[d] = d < n ? (uint64_t)dims[n - 1 - d] : 1;
    tensor->n_dims = n > 0 ? n : 1; /* a single number is a row of one */
    return GEN_OK;
}

static enum gen_status read_offsets(const struct reader *reader, const cJSON *item, uint64_t *begin,
                                    uint64_t *end) {
    const cJSON *offsets = json_member(item, "data_offsets");
    const cJSON *first = cJSON_IsArray(offsets) ? offsets->child : NULL;
    const cJSON *second = first != NULL ? first->next : NULL;
    int64_t from = -1, to = -1;
    if (second == NULL || second->next != NULL || !json_is_integer(first, &from) ||
        !json_is_integer(second, &to) || from < 0 || to < from)
        return bad_tensor(reader, item->string,
                          "needs \"data_offsets\": two whole numbers, begin and end");
    if ((uint64_t)to > reader->data_size)
        return bad_tensor(reader, item->string,
                          "lies beyond the end of the data: the file is cut off, or its "
                          "data_offsets are wrong");
    *begin = (uint64_t)from;
    *end = (uint64_t)to;
    return GEN_OK;
}

/** Bytes per number; *known tells whether it is a type that weights may have. */
static enum gen_status read_type(const struct reader *reader, const cJSON *item,
                                 enum tensor_type *type, size_t *size, bool *known) {
    const cJSON *dtype = json_member(item, "dtype");
    if (!cJSON_IsString(dtype))
        return bad_tensor(reader, item->string, "has no \"dtype\" text");
    const char *name = dtype->valuestring;
    *known = tensor_type_from_name(name, strlen(name), type) &&
             tensor_type_info(*type)->quant == NULL; /* quantized types are GGUF's */
    *size = *known ? tensor_type_info(*type)->block_bytes : other_type_size(name);
    if (*size > 0 && (*known || safetensors_is_old_buffer(item->string)))
        return GEN_OK;
    struct error_quoted tensor, quoted;
    struct readable_types readable;
    return error_set(reader->err, GEN_UNSUPPORTED,
                     "%s: tensor \"%s\" has dtype \"%s\", which is not read; types that are: %s",
                     reader->where.text, error_quote(&tensor, item->string, strlen(item->string)),
                     error_quote(&quoted, name, strlen(name)),
                     model_file_readable_types(&readable, MODEL_FILE_HF));
}

static enum gen_status read_tensor(struct reader *reader, const cJSON *item) {
    struct file_tensor tensor = {.map = reader->map};
    uint64_t begin = 0, end = 0;
    bool known = false;
    if (!cJSON_IsObject(item))
        return bad_tensor(reader, item->string, "is not described by an object");
    enum gen_status status = read_type(reader, item, &tensor.type, &tensor.size, &known);
    if (status == GEN_OK)
        status = read_shape(reader, item, &tensor);
    if (status == GEN_OK)
        status = read_offsets(reader, item, &begin, &end);
    if (status != GEN_OK)
        return status;
    bool fits = true;
    for (size_t d = 0; d < FILE_TENSOR_MAX_DIMS && fits; d++)
        fits = tensor.dims[d] <= SIZE_MAX &&
               memory_multiply(tensor.size, (size_t)tensor.dims[d], &tensor.size);
    if (!fits || tensor.size != end - begin)
        return bad_tensor(reader, item->string,
                          "has a shape and dtype that need another number of bytes than its "
                          "data_offsets span");
    tensor.data = reader->data + begin;
    reader->spans[reader->n_spans++] = (struct file_span){begin, end, item->string};
    if (!known)
        return GEN_OK;
    return model_file_add_tensor(reader->file, &tensor, item->string, strlen(item->string),
                                 reader->where.text, reader->err);
}

/** The tensors must cover the data, each byte once. */
static enum gen_status check_spans(struct reader *reader) {
    file_spans_sort(reader->spans, reader->n_spans);
    uint64_t end = 0;
    for (size_t i = 0; i < reader->n_spans; i++) {
        const struct file_span *span = &reader->spans[i];
        if (span->begin < end)
            return bad_tensor(reader, span->name, "overlaps with the data of another tensor");
        if (span->begin > end)
            return bad_tensor(reader, span->name, "has a hole before its data");
        end = span->end;
    }
    if (end != reader->data_size)
        return error_set(reader->err, GEN_BAD_FILE,
                         "%s: behind the last tensor are bytes that belong to nothing: %llu",
                         reader->where.text, (unsigned long long)(reader->data_size - end));
    return GEN_OK;
}

static enum gen_status check_metadata(const struct reader *reader, const cJSON *metadata) {
    bool good = cJSON_IsObject(metadata);
    for (const cJSON *item = good ? metadata->child : NULL; item != NULL; item = item->next)
        good = good && cJSON_IsString(item);
    if (good)
        return GEN_OK;
    return error_set(reader->err, GEN_BAD_FILE, "%s: __metadata__ must be an object of texts",
                     reader->where.text);
}

static enum gen_status read_tensors(struct reader *reader, const cJSON *header) {
    size_t n = 0;
    for (const cJSON *item = header->child; item != NULL; item = item->next)
        n++;
    reader->spans = memory_new(n, sizeof *reader->spans);
    if (reader->spans == NULL)
        return error_no_memory(reader->err, "the list of tensors");
    enum gen_status status = GEN_OK;
    for (const cJSON *item = header->child; item != NULL && status == GEN_OK; item = item->next)
        status = strcmp(item->string, "__metadata__") == 0 ? check_metadata(reader, item)
                                                           : read_tensor(reader, item);
    if (status == GEN_OK)
        status = check_spans(reader);
    memory_free(reader->spans);
    return status;
}

enum gen_status safetensors_read(struct model_file *file, size_t map, const char *path,
                                 struct gen_error *err) {
    struct reader reader = {.file = file, .map = map, .err = err};
    struct cursor in = cursor_over(file->maps[map].data, file->maps[map].size);
    const char *where = error_path(&reader.where, path);
    if (in.size == 0)
        return error_set(err, GEN_BAD_FILE, "%s: the file is empty", where);
    uint64_t n = cursor_u64(&in);
    if (!in.failed && n > SAFETENSORS_MAX_HEADER)
        return error_set(err, GEN_BAD_FILE,
                         "%s: claims a header of %llu bytes, but %d is the most safetensors has",
                         where, (unsigned long long)n, SAFETENSORS_MAX_HEADER);
    const unsigned char *text = cursor_take(&in, n);
    if (text == NULL)
        return error_set(err, GEN_BAD_FILE,
                         "%s: the file ends inside its safetensors header: it is cut off, or no "
                         "safetensors file",
                         where);
    reader.data_size = cursor_left(&in);
    reader.data = in.data + in.position;
    cJSON *header = NULL;
    enum gen_status status = json_parse(&header, (const char *)text, (size_t)n, where, err);
    if (status == GEN_OK && !cJSON_IsObject(header))
        status =
            error_set(err, GEN_BAD_FILE, "%s: the safetensors header is %s, but must be an object",
                      where, json_kind(header));
    if (status == GEN_OK)
        status = read_tensors(&reader, header);
    cJSON_Delete(header);
    return status;
}
