/**
 * generation.h - the settings of generation that a model's file asks for, as a GGUF has them.
 *
 * A Hugging Face directory has them in generation_config.json (format/generation_config.h). A GGUF
 * has those that llama.cpp knows as general.sampling.*, which it takes for its defaults; the others
 * are gen.generation_config, an object as JSON text; they change no logits.
 */
#ifndef MODEL_GENERATION_H
#define MODEL_GENERATION_H

#include "format/gguf_write.h"
#include "format/model_file.h"

#define GENERATION_KEY "gen.generation_config"

/** Set file->generation of a GGUF from its keys; nothing is done for a directory, whose reader has
 *  set it. Values of general.sampling.* that are of a wrong type are passed over. */
enum gen_status generation_read(struct model_file *file, struct gen_error *err);

/**
 * Write the keys for what `source` asks for; of a GGUF only gen.generation_config, as its other
 * keys are copied. `source` may be NULL.
 */
enum gen_status generation_write(struct gguf_writer *writer, const struct model_file *source,
                                 struct gen_error *err);

#endif
