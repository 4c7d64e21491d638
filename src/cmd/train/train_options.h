/**
 * train_options.h - the command line of `gen train`.
 */
#ifndef CMD_TRAIN_TRAIN_OPTIONS_H
#define CMD_TRAIN_TRAIN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/model_load.h"
#include "cli/options.h"
#include "gen_train.h"

struct train_settings {
    struct gen_train_options options; /**< but for what is below */
    struct option_list data, valid;
    const char *vocab, *init;            /**< as written */
    char *vocab_path;                    /**< where it leads; NULL where not given */
    struct model_load begin;             /**< the model to begin with; all 0: none */
    int32_t preset, schedule, optimizer; /**< indices of the choices */
    const char *output;
    const char *metrics, *svg;
    const char *sample_prompt;
    int32_t sample_tokens;
    float epochs; /**< of gen train; 0: not given */
    uint64_t log_every;
    bool quiet;
    bool init_restored, vocab_restored; /**< as the state of a resumed run has them */
    bool init_noted; /**< the state of a resumed run has one, given again or not */
    bool begins;     /**< with a model, now or when the run that is resumed was begun */
    bool pairs;      /**< what is learned are pairs (gen finetune) */
};

extern const struct options_spec train_spec;

void train_set_defaults(void *settings);

/**
 * Put the operands, the choices and the paths of models into settings->options. Returns false
 * after a message, with the exit code in *code.
 */
bool train_settings_complete(void *settings, const struct options_parsed *parsed, int *code);
/** Train as one of `ranks`, which live as long; all but the first write nothing. */
void train_settings_share(struct train_settings *settings, const struct gen_ranks *ranks);

/**
 * Put the operands, files and choices into settings->options. `command` is its name, `usage` says
 * what it is to be given. Returns false after a message where there is no output or no data.
 */
bool train_settings_files(struct train_settings *settings, const struct options_parsed *parsed,
                          const char *command, const char *usage);
/** Find the model to begin with, as model_load_find() does. Returns false after a message. */
bool train_settings_begin(struct train_settings *settings, const char *name);
/**
 * Whether nothing that is written would fall on a file that is read or on another that is written;
 * if not, after a message. To be called when all paths are known.
 */
bool train_settings_check_outputs(const struct train_settings *settings);
void train_settings_release(struct train_settings *settings);

#endif
