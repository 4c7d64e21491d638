/**
 * model_file.c - what the readers of all formats share: adding tensors, settings and notes to a
 * model_file, finding them by name, settings by their type and range, where a thing was found (for
 * messages). A reader (gguf_read.c, hf_dir.c, safetensors.c) fills it; open.c chooses the reader.
 */
#include "format/model_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "base/printable.h"

/* Longest name of a tensor or setting, as GGUF has it. */
#define MAX_NAME 65535

static void release_unread(struct model_file *file) {
    for (size_t i = 0; i < file->n_unread; i++) {
        memory_free(file->unread[i].name);
        memory_free(file->unread[i].why);
        memory_free(file->unread[i].values);
    }
    hash_table_release(&file->unread_index);
    memory_free(file->unread);
}

void model_file_free(struct model_file *file) {
    if (file == NULL) {
        return;
    }
    for (size_t i = 0; i < file->n_tensors; i++) {
        memory_free(file->tensors[i].name);
    }
    for (size_t i = 0; i < file->n_settings; i++) {
        memory_free(file->settings[i].key);
        memory_free(file->settings[i].owned);
    }
    for (size_t i = 0; i < file->n_maps; i++) {
        file_map_close(&file->maps[i]);
    }
    release_unread(file);
    hash_table_release(&file->tensor_index);
    hash_table_release(&file->setting_index);
    gen_tokenizer_free(file->tokenizer);
    notes_release(&file->notes);
    memory_free(file->tensors);
    memory_free(file->settings);
    memory_free(file->maps);
    memory_free(file->map_where);
    memory_free(file->text);
    memory_free(file->made);
    gen_ids_release(&file->eos_ids);
    memory_free(file->generation);
    memory_free(file->unheeded);
    memory_free(file->templates);
    memory_free(file->name);
    memory_free(file);
}

bool model_file_room_for_map(struct model_file *file) {
    size_t capacity = file->n_maps;
    size_t n_names = capacity;
    return memory_grow(&file->maps, &capacity, file->n_maps + 1, sizeof *file->maps) &&
           memory_grow(&file->map_where, &n_names, file->n_maps + 1, sizeof *file->map_where);
}

enum gen_status model_file_map(struct model_file *file, const char *path, struct gen_error *err) {
    if (!model_file_room_for_map(file)) {
        return error_no_memory(err, "the list of files");
    }
    enum gen_status status = file_map_open_readable(&file->maps[file->n_maps], path, err);
    if (status == GEN_OK) {
        error_path(&file->map_where[file->n_maps++], path);
    }
    return status;
}

void model_file_stop_reading(struct model_file *file) {
    for (size_t i = 0; i < file->n_maps; i++) {
        file_map_stop_reading(&file->maps[i]);
    }
}

/* ---- adding ----------------------------------------------------------------------------------*/

/* What is wrong with a name, or NULL. Names end up in terminals, hence no control characters. */
static const char *name_problem(const char *name, size_t n) {
    if (n == 0) {
        return "is empty";
    }
    if (n > MAX_NAME) {
        return "is longer than 65535 bytes";
    }
    const unsigned char *at = (const unsigned char *)name;
    for (size_t i = 0; i < n;) {
        uint32_t codepoint = 0;
        int length = bytes_utf8(at + i, n - i, &codepoint);
        if (length <= 0) {
            return "is not valid UTF-8";
        }
        if (!printable_is(codepoint)) {
            return "has control characters or invisible ones";
        }
        i += (size_t)length;
    }
    return NULL;
}

enum gen_status model_file_add_name(char **out, struct hash_table *index, size_t number,
                                    const char *kind, const char *name, size_t n, const char *where,
                                    struct gen_error *err) {
    struct error_quoted quoted;
    if (number >= UINT32_MAX) {
        return error_set(err, GEN_UNSUPPORTED, "%s: more than 2^32 entries of kind %s", where,
                         kind);
    }
    /* The bytes may change in the file: what is checked is the copy. One byte too many is enough to
     * see that a name is too long. */
    size_t n_copy = n > MAX_NAME ? MAX_NAME + 1 : n;
    char *copy = memory_copy_string(name, n_copy);
    if (copy == NULL) {
        return error_no_memory(err, kind);
    }
    const char *problem = name_problem(copy, n_copy);
    enum hash_result result =
        problem == NULL ? hash_table_add(index, copy, n, (uint32_t)number) : HASH_EXISTS;
    if (result == HASH_ADDED) {
        *out = copy;
        return GEN_OK;
    }
    error_quote(&quoted, copy, n_copy);
    memory_free(copy);
    if (problem != NULL) {
        return error_set(err, GEN_BAD_FILE, "%s: the name of %s %zu, \"%s\", %s", where, kind,
                         number, quoted.text, problem);
    }
    if (result == HASH_NO_MEMORY) {
        return error_no_memory(err, kind);
    }
    return error_set(err, GEN_BAD_FILE, "%s: %s \"%s\" is there twice", where, kind, quoted.text);
}

