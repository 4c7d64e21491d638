/**
 * tokenizer_files.h - tokenizers and expected ids for tests, read straight from JSON.
 *
 * gen's own reader of these files lives in src/format and has tests of its own; this one is
 * short because it trusts its input.
 */
#ifndef TOKENIZER_FILES_H
#define TOKENIZER_FILES_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "gen.h"
#include "tokenizer/tokenizer.h"

/** The small vocabulary of 512 tokens that is committed with the tests. */
#define TOKENIZER_FILES_SMALL "tests/golden/models/base"

/** Path of `name` in $GEN_SHARED or ../shared, or NULL, saying "skipped: ...", if not there. */
const char *tokenizer_files_shared(char path[4096], const char *name);

/** A file's contents with a NUL after them, to be freed; fails the test if it is missing. */
char *tokenizer_files_read(const char *path, size_t *n);

/** The tokenizer of DIRECTORY/vocab.json and merges.txt, <|endoftext|> being special. */
struct gen_tokenizer *tokenizer_files_open(const char *directory);

/** Give a builder the tokens of the 256 bytes, with ids 0 ... 255. */
void tokenizer_files_add_bytes(struct tokenizer_builder *builder);

/** Call `check` with each line of a JSONL file, parsed; returns their number. */
size_t tokenizer_files_each(const char *path, void (*check)(const cJSON *line, void *context),
                            void *context);

/**
 * Check one case {"id", "text", "ids", "special"}: encoding the text gives the ids, decoding
 * them gives the text. Fails the test, naming the case, where it does not.
 */
void tokenizer_files_check(const cJSON *line, void *tokenizer);

#endif
