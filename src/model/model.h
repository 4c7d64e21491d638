/** model.h - what a gen_model is made of, for the rooms above. */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include "base/error.h"
#include "format/model_file.h"
#include "gen.h"
#include "model/weights.h"

/**
 * What can be computed with, and what it came from. model_view() makes one of parts that others
 * own; it has no source.
 */
struct gen_model {
    struct gen_config config;
    struct weights weights;
    const struct gen_tokenizer *tokenizer; /**< NULL: it has none */
    struct error_quoted where;             /**< its name in messages */
    struct gen_ids eos;                    /**< eos_ids.h */
    enum gen_kind kind;                    /**< a model, unless the options allowed another kind */
    struct model_file *source;             /**< owns the tokenizer and the mappings; NULL: a view */
    char **setting_texts; /**< [n_setting_texts] values as text, made by describe_settings() */
    size_t n_setting_texts;
};

/** A model of weights in memory, which all that it is made of must outlive; not to be freed. `path`
 *  is where it would be written. */
struct gen_model model_view(const struct gen_config *config, const struct weights *weights,
                            const struct gen_tokenizer *tokenizer, const char *path);

/** Fill setting_texts; false if out of memory. Freed with the model. */
bool describe_settings(struct gen_model *model);

#endif
