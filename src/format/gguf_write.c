/**
 * gguf_write.c - writing GGUF v3: settings, tokenizer and tensor headers are encoded into memory,
 * then tensor data go straight to the file. Which settings and types a model gets is in
 * model/settings.c and model/convert.c; reading is in gguf_read.c.
 */
#include "format/gguf_write.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/memory.h"
#include "format/model_file.h"

#define GGUF_VERSION 3

/* Types of tokens, as gguf_tokenizer.c reads them. */
enum { TOKEN_NORMAL = 1, TOKEN_CONTROL = 3, TOKEN_USER_DEFINED = 4, TOKEN_UNUSED = 5 };

struct gguf_writer {
    struct file_writer file;
    struct error_quoted where;
    struct gen_bytes settings; /* encoded */
    struct gen_bytes headers;  /* of the tensors, encoded */
    uint64_t n_settings;
    uint64_t *sizes; /* bytes of each tensor, without padding */
    size_t n_tensors;
    size_t capacity;
    uint64_t data_size;  /* of all announced tensors, each with its padding */
    bool header_written; /* from then on nothing can be announced */
    size_t current;      /* tensor that the next data belong to */
    uint64_t n_current;  /* bytes of it that are written */
};

enum gen_status gguf_writer_new(struct gguf_writer **out, const char *path, struct gen_error *err) {
    *out = NULL;
    struct gguf_writer *writer = memory_new(1, sizeof *writer);
    if (writer == NULL) {
        return error_no_memory(err, "the GGUF writer");
    }
    error_path(&writer->where, path);
    enum gen_status status = file_writer_open(&writer->file, path, err);
    if (status == GEN_OK) {
        *out = writer;
    } else {
        gguf_writer_free(writer);
    }
    return status;
}

void gguf_writer_free(struct gguf_writer *writer) {
    if (writer == NULL) {
        return;
    }
    file_writer_close(&writer->file);
    gen_bytes_release(&writer->settings);
    gen_bytes_release(&writer->headers);
    memory_free(writer->sizes);
    memory_free(writer);
}

/* ---- encoding into memory --------------------------------------------------------------------*/

/* Each of these returns false when memory is out. */
static bool put(struct gen_bytes *out, const void *bytes, size_t n) {
    return gen_bytes_append(out, bytes, n) == GEN_OK;
}

static bool put_u32(struct gen_bytes *out, uint32_t value) {
    unsigned char bytes[4];
    bytes_put_u32(bytes, value);
    return put(out, bytes, sizeof bytes);
}

static bool put_u64(struct gen_bytes *out, uint64_t value) {
    unsigned char bytes[8];
    bytes_put_u64(bytes, value);
    return put(out, bytes, sizeof bytes);
}

static bool put_string(struct gen_bytes *out, const char *text, size_t n) {
    return put_u64(out, n) && put(out, text, n);
}

/* Key and type of the next setting. */
static bool put_key(struct gguf_writer *writer, const char *key, enum setting_type type) {
    writer->n_settings++;
    return put_string(&writer->settings, key, strlen(key)) &&
           put_u32(&writer->settings, (uint32_t)type);
}

static bool put_array_key(struct gguf_writer *writer, const char *key, enum setting_type type,
                          uint64_t n) {
    return put_key(writer, key, SETTING_ARRAY) && put_u32(&writer->settings, (uint32_t)type) &&
           put_u64(&writer->settings, n);
}

static enum gen_status done(bool good, struct gen_error *err) {
    return good ? GEN_OK : error_no_memory(err, "the GGUF header");
}

/* ---- settings --------------------------------------------------------------------------------*/

enum gen_status gguf_writer_string(struct gguf_writer *writer, const char *key, const char *text,
                                   size_t n, struct gen_error *err) {
    return done(put_key(writer, key, SETTING_STRING) && put_string(&writer->settings, text, n),
                err);
}

enum gen_status gguf_writer_u32(struct gguf_writer *writer, const char *key, uint32_t value,
                                struct gen_error *err) {
    return done(put_key(writer, key, SETTING_U32) && put_u32(&writer->settings, value), err);
}

