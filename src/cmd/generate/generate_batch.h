/**
 * generate_batch.h - many prompts, read while the engine asks for them; generate_input.c's other
 * half.
 */
#ifndef CMD_GENERATE_GENERATE_BATCH_H
#define CMD_GENERATE_GENERATE_BATCH_H

#include "cmd/generate/generate_input.h"

/** As gen_source.next, but the prompt's ids are left in input->ids. */
bool generate_batch_next(struct generate_input *input, struct gen_prompt *prompt);
/** As gen_source.ready. */
bool generate_batch_ready(struct generate_input *input);

#endif
