/**
 * eos_ids.h - which ids end a text: a model may have several.
 *
 * In this order, each once, what lies beyond the vocabulary left out, as it is never produced:
 *   gen_config.eos_token_id
 *   the tokenizer's end-of-text id
 *   Hugging Face  all ids of eos_token_id in config.json, then in generation_config.json
 *   GGUF          tokenizer.ggml.eot_token_id and eom_token_id, at which llama.cpp ends a text,
 *                 too; then gen.eos_token_ids, which is written where these keys do not hold all
 */
#ifndef MODEL_EOS_IDS_H
#define MODEL_EOS_IDS_H

#include "format/gguf_write.h"
#include "format/model_file.h"
#include "gen.h"

/** Append the ids to `ids`. The file's tokenizer has been read; `file` may be NULL: there is none,
 *  and `tokenizer` may be NULL. */
enum gen_status eos_ids_read(struct gen_ids *ids, const struct gen_config *config,
                             const struct gen_tokenizer *tokenizer, const struct model_file *file,
                             struct gen_error *err);

/**
 * Write the keys of a GGUF: the first id as eos; the second as eot unless `carried`, the GGUF whose
 * other keys are copied, has one; all of them as gen.eos_token_ids if that leaves some out, which
 * *own then says. `carried` may be NULL.
 */
enum gen_status eos_ids_write(struct gguf_writer *writer, const struct gen_ids *ids,
                              const struct model_file *carried, bool *own, struct gen_error *err);

#endif
