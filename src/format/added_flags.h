/**
 * added_flags.h - how the text around added tokens counts, which GGUF has no key for: gen's own,
 * gen.added_token_flags, written only where a token has such a flag.
 *
 * An array of u32, two for each of these tokens: its id, and the sum of 1 (white space before it
 * belongs to it), 2 (white space after it does) and 4 (it is not found inside words).
 */
#ifndef FORMAT_ADDED_FLAGS_H
#define FORMAT_ADDED_FLAGS_H

#include <stdbool.h>

#include "format/gguf_write.h"
#include "format/model_file.h"

#define ADDED_FLAGS_KEY "gen.added_token_flags"

/** Set the flags of file->tokenizer, which is of the same file. */
enum gen_status added_flags_read(struct model_file *file, struct gen_error *err);

/** Write those of ids below n_vocab; *any says whether there are some. */
enum gen_status added_flags_write(struct gguf_writer *writer, const struct gen_tokenizer *tokenizer,
                                  int32_t n_vocab, bool *any, struct gen_error *err);

#endif
