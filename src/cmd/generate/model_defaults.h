/**
 * model_defaults.h - --defaults: the settings of generation that the model's files ask for, taken
 * as if they had been given as options, unless others were.
 */
#ifndef CMD_GENERATE_MODEL_DEFAULTS_H
#define CMD_GENERATE_MODEL_DEFAULTS_H

#include "cmd/generate/generate_options.h"

enum generate_defaults { GENERATE_DEFAULTS_GEN, GENERATE_DEFAULTS_MODEL };
/** Their names, up to NULL. */
extern const char *const model_defaults_names[];

/** Texts that settings point to from then on. Start from {0}. */
struct model_defaults {
    char **texts;
    size_t n, capacity;
    struct gen_bytes unknown; /**< names of settings that gen has no options for: "a, b" */
};

/**
 * Take them into `settings`, which begin with a struct generate_settings and are as they were
 * parsed; what is taken counts as given. Options are looked for under the headings of `spec` for
 * which `is_group` is true. `name` is the model's, for messages.
 */
enum gen_status model_defaults_take(struct model_defaults *defaults, void *settings,
                                    const struct options_parsed *parsed,
                                    const struct options_spec *spec,
                                    bool (*is_group)(const char *heading),
                                    const struct gen_model *model, const char *name,
                                    struct gen_error *err);

/** Say what the model asks for, and what of it is taken. */
void model_defaults_say(const struct model_defaults *defaults,
                        const struct generate_settings *settings, const struct gen_model *model);

void model_defaults_release(struct model_defaults *defaults);

#endif
