/**
 * train_sample.h - a text by a model that is still learning.
 */
#ifndef CMD_TRAIN_TRAIN_SAMPLE_H
#define CMD_TRAIN_TRAIN_SAMPLE_H

#include "cmd/train/train_options.h"
#include "gen.h"

/** Write a text of settings->sample_tokens tokens to stderr; what fails is said there, too. */
void train_sample_show(const struct train_settings *settings, uint64_t step,
                       const struct gen_model *model);

#endif
