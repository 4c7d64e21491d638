/**
 * calibration.h - what the matrices of a model are multiplied with when it reads a text, for
 * rounding them so that their products change least (tensor/quant/rounding/).
 *
 * Memory: the model's weights once more, and the products of inputs, 4 n_in^2 bytes for each
 * matrix; where those of all matrices take more than 1 GiB, the text is read several times.
 */
#ifndef CALIBRATE_CALIBRATION_H
#define CALIBRATE_CALIBRATION_H

#include "arch/tensors.h"
#include "gen.h"
#include "tensor/quant/rounding/rounding.h"

/** Most tokens, and the default. */
#define CALIBRATION_TOKENS_MAX (1 << 24)
#define CALIBRATION_TOKENS     32768

struct calibration;

/** Open the model `src` of the options, which must outlive the result, once more with its weights,
 *  and read the text that they name, if they do. */
enum gen_status calibration_new(struct calibration **out, const char *src,
                                const struct gen_convert_options *options, struct gen_error *err);
void calibration_free(struct calibration *calibration);

/**
 * How a matrix is rounded, valid until the next call; *out is NULL for one that is not multiplied
 * with anything: the embeddings of positions, and those of tokens where they are not lm_head's;
 * nor is there one without a text. A
 * tied embedding is rounded for both of its uses. Cheapest in the order of the table of tensors.
 */
enum gen_status calibration_rounding(const struct rounding **out, struct calibration *calibration,
                                     const struct tensor_spec *spec, int32_t layer,
                                     struct gen_error *err);
/** Who computes, for rounding_rows(). */
const struct compute *calibration_compute(const struct calibration *calibration);

#endif
