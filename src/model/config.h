/**
 * config.h - reading a model's configuration (struct gen_config) from its file.
 *
 * A Hugging Face config.json is read with the names and defaults that transformers has for the
 * architecture (arch/arch.h) that its model_type names, GPT2Config's where it names none. What such
 * a configuration can ask for and gen does not do is refused by name, and so is null where
 * transformers refuses it (n_inner and the special ids may be null). Members that the model's code
 * in transformers never reads (dropout rates, task parameters, notes of the author) change nothing
 * there and are skipped here.
 *
 * In a GGUF, GPT-2 has llama.cpp's keys, `gpt2.*`. llama.cpp does not know GPT-Neo: its keys are
 * named in the same way, for example `gpt_neo.context_length`. What those keys cannot say is in
 * keys of our own, under `gen.`: those of keys.h; gen.eos_token_ids, an array of u32, the ids that
 * end a text (eos_ids.h); and gen.template (metadata.h), which changes no number.
 */
#ifndef MODEL_CONFIG_H
#define MODEL_CONFIG_H

#include "format/model_file.h"
#include "gen.h"

/**
 * Read and check the configuration; sizes are later held against the tensors. What the tensors
 * themselves say is heeded: F64 ones that the model needs become F32, and an lm_head of its own
 * unties a Hugging Face model, with a note (tensors.h).
 */
enum gen_status config_read(struct gen_config *config, struct model_file *file,
                            struct gen_error *err);

/** Whether a configuration from elsewhere is one that config_read() might have given. */
bool config_is_sound(const struct gen_config *config);

#endif