enum gen_status gguf_writer_f32(struct gguf_writer *writer, const char *key, float value,
                                struct gen_error *err) {
    uint32_t bits = 0;
    memcpy(&bits, &value, sizeof bits);
    return done(put_key(writer, key, SETTING_F32) && put_u32(&writer->settings, bits), err);
}

enum gen_status gguf_writer_bool(struct gguf_writer *writer, const char *key, bool value,
                                 struct gen_error *err) {
    unsigned char byte = value ? 1 : 0;
    return done(put_key(writer, key, SETTING_BOOL) && put(&writer->settings, &byte, 1), err);
}

enum gen_status gguf_writer_u32_array(struct gguf_writer *writer, const char *key,
                                      const int32_t *values, size_t n, struct gen_error *err) {
    bool good = put_array_key(writer, key, SETTING_U32, n);
    for (size_t i = 0; i < n && good; i++) {
        good = put_u32(&writer->settings, (uint32_t)values[i]);
    }
    return done(good, err);
}

enum gen_status gguf_writer_bool_array(struct gguf_writer *writer, const char *key,
                                       const bool *values, size_t n, struct gen_error *err) {
    bool good = put_array_key(writer, key, SETTING_BOOL, n);
    for (size_t i = 0; i < n && good; i++) {
        unsigned char byte = values[i] ? 1 : 0;
        good = put(&writer->settings, &byte, 1);
    }
    return done(good, err);
}

/* The value of a setting as the file had it. */
static bool put_value(struct gen_bytes *out, const struct setting *setting) {
    unsigned char bytes[8];
    float narrow = 0;
    uint32_t bits = 0;
    bytes_put_u64(bytes, setting->value.u); /* signed ones are the same bits of the union */
    switch (setting->type) {
    case SETTING_U8:
    case SETTING_I8:
    case SETTING_BOOL:
        return put(out, bytes, 1);
    case SETTING_U16:
    case SETTING_I16:
        return put(out, bytes, 2);
    case SETTING_U32:
    case SETTING_I32:
        return put(out, bytes, 4);
    case SETTING_U64:
    case SETTING_I64:
    case SETTING_F64:
        return put(out, bytes, 8);
    case SETTING_F32:
        narrow = (float)setting->value.f;
        memcpy(&bits, &narrow, sizeof bits);
        return put_u32(out, bits);
    case SETTING_STRING:
        return put_string(out, setting->value.string.text, setting->value.string.n);
    case SETTING_ARRAY:
        return put_u32(out, (uint32_t)setting->element_type) &&
               put_u64(out, setting->value.array.n) &&
               put(out, (const char *)setting->value.array.data, setting->value.array.size);
    case SETTING_NULL:
    case SETTING_OBJECT:
        break; /* of JSON only */
    }
    return true;
}

enum gen_status gguf_writer_setting(struct gguf_writer *writer, const struct setting *setting,
                                    struct gen_error *err) {
    return done(
        put_key(writer, setting->key, setting->type) && put_value(&writer->settings, setting), err);
}

/* ---- tokenizer -------------------------------------------------------------------------------*/

static bool put_tokens(struct gguf_writer *writer, const struct gen_tokenizer *tokenizer,
                       int32_t n_vocab) {
    struct gen_bytes spelling = {0};
    bool good = put_array_key(writer, "tokenizer.ggml.tokens", SETTING_STRING, (uint64_t)n_vocab);
    for (int32_t id = 0; id < n_vocab && good; id++) {
        if (tokenizer_has(tokenizer, id)) {
            spelling.n = 0;
            good = tokenizer_spelling(tokenizer, id, &spelling) == GEN_OK &&
                   put_string(&writer->settings, spelling.data, spelling.n);
        } else {
            char placeholder[24];
            int n = snprintf(placeholder, sizeof placeholder, "[PAD%ld]", (long)id);
            good = put_string(&writer->settings, placeholder, (size_t)n);
        }
    }
    gen_bytes_release(&spelling);
    return good;
}

