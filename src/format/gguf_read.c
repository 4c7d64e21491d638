/** gguf_read.c - reading GGUF v2 and v3. The byte layout is drawn in gguf_write.h. */
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "format/model_file.h"

#define GGUF_MAGIC         "GGUF"
#define GGUF_ALIGNMENT     32
#define GGUF_MIN_ALIGNMENT 8
#define GGUF_MAX_ALIGNMENT (1 << 20)
#define GGUF_ALIGNMENT_KEY "general.alignment"

/** Fewest bytes a setting and a tensor header can take: names of one byte, one dimension. */
#define GGUF_MIN_SETTING_SIZE (8 + 1 + 4 + 1)
#define GGUF_MIN_TENSOR_SIZE  (8 + 1 + 4 + 8 + 4 + 8)

struct reader {
    struct model_file *file;
    struct cursor in;
    const char *where;
    struct gen_error *err;
};

/** A string in the file: not NUL-terminated. */
struct text {
    const char *bytes;
    size_t n;
};

static struct text read_text(struct cursor *in) {
    uint64_t n = cursor_u64(in);
    const unsigned char *bytes = cursor_take(in, n);
    if (bytes == NULL)
        return (struct text){.bytes = ""};
    return (struct text){.bytes = (const char *)bytes, .n = (size_t)n};
}

static enum gen_status truncated(const struct reader *reader, const char *kind, uint64_t number) {
    return error_set(reader->err, GEN_BAD_FILE,
                     "%s: the file ends inside %s %llu: it is cut off, or a length in it is wrong",
                     reader->where, kind, (unsigned long long)number);
}

/* ---- header --------------------------------------------------------------------------------- */

static enum gen_status read_header(struct reader *reader, uint64_t *n_tensors,
                                   uint64_t *n_settings) {
    struct cursor *in = &reader->in;
    const unsigned char *magic = cursor_take(in, 4);
    if (magic == NULL || memcmp(magic, GGUF_MAGIC, 4) != 0)
        return error_set(reader->err, GEN_BAD_FILE,
                         "%s: is not a GGUF file: it does not begin with \"GGUF\"", reader->where);
    uint32_t version = cursor_u32(in);
    *n_tensors = cursor_u64(in);
    *n_settings = cursor_u64(in);
    if (in->failed)
        return error_set(reader->err, GEN_BAD_FILE, "%s: the file ends inside its GGUF header",
                         reader->where);
    if ((version & 0xFFFF) == 0 && version != 0)
        return error_set(reader->err, GEN_UNSUPPORTED,
                         "%s: is a big-endian GGUF file; only little-endian ones are read "
                         "(gguf-convert-endian of the gguf Python package converts it)",
                         reader->where);
    if (version != 2 && version != 3)
        return error_set(reader->err, GEN_UNSUPPORTED,
                         "%s: has GGUF version %u, but only versions 2 and 3 are read",
                         reader->where, version);
    reader->file->version = version;
    if (*n_settings > cursor_left(in) / GGUF_MIN_SETTING_SIZE ||
        *n_tensors > cursor_left(in) / GGUF_MIN_TENSOR_SIZE)
        return error_set(reader->err, GEN_BAD_FILE,
                         "%s: claims %llu tensors and %llu settings, more than its %zu bytes hold",
                         reader->where, (unsigned long long)*n_tensors,
                         (unsigned long long)*n_settings, in->size);
    return GEN_OK;
}

/* ---- settings ------------------------------------------------------------------------------- */

/** Bytes of a value of fixed size; 0 for strings, arrays and what GGUF does not know. */
static size_t value_size(uint32_t type) {
    switch (type) {
    case SETTING_U8:
    case SETTING_I8:
    case SETTING_BOOL:
        return 1;
    case SETTING_U16:
    case SETTING_I16:
        return 2;
    case SETTING_U32:
    case SETTING_I32:
    case SETTING_F32:
        return 4;
    case SETTING_U64:
    case SETTING_I64:
    case SETTING_F64:
        return 8;
    default:
        return 0;
    }
}

