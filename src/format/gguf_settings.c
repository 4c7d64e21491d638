/**
 * gguf_settings.c - the settings of a GGUF: keys, types, values.
 *
 * Each byte that anything depends on is read once: strings, and arrays of them, are copied out of
 * the mapping before they are looked at, as others may write to the file meanwhile. Numbers stay
 * where they are.
 */
#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "format/gguf_reader.h"

/* Strings are copied in pieces of at least this size, however short they are. */
#define COPY_AHEAD 65536

/* Bytes of a value of fixed size; 0 for strings, arrays and what GGUF does not know. */
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

/* Whether bytes that are somebody else's memory, an embedded image, need no copy. */
static bool is_stable(const struct gguf_reader *reader) {
    return !reader->file->maps[0].mapped;
}

static enum gen_status has_nul(const struct gguf_reader *reader, uint64_t i, const char *key) {
    return error_set(reader->err, GEN_BAD_FILE,
                     "%s: string %llu of setting \"%s\" has a NUL byte inside", reader->where,
                     (unsigned long long)i, key);
}

/* Bytes of the file copied from where the cursor was: size of the `left` that there are. */
struct copy {
    const unsigned char *from;
    size_t left;
    unsigned char *bytes;
    size_t size, capacity;
};

/* Copy on until there are `needed` bytes, which the file has. */
static bool copy_on(struct copy *copy, size_t needed) {
    if (needed <= copy->size) {
        return true;
    }
    size_t ahead = size_min(copy->left - copy->size, COPY_AHEAD);
    size_t size = needed - copy->size > ahead ? needed : copy->size + ahead;
    if (!memory_grow(&copy->bytes, &copy->capacity, size, 1)) {
        return false;
    }
    memcpy(copy->bytes + copy->size, copy->from + copy->size, size - copy->size);
    copy->size = size;
    return true;
}

/* The strings of an array, with their lengths, copied and only then looked at. */
static enum gen_status copy_strings(struct gguf_reader *reader, struct setting *setting,
                                    const char *key) {
    struct cursor *in = &reader->in;
    struct copy copy = {.from = in->data + in->position, .left = cursor_left(in)};
    size_t at = 0;
    enum gen_status status = GEN_OK;
    for (uint64_t i = 0; i < setting->value.array.n && status == GEN_OK; i++) {
        in->failed = copy.left - at < sizeof(uint64_t);
        if (in->failed) {
            break;
        }
        if (!copy_on(&copy, at + sizeof(uint64_t))) {
            status = error_no_memory(reader->err, "settings");
            break;
        }
        uint64_t n = bytes_u64(copy.bytes + at);
        at += sizeof n;
        in->failed = n > copy.left - at;
        if (in->failed) {
            break;
        }
        if (!copy_on(&copy, at + (size_t)n)) {
            status = error_no_memory(reader->err, "settings");
        } else if (memchr(copy.bytes + at, '\0', (size_t)n) != NULL) {
            status = has_nul(reader, i, key);
        }
        at += (size_t)n;
    }
    if (status != GEN_OK || in->failed) {
        memory_free(copy.bytes);
        return status;
    }
    cursor_take(in, at);
    setting->owned = copy.bytes;
    setting->value.array.data = copy.bytes;
    setting->value.array.size = at;
    return GEN_OK;
}

/* The strings of an array as they lie. */
static enum gen_status walk_strings(struct gguf_reader *reader, struct setting *setting,
                                    const char *key) {
    struct cursor *in = &reader->in;
    size_t start = in->position;
    for (uint64_t i = 0; i < setting->value.array.n && !in->failed; i++) {
        struct gguf_text text = gguf_read_text(in);
        if (memchr(text.bytes, '\0', text.n) != NULL) {
            return has_nul(reader, i, key);
        }
    }
    setting->value.array.size = in->position - start;
    return GEN_OK;
}

