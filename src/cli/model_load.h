/**
 * model_load.h - open the model a command is to use: --model, else $GEN_MODEL, else the one
 * compiled into the program. That one has a name, too, which is found where no other model has it.
 */
#ifndef CLI_MODEL_LOAD_H
#define CLI_MODEL_LOAD_H

#include <stdbool.h>

#include "gen.h"

/** A model or a tokenizer, and what it lives on. */
struct model_load {
    char *path;              /**< NULL for the embedded model */
    const char *name;        /**< for messages */
    const void *image;       /**< of the embedded model, which lives as long as the program */
    size_t image_size;       /**< bytes; 0 where there is a path */
    struct gen_model *model; /**< NULL where a tokenizer was opened alone */
    struct gen_tokenizer *own_tokenizer;
    const struct gen_tokenizer *tokenizer; /**< NULL where the model has none */
};

/** Only find out what to open: load->path, or load->image for the embedded model. */
enum gen_status model_load_find(struct model_load *load, const char *name, struct gen_error *err);
/** Open a model; `name` is the value of --model, or NULL. */
enum gen_status model_load_open(struct model_load *load, const char *name,
                                const struct gen_model_options *options, struct gen_error *err);
/** Open only a tokenizer, for which no weights are needed. */
enum gen_status model_load_tokenizer(struct model_load *load, const char *name,
                                     struct gen_error *err);
/** Say the notes about what was opened, once; those for details only if `verbose`. */
void model_load_say_notes(const struct model_load *load, bool verbose);
void model_load_close(struct model_load *load);

#endif
