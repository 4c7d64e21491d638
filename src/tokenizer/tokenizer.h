/**
 * tokenizer.h - building a tokenizer from tokens and merges; reading the files that hold them is
 * the business of src/format. The public half (encode, decode, piece) is in gen_tokenizer.h.
 *
 * Spelling: tokens and merges come in GPT-2's printable alphabet (each byte one code point, e.g.
 * U+0120 for a space) or, for special tokens, as plain text.
 */
#ifndef TOKENIZER_TOKENIZER_H
#define TOKENIZER_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "gen.h"

/** Most tokens a vocabulary may have: keeps every id and index within 31 bits with room. */
#define TOKENIZER_MAX_TOKENS (1 << 24)

/** The end-of-text token of GPT-2: special wherever it is spelled out in a vocabulary. */
#define TOKENIZER_END_OF_TEXT "<|endoftext|>"

/**
 * What a token is; bits. Ordinary tokens (0) are made by merging. The others, added tokens, are
 * spelled as plain text and found in a text before it is cut into words: ordinary added ones
 * always, special ones (control tokens) only where that is asked for.
 */
enum tokenizer_kind {
    TOKENIZER_SPECIAL = 1, /**< a control token */
    TOKENIZER_ADDED = 2,   /**< an ordinary word that was added */
    /** Besides, looked for after all others, in what they left ("normalized" in tokenizer.json). */
    TOKENIZER_LATE = 4,
    /** Besides, as in tokenizer.json: the white space before it, or after it, belongs to it; it is
     *  not found inside words. */
    TOKENIZER_LSTRIP = 8,
    TOKENIZER_RSTRIP = 16,
    TOKENIZER_SINGLE_WORD = 32
};

/** Those that say how the text around it counts. */
#define TOKENIZER_AROUND (TOKENIZER_LSTRIP | TOKENIZER_RSTRIP | TOKENIZER_SINGLE_WORD)

/** Collects what the files say; checks each piece as it comes. */
struct tokenizer_builder;

/** `name` names the file in messages; it is copied. */
enum gen_status tokenizer_builder_new(struct tokenizer_builder **out, const char *name,
                                      struct gen_error *err);
/** The merges are from another file than the tokens: its name in messages, which is copied. */
enum gen_status tokenizer_builder_merges_file(struct tokenizer_builder *builder, const char *name,
                                              struct gen_error *err);
void tokenizer_builder_free(struct tokenizer_builder *builder);

/**
 * From here on spellings are not copied: they stay where they are, unchanged, until the builder has
 * finished or is freed.
 */
void tokenizer_builder_borrow(struct tokenizer_builder *builder);

/**
 * Token `id` (0 ... TOKENIZER_MAX_TOKENS-1) is spelled by n bytes. An id or a spelling given
 * twice is GEN_BAD_FILE. kind: bits of enum tokenizer_kind. An ordinary token must be written in
 * the printable alphabet; an added one is taken as it is. The bytes may change meanwhile, as those
 * of a mapped file can: unless they are borrowed they are copied, then looked at. Memory grows with
 * the tokens given, never with the largest id alone.
 */
enum gen_status tokenizer_builder_token(struct tokenizer_builder *builder, uint64_t id,
                                        const char *spelling, size_t n, unsigned kind,
                                        struct gen_error *err);

/**
 * The next merge in order of rank, of two spellings in the printable alphabet. Both and their
 * concatenation must be tokens when the builder finishes; a pair given twice is GEN_BAD_FILE,
 * unless tokenizer_builder_last_merge() was called: then the last rank counts, as in Hugging Face's
 * tokenizers (llama.cpp takes the first).
 */
enum gen_status tokenizer_builder_merge(struct tokenizer_builder *builder, const char *left,
                                        size_t n_left, const char *right, size_t n_right,
                                        struct gen_error *err);

void tokenizer_builder_last_merge(struct tokenizer_builder *builder);

/** A merge as one line, "left right". */
enum gen_status tokenizer_builder_merge_line(struct tokenizer_builder *builder, const char *line,
                                             size_t n, struct gen_error *err);

/** The end-of-text id the files name; otherwise the special token <|endoftext|> is it. */
enum gen_status tokenizer_builder_eos(struct tokenizer_builder *builder, uint64_t id,
                                      struct gen_error *err);

/**
 * Check what can only be checked at the end (merges are closed) and make the tokenizer. A byte
 * may be without a token; a text that holds it is then refused. The builder may be freed
 * afterwards.
 */
enum gen_status tokenizer_builder_finish(struct tokenizer_builder *builder,
                                         struct gen_tokenizer **out, struct gen_error *err);

/** A note about the files it was read from, while it is still being made. */
enum gen_status tokenizer_add_note(struct gen_tokenizer *tokenizer, struct gen_error *err,
                                   const char *format, ...) ERROR_PRINTF(3, 4);

/**
 * Refuse texts that hold an id of n_rows or more, for which the model has no row. It lasts as long
 * as the tokenizer.
 */
void tokenizer_limit(struct gen_tokenizer *tokenizer, int32_t n_rows);

/**
 * Whether a text of n bytes may be cut before `at` < n without changing which added tokens are
 * found in it. A line must begin there, and a visible character be there and before the newline.
 */
bool tokenizer_may_cut(const struct gen_tokenizer *tokenizer, const char *text, size_t n, size_t at,
                       bool special);

/** Say how the text around an added token counts: bits of TOKENIZER_AROUND. False if it is none. */
bool tokenizer_set_around(struct gen_tokenizer *tokenizer, int32_t id, unsigned around);

/**
 * NULL if both make the same ids of every text; else what differs first, in `out`, as the end of a
 * sentence about `other`.
 */
const char *tokenizer_difference(struct error_quoted *out, const struct gen_tokenizer *tokenizer,
                                 const struct gen_tokenizer *other);

/** For writing files: spelling in the printable alphabet (plain for added tokens), appended. */
enum gen_status tokenizer_spelling(const struct gen_tokenizer *tokenizer, int32_t id,
                                   struct gen_bytes *out);
/** Bits of enum tokenizer_kind; 0 also where the id has no token. */
unsigned tokenizer_kind(const struct gen_tokenizer *tokenizer, int32_t id);
bool tokenizer_is_special(const struct gen_tokenizer *tokenizer, int32_t id);
/** Whether the id has a token at all (vocabularies may have holes). */
bool tokenizer_has(const struct gen_tokenizer *tokenizer, int32_t id);
/** Number of merges; merge `rank` joins tokens *left and *right. */
size_t tokenizer_n_merges(const struct gen_tokenizer *tokenizer);
void tokenizer_merge(const struct gen_tokenizer *tokenizer, size_t rank, int32_t *left,
                     int32_t *right);

/** A digest of all that a tokenizer knows (vocab_digest.c): of two with the same one, ids mean the
 *  same. */
uint64_t tokenizer_digest(const struct gen_tokenizer *tokenizer);

#endif
