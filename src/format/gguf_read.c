/**
 * gguf_read.c - reading GGUF v2 and v3. The byte layout is drawn in gguf_write.h.
 *
 * The header and the tensors are here, the settings in gguf_settings.c. The padding after the last
 * tensor's data may be missing: no byte of it means anything.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "format/added_flags.h"
#include "format/gguf_reader.h"
#include "format/tokenizer_files.h"

#define GGUF_MAGIC         "GGUF"
#define GGUF_ALIGNMENT     32
#define GGUF_MAX_ALIGNMENT (1 << 20)

#define GGUF_ALIGNMENT_KEY "general.alignment"

/* Fewest bytes a setting and a tensor header can take: names of one byte, one dimension. */
#define GGUF_MIN_SETTING_SIZE (8 + 1 + 4 + 1)
#define GGUF_MIN_TENSOR_SIZE  (8 + 1 + 4 + 8 + 4 + 8)

/* ---- header ----------------------------------------------------------------------------------*/

static enum gen_status read_header(struct gguf_reader *reader, uint64_t *n_tensors,
                                   uint64_t *n_settings) {
    struct cursor *in = &reader->in;
    const unsigned char *magic = cursor_take(in, 4);
    if (magic == NULL || memcmp(magic, GGUF_MAGIC, 4) != 0) {
        return error_set(reader->err, GEN_BAD_FILE,
                         "%s: is not a GGUF file: it does not begin with \"GGUF\"", reader->where);
    }
    uint32_t version = cursor_u32(in);
    *n_tensors = cursor_u64(in);
    *n_settings = cursor_u64(in);
    if (in->failed) {
        return error_set(reader->err, GEN_BAD_FILE, "%s: the file ends inside its GGUF header",
                         reader->where);
    }
    if ((version & 0xFFFF) == 0 && version != 0) {
        return error_set(reader->err, GEN_UNSUPPORTED,
                         "%s: is a big-endian GGUF file; only little-endian ones are read "
                         "(gguf-convert-endian of the gguf Python package converts it)",
                         reader->where);
    }
    if (version != 2 && version != 3) {
        return error_set(reader->err, GEN_UNSUPPORTED,
                         "%s: has GGUF version %u, but only versions 2 and 3 are read",
                         reader->where, version);
    }
    reader->file->format = version == 2 ? "gguf v2" : "gguf v3";
    if (*n_settings > cursor_left(in) / GGUF_MIN_SETTING_SIZE ||
        *n_tensors > cursor_left(in) / GGUF_MIN_TENSOR_SIZE) {
        return error_set(reader->err, GEN_BAD_FILE,
                         "%s: claims %llu tensors and %llu settings, more than its %zu bytes hold",
                         reader->where, (unsigned long long)*n_tensors,
                         (unsigned long long)*n_settings, in->size);
    }
    return GEN_OK;
}

static enum gen_status read_alignment(const struct gguf_reader *reader, size_t *alignment) {
    int64_t value = GGUF_ALIGNMENT;
    enum gen_status status = model_file_get_int(reader->file, GGUF_ALIGNMENT_KEY, 1,
                                                GGUF_MAX_ALIGNMENT, &value, reader->err);
    if (status == GEN_OK && (value & (value - 1)) != 0) {
        return error_set(reader->err, GEN_BAD_FILE,
                         "%s: " GGUF_ALIGNMENT_KEY " is %lld, but must be a power of two",
                         reader->where, (long long)value);
    }
    *alignment = (size_t)value;
    return status;
}

/* ---- tensors ---------------------------------------------------------------------------------*/

/* Where a tensor's data lie, counted from the start of all data, and which tensor it became. */
struct place {
    uint64_t offset;
    size_t index;
    bool unread; /* the index is one of file->unread */
};

/* A tensor header as the file has it; the offset counts from the start of the data. */
struct header {
    struct gguf_text name;
    uint32_t n_dims;
    uint64_t dims[FILE_TENSOR_MAX_DIMS];
    uint32_t type;
    uint64_t offset;
};

/* Read and judge the shape; `name` is the printable name. */
static enum gen_status read_dims(struct gguf_reader *reader, struct header *header,
                                 const char *name) {
    header->n_dims = cursor_u32(&reader->in);
    if (header->n_dims < 1 || header->n_dims > FILE_TENSOR_MAX_DIMS) {
        return error_set(reader->err, GEN_BAD_FILE,
                         "%s: tensor \"%s\" has %u dimensions, but must have 1 to %d",
                         reader->where, name, header->n_dims, FILE_TENSOR_MAX_DIMS);
    }
    for (size_t d = 0; d < FILE_TENSOR_MAX_DIMS; d++) {
        header->dims[d] = d < header->n_dims ? cursor_u64(&reader->in) : 1;
    }
    return GEN_OK;
}