enum gen_status model_file_add_tensor(struct model_file *file, const struct file_tensor *tensor,
                                      const char *name, size_t n, const char *where,
                                      struct gen_error *err) {
    if (!memory_grow(&file->tensors, &file->tensor_capacity, file->n_tensors + 1,
                     sizeof *file->tensors)) {
        return error_no_memory(err, "the list of tensors");
    }
    struct file_tensor *added = &file->tensors[file->n_tensors];
    *added = *tensor;
    struct error_quoted quoted;
    uint32_t number = 0;
    if (hash_table_find(&file->unread_index, name, n, &number) &&
        file->unread[number].values == NULL) { /* else it is this one, narrowed */
        return error_set(err, GEN_BAD_FILE, "%s: tensor \"%s\" is there twice", where,
                         error_quote(&quoted, name, n));
    }
    enum gen_status status = model_file_add_name(&added->name, &file->tensor_index, file->n_tensors,
                                                 "tensor", name, n, where, err);
    if (status == GEN_OK) {
        file->n_tensors++;
    }
    return status;
}

enum gen_status model_file_add_setting(struct model_file *file, const struct setting *setting,
                                       const char *key, size_t n, const char *where,
                                       struct gen_error *err) {
    if (!memory_grow(&file->settings, &file->setting_capacity, file->n_settings + 1,
                     sizeof *file->settings)) {
        return error_no_memory(err, "the list of settings");
    }
    struct setting *added = &file->settings[file->n_settings];
    *added = *setting;
    enum gen_status status = model_file_add_name(&added->key, &file->setting_index,
                                                 file->n_settings, "setting", key, n, where, err);
    if (status == GEN_OK) {
        file->n_settings++;
    }
    return status;
}

enum gen_status model_file_add_note(struct model_file *file, bool verbose_only,
                                    struct gen_error *err, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    enum gen_status status = notes_add_list(&file->notes, verbose_only, err, format, arguments);
    va_end(arguments);
    return status;
}

/* ---- look-up ---------------------------------------------------------------------------------*/

const struct file_tensor *model_file_tensor(const struct model_file *file, const char *name) {
    uint32_t i = 0;
    return hash_table_find(&file->tensor_index, name, strlen(name), &i) ? &file->tensors[i] : NULL;
}

const struct setting *model_file_setting(const struct model_file *file, const char *key) {
    uint32_t i = 0;
    return hash_table_find(&file->setting_index, key, strlen(key), &i) ? &file->settings[i] : NULL;
}

bool model_file_is_null(const struct model_file *file, const char *key) {
    const struct setting *setting = model_file_setting(file, key);
    return setting != NULL && setting->type == SETTING_NULL;
}

const char *model_file_settings_where(const struct model_file *file) {
    return file->naming == NAMES_HF ? file->settings_where.text : file->where.text;
}

const char *model_file_tensors_where(const struct model_file *file) {
    return file->naming == NAMES_HF ? file->tensors_where.text : file->where.text;
}

const char *model_file_tensor_where(const struct model_file *file,
                                    const struct file_tensor *tensor) {
    return file->map_where != NULL ? file->map_where[tensor->map].text : file->where.text;
}

/* The value as a message shows it. */
static const char *describe(struct error_quoted *out, const struct setting *setting) {
    struct error_quoted quoted;
    switch (setting->type) {
    case SETTING_U8:
    case SETTING_U16:
    case SETTING_U32:
    case SETTING_U64:
        snprintf(out->text, sizeof out->text, "%llu", (unsigned long long)setting->value.u);
        break;
    case SETTING_I8:
    case SETTING_I16:
    case SETTING_I32:
    case SETTING_I64:
        snprintf(out->text, sizeof out->text, "%lld", (long long)setting->value.i);
        break;
    case SETTING_F32:
    case SETTING_F64:
        if (isfinite(setting->value.f)) {
            snprintf(out->text, sizeof out->text, "%.9g", setting->value.f);
        } else {
            snprintf(out->text, sizeof out->text, "not a finite number");
        }
        break;
    case SETTING_BOOL:
        snprintf(out->text, sizeof out->text, "%s", setting->value.u ? "true" : "false");
        break;
    case SETTING_STRING:
        error_quote(&quoted, setting->value.string.text, setting->value.string.n);
        snprintf(out->text, sizeof out->text, "\"%.90s\"", quoted.text);
        break;
    case SETTING_ARRAY:
        snprintf(out->text, sizeof out->text, "an array");
        break;
    case SETTING_OBJECT:
        snprintf(out->text, sizeof out->text, "an object");
        break;
    case SETTING_NULL:
        snprintf(out->text, sizeof out->text, "null");
        break;
    }
    return out->text;
}

