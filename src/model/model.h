/** model.h - what a gen_model is made of, for the rooms above. */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include "format/model_file.h"
#include "gen.h"
#include "model/weights.h"

struct gen_model {
    struct gen_config config;
    struct model_file *file; /**< owns the tokenizer and the mappings */
    struct weights weights;
    struct gen_ids eos;   /**< eos_ids.h */
    enum gen_kind kind;   /**< a model, unless the options allowed another kind */
    char **setting_texts; /**< [n_setting_texts] values as text, made by describe_settings() */
    size_t n_setting_texts;
};

/** Fill setting_texts; false if out of memory. Freed with the model. */
bool describe_settings(struct gen_model *model);

#endif
