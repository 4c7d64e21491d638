/**
 * cost.c - gen_model_cost(): how many bytes a pass through the model reads and how many operations
 * it computes, for a row, its logits and each position. How long that takes is measured by `gen
 * bench`.
 */
#include "gen_bench.h"
#include "model/forward.h"
#include "model/model.h"

/* Operations of one row in some columns of a matrix. */
static uint64_t operations(const struct matrix *matrix, uint64_t n_columns) {
    return 2 * (uint64_t)matrix->n_in * n_columns;
}

struct sum {
    struct gen_cost cost;
    uint64_t full_int8_operations;
};

/* Add a matrix of which every row takes row_columns; those that want logits take all. */
static void add_matrix(struct sum *sum, const struct matrix *matrix, uint64_t row_columns) {
    struct gen_cost *cost = &sum->cost;
    uint64_t row = operations(matrix, row_columns);
    uint64_t head = operations(matrix, matrix->n_out - row_columns);
    bool int8 = matrix_is_quantized(matrix);
    bool full = int8 && matrix->quant.format->low_bits == 8;
    cost->row_operations += row;
    cost->head_operations += head;
    cost->row_int8_operations += int8 ? row : 0;
    cost->head_int8_operations += int8 ? head : 0;
    cost->weight_bytes += matrix_bytes(matrix);
    sum->full_int8_operations += full ? row + head : 0;
}

struct gen_cost gen_model_cost(const struct gen_model *model) {
    const struct gen_config *config = &model->config;
    const struct weights *weights = &model->weights;
    struct sum sum = {0};
    struct gen_cost *cost = &sum.cost;
    if (weights->lm_head.data == NULL) {
        return *cost;
    }
    uint64_t c = (uint64_t)config->n_embd;
    for (int32_t i = 0; i < weights->n_layer; i++) {
        const struct layer *layer = &weights->h[i];
        bool last = i + 1 == weights->n_layer;
        add_matrix(&sum, &layer->attn_c_attn.matrix, last ? 2 * c : 3 * c);
        add_matrix(&sum, &layer->attn_c_proj.matrix, last ? 0 : layer->attn_c_proj.matrix.n_out);
        add_matrix(&sum, &layer->mlp_c_fc.matrix, last ? 0 : layer->mlp_c_fc.matrix.n_out);
        add_matrix(&sum, &layer->mlp_c_proj.matrix, last ? 0 : layer->mlp_c_proj.matrix.n_out);
        /* n_embd numbers of keys, for the scores, and of values, for their sum. */
        bool local = forward_attention_window(config, (size_t)i) > 0;
        uint64_t *row = local ? &cost->row_local_operations : &cost->row_seen_operations;
        uint64_t *head = local ? &cost->head_local_operations : &cost->head_seen_operations;
        *(local ? &cost->local_numbers : &cost->seen_numbers) += 2 * c;
        *(last ? head : row) += 2 * 2 * c;
        cost->window = local ? config->window : cost->window;
    }
    add_matrix(&sum, &weights->lm_head, 0);
    cost->full_int8 =
        sum.full_int8_operations > (cost->row_int8_operations + cost->head_int8_operations) / 2;
    return *cost;
}