/** Find the end of an array and note where it lies. */
static enum gen_status read_array(struct reader *reader, struct setting *setting, const char *key) {
    struct cursor *in = &reader->in;
    uint32_t type = cursor_u32(in);
    uint64_t n = cursor_u64(in);
    size_t each = value_size(type);
    size_t smallest = each > 0 ? each : sizeof(uint64_t);
    if (type == SETTING_ARRAY)
        return error_set(reader->err, GEN_UNSUPPORTED,
                         "%s: setting \"%s\" is an array of arrays, which is not read",
                         reader->where, key);
    if (each == 0 && type != SETTING_STRING)
        return error_set(reader->err, GEN_BAD_FILE,
                         "%s: the elements of setting \"%s\" have the unknown type %u",
                         reader->where, key, type);
    if (n > cursor_left(in) / smallest)
        return error_set(reader->err, GEN_BAD_FILE,
                         "%s: setting \"%s\" claims %llu elements, more than the file holds",
                         reader->where, key, (unsigned long long)n);
    if (each == 0 && n > TOKENIZER_MAX_TOKENS) /* before they are walked over, one by one */
        return error_set(reader->err, GEN_BAD_FILE,
                         "%s: setting \"%s\" has %llu strings (at most %d)", reader->where, key,
                         (unsigned long long)n, TOKENIZER_MAX_TOKENS);
    setting->element_type = (enum setting_type)type;
    setting->value.array.data = in->data + in->position;
    setting->value.array.n = n;
    size_t start = in->position;
    if (each > 0)
        cursor_take(in, n * each);
    for (uint64_t i = 0; each == 0 && i < n && !in->failed; i++) {
        struct text text = read_text(in);
        if (memchr(text.bytes, '\0', text.n) != NULL)
            return error_set(reader->err, GEN_BAD_FILE,
                             "%s: string %llu of setting \"%s\" has a NUL byte inside",
                             reader->where, (unsigned long long)i, key);
    }
    setting->value.array.size = in->position - start;
    return GEN_OK;
}

static enum gen_status read_value(struct reader *reader, struct setting *setting, uint32_t type,
                                  const char *key) {
    struct cursor *in = &reader->in;
    setting->type = (enum setting_type)type;
    switch (type) {
    case SETTING_U8:
        setting->value.u = cursor_u8(in);
        break;
    case SETTING_I8:
        setting->value.i = (int8_t)cursor_u8(in);
        break;
    case SETTING_U16:
        setting->value.u = cursor_u16(in);
        break;
    case SETTING_I16:
        setting->value.i = (int16_t)cursor_u16(in);
        break;
    case SETTING_U32:
        setting->value.u = cursor_u32(in);
        break;
    case SETTING_I32:
        setting->value.i = (int32_t)cursor_u32(in);
        break;
    case SETTING_U64:
        setting->value.u = cursor_u64(in);
        break;
    case SETTING_I64:
        setting->value.i = (int64_t)cursor_u64(in);
        break;
    case SETTING_F32:
        setting->value.f = (double)cursor_f32(in);
        break;
    case SETTING_F64:
        setting->value.f = cursor_f64(in);
        break;
    case SETTING_BOOL:
        setting->value.u = cursor_u8(in);
        if (setting->value.u > 1)
            return error_set(reader->err, GEN_BAD_FILE,
                             "%s: setting \"%s\" is true or false, but its byte is %u, not 0 or 1",
                             reader->where, key, (unsigned)setting->value.u);
        break;
    case SETTING_STRING: {
        struct text text = read_text(in);
        setting->value.string.text = text.bytes;
        setting->value.string.n = text.n;
        if (memchr(text.bytes, '\0', text.n) != NULL)
            return error_set(reader->err, GEN_BAD_FILE,
                             "%s: the text of setting \"%s\" has a NUL byte inside", reader->where,
                             key);
        break;
    }
    case SETTING_ARRAY:
        return read_array(reader, setting, key);
    default:
        return error_set(reader->err, GEN_BAD_FILE, "%s: setting \"%s\" has the unknown type %u",
                         reader->where, key, type);
    }
    return GEN_OK;
}

static enum gen_status read_settings(struct reader *reader, uint64_t n_settings) {
    for (uint64_t i = 0; i < n_settings; i++) {
        struct error_quoted quoted;
        struct setting setting = {0};
        struct text key = read_text(&reader->in);
        uint32_t type = cursor_u32(&reader->in);
        if (reader->in.failed)
            return truncated(reader, "setting", i);
        error_quote(&quoted, key.bytes, key.n);
        enum gen_status status = read_value(reader, &setting, type, quoted.text);
        if (status != GEN_OK)
            return status;
        if (reader->in.failed)
            return truncated(reader, "setting", i);
        status = model_file_add_setting(reader->file, &setting, key.bytes, key.n, reader->where,
                                        reader->err);
        if (status != GEN_OK)
            return status;
    }
    return GEN_OK;
}

