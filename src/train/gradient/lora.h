/**
 * lora.h - low-rank adapters (Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language
 * Models"): instead of a matrix w, two thin ones that are added to it are trained.
 *
 *   y = x w + bias + alpha / rank * (x a) b          a: n_in to rank, b: rank to n_out
 *
 * w and all else of the model stay as they are and have neither gradients nor moments. a begins
 * uniform in +-1 / sqrt(n_in), as in Hugging Face's PEFT, b as 0, so that training begins with the
 * model as it is.
 */
#ifndef TRAIN_GRADIENT_LORA_H
#define TRAIN_GRADIENT_LORA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gen.h"
#include "train/gradient/params.h"

struct lora_options {
    int32_t rank; /**< >= 1 */
    float alpha;
    bool targets[ROLE_N_LINEAR]; /**< by role_linear_index(): which get a pair, in every layer */
};

struct lora_pair {
    struct matrix a, b; /**< f32 in panels; data NULL where the map is not adapted */
};

struct lora {
    struct lora_options options;
    float scale;             /**< alpha / rank */
    struct params params;    /**< all pairs as tensors, a before b, layer by layer; no weights */
    struct lora_pair *pairs; /**< [n_layer][ROLE_N_LINEAR], of params.values */
};

/** Room for adapters of a model of this shape, all 0. */
enum gen_status lora_init(struct lora *lora, const struct gen_config *config,
                          const struct lora_options *options, struct gen_error *err);
void lora_release(struct lora *lora);

/** The first numbers; the same for the same seed on every machine. */
void lora_randomize(struct lora *lora, uint64_t seed);

/** The pairs of `array`, laid out as params.values; NULL if out of memory. Free with memory_free.
 */
struct lora_pair *lora_view(const struct lora *lora, const float *array);

/** Write the adapter as a GGUF file, which llama.cpp reads too; model/adapter.h has its layout. */
enum gen_status lora_write(const char *path, const struct lora *lora,
                           const struct model_file *source, struct gen_error *err);

#endif
