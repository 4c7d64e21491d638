/**
 * metadata.c - which keys of a model file are carried over into a file made of it, and under which
 * names. What gen computes by, and writes itself, is in settings.c.
 */
#include "model/metadata.h"

#include <stdio.h>
#include <string.h>

#include "arch/arch.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/size.h"
#include "data/chat_template.h"
#include "format/chat_template.h"
#include "model/path_name.h"

/* ---- which -----------------------------------------------------------------------------------*/

/* Beginnings of keys; one that ends in a dot means all that begin so, others for themselves.
 */
static bool is_among(const char *key, const char *const *list) {
    for (; *list != NULL; list++) {
        size_t n = strlen(*list);
        bool whole = (*list)[n - 1] != '.';
        if (whole ? strcmp(key, *list) == 0 : strncmp(key, *list, n) == 0) {
            return true;
        }
    }
    return false;
}

/* Written by settings.c and eos_ids.c besides the keys of an architecture, or a description of the
 * old file. */
static const char *const never[] = {"general.architecture",
                                    "general.name",
                                    "general.file_type",
                                    "general.quantization_version",
                                    "general.alignment",
                                    "gen.",
                                    "split.",
                                    "tokenizer.ggml.model",
                                    "tokenizer.ggml.pre",
                                    "tokenizer.ggml.tokens",
                                    "tokenizer.ggml.token_type",
                                    "tokenizer.ggml.merges",
                                    NULL};

/* What says who made these very numbers, and where they are. */
static const char *const numbers[] = {"general.quantized_by", "general.repo_url", "quantize.",
                                      NULL};

/* What says who and what the parent is. */
static const char *const parents[] = {
    "general.author",  "general.organization", "general.version",  "general.description",
    "general.url",     "general.doi",          "general.uuid",     "general.basename",
    "general.source.", "general.base_model.",  "general.finetune", NULL};

/* What an adapter takes over. */
static const char *const terms[] = {"general.license", "general.license.", "general.languages",
                                    NULL};

/* Other templates of a list, such as that for tools, and their names. */
static bool is_variant(const char *key) {
    return strncmp(key, CHAT_TEMPLATE_KEY, sizeof CHAT_TEMPLATE_KEY - 1) == 0 &&
           strcmp(key, CHAT_TEMPLATE_KEY) != 0;
}

static bool stays(const char *key, enum metadata_carried how, bool taught) {
    bool is_template = strcmp(key, METADATA_TEMPLATE_KEY) == 0;
    if (taught && (is_template || strcmp(key, CHAT_TEMPLATE_KEY) == 0)) {
        return true;
    }
    if (taught && is_variant(key)) {
        return false;
    }
    if (how == METADATA_ADAPTER) {
        return is_among(key, terms);
    }
    return !arch_has_key(key) && !is_among(key, never) &&
           (how == METADATA_SAME || !is_among(key, numbers)) &&
           (how != METADATA_LEARNED || !is_among(key, parents));
}

/* ---- a parent --------------------------------------------------------------------------------*/

static enum gen_status write_parent(struct gguf_writer *writer, const struct model_file *source,
                                    struct gen_error *err) {
    if (source->naming == NAMES_HF) { /* which has no name but its directory's */
        struct error_quoted quoted;
        size_t n;
        const char *start = model_path_name(source->name, &n);
        const char *name = error_quote(&quoted, start, n);
        enum gen_status written =
            gguf_writer_string(writer, "general.base_model.0.name", name, strlen(name), err);
        return written == GEN_OK ? gguf_writer_u32(writer, "general.base_model.count", 1, err)
                                 : written;
    }
    static const char *const parts[] = {"name",        "author", "organization", "version",
                                        "description", "url",    "repo_url",     "doi"};
    enum gen_status status = GEN_OK;
    bool known = false;
    for (size_t i = 0; i < N_OF(parts) && status == GEN_OK; i++) {
        char key[48], parent[48];
        snprintf(key, sizeof key, "general.%s", parts[i]);
        snprintf(parent, sizeof parent, "general.base_model.0.%s", parts[i]);
        const struct setting *setting = model_file_setting(source, key);
        if (setting != NULL && setting->type == SETTING_STRING) {
            known = true;
            status = gguf_writer_string(writer, parent, setting->value.string.text,
                                        setting->value.string.n, err);
        }
    }
    return status == GEN_OK && known ? gguf_writer_u32(writer, "general.base_model.count", 1, err)
                                     : status;
}

