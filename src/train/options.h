/**
 * options.h - from the options of a run to the shape of its model, with everything checked that
 * can be checked before a file is read.
 */
#ifndef TRAIN_OPTIONS_H
#define TRAIN_OPTIONS_H

#include "gen_train.h"

/** Tokens a step where the options name no number. */
#define TRAIN_BATCH_SIZE 4096

/** GEN_BAD_ARGUMENT for values out of their ranges. */
enum gen_status train_options_check(const struct gen_train_options *options, struct gen_error *err);

/**
 * The configuration of a new model: the preset, changed by the shape, with the tokenizer's
 * vocabulary. Head count and width must fit.
 */
enum gen_status train_options_config(struct gen_config *config,
                                     const struct gen_train_options *options,
                                     const struct gen_tokenizer *tokenizer, struct gen_error *err);

/** How large a vocabulary to learn: what the options say, or the preset; 0 for none known. */
int32_t train_options_vocab_size(const struct gen_train_options *options);

/**
 * Hold the shape of the options, and the preset where one is named, against a model that exists;
 * `name` is what it is from. What the options leave open fits. With `init` n_ctx may be smaller:
 * sequences are then shorter than the context.
 */
enum gen_status train_options_fit(const struct gen_train_options *options,
                                  const struct gen_config *config, const char *name,
                                  struct gen_error *err);

#endif
