/* gen_model_cost: what a pass through the model reads and computes. */
#include "gen.h"
#include "model/model.h"

static void add_matrix(uint64_t *operations, struct gen_cost *cost, const struct matrix *matrix) {
    *operations += 2 * (uint64_t)matrix->n_in * matrix->n_out;
    cost->weight_bytes += matrix_bytes(matrix);
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
        add_matrix(&cost.row_operations, &cost, &layer->attn_c_attn);
        add_matrix(&cost.row_operations, &cost, &layer->attn_c_proj);
        add_matrix(&cost.row_operations, &cost, &layer->mlp_c_fc);
        add_matrix(&cost.row_operations, &cost, &layer->mlp_c_proj);
    }
    add_matrix(&cost.head_operations, &cost, &weights->lm_head);
    /* A key and a value of n_embd numbers in each layer: one for the score, one for the sum. */
    cost.seen_numbers = 2 * (uint64_t)config->n_layer * (uint64_t)config->n_embd;
    cost.seen_operations = 2 * cost.seen_numbers;
    return cost;
}