static enum gen_status read_alignment(const struct reader *reader, size_t *alignment) {
    int64_t value = GGUF_ALIGNMENT;
    enum gen_status status =
        model_file_get_int(reader->file, GGUF_ALIGNMENT_KEY, GGUF_MIN_ALIGNMENT, GGUF_MAX_ALIGNMENT,
                           &value, reader->err);
    if (status == GEN_OK && (value & (value - 1)) != 0)
        return error_set(reader->err, GEN_BAD_FILE,
                         "%s: " GGUF_ALIGNMENT_KEY " is %lld, but must be a power of two",
                         reader->where, (long long)value);
    *alignment = (size_t)value;
    return status;
}

/* ---- tensors -------------------------------------------------------------------------------- */

/** A tensor header as it stands in the file; the offset counts from the start of the data. */
struct header {
    struct text name;
    uint32_t n_dims;
    uint64_t dims[FILE_TENSOR_MAX_DIMS];
    uint32_t type;
    uint64_t offset;
};

/** Read and judge the shape; `name` is the printable name. */
static enum gen_status read_dims(struct reader *reader, struct header *header, const char *name) {
    header->n_dims = cursor_u32(&reader->in);
    if (header->n_dims < 1 || header->n_dims > FILE_TENSOR_MAX_DIMS)
        return error_set(reader->err, GEN_BAD_FILE,
                         "%s: tensor \"%s\" has %u dimensions, but must have 1 to %d",
                         reader->where, name, header->n_dims, FILE_TENSOR_MAX_DIMS);
    for (size_t d = 0; d < FILE_TENSOR_MAX_DIMS; d++) {
        header->dims[d] = d < header->n_dims ? cursor_u64(&reader->in) : 1;
        if (header->dims[d] == 0 && !reader->in.failed)
            return error_set(reader->err, GEN_BAD_FILE, "%s: tensor \"%s\" has a dimension of 0",
                             reader->where, name);
    }
    return GEN_OK;
}

/** Bytes the tensor needs, by shape and type. */
static enum gen_status tensor_size(const struct reader *reader, const struct header *header,
                                   const char *name, enum tensor_type *type, size_t *size) {
    if (!tensor_type_from_gguf(header->type, type)) {
        struct readable_types readable;
        const char *type_name = tensor_type_gguf_name(header->type);
        return error_set(reader->err, GEN_UNSUPPORTED,
                         "%s: tensor \"%s\" has type %s (number %u), which is not read; types that "
                         "are: %s (convert the model to one of these)",
                         reader->where, name, type_name != NULL ? type_name : "unknown",
                         header->type, model_file_readable_types(&readable, MODEL_FILE_GGUF));
    }
    const struct tensor_type_info *info = tensor_type_info(*type);
    uint64_t blocks = header->dims[0] / info->block_size;
    if (header->dims[0] % info->block_size != 0)
        return error_set(
            reader->err, GEN_BAD_FILE,
            "%s: the rows of tensor \"%s\" have %llu numbers, not a multiple of %zu as "
            "type %s needs",
            reader->where, name, (unsigned long long)header->dims[0], info->block_size, info->name);
    bool fits = blocks <= SIZE_MAX && memory_multiply((size_t)blocks, info->block_bytes, size);
    for (size_t d = 1; d < FILE_TENSOR_MAX_DIMS && fits; d++)
        fits = header->dims[d] <= SIZE_MAX && memory_multiply(*size, (size_t)header->dims[d], size);
    if (!fits || *size > reader->in.size)
        return error_set(reader->err, GEN_BAD_FILE,
                         "%s: tensor \"%s\" would need more bytes than the file has (%zu)",
                         reader->where, name, reader->in.size);
    return GEN_OK;
}

/** One header; its offset goes to *offset until the start of the data is known. */
static enum gen_status read_tensor(struct reader *reader, uint64_t number, size_t alignment,
                                   uint64_t *offset) {
    struct error_quoted quoted;
    struct header header = {.name = read_text(&reader->in)};
    const char *name = error_quote(&quoted, header.name.bytes, header.name.n);
    if (reader->in.failed)
        return truncated(reader, "the header of tensor", number);
    enum gen_status status = read_dims(reader, &header, name);
    if (status != GEN_OK)
        return reader->in.failed ? truncated(reader, "the header of tensor", number) : status;
    header.type = cursor_u32(&reader->in);
    header.offset = cursor_u64(&reader->in);
    if (reader->in.failed)
        return truncated(reader, "the header of tensor", number);

    struct file_tensor tensor = {.n_dims = (int)header.n_dims};
    memcpy(tensor.dims, header.dims, sizeof tensor.dims);
    status = tensor_size(reader, &header, name, &tensor.type, &tensor.size);
    if (status != GEN_OK)
        return status;
    if (header.offset % alignment != 0)
        return error_set(reader->err, GEN_BAD_FILE,
                         "%s: tensor \"%s\" begins at offset %llu, not a multiple of %zu",
                         reader->where, name, (unsigned long long)header.offset, alignment);
    *offset = header.offset;
    return model_file_add_tensor(reader->file, &tensor, header.name.bytes, header.name.n,
                                 reader->where, reader->err);
}

