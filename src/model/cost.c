/* gen_model_cost: what a pass through the model reads and computes. */
#include "gen.h"
#include "model/model.h"

static uint64_t operations(const struct matrix *matrix) {
    return 2 * (uint64_t)matrix->n_in * matrix->n_out;
}

static uint64_t int8_operations(const struct matrix *matrix) {
    return matrix_is_quantized(matrix) ? operations(matrix) : 0;
}

struct gen_cost gen_model_cost(const struct gen_model *model) {
    const struct gen_config *config = &model->config;
    const struct weights *weights = &model->weights;
    struct gen_cost cost = {0};
    if (weights->lm_head.data == NULL) {
        return cost;
    }
    for (int32_t i = 0; i < weights->n_layer; i++) {
        const struct layer_weights *layer = &weights->h[i];
        const struct matrix *matrices[] = {&layer->attn_c_attn, &layer->attn_c_proj,
                                           &layer->mlp_c_fc, &layer->mlp_c_proj};
        for (size_t m = 0; m < sizeof matrices / sizeof *matrices; m++) {
            cost.row_operations += operations(matrices[m]);
            cost.row_int8_operations += int8_operations(matrices[m]);
            cost.weight_bytes += matrix_bytes(matrices[m]);
        }
    }
    cost.head_operations = operations(&weights->lm_head);
    cost.head_int8_operations = int8_operations(&weights->lm_head);
    cost.weight_bytes += matrix_bytes(&weights->lm_head);
    /* A key and a value of n_embd numbers in each layer: one for the score, one for the sum. */
    cost.seen_numbers = 2 * (uint64_t)config->n_layer * (uint64_t)config->n_embd;
    cost.seen_operations = 2 * cost.seen_numbers;
    return cost;
}
