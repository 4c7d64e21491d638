/**
 * weights.h - a model's weights, ready to compute with: matrices in panels or in place, vectors
 * in f32, the tables of token and position embeddings.
 */
#ifndef MODEL_WEIGHTS_H
#define MODEL_WEIGHTS_H

#include "format/model_file.h"
#include "gen.h"
#include "tensor/matrix.h"

/** A table whose rows are looked up: n_embd numbers per row, in the mapped file. */
struct weight_table {
    const unsigned char *data;
    enum tensor_type type;
};

/** One block; names as in the published checkpoint. */
struct layer_weights {
    float *ln_1_weight, *ln_1_bias; /**< [C] */
    struct matrix attn_c_attn;      /**< C to 3 C: query, key, value */
    float *attn_c_attn_bias;        /**< [3 C] */
    struct matrix attn_c_proj;      /**< C to C */
    float *attn_c_proj_bias;        /**< [C] */
    float *ln_2_weight, *ln_2_bias; /**< [C] */
    struct matrix mlp_c_fc;         /**< C to n_inner */
    float *mlp_c_fc_bias;           /**< [n_inner] */
    struct matrix mlp_c_proj;       /**< n_inner to C */
    float *mlp_c_proj_bias;         /**< [C] */
};

struct weights {
    struct weight_table wte; /**< [V][C]; data NULL where tied: then lm_head's columns are it */
    struct weight_table wpe; /**< [T][C] */
    struct layer_weights *h; /**< [n_layer] */
    int32_t n_layer;
    float *ln_f_weight, *ln_f_bias; /**< [C] */
    struct matrix lm_head;          /**< C to V */
    uint64_t n_parameters;          /**< numbers in all tensors of the model */
    unsigned char *packed;          /**< memory of all packed matrices */
    size_t packed_bytes;
};

/** Other work, for one thread, that the threads do beside packing. */
struct weights_beside {
    void (*work)(void *context);
    void *context;
};

/**
 * Check the file's tensors against the configuration and make weights of them. Numbers that are
 * not finite are GEN_BAD_FILE. With pool NULL only names and shapes are checked and parameters
 * counted; nothing is read or allocated for them.
 * What was packed leaves no pages of the file in this process's memory; what is used in place keeps
 * pointing into the file, which must outlive the weights. `beside` may be
 * NULL; where names or shapes are wrong, or pool is NULL, its work is not done.
 */
enum gen_status weights_init(struct weights *weights, const struct gen_config *config,
                             const struct model_file *file, struct thread_pool *pool,
                             const struct weights_beside *beside, struct gen_error *err);
void weights_release(struct weights *weights);

/** x[C] = wte[id] + wpe[position]; scratch[C]. */
void weights_embed(float *x, const struct weights *weights, int32_t id, int32_t position,
                   size_t n_embd, float *scratch);

#endif
