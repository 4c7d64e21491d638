/**
 * layers.h - the weights of a model as its layers use them; names as in the published checkpoint.
 * C = n_embd, T = n_ctx, V = n_vocab. Who fills them owns what they point to: model/weights.c from
 * a file, train/gradient/params.c as views of one array.
 */
#ifndef ARCH_LAYERS_H
#define ARCH_LAYERS_H

#include <stdint.h>

#include "arch/tensors.h"
#include "tensor/matrix.h"

/** A table whose rows are looked up: n_embd numbers per row, in the mapped file. */
struct weight_table {
    const unsigned char *data;
    enum tensor_type type;
};

/** A layer norm: C numbers each. */
struct norm {
    float *weight, *bias;
};

/** A linear layer of a block, y = x matrix + bias. */
struct linear {
    struct matrix matrix; /**< n_in to n_out */
    float *bias;          /**< [n_out]; NULL: it has none */
    enum tensor_role role;
};

/** One block. */
struct layer {
    struct norm ln_1;
    struct linear attn_c_attn; /**< C to 3 C: query, key, value */
    struct linear attn_c_proj; /**< C to C */
    struct norm ln_2;
    struct linear mlp_c_fc;   /**< C to n_inner */
    struct linear mlp_c_proj; /**< n_inner to C */
};

struct arch;

struct weights {
    const struct arch *arch; /**< whose tensors they are */
    struct weight_table wte; /**< [V][C]; data NULL where tied: then lm_head's columns are it */
    struct weight_table wpe; /**< [T][C] */
    struct layer *h;         /**< [n_layer] */
    int32_t n_layer;
    struct norm ln_f;
    struct matrix lm_head; /**< C to V */
    uint64_t n_parameters; /**< numbers in all tensors of the model */
    unsigned char *packed; /**< memory of all packed matrices; NULL: there is none of its own */
    size_t packed_bytes;
};

/* Where a tensor belongs, for a row of an architecture's table: in the model, or in each layer. */
#define TENSOR_ONCE(field) .offset = offsetof(struct weights, field)
#define TENSOR_EACH(field) .per_layer = true, .offset = offsetof(struct layer, field)

/** Blocks for n_layer layers of weights->arch, empty but for the roles of their linear layers;
 * false if out of memory. */
bool weights_new_layers(struct weights *weights, int32_t n_layer);

/** Where in the weights a tensor belongs: a float * for a vector, a struct weight_table for a
 * table, else a struct matrix. */
void *weights_field(struct weights *weights, const struct tensor_spec *spec, int32_t layer);

#endif
