/**
 * record_options.h - options of generation that a record of many prompts brings for its own prompt:
 * those of the table's groups "Length" and "Sampling", by their names with `_` for `-`.
 *
 * Numbers must be numbers, or text that is one; flags true or false; null is as if it were not
 * there. "stop" and "bad_words" are a text or a list of texts, "logit_bias" is an object
 * {"ID": X} or text as of the command line. These three replace those of the run. Of transformers'
 * other names there are "stop_strings", the same as "stop", and "do_sample": false is "greedy".
 */
#ifndef CMD_GENERATE_RECORD_OPTIONS_H
#define CMD_GENERATE_RECORD_OPTIONS_H

#include "cmd/generate/generate_options.h"
#include "cmd/generate/generate_rules.h"
#include "cmd/record/record_fields.h"

/** Start from {0}. */
struct record_options {
    bool any;      /**< whether the last record had any */
    bool has_form; /**< it says of what form its text is */
    struct generate_settings settings;
    struct gen_generate_options options; /**< of the prompt, if there are any */
    struct generate_rules rules;
    struct generate_constraint constraint; /**< kept from one record to the next */
    struct option_list stop;
    bool *given; /**< for each row of the table */
    char **texts;
    size_t n_texts, texts_capacity;
};

/** Whether a member of that name is an option. */
bool record_options_is(const char *name);
/** The names of all of them, those of the table with `-`: the ith, or NULL after the last. */
const char *record_options_name(size_t i);

/**
 * Take the options of a record into `options`; `any` says whether there are some. All else is as
 * the run's settings have it; `own_length`: the run was given its max-new-tokens. `seed` is for a
 * record that has none. The tokenizer may be NULL.
 */
enum gen_status record_options_take(struct record_options *options,
                                    const struct generate_settings *run, bool own_length,
                                    const struct record_fields *fields, uint64_t seed,
                                    const struct gen_tokenizer *tokenizer, struct gen_error *err);
void record_options_release(struct record_options *options);

#endif
