/**
 * params.h - the trainable weights of a model: all numbers of all tensors in one array, so that
 * the optimizer, gradient clipping, the sum over machines and state files walk one thing.
 *
 * Gradients and the optimizer's moments are arrays of the same length in the same order; number i
 * of each belongs to number i of the values. Matrices lie in the panels that products read
 * (tensor/matrix.h), so nothing is packed again after a step: [ceil(n_out / 16)][n_in][16]. The
 * columns that the last panel lacks are 0 in every array and stay so. The token table is stored
 * as lm_head's panels where it is tied, and by rows otherwise, as wpe always is.
 */
#ifndef TRAIN_GRADIENT_PARAMS_H
#define TRAIN_GRADIENT_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/tensors.h"
#include "format/gguf_write.h"
#include "gen.h"
#include "model/weights.h"

/** One tensor's place in the arrays. */
struct param_tensor {
    const struct tensor_spec *spec;
    int32_t layer; /**< 0 where the tensor occurs once */
    bool panels;   /**< a matrix in panels; otherwise rows as they come */
    size_t n_in,
        n_out;      /**< of a matrix; a table: n_in numbers a row, n_out rows; a vector: n_in 1 */
    size_t n_parts; /**< matrices side by side: 3 of n_out / 3 where the outputs are queries, keys
                         and values; otherwise 1 */
    size_t offset;  /**< of its first number; a multiple of 16 */
    size_t n;       /**< numbers, with what the last panel lacks */
};

struct params {
    struct gen_config config;
    struct param_tensor *tensors; /**< in the order of the architecture's table */
    size_t n_tensors;
    float *values; /**< [n_values] */
    size_t n_values;
    uint64_t n_parameters;  /**< without what panels lack */
    struct weights weights; /**< the same numbers, as a forward pass takes them */
};

/** Room for a model of this shape, all numbers 0. */
enum gen_status params_init(struct params *params, const struct gen_config *config,
                            struct gen_error *err);
void params_release(struct params *params);

/**
 * GPT-2's initialization: weights normal with deviation 0.02 (wpe 0.01), attn.c_proj and
 * mlp.c_proj with 0.02 / sqrt(2 n_layer), biases 0, norms 1. The same numbers for the same seed on
 * every machine.
 */
void params_randomize(struct params *params, uint64_t seed);

/** The numbers of a model file of this configuration, of any type it can have, widened to f32. */
enum gen_status params_load(struct params *params, const struct model_file *file,
                            struct gen_error *err);

/** An array like values, all 0, aligned for vectors; free with params_free_array. */
float *params_new_array(const struct params *params);
void params_free_array(const struct params *params, float *array);

/** The weights that `array` (gradients, say) holds; free with params_view_release. */
bool params_view(struct weights *view, const struct params *params, float *array);
void params_view_release(struct weights *view);

/** A tensor in panels, as `array` has it. */
struct matrix params_matrix(const struct param_tensor *tensor, const float *array);
/** Where in an array the number at (in, out) of the mathematical weight is. */
size_t params_index(const struct param_tensor *tensor, size_t in, size_t out);

/** The numbers of a matrix or a table of a view, to be written. */
float *params_numbers(const struct matrix *matrix);
float *params_table_numbers(const struct weight_table *table);

/** A tensor of `array` as a file stores it: n_in * n_out numbers. conv1d_by_inputs: as in struct
 *  model_file. */
void params_get(float *out, const float *array, const struct param_tensor *tensor,
                bool conv1d_by_inputs);

/** Write a tensor's numbers, announced before, as f32. */
enum gen_status params_write(struct gguf_writer *writer, const struct params *params,
                             const struct param_tensor *tensor, struct gen_error *err);

#endif