static enum gen_status wrong_value(const struct model_file *file, const struct setting *setting,
                                   const char *must_be, struct gen_error *err) {
    struct error_quoted found;
    return error_set(err, GEN_BAD_FILE, "%s: %s is %s, but must be %s",
                     model_file_settings_where(file), setting->key, describe(&found, setting),
                     must_be);
}

/* Whether the value is an integer of any width that fits; then *value. */
static bool as_int(const struct setting *setting, int64_t *value) {
    switch (setting->type) {
    case SETTING_U8:
    case SETTING_U16:
    case SETTING_U32:
    case SETTING_U64:
        if (setting->value.u > INT64_MAX) {
            return false;
        }
        *value = (int64_t)setting->value.u;
        return true;
    case SETTING_I8:
    case SETTING_I16:
    case SETTING_I32:
    case SETTING_I64:
        *value = setting->value.i;
        return true;
    default:
        return false;
    }
}

enum gen_status model_file_get_int(const struct model_file *file, const char *key, int64_t low,
                                   int64_t high, int64_t *value, struct gen_error *err) {
    const struct setting *setting = model_file_setting(file, key);
    if (setting == NULL) {
        return GEN_OK;
    }
    int64_t found = 0;
    if (as_int(setting, &found) && found >= low && found <= high) {
        *value = found;
        return GEN_OK;
    }
    char must_be[80];
    snprintf(must_be, sizeof must_be, "a whole number from %lld to %lld", (long long)low,
             (long long)high);
    return wrong_value(file, setting, must_be, err);
}

enum gen_status model_file_get_float(const struct model_file *file, const char *key, double low,
                                     double high, double *value, struct gen_error *err) {
    const struct setting *setting = model_file_setting(file, key);
    if (setting == NULL) {
        return GEN_OK;
    }
    int64_t whole = 0;
    double found = NAN;
    if (setting->type == SETTING_F32 || setting->type == SETTING_F64) {
        found = setting->value.f;
    } else if (as_int(setting, &whole)) {
        found = (double)whole;
    }
    if (found >= low && found <= high) { /* false for NaN */
        *value = found;
        return GEN_OK;
    }
    char must_be[80];
    snprintf(must_be, sizeof must_be, "a number from %g to %g", low, high);
    return wrong_value(file, setting, must_be, err);
}

enum gen_status model_file_get_bool(const struct model_file *file, const char *key, bool *value,
                                    struct gen_error *err) {
    const struct setting *setting = model_file_setting(file, key);
    if (setting == NULL) {
        return GEN_OK;
    }
    if (setting->type != SETTING_BOOL) {
        return wrong_value(file, setting, "true or false", err);
    }
    *value = setting->value.u != 0;
    return GEN_OK;
}

enum gen_status model_file_get_string(const struct model_file *file, const char *key,
                                      const char **text, size_t *n, struct gen_error *err) {
    const struct setting *setting = model_file_setting(file, key);
    if (setting == NULL) {
        return GEN_OK;
    }
    if (setting->type != SETTING_STRING) {
        return wrong_value(file, setting, "text", err);
    }
    *text = setting->value.string.text;
    *n = setting->value.string.n;
    return GEN_OK;
}

/* ---- small things both readers need ----------------------------------------------------------*/

const char *model_file_readable_types(struct readable_types *out, enum naming naming) {
    size_t n = 0;
    out->text[0] = '\0';
    for (int type = 0; type < TENSOR_N_TYPES && n < sizeof out->text; type++) {
        const struct tensor_type_info *info = tensor_type_info((enum tensor_type)type);
        if (naming == NAMES_GGUF || info->quant == NULL) {
            n += (size_t)snprintf(out->text + n, sizeof out->text - n, "%s%s", type > 0 ? ", " : "",
                                  info->name);
        }
    }
    return out->text;
}

static int compare_spans(const void *left, const void *right) {
    const struct file_span *a = left, *b = right;
    if (a->begin != b->begin) {
        return a->begin < b->begin ? -1 : 1;
    }
    return a->end < b->end ? -1 : a->end > b->end;
}

void file_spans_sort(struct file_span *spans, size_t n) {
    qsort(spans, n, sizeof *spans, compare_spans);
}
