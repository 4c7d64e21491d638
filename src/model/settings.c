/**
 * settings.c - the settings of a GGUF that gen writes: name, configuration by the table of
 * arch/keys.c, tokenizer, ids that end a text, settings of generation. What a source file had
 * besides is carried over by metadata.c.
 */
#include "model/settings.h"

#include <stdio.h>
#include <string.h>

#include "arch/arch.h"
#include "format/added_flags.h"
#include "model/eos_ids.h"
#include "model/generation.h"

/* Of the block formats as gen knows them: the only version in use. */
#define QUANTIZATION_VERSION 2

static void note_own(struct model_settings_own *own, const char *key) {
    size_t n = strlen(own->text);
    snprintf(own->text + n, sizeof own->text - n, "%s%s", n > 0 ? ", " : "", key);
}

/* All but the token ids, which follow the tokenizer; keys of our own only where llama.cpp's do not
 * imply the value. */
static enum gen_status write_keys(struct gguf_writer *writer, const struct gen_config *config,
                                  struct model_settings_own *own, struct gen_error *err) {
    const struct arch *arch = arch_of(config);
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < arch->n_keys && status == GEN_OK; i++) {
        const struct config_key *key = &arch->keys[i];
        bool is_own = config_key_is_own(key);
        if (key->gguf == NULL || key->kind == KEY_TOKEN ||
            (is_own && config_key_is_implied(key, config))) {
            continue;
        }
        status = config_key_write(key, config, writer, err);
        if (is_own) {
            note_own(own, key->gguf);
        }
    }
    return status;
}

static enum gen_status write_eos(struct gguf_writer *writer, const struct model_settings *settings,
                                 struct model_settings_own *own, struct gen_error *err) {
    struct gen_ids ids = {0};
    bool is_own = false;
    enum gen_status status =
        eos_ids_read(&ids, settings->config, settings->tokenizer, settings->source, err);
    if (status == GEN_OK) {
        status = eos_ids_write(writer, &ids, settings->source, &is_own, err);
    }
    if (is_own) {
        note_own(own, "gen.eos_token_ids");
    }
    gen_ids_release(&ids);
    return status;
}

static enum gen_status write_tokenizer(struct gguf_writer *writer,
                                       const struct model_settings *settings,
                                       struct model_settings_own *own, struct gen_error *err) {
    int32_t n_vocab = settings->config->n_vocab;
    bool any = false;
    enum gen_status status = gguf_writer_tokenizer(writer, settings->tokenizer, n_vocab, err);
    if (status == GEN_OK) {
        status = added_flags_write(writer, settings->tokenizer, n_vocab, &any, err);
    }
    if (any) {
        note_own(own, ADDED_FLAGS_KEY);
    }
    return status;
}

enum gen_status model_settings_write(struct gguf_writer *writer,
                                     const struct model_settings *settings,
                                     struct model_settings_own *own, struct gen_error *err) {
    const struct gen_config *config = settings->config;
    const char *arch = arch_of(config)->name;
    struct model_settings_own unasked = {.text = ""};
    own = own != NULL ? own : &unasked;
    own->text[0] = '\0';
    enum gen_status status =
        gguf_writer_string(writer, "general.architecture", arch, strlen(arch), err);
    if (status != GEN_OK ||
        (status = gguf_writer_string(writer, "general.name", settings->name, settings->n_name,
                                     err)) != GEN_OK ||
        (status = gguf_writer_u32(writer, "general.file_type", settings->file_type, err)) !=
            GEN_OK ||
        (settings->quantized && (status = gguf_writer_u32(writer, "general.quantization_version",
                                                          QUANTIZATION_VERSION, err)) != GEN_OK) ||
        (status = write_keys(writer, config, own, err)) != GEN_OK) {
        return status;
    }
    if (settings->tokenizer != NULL) {
        status = write_tokenizer(writer, settings, own, err);
    }
    if (status == GEN_OK && config->bos_token_id >= 0) {
        status = gguf_writer_u32(writer, "tokenizer.ggml.bos_token_id",
                                 (uint32_t)config->bos_token_id, err);
    }
    if (status == GEN_OK) {
        status = write_eos(writer, settings, own, err);
    }
    if (status == GEN_OK && settings->carried != METADATA_ADAPTER) {
        status = generation_write(writer, settings->source, err);
    }
    return status == GEN_OK && settings->source != NULL
               ? metadata_carry(writer, settings->source, settings->carried, err)
               : status;
}
