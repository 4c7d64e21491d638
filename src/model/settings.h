/**
 * settings.h - what a GGUF says of a model besides its tensors: the way back of config.h.
 */
#ifndef MODEL_SETTINGS_H
#define MODEL_SETTINGS_H

#include "format/gguf_write.h"
#include "format/model_file.h"
#include "gen.h"
#include "model/metadata.h"

struct model_settings {
    const char *name; /**< general.name, n_name bytes of UTF-8 */
    size_t n_name;
    const struct gen_config *config;
    const struct gen_tokenizer *tokenizer; /**< NULL: none */
    uint32_t file_type;                    /**< general.file_type: what most of the weights are */
    bool quantized;                        /**< some tensor has a block format */
    const struct model_file *source; /**< of whose metadata the rest is carried over, or NULL */
    enum metadata_carried carried;   /**< how much of them */
};

/** Keys under gen. that were written, which llama.cpp passes over: "gen.scale_attn_weights, ...",
 *  or "". */
struct model_settings_own {
    char text[160];
};

/** Write all keys: architecture, name, type, shape, variants, tokenizer, special ids, and those
 *  carried over. `own` may be NULL. */
enum gen_status model_settings_write(struct gguf_writer *writer,
                                     const struct model_settings *settings,
                                     struct model_settings_own *own, struct gen_error *err);

#endif