enum gen_status metadata_read(struct model_file *source, struct gen_error *err) {
    return source->naming == NAMES_HF ? chat_template_read(source, err) : GEN_OK;
}

enum gen_status metadata_carry(struct gguf_writer *writer, const struct model_file *source,
                               enum metadata_carried how, struct gen_error *err) {
    bool gguf = source->naming == NAMES_GGUF;
    bool taught = model_file_setting(source, METADATA_TEMPLATE_KEY) != NULL;
    enum gen_status status = how >= METADATA_LEARNED ? write_parent(writer, source, err) : GEN_OK;
    for (size_t i = 0; i < source->n_settings && status == GEN_OK; i++) {
        const struct setting *setting = &source->settings[i];
        bool is_template =
            strcmp(setting->key, METADATA_TEMPLATE_KEY) == 0 ||
            strncmp(setting->key, CHAT_TEMPLATE_KEY, sizeof CHAT_TEMPLATE_KEY - 1) == 0;
        if ((gguf || is_template) && stays(setting->key, how, taught)) {
            status = gguf_writer_setting(writer, setting, err);
        }
    }
    return status;
}

/* ---- what was taught -------------------------------------------------------------------------*/

static bool is_utf8(const char *text) {
    size_t n = strlen(text);
    for (size_t at = 0; at < n;) {
        int length = bytes_utf8((const unsigned char *)text + at, n - at, NULL);
        if (length <= 0) {
            return false;
        }
        at += (size_t)length;
    }
    return true;
}

/* n bytes under this key, in the place of what is there. */
static enum gen_status put_text(struct model_file *file, const char *key, const char *text,
                                size_t n, struct gen_error *err) {
    struct setting setting = {.type = SETTING_STRING, .owned = memory_copy_string(text, n)};
    enum gen_status status = GEN_OK;
    if (setting.owned == NULL) {
        return error_no_memory(err, "a chat template");
    }
    setting.value.string.text = setting.owned;
    setting.value.string.n = n;
    for (size_t i = 0; i < file->n_settings; i++) {
        struct setting *old = &file->settings[i];
        if (strcmp(old->key, key) == 0) {
            setting.key = old->key;
            memory_free(old->owned);
            *old = setting;
            return GEN_OK;
        }
    }
    status = model_file_add_setting(file, &setting, key, strlen(key), file->where.text, err);
    if (status != GEN_OK) {
        memory_free(setting.owned);
    }
    return status;
}

enum gen_status metadata_teach(struct model_file *source, const char *pattern,
                               struct gen_error *err) {
    struct gen_bytes jinja = {0};
    if (!is_utf8(pattern)) {
        return GEN_OK;
    }
    enum gen_status status = chat_pattern_jinja(&jinja, pattern, err);
    if (status == GEN_OK) {
        status = put_text(source, CHAT_TEMPLATE_KEY, jinja.data, jinja.n, err);
    }
    if (status == GEN_OK) {
        status = put_text(source, METADATA_TEMPLATE_KEY, pattern, strlen(pattern), err);
    }
    gen_bytes_release(&jinja);
    return status;
}

enum gen_status metadata_teach_adapter(struct model_file *source, const struct model_file *adapter,
                                       struct gen_error *err) {
    const struct setting *setting = model_file_setting(adapter, METADATA_TEMPLATE_KEY);
    if (setting == NULL) {
        return GEN_OK;
    }
    size_t n = setting->value.string.n;
    if (setting->type != SETTING_STRING || n == 0 ||
        memchr(setting->value.string.text, '\0', n) != NULL) {
        return error_set(err, GEN_BAD_FILE, "%s: %s must be a text", adapter->where.text,
                         METADATA_TEMPLATE_KEY);
    }
    struct gen_error cause;
    char *pattern = memory_copy_string(setting->value.string.text, n);
    enum gen_status status = pattern != NULL ? metadata_teach(source, pattern, &cause)
                                             : error_no_memory(&cause, "a chat template");
    memory_free(pattern);
    return status == GEN_OK
               ? GEN_OK
               : error_set(err, status == GEN_BAD_ARGUMENT ? GEN_BAD_FILE : status, "%s: %s: %s",
                           adapter->where.text, METADATA_TEMPLATE_KEY, cause.message);
}
