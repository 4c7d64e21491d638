/**
 * recipe.h - which type each tensor of a converted model gets.
 *
 * A recipe has a name, as --type takes it, and a main type for the matrices. Recipes of block
 * formats follow llama.cpp's of the same name, tensor by tensor:
 *
 *   vectors, position embeddings     F32
 *   lm_head, or the token embedding  Q6_K; Q8_0 in q8_0
 *     where it is tied to it
 *   attn.c_attn, mlp.c_proj          Q6_K in q4_k_m and q5_k_m, in the first and last eighth of
 *                                    the layers and every third between
 *   other matrices                   the main type
 *
 * but for iq4_nl, of whose mlp.c_proj llama.cpp makes Q5_K in the first eighth of the layers.
 *
 * A matrix whose rows are no multiple of 256 gets Q5_0 for Q4_K, Q5_1 for Q5_K, Q8_0 for Q6_K;
 * one whose rows are no multiple of 32 gets F16.
 */
#ifndef MODEL_RECIPE_H
#define MODEL_RECIPE_H

#include <stdint.h>

#include "arch/tensors.h"
#include "gen.h"
#include "tensor/tensor_type.h"

struct recipe {
    const char *name;
    enum tensor_type main;
    enum tensor_type better; /**< of the tensors that get more bits */
    uint32_t file_type;      /**< general.file_type, by llama.cpp's numbers */
};

/** The type that is no recipe: each tensor gets the one that suits it, calibrate/type_plan.h. */
extern const char recipe_auto[];

/** A recipe by its name; NULL if there is none. */
const struct recipe *recipe_find(const char *name);
/** The recipe that uses this type for most matrices, or the first. */
const struct recipe *recipe_of_type(enum tensor_type type);

/** Names of all recipes, for messages: "f32, f16, ...". */
struct recipe_names {
    char text[120];
};
const char *recipe_names(struct recipe_names *out);

/** The type of a tensor, of one layer. */
enum tensor_type recipe_type(const struct recipe *recipe, const struct tensor_spec *spec,
                             int32_t layer, const struct gen_config *config);

#endif
