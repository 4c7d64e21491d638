/**
 * torch.h - weights that torch.save() wrote: a Hugging Face directory's pytorch_model.bin, and
 * nanoGPT's ckpt.pt. No code of a file is ever run (pickle.h).
 */
#ifndef FORMAT_TORCH_TORCH_H
#define FORMAT_TORCH_TORCH_H

#include <stdbool.h>

#include "format/model_file.h"
#include "format/torch/archive.h"

/** Whether a regular file of this name is there that begins as torch.save()'s do. */
bool torch_is_file(const char *path);

/**
 * Add the tensors of a file that holds a dict of them, already mapped as file->maps[map]; filter
 * may be NULL. Buffers (safetensors_is_old_buffer) are left out. The same numbers may be there
 * under several names.
 */
enum gen_status torch_read(struct model_file *file, size_t map, const char *path,
                           const struct shard_filter *filter, struct gen_error *err);

/**
 * check_sums.c: hold the check sums that the ZIPs of a model keep of their entries against the
 * bytes, all of which are read. *n_sums counts them; `wrong` is told of each that differs, in a
 * sentence that names the entry. Files of the older form have none.
 */
enum gen_status torch_check_sums(const struct model_file *file, uint64_t *n_sums,
                                 void (*wrong)(void *context, const char *sentence), void *context,
                                 struct gen_error *err);

/** tensors.c: a dict of tensors on its way into a model_file. */
struct torch_state {
    struct torch_archive *archive;
    uint32_t dict;
    const char *prefix; /**< left out where a name begins with it; NULL: none */
    size_t map;
    const struct shard_filter *filter; /**< or NULL */
};
enum gen_status torch_add_state(struct model_file *file, const struct torch_state *state,
                                struct gen_error *err);

/**
 * nanogpt.c: the checkpoint of a training of nanoGPT: the settings are model_args, the tensors
 * those under "model", the tokenizer what lies next to it: meta.pkl, else the files that tokenizers
 * come in. It is a GPT-2 whose matrices all lie by rows of outputs, with exact GELU, and with
 * biases of 0 where it has none. Rows of the vocabulary that are only there to round its size up
 * are cut off.
 */
enum gen_status nanogpt_read(struct model_file *file, const char *path, struct gen_error *err);
/** The name that nanoGPT gives its checkpoints. */
#define NANOGPT_FILE "ckpt.pt"

/** characters.c: the tokenizer of meta.pkl, in which each character is a token. */
enum gen_status torch_read_characters(struct gen_tokenizer **out, const char *path,
                                      struct gen_error *err);

#endif
