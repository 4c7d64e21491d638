#include "train/block.h"

#include "base/rng.h"
#include "model/forward.h"
#include "train/linear.h"

static size_t n_rows_of(const struct pass_batch *batch) {
    return batch->n_sequences * batch->n_positions;
}

struct row_dropout batch_dropout(const struct pass_batch *batch, size_t layer,
                                 enum dropout_place place) {
    return (struct row_dropout){.key = rng_hash(rng_hash(batch->seed, layer), place),
                                .rate = batch->dropout,
                                .first_sequence = batch->first_sequence,
                                .n_positions = batch->n_positions};
}

/* ---- attention -------------------------------------------------------------------------------*/

/* All heads of all sequences; with d_found the backward half, into d_qkv. */
static void attend(const struct pass_batch *batch, const struct block_memory *m, size_t layer,
                   const float *d_found, float *d_qkv) {
    size_t c = (size_t)batch->config->n_embd;
    size_t n_head = (size_t)batch->config->n_head;
    struct row_dropout dropout = batch_dropout(batch, layer, DROPOUT_WEIGHTS);
    for (size_t i = 0; i < batch->n_sequences * n_head; i++) {
        size_t row = i / n_head * batch->n_positions;
        size_t channel = i % n_head * (c / n_head);
        uint64_t head = (batch->first_sequence + i / n_head) * n_head + i % n_head;
        batch->jobs[i] = (struct training_attention){
            .qkv = m->qkv + row * 3 * c + channel,
            .out = m->found + row * c + channel,
            .n_positions = batch->n_positions,
            .head_size = c / n_head,
            .n_embd = c,
            .scale = forward_attention_scale(batch->config, layer),
            .dropout = {.key = rng_hash(dropout.key, head), .rate = dropout.rate},
            .d_out = d_found == NULL ? NULL : d_found + row * c + channel,
            .d_qkv = d_qkv == NULL ? NULL : d_qkv + row * 3 * c + channel};
    }
    op_training_attention(batch->compute, batch->jobs, batch->n_sequences * n_head,
                          d_found != NULL);
}

/* ---- forward ---------------------------------------------------------------------------------*/

void block_forward(const struct pass_batch *batch, float *out, const struct layer_weights *h,
                   size_t layer) {
    const struct compute *compute = batch->compute;
    const struct pass_memory *memory = batch->memory;
    const struct block_memory *m = &memory->h[layer];
    size_t n_rows = n_rows_of(batch);
    size_t c = (size_t)batch->config->n_embd;
    float epsilon = batch->config->layer_norm_epsilon;
    struct row_dropout after_attention = batch_dropout(batch, layer, DROPOUT_ATTENTION);
    struct row_dropout after_mlp = batch_dropout(batch, layer, DROPOUT_MLP);

    op_layer_norm(compute, m->normal_1, m->x, h->ln_1_weight, h->ln_1_bias, n_rows, c, epsilon);
    linear_forward(compute, m->qkv, &(struct linear){&h->attn_c_attn, h->attn_c_attn_bias},
                   m->normal_1, n_rows);
    attend(batch, m, layer, NULL, NULL);
    linear_forward(compute, memory->branch, &(struct linear){&h->attn_c_proj, h->attn_c_proj_bias},
                   m->found, n_rows);
    op_residual(compute, m->middle, m->x, memory->branch, n_rows, c, &after_attention);

    op_layer_norm(compute, m->normal_2, m->middle, h->ln_2_weight, h->ln_2_bias, n_rows, c,
                  epsilon);
    linear_forward(compute, m->inner, &(struct linear){&h->mlp_c_fc, h->mlp_c_fc_bias}, m->normal_2,
                   n_rows);
    op_activate(compute, memory->activated, m->inner, n_rows * h->mlp_c_fc.n_out,
                batch->config->activation);
    linear_forward(compute, memory->branch, &(struct linear){&h->mlp_c_proj, h->mlp_c_proj_bias},
                   memory->activated, n_rows);
    op_residual(compute, out, m->middle, memory->branch, n_rows, c, &after_mlp);
}

/* ---- backward --------------------------------------------------------------------------------*/

