/**
 * settings.h - what a GGUF says of a model besides its tensors: the way back of config.h.
 */
#ifndef MODEL_SETTINGS_H
#define MODEL_SETTINGS_H

#include "format/gguf_write.h"
#include "gen.h"

struct model_settings {
    const char *name; /**< general.name, n_name bytes of UTF-8 */
    size_t n_name;
    const struct gen_config *config;
    const struct gen_tokenizer *tokenizer; /**< NULL: none */
    uint32_t file_type;                    /**< general.file_type: what most of the weights are */
    bool quantized;                        /**< some tensor has a block format */
};

/** Write all keys: architecture, name, type, shape, variants, tokenizer, special ids. */
enum gen_status model_settings_write(struct gguf_writer *writer,
                                     const struct model_settings *settings, struct gen_error *err);

/**
 * The last part of a path, of n bytes at *start: what a model without a name is called. A path
 * may hold bytes that are not UTF-8, so it goes through error_quote() before it is written.
 */
const char *model_settings_path_name(const char *path, size_t *n);

#endif