/* Bytes the tensor needs, by shape and type. */
static enum gen_status tensor_size(const struct gguf_reader *reader, const struct header *header,
                                   const char *name, size_t *size) {
    const struct tensor_other_type *type = tensor_type_other(header->type);
    if (type == NULL || type->block_size == 0) {
        struct readable_types readable;
        return error_set(reader->err, GEN_UNSUPPORTED,
                         "%s: tensor \"%s\" has type %s (number %u), which is not read; types that "
                         "are: %s (convert the model to one of these)",
                         reader->where, name, type != NULL ? type->name : "unknown", header->type,
                         model_file_readable_types(&readable, NAMES_GGUF));
    }
    uint64_t blocks = header->dims[0] / type->block_size;
    if (header->dims[0] % type->block_size != 0) {
        return error_set(
            reader->err, GEN_BAD_FILE,
            "%s: the rows of tensor \"%s\" have %llu numbers, not a multiple of %zu as "
            "type %s needs",
            reader->where, name, (unsigned long long)header->dims[0], type->block_size, type->name);
    }
    bool fits = blocks <= SIZE_MAX && memory_multiply((size_t)blocks, type->block_bytes, size);
    for (size_t d = 1; d < FILE_TENSOR_MAX_DIMS && fits; d++) {
        fits = header->dims[d] <= SIZE_MAX && memory_multiply(*size, (size_t)header->dims[d], size);
    }
    if (!fits || *size > reader->in.size) {
        return error_set(reader->err, GEN_BAD_FILE,
                         "%s: tensor \"%s\" would need more bytes than the file has (%zu)",
                         reader->where, name, reader->in.size);
    }
    return GEN_OK;
}

/* Add it to the tensors, or to those that cannot be used. */
static enum gen_status add_tensor(struct gguf_reader *reader, const struct header *header,
                                  struct file_tensor *tensor, struct place *place) {
    struct model_file *file = reader->file;
    bool empty = false;
    for (size_t d = 0; d < FILE_TENSOR_MAX_DIMS; d++) {
        empty = empty || header->dims[d] == 0;
    }
    if (!empty && tensor_type_from_gguf(header->type, &tensor->type)) {
        place->index = file->n_tensors;
        return model_file_add_tensor(file, tensor, header->name.bytes, header->name.n,
                                     reader->where, reader->err);
    }
    struct readable_types readable;
    char why[400] = "has a dimension of 0";
    if (!empty) {
        snprintf(
            why, sizeof why,
            "has type %s (number %u), which is not read; types that are: %s (convert the model "
            "to one of these)",
            tensor_type_other(header->type)->name, header->type,
            model_file_readable_types(&readable, NAMES_GGUF));
    }
    struct unread_tensor unread = {.why = why, .is_listed = true, .tensor = *tensor};
    place->index = file->n_unread;
    place->unread = true;
    return model_file_add_unread(file, &unread, header->name.bytes, header->name.n, false,
                                 reader->where, reader->err);
}

/* One header; where its data lie goes to *place until the start of all data is known. */
static enum gen_status read_tensor(struct gguf_reader *reader, uint64_t number, size_t alignment,
                                   struct place *place) {
    struct error_quoted quoted;
    struct header header = {.name = gguf_read_text(&reader->in)};
    const char *name = error_quote(&quoted, header.name.bytes, header.name.n);
    if (reader->in.failed) {
        return gguf_truncated(reader, "the header of tensor", number);
    }
    enum gen_status status = read_dims(reader, &header, name);
    if (status != GEN_OK) {
        return reader->in.failed ? gguf_truncated(reader, "the header of tensor", number) : status;
    }
    header.type = cursor_u32(&reader->in);
    header.offset = cursor_u64(&reader->in);
    if (reader->in.failed) {
        return gguf_truncated(reader, "the header of tensor", number);
    }

    struct file_tensor tensor = {.n_dims = (int)header.n_dims};
    memcpy(tensor.dims, header.dims, sizeof tensor.dims);
    status = tensor_size(reader, &header, name, &tensor.size);
    if (status != GEN_OK) {
        return status;
    }
    if (header.offset % alignment != 0) {
        return error_set(reader->err, GEN_BAD_FILE,
                         "%s: tensor \"%s\" begins at offset %llu, not a multiple of %zu",
                         reader->where, name, (unsigned long long)header.offset, alignment);
    }
    *place = (struct place){.offset = header.offset};
    return add_tensor(reader, &header, &tensor, place);
}

