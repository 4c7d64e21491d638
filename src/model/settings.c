#include "model/settings.h"

#include <string.h>

/* Of the block formats as gen knows them: the only version in use. */
#define QUANTIZATION_VERSION 2

const char *model_settings_path_name(const char *path, size_t *n) {
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/') {
        end--;
    }
    size_t start = end;
    while (start > 0 && path[start - 1] != '/') {
        start--;
    }
    *n = end - start;
    return path + start;
}

static enum gen_status write_gpt2(struct gguf_writer *writer, const struct gen_config *config,
                                  struct gen_error *err) {
    const struct {
        const char *key;
        int32_t value;
    } sizes[] = {{"gpt2.context_length", config->n_ctx},
                 {"gpt2.embedding_length", config->n_embd},
                 {"gpt2.block_count", config->n_layer},
                 {"gpt2.feed_forward_length", config->n_inner},
                 {"gpt2.attention.head_count", config->n_head}};
    enum gen_status status = GEN_OK;
    for (size_t i = 0; status == GEN_OK && i < sizeof sizes / sizeof *sizes; i++) {
        status = gguf_writer_u32(writer, sizes[i].key, (uint32_t)sizes[i].value, err);
    }
    if (status == GEN_OK) {
        status = gguf_writer_f32(writer, "gpt2.attention.layer_norm_epsilon",
                                 config->layer_norm_epsilon, err);
    }
    return status;
}

/* What the gpt2.* keys cannot say; only where it differs from what they imply. */
static enum gen_status write_own(struct gguf_writer *writer, const struct gen_config *config,
                                 struct gen_error *err) {
    enum gen_status status = GEN_OK;
    if (config->activation != GEN_GELU_NEW) {
        const char *name = gen_activation_name(config->activation);
        status = gguf_writer_string(writer, "gen.activation_function", name, strlen(name), err);
    }
    if (status == GEN_OK && !config->scale_attn_weights) {
        status = gguf_writer_bool(writer, "gen.scale_attn_weights", false, err);
    }
    if (status == GEN_OK && config->scale_attn_by_inverse_layer_idx) {
        status = gguf_writer_bool(writer, "gen.scale_attn_by_inverse_layer_idx", true, err);
    }
    return status;
}

enum gen_status model_settings_write(struct gguf_writer *writer,
                                     const struct model_settings *settings, struct gen_error *err) {
    const struct gen_config *config = settings->config;
    enum gen_status status = gguf_writer_string(writer, "general.architecture", "gpt2", 4, err);
    if (status != GEN_OK ||
        (status = gguf_writer_string(writer, "general.name", settings->name, settings->n_name,
                                     err)) != GEN_OK ||
        (status = gguf_writer_u32(writer, "general.file_type", settings->file_type, err)) !=
            GEN_OK ||
        (settings->quantized && (status = gguf_writer_u32(writer, "general.quantization_version",
                                                          QUANTIZATION_VERSION, err)) != GEN_OK) ||
        (status = write_gpt2(writer, config, err)) != GEN_OK ||
        (status = write_own(writer, config, err)) != GEN_OK) {
        return status;
    }
    int32_t eos = config->eos_token_id;
    if (settings->tokenizer != NULL) {
        eos = eos >= 0 ? eos : gen_tokenizer_eos(settings->tokenizer);
        status = gguf_writer_tokenizer(writer, settings->tokenizer, config->n_vocab, err);
    }
    return status == GEN_OK ? gguf_writer_special_ids(writer, config->bos_token_id, eos, err)
                            : status;
}
