/**
 * tensors.h - which tensors an architecture has: the table that binding, checking, counting,
 * initializing, decaying, adapting, quantizing and saving walk (struct arch has it). What a tensor
 * is for is said by its role, never found from its place or its sizes.
 *
 * A layer's tensors come once per layer, with its number in the name. Shapes are given as
 * (rows, columns) of the mathematical weight: a matrix maps `in` numbers to `out` numbers.
 *   GGUF stores every matrix by rows of outputs;
 *   Hugging Face stores most by rows of outputs too, but those that are a Conv1D there (`conv1d`),
 *   as are the four of a layer of GPT-2, by rows of inputs.
 */
#ifndef ARCH_TENSORS_H
#define ARCH_TENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/model_file.h"
#include "gen.h"

/** What a tensor is for. */
enum tensor_role {
    ROLE_TOKENS,    /**< token embeddings, wte; where lm_head is tied, that matrix as well */
    ROLE_POSITIONS, /**< position embeddings, wpe */
    ROLE_NORM,      /**< the weight of a layer norm */
    ROLE_BIAS,      /**< a bias, of a norm or of a linear layer */
    /* The linear layers of a block. */
    ROLE_QKV,      /**< query, key and value, one matrix over the other */
    ROLE_ATTN_OUT, /**< what attention found, back to the residual stream */
    ROLE_UP,       /**< into the inner layer of the MLP */
    ROLE_DOWN,     /**< back from it */
    ROLE_HEAD      /**< lm_head, to the logits */
};

/** Whether it is a vector; everything else is a matrix. */
static inline bool role_is_vector(enum tensor_role role) {
    return role == ROLE_NORM || role == ROLE_BIAS;
}

/** Whether it is the matrix of a linear layer within a block: what LoRA adapts and Muon updates. */
static inline bool role_is_linear(enum tensor_role role) {
    return role >= ROLE_QKV && role <= ROLE_DOWN;
}

/** Their number, and which of them, from 0, a role is. */
#define ROLE_N_LINEAR (ROLE_DOWN - ROLE_QKV + 1)
static inline size_t role_linear_index(enum tensor_role role) {
    return (size_t)(role - ROLE_QKV);
}

/** What the linear layer of a role is called, whatever the architecture, as --lora-targets has it:
 *  "attn.c_attn". */
const char *role_linear_name(enum tensor_role role);

/** Whether it ends a branch of the residual stream. */
static inline bool role_ends_branch(enum tensor_role role) {
    return role == ROLE_ATTN_OUT || role == ROLE_DOWN;
}

/** Whether its rows are looked up: the tables of tokens and positions. */
static inline bool role_is_table(enum tensor_role role) {
    return role == ROLE_TOKENS || role == ROLE_POSITIONS;
}

/** How many matrices lie one over the other in it. */
static inline size_t role_parts(enum tensor_role role) {
    return role == ROLE_QKV ? 3 : 1;
}

/** Sizes a shape is made of. */
enum tensor_size {
    SIZE_NONE,  /**< the tensor is a vector */
    SIZE_VOCAB, /**< V = n_vocab */
    SIZE_CTX,   /**< T = n_ctx */
    SIZE_EMBD,  /**< C = n_embd */
    SIZE_QKV,   /**< 3 C */
    SIZE_INNER  /**< n_inner */
};

/** Tensors of a file that a matrix may be made of. */
#define TENSOR_MAX_PARTS 3

struct tensor_spec {
    const char *hf;   /**< name in a Hugging Face file; "#" stands for the layer */
    const char *gguf; /**< name in a GGUF; "#" as before */
    enum tensor_role role;
    enum tensor_size out;
    enum tensor_size in; /**< SIZE_NONE: a vector of `out` numbers */
    bool per_layer;
    bool conv1d;   /**< stored by rows of inputs in Hugging Face files */
    size_t offset; /**< of the field in struct weights, or struct layer if per_layer */
    /** Names of the other parts, where Hugging Face files hold the matrix as several of equal size,
     *  rows of outputs one after the other; NULL: it is one tensor. Never with conv1d. */
    const char *hf_more[TENSOR_MAX_PARTS - 1];
};

#define TENSOR_NAME_SIZE 64

/** The row of a role that only one row of its table has: all but ROLE_NORM and ROLE_BIAS. */
const struct tensor_spec *tensor_spec_of(const struct gen_config *config, enum tensor_role role);

/** The tensor's name in a file of this kind, or that of its first part; without the prefix
 *  `transformer.`. */
void tensor_spec_name(char out[TENSOR_NAME_SIZE], const struct tensor_spec *spec,
                      enum naming naming, int32_t layer);

/** The role of the matrix that gives the logits. */
static inline enum tensor_role tensor_head_role(const struct gen_config *config) {
    return config->tie_word_embeddings ? ROLE_TOKENS : ROLE_HEAD;
}

/** Whether a model of this configuration has the tensor: lm_head only where it is not tied. */
bool tensor_spec_exists(const struct tensor_spec *spec, const struct gen_config *config);

/** How often the tensor occurs: once, or once per layer. */
int32_t tensor_spec_count(const struct tensor_spec *spec, const struct gen_config *config);

/** The value of a size; 1 for SIZE_NONE. */
uint64_t tensor_size_of(enum tensor_size size, const struct gen_config *config);

/** Dimensions in a file, innermost first; returns their number, 1 or 2. conv1d_by_inputs: as in
 *  struct model_file. */
int tensor_spec_dims(uint64_t dims[2], const struct tensor_spec *spec,
                     const struct gen_config *config, bool conv1d_by_inputs);

/** What a matrix, a table or a vector is made of in a file: parts of one type and size, whose rows
 *  follow each other. */
struct tensor_source {
    const struct file_tensor *parts[TENSOR_MAX_PARTS];
    size_t n_parts; /**< 1 but for matrices with hf_more */
};

/** How many tensors of a file hold it. */
size_t tensor_spec_n_parts(const struct tensor_spec *spec, enum naming naming);

/**
 * The tensor in the file, whose shape has been checked; in Hugging Face files with or without
 * `transformer.` before its name. A tied wte may be there as lm_head only. GEN_BAD_FILE if it is
 * missing, there twice or of another shape, or its parts are of several types, GEN_UNSUPPORTED if
 * it is of a type that is not read.
 */
enum gen_status tensor_spec_find(struct tensor_source *out, const struct tensor_spec *spec,
                                 int32_t layer, const struct model_file *file,
                                 const struct gen_config *config, struct gen_error *err);

/** Make F32 tensors of those that such a model needs and the file holds as F64. */
enum gen_status tensor_table_narrow(struct model_file *file, const struct gen_config *config,
                                    struct gen_error *err);

/**
 * Where the configuration of a Hugging Face model ties lm_head to wte, but the file brings both
 * with different numbers, untie them, as transformers does since version 5, and note it.
 */
enum gen_status tensor_table_untie(struct gen_config *config, struct model_file *file,
                                   struct gen_error *err);

#endif
