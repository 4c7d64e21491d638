/**
 * format_fixture.h - small well-formed model files, built byte by byte without the library's own
 * writers, and a directory to break them in.
 *
 * The tokenizer in all of them: 256 byte tokens (id = byte), 256 "he", 257 "hel",
 * 258 <|endoftext|>; merges "h e", "he l".
 */
#ifndef FORMAT_FIXTURE_H
#define FORMAT_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gen.h"

#define FIXTURE_N_TOKENS 259
#define FIXTURE_EOS      258

/* ---- bytes ---- */
void fixture_put(struct gen_bytes *out, const void *bytes, size_t n);
void fixture_text(struct gen_bytes *out, const char *text);
void fixture_u32(struct gen_bytes *out, uint32_t value);
void fixture_u64(struct gen_bytes *out, uint64_t value);
/** A GGUF string: length and bytes. */
void fixture_string(struct gen_bytes *out, const char *text);
/** Magic, version 3, counts. */
void fixture_gguf_start(struct gen_bytes *out, uint64_t n_tensors, uint64_t n_settings);
/** Key and type of a setting, also of an array; its value follows. */
void fixture_key(struct gen_bytes *out, const char *name, uint32_t type);
void fixture_array_key(struct gen_bytes *out, const char *name, uint32_t type, uint64_t n);
/** The seven settings of a tokenizer, with so many token types. */
void fixture_gguf_tokenizer(struct gen_bytes *out, int n_types);
/** Where `part` (n bytes) lies in the image; the test fails if it does not. */
size_t fixture_find(const struct gen_bytes *image, const void *part, size_t n);
/** Put `now` in the place of the first `old`. */
void fixture_replace(struct gen_bytes *image, const char *old, const char *now);

/* ---- whole files ---- */
/** GGUF v3: tensors a.weight F32 (8, 4) and b.weight F16 (16), settings of several types. */
void fixture_gguf(struct gen_bytes *out);
/** Header of a safetensors file: a F32 [4, 8], b F16 [16]; its data are 160 bytes. */
void fixture_safetensors_header(struct gen_bytes *out);
#define FIXTURE_SAFETENSORS_DATA 160
/** A safetensors file of any header and so many bytes of data. */
void fixture_safetensors(struct gen_bytes *out, const struct gen_bytes *header, size_t n_data);
void fixture_config(struct gen_bytes *out);
void fixture_vocab(struct gen_bytes *out);
void fixture_merges(struct gen_bytes *out);
void fixture_tokenizer_json(struct gen_bytes *out);

/* ---- files on disk ---- */
/** A new empty directory; the path is valid until the next call. */
const char *fixture_directory_new(void);
/** Remove it with the files in it. */
void fixture_directory_remove(const char *directory);
/** directory/name; the path is valid until the next call but three. */
const char *fixture_path(const char *directory, const char *name);
void fixture_write(const char *directory, const char *name, const struct gen_bytes *content);
void fixture_write_text(const char *directory, const char *name, const char *text);
/** Fails the test unless the two files hold the same bytes. */
void fixture_assert_same_files(const char *directory, const char *a, const char *b);
/** vocab.json, merges.txt. */
void fixture_write_tokenizer(const char *directory);
/** config.json, model.safetensors, vocab.json, merges.txt. */
void fixture_write_model(const char *directory);

/** NULL if the message is fit to be shown, else what is wrong: too long, control characters, ... */
const char *fixture_message_problem(const struct gen_error *err, const char *must_name);
/**
 * Whether opening `path` as a model fails with a fit sentence that names `name` and has
 * `expected` in it; otherwise print what is wrong.
 */
bool fixture_refused(const char *what, const char *path, const char *name, const char *expected);

#endif