/* Find the end of an array and note where it lies. */
static enum gen_status read_array(struct gguf_reader *reader, struct setting *setting,
                                  const char *key) {
    struct cursor *in = &reader->in;
    uint32_t type = cursor_u32(in);
    uint64_t n = cursor_u64(in);
    size_t each = value_size(type);
    size_t smallest = each > 0 ? each : sizeof(uint64_t);
    if (type == SETTING_ARRAY) {
        return error_set(reader->err, GEN_UNSUPPORTED,
                         "%s: setting \"%s\" is an array of arrays, which is not read",
                         reader->where, key);
    }
    if (each == 0 && type != SETTING_STRING) {
        return error_set(reader->err, GEN_BAD_FILE,
                         "%s: the elements of setting \"%s\" have the unknown type %u",
                         reader->where, key, type);
    }
    if (n > cursor_left(in) / smallest) {
        return error_set(reader->err, GEN_BAD_FILE,
                         "%s: setting \"%s\" claims %llu elements, more than the file holds",
                         reader->where, key, (unsigned long long)n);
    }
    if (each == 0 && n > TOKENIZER_MAX_TOKENS) { /* before they are walked over, one by one */
        return error_set(reader->err, GEN_BAD_FILE,
                         "%s: setting \"%s\" has %llu strings (at most %d)", reader->where, key,
                         (unsigned long long)n, TOKENIZER_MAX_TOKENS);
    }
    setting->element_type = (enum setting_type)type;
    setting->value.array.data = in->data + in->position;
    setting->value.array.n = n;
    if (each == 0) {
        return is_stable(reader) ? walk_strings(reader, setting, key)
                                 : copy_strings(reader, setting, key);
    }
    setting->value.array.size = n * each;
    cursor_take(in, n * each);
    return GEN_OK;
}

static enum gen_status read_string(struct gguf_reader *reader, struct setting *setting,
                                   const char *key) {
    struct gguf_text text = gguf_read_text(&reader->in);
    bool nul = memchr(text.bytes, '\0', text.n) != NULL;
    if (!nul && !reader->in.failed && !is_stable(reader)) {
        setting->owned = memory_copy_string(text.bytes, text.n);
        if (setting->owned == NULL) {
            return error_no_memory(reader->err, "settings");
        }
        text.bytes = setting->owned;
        nul = memchr(text.bytes, '\0', text.n) != NULL;
    }
    setting->value.string.text = text.bytes;
    setting->value.string.n = text.n;
    if (!nul) {
        return GEN_OK;
    }
    return error_set(reader->err, GEN_BAD_FILE,
                     "%s: the text of setting \"%s\" has a NUL byte inside", reader->where, key);
}

static enum gen_status read_value(struct gguf_reader *reader, struct setting *setting,
                                  uint32_t type, const char *key) {
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
        if (setting->value.u > 1) {
            return error_set(reader->err, GEN_BAD_FILE,
                             "%s: setting \"%s\" is true or false, but its byte is %u, not 0 or 1",
                             reader->where, key, (unsigned)setting->value.u);
        }
        break;
    case SETTING_STRING:
        return read_string(reader, setting, key);
    case SETTING_ARRAY:
        return read_array(reader, setting, key);
    default:
        return error_set(reader->err, GEN_BAD_FILE, "%s: setting \"%s\" has the unknown type %u",
                         reader->where, key, type);
    }
    return GEN_OK;
}

enum gen_status gguf_read_settings(struct gguf_reader *reader, uint64_t n_settings) {
    for (uint64_t i = 0; i < n_settings; i++) {
        struct error_quoted quoted;
        struct setting setting = {0};
        struct gguf_text key = gguf_read_text(&reader->in);
        uint32_t type = cursor_u32(&reader->in);
        if (reader->in.failed) {
            return gguf_truncated(reader, "setting", i);
        }
        error_quote(&quoted, key.bytes, key.n);
        enum gen_status status = read_value(reader, &setting, type, quoted.text);
        if (status == GEN_OK && reader->in.failed) {
            status = gguf_truncated(reader, "setting", i);
        }
        if (status == GEN_OK) {
            status = model_file_add_setting(reader->file, &setting, key.bytes, key.n, reader->where,
                                            reader->err);
        }
        if (status != GEN_OK) {
            memory_free(setting.owned);
            return status;
        }
    }
    return GEN_OK;
}
