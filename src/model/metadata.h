/**
 * metadata.h - keys of a model file that no weight depends on, carried over into a GGUF made of it:
 * who wrote it, its licence, its chat template, keys that gen does not know.
 *
 * From a GGUF all keys are copied, byte for byte, but those that settings.h writes and those that
 * would become wrong: general.alignment and split.*, which describe the old file; and, where
 * numbers change, general.quantized_by, general.repo_url and quantize.*. From a Hugging Face
 * directory the chat template becomes tokenizer.chat_template (format/chat_template.h).
 *
 * What a fine-tuning taught takes the place of the parent's chat template (metadata_teach()).
 *
 * A model that has learned from another is another work. general.name, author, organization,
 * version, description, url, repo_url and doi of its parent become general.base_model.0.*, as
 * llama.cpp has it, and what else says who and where the parent is (general.uuid, source.*, ...) is
 * left out; licence, languages, tags, datasets, tokenizer's keys and unknown ones stay.
 */
#ifndef MODEL_METADATA_H
#define MODEL_METADATA_H

#include "format/gguf_write.h"
#include "format/model_file.h"
#include "gen.h"

/** The pattern that `gen finetune` taught, as its options take it; of it the Jinja under
 *  tokenizer.chat_template is made. Both are carried over into everything made of the model. */
#define METADATA_TEMPLATE_KEY "gen.template"

enum metadata_carried {
    METADATA_SAME,    /**< the same model with the same numbers */
    METADATA_CHANGED, /**< the same model, its numbers rounded anew or an adapter merged */
    METADATA_LEARNED, /**< a model that learned from it */
    METADATA_ADAPTER  /**< an adapter for it: its parent, licence and languages alone */
};

/** Read what a Hugging Face directory has for it besides the model, once, before anything is
 *  carried; nothing of the directory is read later. */
enum gen_status metadata_read(struct model_file *source, struct gen_error *err);

/** From now on the source has this pattern (pair_template.h) for its chat template, and no other,
 *  also for an adapter. One that is no UTF-8, as a GGUF's texts are, is left out. */
enum gen_status metadata_teach(struct model_file *source, const char *pattern,
                               struct gen_error *err);

/** The same with the pattern that an adapter was taught, if it was. */
enum gen_status metadata_teach_adapter(struct model_file *source, const struct model_file *adapter,
                                       struct gen_error *err);

/** Write what is carried over. */
enum gen_status metadata_carry(struct gguf_writer *writer, const struct model_file *source,
                               enum metadata_carried how, struct gen_error *err);

#endif