/** Refuse overlapping tensors, and bytes behind the last one. */
static enum gen_status check_spans(const struct reader *reader, struct file_span *spans, size_t n,
                                   size_t data_size, size_t alignment) {
    file_spans_sort(spans, n);
    for (size_t i = 1; i < n; i++)
        if (spans[i].begin < spans[i - 1].end) {
            struct error_quoted first, second;
            return error_set(reader->err, GEN_BAD_FILE,
                             "%s: the data of tensors \"%s\" and \"%s\" overlap", reader->where,
                             error_quote(&first, spans[i - 1].name, strlen(spans[i - 1].name)),
                             error_quote(&second, spans[i].name, strlen(spans[i].name)));
        }
    uint64_t end = n > 0 ? spans[n - 1].end : 0;
    uint64_t padding = (alignment - end % alignment) % alignment;
    if (data_size > end && data_size - end > padding)
        return error_set(reader->err, GEN_BAD_FILE,
                         "%s: behind the last tensor are bytes that belong to nothing: %llu",
                         reader->where, (unsigned long long)(data_size - end - padding));
    return GEN_OK;
}

/** Give every tensor its place in the mapping. */
static enum gen_status place_tensors(struct reader *reader, const uint64_t *offsets,
                                     struct file_span *spans, size_t alignment) {
    struct model_file *file = reader->file;
    cursor_align(&reader->in, alignment); /* fails where the file ends before: no data then */
    size_t data_size = cursor_left(&reader->in);
    const unsigned char *data = reader->in.data + reader->in.position;
    for (size_t i = 0; i < file->n_tensors; i++) {
        struct file_tensor *tensor = &file->tensors[i];
        if (offsets[i] > data_size || tensor->size > data_size - offsets[i]) {
            struct error_quoted quoted;
            return error_set(reader->err, GEN_BAD_FILE,
                             "%s: tensor \"%s\" (%zu bytes at offset %llu) lies beyond the end of "
                             "the data (%zu bytes): the file is cut off, or the offset is wrong",
                             reader->where,
                             error_quote(&quoted, tensor->name, strlen(tensor->name)), tensor->size,
                             (unsigned long long)offsets[i], data_size);
        }
        tensor->data = data + offsets[i];
        spans[i] = (struct file_span){offsets[i], offsets[i] + tensor->size, tensor->name};
    }
    return check_spans(reader, spans, file->n_tensors, data_size, alignment);
}

static enum gen_status read_tensors(struct reader *reader, uint64_t n_tensors) {
    size_t alignment = GGUF_ALIGNMENT;
    enum gen_status status = read_alignment(reader, &alignment);
    if (status != GEN_OK)
        return status;
    size_t n = (size_t)n_tensors; /* at most the file's size: read_header() */
    uint64_t *offsets = memory_new(n, sizeof *offsets);
    struct file_span *spans = memory_new(n, sizeof *spans);
    if (offsets == NULL || spans == NULL)
        status = error_no_memory(reader->err, "the list of tensors");
    for (size_t i = 0; i < n && status == GEN_OK; i++)
        status = read_tensor(reader, i, alignment, &offsets[i]);
    if (status == GEN_OK)
        status = place_tensors(reader, offsets, spans, alignment);
    memory_free(offsets);
    memory_free(spans);
    return status;
}

enum gen_status gguf_read(struct model_file *file, struct gen_error *err) {
    struct reader reader = {.file = file,
                            .in = cursor_over(file->maps[0].data, file->maps[0].size),
                            .where = file->where.text,
                            .err = err};
    uint64_t n_tensors = 0, n_settings = 0;
    file->kind = MODEL_FILE_GGUF;
    enum gen_status status = read_header(&reader, &n_tensors, &n_settings);
    if (status == GEN_OK)
        status = read_settings(&reader, n_settings);
    if (status == GEN_OK)
        status = read_tensors(&reader, n_tensors);
    return status;
}
