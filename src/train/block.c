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

/* ---- the linear maps -------------------------------------------------------------------------*/

static struct linear linear_of(const struct pass_batch *batch, const struct layer_weights *h,
                               size_t layer, enum layer_linear which) {
    const struct linear all[LAYER_LINEARS] = {{.w = &h->attn_c_attn, .bias = h->attn_c_attn_bias},
                                              {.w = &h->attn_c_proj, .bias = h->attn_c_proj_bias},
                                              {.w = &h->mlp_c_fc, .bias = h->mlp_c_fc_bias},
                                              {.w = &h->mlp_c_proj, .bias = h->mlp_c_proj_bias}};
    struct linear linear = all[which];
    if (batch->lora != NULL && batch->lora->options.targets[which]) {
        linear.lora = &batch->lora->pairs[layer * LAYER_LINEARS + which];
        linear.scale = batch->lora->scale;
        linear.low = batch->memory->low;
        linear.d_low = batch->memory->d_low;
    }
    return linear;
}

static void forward_linear(const struct pass_batch *batch, float *y, const struct layer_weights *h,
                           size_t layer, enum layer_linear which, const float *x) {
    struct linear linear = linear_of(batch, h, layer, which);
    linear_forward(batch->compute, y, &linear, x, n_rows_of(batch));
}

static void backward_input(const struct pass_batch *batch, float *d_x,
                           const struct layer_weights *h, size_t layer, enum layer_linear which,
                           const float *d_y) {
    struct linear linear = linear_of(batch, h, layer, which);
    linear_backward_input(batch->compute, d_x, &linear, d_y, n_rows_of(batch));
}

static void backward_weights(const struct pass_batch *batch, const struct layer_weights *gradients,
                             const struct layer_weights *h, size_t layer, enum layer_linear which,
                             const float *d_y, const float *x) {
    struct linear linear = linear_of(batch, h, layer, which);
    struct linear_gradient gradient = {0};
    if (gradients != NULL) {
        const struct linear_gradient all[LAYER_LINEARS] = {
            {.w = &gradients->attn_c_attn, .bias = gradients->attn_c_attn_bias},
            {.w = &gradients->attn_c_proj, .bias = gradients->attn_c_proj_bias},
            {.w = &gradients->mlp_c_fc, .bias = gradients->mlp_c_fc_bias},
            {.w = &gradients->mlp_c_proj, .bias = gradients->mlp_c_proj_bias}};
        gradient = all[which];
    }
    if (linear.lora != NULL) {
        gradient.lora = &batch->lora_gradients[layer * LAYER_LINEARS + which];
    }
    gradient.add = !batch->begins;
    linear_backward_weights(batch->compute, &gradient, &linear, d_y, x, n_rows_of(batch));
}

/* ---- attention -------------------------------------------------------------------------------*/

