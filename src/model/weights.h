/**
 * weights.h - a model's weights (arch/layers.h) from its file, ready to compute with: matrices in
 * panels or in place, vectors in f32, the tables of token and position embeddings.
 */
#ifndef MODEL_WEIGHTS_H
#define MODEL_WEIGHTS_H

#include "arch/layers.h"
#include "format/model_file.h"
#include "gen.h"

/** Other work, for one thread, that the threads do next to packing. */
struct weights_meanwhile {
    void (*work)(void *context);
    void *context;
};

/**
 * Check the file's tensors against the configuration and make weights of them. Numbers that are
 * not finite are GEN_BAD_FILE. With pool NULL only names and shapes are checked and parameters
 * counted; nothing is read or allocated for them.
 * What was packed leaves no pages of the file in this process's memory; what is used in place keeps
 * pointing into the file, which must outlive the weights.
 *
 * `meanwhile` may be NULL; where names or shapes are wrong, or pool is NULL, its work is not done.
 */
enum gen_status weights_init(struct weights *weights, const struct gen_config *config,
                             const struct model_file *file, struct thread_pool *pool,
                             const struct weights_meanwhile *meanwhile, struct gen_error *err);
void weights_release(struct weights *weights);

/** x[C] = wte[id] + wpe[position]; scratch[C]. */
void weights_embed(float *x, const struct weights *weights, int32_t id, int32_t position,
                   size_t n_embd, float *scratch);

#endif
