/**
 * gguf_write.h - writing a GGUF v3 file, in the order: settings, tensor headers, tensor data.
 *
 *   "GGUF" u32 version=3 u64 n_tensors u64 n_settings
 *   n_settings x { string key, u32 type, value }           string = u64 length, bytes
 *   n_tensors  x { string name, u32 n_dims, u64 dims[n_dims] innermost first,
 *                  u32 type, u64 offset from the start of the data }
 *   padding to general.alignment (32), then the data, each tensor padded to 32
 */
#ifndef FORMAT_GGUF_WRITE_H
#define FORMAT_GGUF_WRITE_H

#include "base/file.h"
#include "format/model_file.h"
#include "gen.h"
#include "tensor/tensor_type.h"
#include "tokenizer/tokenizer.h"

/** Start of the data, and of each tensor in it: multiples of this. */
#define GGUF_WRITE_ALIGNMENT 32

struct gguf_writer;

/**
 * Settings and tensors are collected in memory until the first data come; the order of calls is
 * settings and announcements, then data, then commit.
 */
enum gen_status gguf_writer_new(struct gguf_writer **out, const char *path, struct gen_error *err);
void gguf_writer_free(struct gguf_writer *writer); /**< without commit: the target is untouched */

/* Settings. Values are copied. */
enum gen_status gguf_writer_string(struct gguf_writer *writer, const char *key, const char *text,
                                   size_t n, struct gen_error *err);
enum gen_status gguf_writer_u32(struct gguf_writer *writer, const char *key, uint32_t value,
                                struct gen_error *err);
enum gen_status gguf_writer_f32(struct gguf_writer *writer, const char *key, float value,
                                struct gen_error *err);
enum gen_status gguf_writer_bool(struct gguf_writer *writer, const char *key, bool value,
                                 struct gen_error *err);
/** An array of n ids, each 0 or more. */
enum gen_status gguf_writer_u32_array(struct gguf_writer *writer, const char *key,
                                      const int32_t *values, size_t n, struct gen_error *err);
enum gen_status gguf_writer_bool_array(struct gguf_writer *writer, const char *key,
                                       const bool *values, size_t n, struct gen_error *err);
/** Any setting that was read from a GGUF, under its own key and of its own type. */
enum gen_status gguf_writer_setting(struct gguf_writer *writer, const struct setting *setting,
                                    struct gen_error *err);
/**
 * tokenizer.ggml.{model,pre,tokens,token_type,merges}. Exactly n_vocab tokens are written: ids
 * without a token get the placeholder [PADn], type 5 (unused); added tokens of higher ids are left
 * out, as no row is theirs.
 */
enum gen_status gguf_writer_tokenizer(struct gguf_writer *writer,
                                      const struct gen_tokenizer *tokenizer, int32_t n_vocab,
                                      struct gen_error *err);
/** Announce a tensor; dims innermost first. Data follow later in the same order. */
enum gen_status gguf_writer_tensor(struct gguf_writer *writer, const char *name,
                                   enum tensor_type type, int n_dims, const uint64_t *dims,
                                   struct gen_error *err);
/** Bytes of the whole file, once all tensors are announced. */
uint64_t gguf_writer_size(const struct gguf_writer *writer);
/** Bytes written so far. */
uint64_t gguf_writer_written(const struct gguf_writer *writer);
/** Write the next n bytes of tensor data; a tensor may come in several pieces, padding is added. */
enum gen_status gguf_writer_data(struct gguf_writer *writer, const void *data, size_t n,
                                 struct gen_error *err);
/** All announced data must have been written. Flush and rename. */
enum gen_status gguf_writer_commit(struct gguf_writer *writer, struct gen_error *err);

#endif
