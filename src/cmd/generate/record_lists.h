/**
 * record_lists.h - options of a record that are lists, objects or pairs, as texts of the command
 * line.
 */
#ifndef CMD_GENERATE_RECORD_LISTS_H
#define CMD_GENERATE_RECORD_LISTS_H

#include "cmd/generate/record_options.h"

/** Texts of their own. Start from {0}. */
struct record_texts {
    char **data;
    size_t n, capacity;
};
void record_texts_release(struct record_texts *texts);

/** Append the value of a member, called `name`, of JSON as texts that the option takes one after
 *  the other; also some of them after a failure. */
enum gen_status record_lists_spell(struct record_texts *texts, const struct option *option,
                                   const char *name, const cJSON *value, struct gen_error *err);

/** Take the value of an option of the kinds OPTION_LIST and OPTION_STRING. */
enum gen_status record_lists_take(struct record_options *options, const struct option *option,
                                  const struct record_field *field,
                                  const struct gen_tokenizer *tokenizer, struct gen_error *err);

/** Keep a text until the next record. */
const char *record_lists_keep(struct record_options *options, char *text);

#endif
