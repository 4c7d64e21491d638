/**
 * record_lists.h - options of a record that are lists, objects or pairs, as texts of the command
 * line.
 */
#ifndef CMD_GENERATE_RECORD_LISTS_H
#define CMD_GENERATE_RECORD_LISTS_H

#include "cmd/generate/record_options.h"

/** Take the value of an option of the kinds OPTION_LIST and OPTION_STRING. */
enum gen_status record_lists_take(struct record_options *options, const struct option *option,
                                  const struct record_field *field,
                                  const struct gen_tokenizer *tokenizer, struct gen_error *err);

/** Keep a text until the next record. */
const char *record_lists_keep(struct record_options *options, char *text);

#endif
