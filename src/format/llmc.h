/**
 * llmc.h - a model of llm.c in its .bin file, whose first number tells it from all other files.
 */
#ifndef FORMAT_LLMC_H
#define FORMAT_LLMC_H

#include "format/model_file.h"

/** Whether the file begins as one of llm.c's does: a model, a tokenizer, tokens, a state. */
bool llmc_is(const struct file_map *map);
/**
 * From file->maps[0]: a model of version 1, 3 or 5, everything else is refused by its name. Names
 * and settings are those of Hugging Face's GPT-2, matrices lie by rows of outputs; rows that pad
 * the vocabulary are left out. The tokenizer is that of the file's directory, where there is one.
 */
enum gen_status llmc_read(struct model_file *file, struct gen_error *err);

#endif
