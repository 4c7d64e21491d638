/**
 * config.h - reading a model's configuration (struct gen_config) from its file.
 *
 * From a Hugging Face config.json the names and defaults are GPT2Config's, or those of the
 * architecture that model_type names (arch/arch.h). What that
 * configuration can say and gen does not do is refused by name, and so is null where transformers
 * refuses it (n_inner and the special ids may be null); members that the model's code
 * never reads (dropout rates, task parameters, notes of the author) have no effect there and are
 * passed over here.
 *
 * From a GGUF the keys are llama.cpp's, `gpt2.*` of GPT-2; of an architecture that llama.cpp has
 * not they are named alike, `gpt_neo.context_length`. What they cannot say is in keys of our own,
 * under `gen.`: those of keys.h, and gen.eos_token_ids, an array of u32: ids that end a text
 * (eos_ids.h); and gen.template (metadata.h), which no number depends on.
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