static bool put_token_types(struct gguf_writer *writer, const struct gen_tokenizer *tokenizer,
                            int32_t n_vocab) {
    bool good = put_array_key(writer, "tokenizer.ggml.token_type", SETTING_I32, (uint64_t)n_vocab);
    for (int32_t id = 0; id < n_vocab && good; id++) {
        uint32_t type = TOKEN_UNUSED;
        if (tokenizer_is_special(tokenizer, id)) {
            type = TOKEN_CONTROL;
        } else if (tokenizer_has(tokenizer, id)) {
            type = tokenizer_kind(tokenizer, id) != 0 ? TOKEN_USER_DEFINED : TOKEN_NORMAL;
        }
        good = put_u32(&writer->settings, type);
    }
    return good;
}

static bool put_merges(struct gguf_writer *writer, const struct gen_tokenizer *tokenizer) {
    struct gen_bytes line = {0};
    size_t n = tokenizer_n_merges(tokenizer);
    bool good = put_array_key(writer, "tokenizer.ggml.merges", SETTING_STRING, n);
    for (size_t rank = 0; rank < n && good; rank++) {
        int32_t left = 0, right = 0;
        tokenizer_merge(tokenizer, rank, &left, &right);
        line.n = 0;
        good = tokenizer_spelling(tokenizer, left, &line) == GEN_OK && put(&line, " ", 1) &&
               tokenizer_spelling(tokenizer, right, &line) == GEN_OK &&
               put_string(&writer->settings, line.data, line.n);
    }
    gen_bytes_release(&line);
    return good;
}

/* Tokens without a row are left out, but for those that merges make: then other ids would come. */
static enum gen_status check_merges(const struct gguf_writer *writer,
                                    const struct gen_tokenizer *tokenizer, int32_t n_vocab,
                                    struct gen_error *err) {
    for (int32_t id = n_vocab; id < gen_tokenizer_n_vocab(tokenizer); id++) {
        if (tokenizer_has(tokenizer, id) && tokenizer_kind(tokenizer, id) == 0) {
            return error_set(err, GEN_UNSUPPORTED,
                             "%s: cannot be written: a GGUF has a row for each token, but the "
                             "tokenizer has %ld ids and the model only %ld rows (give the model "
                             "more rows, by resize_token_embeddings)",
                             writer->where.text, (long)gen_tokenizer_n_vocab(tokenizer),
                             (long)n_vocab);
        }
    }
    return GEN_OK;
}

enum gen_status gguf_writer_tokenizer(struct gguf_writer *writer,
                                      const struct gen_tokenizer *tokenizer, int32_t n_vocab,
                                      struct gen_error *err) {
    enum gen_status status = check_merges(writer, tokenizer, n_vocab, err);
    if (status == GEN_OK) {
        status = gguf_writer_string(writer, "tokenizer.ggml.model", "gpt2", 4, err);
    }
    if (status == GEN_OK) {
        status = gguf_writer_string(writer, "tokenizer.ggml.pre", "gpt-2", 5, err);
    }
    if (status == GEN_OK) {
        status =
            done(put_tokens(writer, tokenizer, n_vocab) &&
                     put_token_types(writer, tokenizer, n_vocab) && put_merges(writer, tokenizer),
                 err);
    }
    return status;
}

/* ---- tensors ---------------------------------------------------------------------------------*/

/* Bytes from `size` to the next multiple of the alignment. */
static uint64_t padding(uint64_t size) {
    return (GGUF_WRITE_ALIGNMENT - size % GGUF_WRITE_ALIGNMENT) % GGUF_WRITE_ALIGNMENT;
}