/* All heads of all sequences; with d_found the backward half, into d_qkv. */
static void attend(const struct pass_batch *batch, const struct block_memory *m, size_t layer,
                   const float *d_found, float *d_qkv) {
    size_t c = (size_t)batch->config->n_embd;
    size_t qkv_stride = op_row_stride(3 * c);
    size_t stride = op_row_stride(c);
    size_t n_head = (size_t)batch->config->n_head;
    struct row_dropout dropout = batch_dropout(batch, layer, DROPOUT_WEIGHTS);
    for (size_t i = 0; i < batch->n_sequences * n_head; i++) {
        size_t row = i / n_head * batch->n_positions;
        size_t channel = i % n_head * (c / n_head);
        uint64_t head = (batch->first_sequence + i / n_head) * n_head + i % n_head;
        batch->jobs[i] = (struct training_attention){
            .qkv = m->qkv + row * qkv_stride + channel,
            .out = m->found + row * stride + channel,
            .qkv_stride = qkv_stride,
            .out_stride = stride,
            .n_positions = batch->n_positions,
            .head_size = c / n_head,
            .n_embd = c,
            .scale = forward_attention_scale(batch->config, layer),
            .dropout = {.key = rng_hash(dropout.key, head), .rate = dropout.rate},
            .d_out = d_found == NULL ? NULL : d_found + row * stride + channel,
            .d_qkv = d_qkv == NULL ? NULL : d_qkv + row * qkv_stride + channel};
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
    size_t stride = op_row_stride(c);
    float epsilon = batch->config->layer_norm_epsilon;
    struct row_dropout after_attention = batch_dropout(batch, layer, DROPOUT_ATTENTION);
    struct row_dropout after_mlp = batch_dropout(batch, layer, DROPOUT_MLP);

    op_layer_norm(compute, m->normal_1, m->x, h->ln_1_weight, h->ln_1_bias, n_rows, c, stride,
                  epsilon);
    forward_linear(batch, m->qkv, h, layer, ATTN_C_ATTN, m->normal_1);
    attend(batch, m, layer, NULL, NULL);
    forward_linear(batch, memory->branch, h, layer, ATTN_C_PROJ, m->found);
    op_residual(compute, m->middle, m->x, memory->branch, n_rows, c, &after_attention);

    op_layer_norm(compute, m->normal_2, m->middle, h->ln_2_weight, h->ln_2_bias, n_rows, c, stride,
                  epsilon);
    forward_linear(batch, m->inner, h, layer, MLP_C_FC, m->normal_2);
    op_activate(compute, memory->activated, m->inner, n_rows, h->mlp_c_fc.n_out,
                batch->config->activation);
    forward_linear(batch, memory->branch, h, layer, MLP_C_PROJ, memory->activated);
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
    const struct pass_memory *memory = batch->memory;
    const struct block_memory *m = &memory->h[layer];
    const float *d_branch = branch_gradient(batch, layer, DROPOUT_MLP);
    /* The activation is computed again together with its derivative, for next to nothing. */
    backward_input(batch, memory->d_wide, h, layer, MLP_C_PROJ, d_branch);
    op_activate_backward(batch->compute, memory->activated, memory->d_wide, m->inner,
                         n_rows_of(batch), h->mlp_c_fc.n_out, batch->config->activation);
    backward_weights(batch, gradients, h, layer, MLP_C_PROJ, d_branch, memory->activated);
    backward_input(batch, memory->branch, h, layer, MLP_C_FC, memory->d_wide);
    backward_weights(batch, gradients, h, layer, MLP_C_FC, memory->d_wide, m->normal_2);
    norm_backward(batch, gradients != NULL ? gradients->ln_2_weight : NULL,
                  gradients != NULL ? gradients->ln_2_bias : NULL, m->middle, h->ln_2_weight);
}

static void attention_backward(const struct pass_batch *batch,
                               const struct layer_weights *gradients, const struct layer_weights *h,
                               size_t layer) {
    const struct pass_memory *memory = batch->memory;
    const struct block_memory *m = &memory->h[layer];
    const float *d_branch = branch_gradient(batch, layer, DROPOUT_ATTENTION);
    backward_input(batch, memory->branch, h, layer, ATTN_C_PROJ, d_branch);
    backward_weights(batch, gradients, h, layer, ATTN_C_PROJ, d_branch, m->found);
    attend(batch, m, layer, memory->branch, memory->d_wide);
    backward_input(batch, memory->branch, h, layer, ATTN_C_ATTN, memory->d_wide);
    backward_weights(batch, gradients, h, layer, ATTN_C_ATTN, memory->d_wide, m->normal_1);
    norm_backward(batch, gradients != NULL ? gradients->ln_1_weight : NULL,
                  gradients != NULL ? gradients->ln_1_bias : NULL, m->x, h->ln_1_weight);
}

void block_backward(const struct pass_batch *batch, const struct layer_weights *gradients,
                    const struct layer_weights *h, size_t layer) {
    mlp_backward(batch, gradients, h, layer);
    attention_backward(batch, gradients, h, layer);
}
