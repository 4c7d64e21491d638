/**
 * tokenizer_files.h - the files a tokenizer comes in, all ending in one tokenizer_builder.
 *
 * Refused by name is whatever would give other ids than GPT-2's byte-level BPE does: other
 * pre-tokenizers, normalizers, ignore_merges, add_prefix_space, tokens put in front of the text.
 *
 * Added tokens (the end-of-text token, tokens a fine-tuning added) are special tokens: their
 * spelling in a text stands for them only where the caller asks for that.
 */
#ifndef FORMAT_TOKENIZER_FILES_H
#define FORMAT_TOKENIZER_FILES_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash_table.h"
#include "format/model_file.h"
#include "gen.h"
#include "tokenizer/tokenizer.h"

/** Most bytes of vocab.json, merges.txt or tokenizer.json. */
#define TOKENIZER_FILE_LIMIT ((size_t)32 << 20)

/** Most lines of merges.txt: a merge of 4 bytes takes some 80 bytes of memory. */
#define TOKENIZER_MAX_MERGES 1000000

/**
 * From a directory: vocab.json and merges.txt where both are there (with added_tokens.json and
 * tokenizer_config.json), else tokenizer.json. *out stays NULL where there are neither.
 * eos: the id of the end-of-text token, -1 if not known; ignored where no token has it.
 */
enum gen_status tokenizer_files_read_directory(struct gen_tokenizer **out, const char *directory,
                                               int64_t eos, struct gen_error *err);
/** tokenizer_json.c: from one tokenizer.json. */
enum gen_status tokenizer_files_read_json(struct gen_tokenizer **out, const char *path, int64_t eos,
                                          struct gen_error *err);
/**
 * gguf_tokenizer.c: from the tokenizer.ggml.* settings of a GGUF. *out stays NULL where there
 * are none.
 */
enum gen_status tokenizer_files_read_gguf(struct gen_tokenizer **out, const struct model_file *file,
                                          struct gen_error *err);

/* ---- added_tokens.c: a vocabulary in JSON, together with the tokens added to it -------------- */

struct added_token {
    char *content;
    size_t n;
    uint64_t id;
    bool given; /**< it was in the vocabulary too */
};

/** Start from {0}. */
struct added_tokens {
    struct added_token *tokens;
    size_t n;
    size_t capacity;
    struct hash_table index; /**< by content */
};

void added_tokens_release(struct added_tokens *added);
/** One token; the same one again is fine, with another id it is refused. */
enum gen_status added_tokens_add(struct added_tokens *added, const char *content, const cJSON *id,
                                 const char *where, struct gen_error *err);
/** Refuse flags of a token's description that change where the token is found in a text. */
enum gen_status added_tokens_check_flags(const cJSON *description, const char *where,
                                         struct gen_error *err);
/**
 * Give the builder all of `vocab`, an object of spelling: id, then the other added tokens, and
 * the end-of-text id `eos` if a token has it (vocabularies may be shorter than the embedding).
 */
enum gen_status added_tokens_build(struct tokenizer_builder *builder, const cJSON *vocab,
                                   struct added_tokens *added, int64_t eos, const char *where,
                                   struct gen_error *err);

#endif