enum gen_status gguf_writer_tensor(struct gguf_writer *writer, const char *name,
                                   enum tensor_type type, int n_dims, const uint64_t *dims,
                                   struct gen_error *err) {
    const struct tensor_type_info *info = tensor_type_info(type);
    size_t size = info->block_bytes;
    bool fits = n_dims >= 1 && n_dims <= FILE_TENSOR_MAX_DIMS && dims[0] % info->block_size == 0;
    for (int d = 0; d < n_dims && fits; d++) {
        uint64_t n = d == 0 ? dims[0] / info->block_size : dims[d];
        fits = n > 0 && n <= SIZE_MAX && memory_multiply(size, (size_t)n, &size);
    }
    if (!fits || writer->header_written || size > INT64_MAX - writer->data_size - 64) {
        return error_set(err, GEN_BAD_ARGUMENT, "%s: tensor %s cannot be announced like that",
                         writer->where.text, name);
    }
    bool good = memory_grow(&writer->sizes, &writer->capacity, writer->n_tensors + 1,
                            sizeof *writer->sizes) &&
                put_string(&writer->headers, name, strlen(name)) &&
                put_u32(&writer->headers, (uint32_t)n_dims);
    for (int d = 0; d < n_dims && good; d++) {
        good = put_u64(&writer->headers, dims[d]);
    }
    if (!good || !put_u32(&writer->headers, info->gguf_id) ||
        !put_u64(&writer->headers, writer->data_size)) {
        return error_no_memory(err, "the GGUF header");
    }
    writer->sizes[writer->n_tensors++] = size;
    writer->data_size += size + padding(size);
    return GEN_OK;
}

/* Bytes before the data, without padding. */
static uint64_t header_size(const struct gguf_writer *writer) {
    return 4 + 4 + 8 + 8 + (uint64_t)writer->settings.n + writer->headers.n;
}

uint64_t gguf_writer_size(const struct gguf_writer *writer) {
    return header_size(writer) + padding(header_size(writer)) + writer->data_size;
}

uint64_t gguf_writer_written(const struct gguf_writer *writer) {
    return writer->file.n_written;
}

static enum gen_status write_padding(struct gguf_writer *writer, uint64_t size,
                                     struct gen_error *err) {
    static const unsigned char zeros[GGUF_WRITE_ALIGNMENT];
    return file_writer_put(&writer->file, zeros, (size_t)padding(size), err);
}

static enum gen_status write_header(struct gguf_writer *writer, struct gen_error *err) {
    unsigned char start[24];
    memcpy(start, "GGUF", 4);
    bytes_put_u32(start + 4, GGUF_VERSION);
    bytes_put_u64(start + 8, writer->n_tensors);
    bytes_put_u64(start + 16, writer->n_settings);
    writer->header_written = true;
    enum gen_status status = file_writer_put(&writer->file, start, sizeof start, err);
    if (status == GEN_OK) {
        status = file_writer_put(&writer->file, writer->settings.data, writer->settings.n, err);
    }
    if (status == GEN_OK) {
        status = file_writer_put(&writer->file, writer->headers.data, writer->headers.n, err);
    }
    if (status == GEN_OK) {
        status = write_padding(writer, header_size(writer), err);
    }
    return status;
}

enum gen_status gguf_writer_data(struct gguf_writer *writer, const void *data, size_t n,
                                 struct gen_error *err) {
    const unsigned char *bytes = data;
    enum gen_status status = writer->header_written ? GEN_OK : write_header(writer, err);
    while (n > 0 && status == GEN_OK) {
        if (writer->current == writer->n_tensors) {
            return error_set(err, GEN_BAD_ARGUMENT, "%s: more tensor data than announced",
                             writer->where.text);
        }
        uint64_t size = writer->sizes[writer->current];
        uint64_t left = size - writer->n_current;
        size_t now = n < left ? n : (size_t)left;
        status = file_writer_put(&writer->file, bytes, now, err);
        bytes += now;
        n -= now;
        writer->n_current += now;
        if (status == GEN_OK && writer->n_current == size) {
            status = write_padding(writer, size, err);
            writer->current++;
            writer->n_current = 0;
        }
    }
    return status;
}

enum gen_status gguf_writer_commit(struct gguf_writer *writer, struct gen_error *err) {
    enum gen_status status = writer->header_written ? GEN_OK : write_header(writer, err);
    if (status == GEN_OK && writer->current < writer->n_tensors) {
        return error_set(err, GEN_BAD_ARGUMENT, "%s: less tensor data than announced",
                         writer->where.text);
    }
    if (status == GEN_OK) {
        status = file_writer_commit(&writer->file, err);
    }
    return status;
}
