/**
 * run_name.h - a short name of what a run of many prompts is made with. Each record of its JSON has
 * it, so that a run that is resumed can tell whether it is the same, and which part is not.
 */
#ifndef CMD_GENERATE_RUN_NAME_H
#define CMD_GENERATE_RUN_NAME_H

#include "cmd/generate/generate_options.h"
#include "cmd/generate/generate_rules.h"

/** "1a2b3c-4d5e6f-778899": hashes of the model, of all options that a text depends on, and of the
 *  seed. */
struct run_name {
    char text[24];
};

/**
 * The model is known by its tokens, its shape, and the logits that it computes after a few ids,
 * which are the same bits on every machine; not by its name or the format of its file.
 */
enum gen_status run_name_find(struct run_name *name, const struct generate_settings *settings,
                              const struct generate_rules *rules, const struct gen_model *model,
                              struct gen_error *err);

/** The part in which two names differ, "model", "options" or "seed"; NULL: none. */
const char *run_name_difference(const char *a, const char *b);

#endif
