/**
 * gen_tokenizer.h - text to token ids and back, without a model.
 *
 * gen.h includes it; a program that needs no more includes it alone. The conventions of gen.h hold.
 */
#ifndef GEN_TOKENIZER_H
#define GEN_TOKENIZER_H

#include "gen_base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** GPT-2's byte-level BPE: bytes to ids, ids to bytes. Read-only once opened. */
struct gen_tokenizer;

/**
 * Open the tokenizer at `path`: a Hugging Face directory (tokenizer.json, or vocab.json and
 * merges.txt; no weights needed), a tokenizer.json file, or a GGUF file.
 */
enum gen_status gen_tokenizer_open(struct gen_tokenizer **out, const char *path,
                                   struct gen_error *err);
void gen_tokenizer_free(struct gen_tokenizer *tokenizer);

/** Number of ids: every id is below it. Ids without a token of their own decode to nothing. */
int32_t gen_tokenizer_n_vocab(const struct gen_tokenizer *tokenizer);
/** Id of the end-of-text token, or -1 where the vocabulary has none. */
int32_t gen_tokenizer_eos(const struct gen_tokenizer *tokenizer);

/** Whether the id is that of a special (control) token, such as `<|endoftext|>`. */
bool gen_tokenizer_is_special(const struct gen_tokenizer *tokenizer, int32_t id);

/** Bytes of the longest token: n tokens stand for no more than n times as many. */
size_t gen_tokenizer_longest(const struct gen_tokenizer *tokenizer);

/** Notes about the files the tokenizer was read from; i < gen_tokenizer_n_notes(). */
size_t gen_tokenizer_n_notes(const struct gen_tokenizer *tokenizer);
struct gen_note gen_tokenizer_note(const struct gen_tokenizer *tokenizer, size_t i);

/**
 * Append the ids of `text` (n bytes) to `ids`. Any bytes are accepted: what is not valid UTF-8
 * is encoded byte by byte, so decoding gives the same bytes back. Equal to tiktoken's r50k_base
 * and Hugging Face's GPT2Tokenizer on valid UTF-8.
 * Ordinary added tokens (words that a fine-tuning added) stand for themselves wherever they are
 * spelled out, the leftmost first, of several there the longest; those that their files describe so
 * take the white space around them (lstrip, rstrip; decoding does not give that back) or are found
 * as whole words only (single_word). special: whether the spelling of a special token
 * (`<|endoftext|>`, control tokens) does, too; when false it is ordinary text.
 * A byte for which the vocabulary has no token and an id for which the tokenizer's model has no row
 * are GEN_UNSUPPORTED, and nothing is appended.
 */
enum gen_status gen_tokenizer_encode(const struct gen_tokenizer *tokenizer, const char *text,
                                     size_t n, bool special, struct gen_ids *ids,
                                     struct gen_error *err);

/** Where in a text a token is: from `begin` to before `end`. */
struct gen_span {
    size_t begin;
    size_t end;
};

/** A growing array of them; start from {0}. */
struct gen_spans {
    struct gen_span *data;
    size_t n;
    size_t capacity;
};
/** Free the memory and make the array {0} again. */
void gen_spans_release(struct gen_spans *spans);

/**
 * Encodes text after text, and keeps the words of one for the next: many short texts so take little
 * longer than a long one with as many bytes. It has some 4 MiB, and belongs to one thread at a
 * time; others may have theirs of the same tokenizer, which must live as long.
 */
struct gen_encoder;
enum gen_status gen_encoder_new(struct gen_encoder **out, const struct gen_tokenizer *tokenizer,
                                struct gen_error *err);
void gen_encoder_free(struct gen_encoder *encoder);

/**
 * As gen_tokenizer_encode(), with the same ids. To `spans`, unless that is NULL, is also appended
 * where each token is, in bytes of this text. An added token that takes the white space around it
 * has that in its span; for all others the bytes of the text are those of gen_tokenizer_piece().
 */
enum gen_status gen_encoder_encode(struct gen_encoder *encoder, const char *text, size_t n,
                                   bool special, struct gen_ids *ids, struct gen_spans *spans,
                                   struct gen_error *err);

/**
 * Make characters of bytes: the n_spans spans of a text of n bytes, as they were appended, then
 * count its code points, as the offsets of Hugging Face's tokenizers do. A token with a part of a
 * character has the whole of it, so that neighbours may overlap. A byte that is no part of UTF-8
 * counts as a character.
 */
void gen_spans_count_characters(struct gen_span *spans, size_t n_spans, const char *text, size_t n);

/**
 * The bytes of one token: a pointer into the tokenizer and their number in *n. An id that is
 * out of range or has no token gives "" and 0. A token may hold part of a UTF-8 character.
 */
const char *gen_tokenizer_piece(const struct gen_tokenizer *tokenizer, int32_t id, size_t *n);

/** Append the bytes of n_ids tokens to `text`. An id out of range is GEN_BAD_ARGUMENT. */
enum gen_status gen_tokenizer_decode(const struct gen_tokenizer *tokenizer, const int32_t *ids,
                                     size_t n_ids, struct gen_bytes *text, struct gen_error *err);

/**
 * Streaming decode: bytes go in as tokens bring them, whole UTF-8 characters come out. Bytes
 * that can still become a character wait (at most 3); bytes that cannot are passed on as they
 * are. Start from {0}.
 */
struct gen_utf8_stream {
    unsigned char waiting[4];
    size_t n;
};
/** Push n bytes and append to `out` everything that is complete. */
enum gen_status gen_utf8_stream_push(struct gen_utf8_stream *stream, const char *bytes, size_t n,
                                     struct gen_bytes *out);
/** End of text: append what still waits, as it is. */
enum gen_status gen_utf8_stream_flush(struct gen_utf8_stream *stream, struct gen_bytes *out);

#ifdef __cplusplus
}
#endif
#endif
