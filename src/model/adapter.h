/**
 * adapter.h - a LoRA adapter on disk, as llama.cpp takes it: what is to be added to some matrices
 * of a model.
 *
 *   w[out][in] += alpha / rank * sum over r of b[out][r] a[r][in]
 *
 * It is a GGUF file with general.type "adapter", general.architecture that of the model ("gpt2"),
 * adapter.type "lora",
 * adapter.lora.alpha (f32; 0 means the rank, so that the factor is 1), and for each matrix
 * two tensors, named after it followed by .lora_a or .lora_b. Dimensions innermost first:
 *
 *   blk.N.attn_qkv.weight.lora_a  n_in, rank        blk.N.attn_qkv.weight.lora_b  rank, n_out
 *
 * and the same for attn_output, ffn_up, ffn_down. Ranks may differ from pair to pair.
 */
#ifndef MODEL_ADAPTER_H
#define MODEL_ADAPTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/tensors.h"
#include "format/gguf_write.h"
#include "gen.h"

/** Most that a rank can be, as gen finetune takes it. */
#define ADAPTER_MAX_RANK 65536

#define ADAPTER_NAME_SIZE (TENSOR_NAME_SIZE + sizeof ".lora_a")

/** The name of a matrix's tensor a, or b. */
void adapter_tensor_name(char out[ADAPTER_NAME_SIZE], const struct tensor_spec *spec, int32_t layer,
                         bool b);
/** All keys of an adapter for a model of this configuration. */
enum gen_status adapter_settings_write(struct gguf_writer *writer, const struct gen_config *config,
                                       float alpha, struct gen_error *err);

struct adapter;

/**
 * Open an adapter for a model of this configuration. Whatever in it is not as above, or
 * is of no use for the model, is an error: nothing of an adapter is passed over.
 */
enum gen_status adapter_open(struct adapter **out, const char *path,
                             const struct gen_config *config, struct gen_error *err);
void adapter_free(struct adapter *adapter);

/** What is added to one matrix. */
struct adapter_pair {
    const struct file_tensor *a, *b;
    size_t n_in, n_out, rank;
    float scale; /**< alpha / rank */
};

/** Whether the adapter has something for that matrix, and what. */
bool adapter_find(struct adapter_pair *pair, const struct adapter *adapter,
                  const struct tensor_spec *spec, int32_t layer);

/** The file that it was read from. */
const struct model_file *adapter_file(const struct adapter *adapter);

/** Whether `path` is one of the adapter's files. */
bool adapter_is_file(const struct adapter *adapter, const char *path);

/**
 * Add to n rows of outputs, first ... first + n - 1 of the matrix: rows[n][n_in]. One fused
 * multiply-add for each r, r ascending. False if out of memory.
 */
bool adapter_add(const struct adapter_pair *pair, float *rows, size_t first, size_t n);

#endif
