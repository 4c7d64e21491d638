/**
 * prompt_text.h - the text of a prompt, from wherever the command line says it is: for `gen
 * generate` and `gen explain`.
 */
#ifndef CMD_GENERATE_PROMPT_TEXT_H
#define CMD_GENERATE_PROMPT_TEXT_H

#include "cli/options.h"
#include "gen.h"

/**
 * Append the only prompt there is: `prompt`, or where that is NULL the operands, joined by spaces,
 * or where there are none, or one that is "-", all of `file` (NULL and "-": stdin).
 */
enum gen_status prompt_text_read(struct gen_bytes *text, const char *prompt, const char *file,
                                 const struct options_parsed *parsed, struct gen_error *err);

/** Bytes of the longest text that can fit into the model's context; SIZE_MAX: not to be told. */
size_t prompt_text_most_bytes(const struct gen_model *model);

#endif