/* Refuse overlapping tensors, and bytes after the last one. */
static enum gen_status check_spans(const struct gguf_reader *reader, struct file_span *spans,
                                   size_t n, size_t data_size, size_t alignment) {
    file_spans_sort(spans, n);
    for (size_t i = 1; i < n; i++) {
        if (spans[i].begin < spans[i - 1].end) {
            struct error_quoted first, second;
            return error_set(reader->err, GEN_BAD_FILE,
                             "%s: the data of tensors \"%s\" and \"%s\" overlap", reader->where,
                             error_quote(&first, spans[i - 1].name, strlen(spans[i - 1].name)),
                             error_quote(&second, spans[i].name, strlen(spans[i].name)));
        }
    }
    uint64_t end = n > 0 ? spans[n - 1].end : 0;
    uint64_t padding = (alignment - end % alignment) % alignment;
    if (data_size > end && data_size - end > padding) {
        return error_set(reader->err, GEN_BAD_FILE,
                         "%s: after the last tensor are bytes that belong to nothing: %llu",
                         reader->where, (unsigned long long)(data_size - end - padding));
    }
    return GEN_OK;
}

/* Give every tensor its place in the mapping. */
static enum gen_status place_tensors(struct gguf_reader *reader, const struct place *places,
                                     size_t n, struct file_span *spans, size_t alignment) {
    struct model_file *file = reader->file;
    cursor_align(&reader->in, alignment); /* fails where the file ends before: no data then */
    size_t data_size = cursor_left(&reader->in);
    const unsigned char *data = reader->in.data + reader->in.position;
    for (size_t i = 0; i < n; i++) {
        struct unread_tensor *unread = places[i].unread ? &file->unread[places[i].index] : NULL;
        struct file_tensor *tensor =
            unread != NULL ? &unread->tensor : &file->tensors[places[i].index];
        const char *name = unread != NULL ? unread->name : tensor->name;
        uint64_t offset = places[i].offset;
        if (offset > data_size || tensor->size > data_size - offset) {
            struct error_quoted quoted;
            return error_set(reader->err, GEN_BAD_FILE,
                             "%s: tensor \"%s\" (%zu bytes at offset %llu) lies beyond the end of "
                             "the data (%zu bytes): the file is cut off, or the offset is wrong",
                             reader->where, error_quote(&quoted, name, strlen(name)), tensor->size,
                             (unsigned long long)offset, data_size);
        }
        tensor->data = data + offset;
        spans[i] = (struct file_span){offset, offset + tensor->size, name};
    }
    return check_spans(reader, spans, n, data_size, alignment);
}

static enum gen_status read_tensors(struct gguf_reader *reader, uint64_t n_tensors) {
    size_t alignment = GGUF_ALIGNMENT;
    enum gen_status status = read_alignment(reader, &alignment);
    if (status != GEN_OK) {
        return status;
    }
    size_t n = (size_t)n_tensors; /* at most the file's size: read_header() */
    struct place *places = memory_new(n, sizeof *places);
    struct file_span *spans = memory_new(n, sizeof *spans);
    if (places == NULL || spans == NULL) {
        status = error_no_memory(reader->err, "the list of tensors");
    }
    for (size_t i = 0; i < n && status == GEN_OK; i++) {
        status = read_tensor(reader, i, alignment, &places[i]);
    }
    if (status == GEN_OK) {
        status = place_tensors(reader, places, n, spans, alignment);
    }
    memory_free(places);
    memory_free(spans);
    return status;
}

static enum gen_status make_tokenizer(struct model_file *file, struct gen_error *err) {
    enum gen_status status = tokenizer_files_read_gguf(&file->tokenizer, file, err);
    return status == GEN_OK ? added_flags_read(file, err) : status;
}

enum gen_status gguf_read(struct model_file *file, struct gen_error *err) {
    struct gguf_reader reader = {.file = file,
                                 .in = cursor_over(file->maps[0].data, file->maps[0].size),
                                 .where = file->where.text,
                                 .err = err};
    uint64_t n_tensors = 0, n_settings = 0;
    file->naming = NAMES_GGUF;
    file->make_tokenizer = make_tokenizer;
    enum gen_status status = read_header(&reader, &n_tensors, &n_settings);
    if (status == GEN_OK) {
        status = gguf_read_settings(&reader, n_settings);
    }
    if (status == GEN_OK) {
        status = read_tensors(&reader, n_tensors);
    }
    return status;
}