/* The gradient of a branch that was added to the residual stream. */
static const float *branch_gradient(const struct pass_batch *batch, size_t layer,
                                    enum dropout_place place) {
    const struct pass_memory *memory = batch->memory;
    if (batch->dropout == 0.0f) {
        return memory->d_x;
    }
    struct row_dropout dropout = batch_dropout(batch, layer, place);
    op_drop(batch->compute, memory->d_dropped, memory->d_x, n_rows_of(batch),
            (size_t)batch->config->n_embd, &dropout);
    return memory->d_dropped;
}

/* d_x += what comes through a layer norm of x, whose result has the gradient memory->branch. */
static void norm_backward(const struct pass_batch *batch, float *d_weight, float *d_bias,
                          const float *x, const float *weight) {
    const struct pass_memory *memory = batch->memory;
    struct layer_norm_backward job = {.d_x = memory->d_x,
                                      .d_weight = d_weight,
                                      .d_bias = d_bias,
                                      .d_y = memory->branch,
                                      .x = x,
                                      .weight = weight,
                                      .moments = memory->moments,
                                      .n_rows = n_rows_of(batch),
                                      .n = (size_t)batch->config->n_embd,
                                      .epsilon = batch->config->layer_norm_epsilon};
    op_layer_norm_backward(batch->compute, &job);
}

static void mlp_backward(const struct pass_batch *batch, const struct layer_weights *gradients,
                         const struct layer_weights *h, size_t layer) {
    const struct compute *compute = batch->compute;
    const struct pass_memory *memory = batch->memory;
    const struct block_memory *m = &memory->h[layer];
    size_t n_rows = n_rows_of(batch);
    const float *d_branch = branch_gradient(batch, layer, DROPOUT_MLP);
    const struct linear c_proj = {&h->mlp_c_proj, h->mlp_c_proj_bias};
    const struct linear c_fc = {&h->mlp_c_fc, h->mlp_c_fc_bias};
    /* The activation is computed again together with its derivative, for next to nothing. */
    linear_backward_input(compute, memory->d_wide, &c_proj, d_branch, n_rows);
    op_activate_backward(compute, memory->activated, memory->d_wide, m->inner,
                         n_rows * h->mlp_c_fc.n_out, batch->config->activation);
    linear_backward_weights(
        compute, &(struct linear_gradient){&gradients->mlp_c_proj, gradients->mlp_c_proj_bias},
        &c_proj, d_branch, memory->activated, n_rows);
    linear_backward_input(compute, memory->branch, &c_fc, memory->d_wide, n_rows);
    linear_backward_weights(
        compute, &(struct linear_gradient){&gradients->mlp_c_fc, gradients->mlp_c_fc_bias}, &c_fc,
        memory->d_wide, m->normal_2, n_rows);
    norm_backward(batch, gradients->ln_2_weight, gradients->ln_2_bias, m->middle, h->ln_2_weight);
}

static void attention_backward(const struct pass_batch *batch,
                               const struct layer_weights *gradients, const struct layer_weights *h,
                               size_t layer) {
    const struct compute *compute = batch->compute;
    const struct pass_memory *memory = batch->memory;
    const struct block_memory *m = &memory->h[layer];
    size_t n_rows = n_rows_of(batch);
    const float *d_branch = branch_gradient(batch, layer, DROPOUT_ATTENTION);
    const struct linear c_proj = {&h->attn_c_proj, h->attn_c_proj_bias};
    const struct linear c_attn = {&h->attn_c_attn, h->attn_c_attn_bias};
    linear_backward_input(compute, memory->branch, &c_proj, d_branch, n_rows);
    linear_backward_weights(
        compute, &(struct linear_gradient){&gradients->attn_c_proj, gradients->attn_c_proj_bias},
        &c_proj, d_branch, m->found, n_rows);
    attend(batch, m, layer, memory->branch, memory->d_wide);
    linear_backward_input(compute, memory->branch, &c_attn, memory->d_wide, n_rows);
    linear_backward_weights(
        compute, &(struct linear_gradient){&gradients->attn_c_attn, gradients->attn_c_attn_bias},
        &c_attn, memory->d_wide, m->normal_1, n_rows);
    norm_backward(batch, gradients->ln_1_weight, gradients->ln_1_bias, m->x, h->ln_1_weight);
}

void block_backward(const struct pass_batch *batch, const struct layer_weights *gradients,
                    const struct layer_weights *h, size_t layer) {
    mlp_backward(batch, gradients, h, layer);
    attention_backward(batch, gradients, h, layer);
}
