/**
 * tokenizer_files.h - the files a tokenizer comes in, all ending in one tokenizer_builder.
 *
 * Refused by name is whatever would give other ids than GPT-2's byte-level BPE does: other
 * pre-tokenizers, normalizers, ignore_merges, add_prefix_space, tokens put in front of the text.
 *
 * Where a directory holds several of them, it is read as transformers' fast tokenizers do:
 * tokenizer.json wins, and the added tokens of tokenizer_config.json come on top. A pair of
 * vocab.json and merges.txt next to it is held against it, and a difference becomes a note.
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
 * From a directory: tokenizer.json, else vocab.json and merges.txt, with added_tokens.json,
 * special_tokens_map.json and tokenizer_config.json. *out stays NULL where there are neither.
 * eos: the id of the end-of-text token, -1 if not known; ignored where no token has it.
 */
enum gen_status tokenizer_files_read_directory(struct gen_tokenizer **out, const char *directory,
                                               int64_t eos, struct gen_error *err);
/** tokenizer_json.c: from one tokenizer.json. directory: where to look for files that add tokens to
 *  it; NULL: there are none. */
enum gen_status tokenizer_files_read_json(struct gen_tokenizer **out, const char *path,
                                          const char *directory, int64_t eos,
                                          struct gen_error *err);
/**
 * gguf_tokenizer.c: from the tokenizer.ggml.* settings of a GGUF. *out stays NULL where there
 * are none.
 */
enum gen_status tokenizer_files_read_gguf(struct gen_tokenizer **out, const struct model_file *file,
                                          struct gen_error *err);

/* ---- added_tokens.c: a vocabulary in JSON, together with the tokens added to it --------------*/

struct added_token {
    char *content;
    size_t n;
    uint64_t id;   /**< ADDED_TOKENS_NO_ID: that of the vocabulary, if it is there */
    unsigned kind; /**< bits of enum tokenizer_kind */
    bool given;    /**< it was in the vocabulary too */
};

#define ADDED_TOKENS_NO_ID UINT64_MAX

/** Start from {0}. */
struct added_tokens {
    struct added_token *tokens;
    size_t n;
    size_t capacity;
    struct hash_table index; /**< by content */
};

void added_tokens_release(struct added_tokens *added);
/**
 * One token. The same one again is fine, and what it is said to be last counts; with another id it
 * is refused.
 */
enum gen_status added_tokens_add(struct added_tokens *added, const char *content, const cJSON *id,
                                 unsigned kind, const char *where, struct gen_error *err);
/** The kind that a token's description says: bits of enum tokenizer_kind. */
unsigned added_tokens_kind(const cJSON *description);
/** A token that has a role, e.g. as padding, is special, whatever its description says; the rest of
 *  that stays. */
enum gen_status added_tokens_role(struct added_tokens *added, const char *content,
                                  struct gen_error *err);
/**
 * added_tokens_dir.c: what added_tokens.json, special_tokens_map.json and tokenizer_config.json of
 * a directory add, as far as they are there. Settings there that change ids are refused.
 */
enum gen_status added_tokens_read_directory(struct added_tokens *added, const char *directory,
                                            struct gen_error *err);
/**
 * Give the builder all of `vocab`, an object of spelling: id, then the other added tokens, and
 * the end-of-text id `eos` if a token has it (vocabularies may be shorter than the embedding).
 */
enum gen_status added_tokens_build(struct tokenizer_builder *builder, const cJSON *vocab,
                                   struct added_tokens *added, int64_t eos, const char *where,
                                   struct gen_error *err);

#endif
