/**
 * metadata.c - which keys of a model file are carried over into a file made of it, and under which
 * names. What gen computes by, and writes itself, is in settings.c.
 */
#include "model/metadata.h"

#include <stdio.h>
#include <string.h>

#include "arch/arch.h"
#include "base/error.h"
#include "base/size.h"
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

static bool stays(const char *key, enum metadata_carried how) {
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
    enum gen_status status = how >= METADATA_LEARNED ? write_parent(writer, source, err) : GEN_OK;
    for (size_t i = 0; i < source->n_settings && status == GEN_OK; i++) {
        const struct setting *setting = &source->settings[i];
        bool is_template =
            strncmp(setting->key, CHAT_TEMPLATE_KEY, sizeof CHAT_TEMPLATE_KEY - 1) == 0;
        if (gguf ? stays(setting->key, how) : is_template && how != METADATA_ADAPTER) {
            status = gguf_writer_setting(writer, setting, err);
        }
    }
    return status;
}
