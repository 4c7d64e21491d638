/**
 * train_options.h - the command line of `gen train`.
 */
#ifndef CMD_TRAIN_OPTIONS_H
#define CMD_TRAIN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/options.h"
#include "gen_train.h"

struct train_settings {
    struct gen_train_options options; /**< but for what stands below */
    struct option_list data, valid;
    const char *vocab, *init;            /**< as written */
    char *vocab_path, *init_path;        /**< where they lead; NULL where not given */
    int32_t preset, schedule, optimizer; /**< indices of the choices */
    const char *output;
    const char *metrics, *svg;
    const char *sample_prompt;
    int32_t sample_tokens;
    uint64_t log_every;
    bool quiet;
    bool pairs; /**< what is learned are pairs (gen finetune) */
};

extern const struct options_spec train_spec;

void train_set_defaults(void *settings);

/**
 * Put the operands, the choices and the paths of models into settings->options. Returns false
 * after a message, with the exit code in *code.
 */
bool train_settings_complete(struct train_settings *settings, const struct options_parsed *parsed,
                             int *code);
/** Train as one of `ranks`, which live as long; all but the first write nothing. */
void train_settings_share(struct train_settings *settings, const struct gen_ranks *ranks);

/** Whether there is an output that can be written; if not, after a message. */
bool train_settings_output(const struct train_settings *settings, const char *command);
/** Put operands, files and choices into settings->options. */
void train_settings_data(struct train_settings *settings, const struct options_parsed *parsed);
void train_settings_release(struct train_settings *settings);

#endif
