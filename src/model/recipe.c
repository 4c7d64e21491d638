/**
 * recipe.c - the table of recipes: which type each tensor of a converted model gets, by its role
 * and its layer, as llama.cpp's recipe of that name has it. convert.c carries it out.
 */
#include "model/recipe.h"

#include "base/size.h"

#include <stdio.h>
#include <string.h>

/* ROW(name, main type, type of the tensors that get more bits, llama.cpp's number) of each. */
#define RECIPES(ROW)                                                                               \
    ROW("f32", F32, F32, 0)                                                                        \
    ROW("f16", F16, F16, 1)                                                                        \
    ROW("bf16", BF16, BF16, 32)                                                                    \
    ROW("q8_0", Q8_0, Q8_0, 7)                                                                     \
    ROW("q4_0", Q4_0, Q4_0, 2)                                                                     \
    ROW("q4_1", Q4_1, Q4_1, 3)                                                                     \
    ROW("q5_0", Q5_0, Q5_0, 8)                                                                     \
    ROW("q5_1", Q5_1, Q5_1, 9)                                                                     \
    ROW("q4_k_m", Q4_K, Q6_K, 15)                                                                  \
    ROW("q5_k_m", Q5_K, Q6_K, 17)                                                                  \
    ROW("q6_k", Q6_K, Q6_K, 18)                                                                    \
    ROW("iq4_nl", IQ4_NL, IQ4_NL, 25)

#define RECIPE_ENTRY(NAME, MAIN, BETTER, FILE_TYPE)                                                \
    {NAME, TENSOR_##MAIN, TENSOR_##BETTER, FILE_TYPE},
#define RECIPE_NAME(NAME, ...) NAME,

static const struct recipe recipes[] = {RECIPES(RECIPE_ENTRY)};
#define AUTO "auto"
const char recipe_auto[] = AUTO;
const char *const gen_convert_types[] = {RECIPES(RECIPE_NAME) AUTO, NULL};
#define N_RECIPES N_OF(recipes)

const struct recipe *recipe_find(const char *name) {
    for (size_t i = 0; i < N_RECIPES; i++) {
        if (strcmp(recipes[i].name, name) == 0) {
            return &recipes[i];
        }
    }
    return NULL;
}

const struct recipe *recipe_of_type(enum tensor_type type) {
    for (size_t i = 0; i < N_RECIPES; i++) {
        if (recipes[i].main == type) {
            return &recipes[i];
        }
    }
    return &recipes[0];
}

const char *recipe_names(struct recipe_names *out) {
    size_t n = 0;
    for (size_t i = 0; i < N_RECIPES && n < sizeof out->text; i++) {
        n += (size_t)snprintf(out->text + n, sizeof out->text - n, "%s%s", i > 0 ? ", " : "",
                              recipes[i].name);
    }
    return out->text;
}

static bool is_sensitive(enum tensor_role role) {
    return role == ROLE_QKV || role == ROLE_DOWN;
}

static bool gets_more_bits(int32_t layer, int32_t n_layer) {
    int32_t eighth = n_layer / 8;
    return layer < eighth || layer >= (int32_t)(7 * (int64_t)n_layer / 8) ||
           (layer - eighth) % 3 == 2;
}

static bool fits(enum tensor_type type, uint64_t row) {
    return row % tensor_type_info(type)->block_size == 0;
}

/* The type itself if rows are whole blocks of it, else one of about as many bits. */
static enum tensor_type fitting(enum tensor_type type, uint64_t row) {
    static const struct {
        enum tensor_type large, small;
    } substitutes[] = {
        {TENSOR_Q4_K, TENSOR_Q5_0}, {TENSOR_Q5_K, TENSOR_Q5_1}, {TENSOR_Q6_K, TENSOR_Q8_0}};
    for (size_t i = 0; i < N_OF(substitutes) && !fits(type, row); i++) {
        if (substitutes[i].large == type) {
            type = substitutes[i].small;
        }
    }
    return fits(type, row) ? type : TENSOR_F16;
}

enum tensor_type recipe_type(const struct recipe *recipe, const struct tensor_spec *spec,
                             int32_t layer, const struct gen_config *config) {
    bool quantized = tensor_type_info(recipe->main)->quant != NULL;
    if (role_is_vector(spec->role) || spec->role == ROLE_POSITIONS) {
        return TENSOR_F32;
    }
    enum tensor_type type = recipe->main;
    if (quantized && type != TENSOR_Q8_0 && spec->role == tensor_head_role(config)) {
        type = TENSOR_Q6_K;
    } else if (is_sensitive(spec->role) && gets_more_bits(layer, config->n_layer)) {
        type = recipe->better;
    }
    return fitting(type, tensor_size_of(spec->in, config));
}
