/**
 * block.c - a block in training: the list of its architecture played forward, with what is needed
 * on the way back kept, and backward.
 */
#include "train/gradient/block.h"

#include "arch/arch.h"
#include "base/rng.h"
#include "model/forward.h"
#include "train/gradient/linear.h"

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

/* A block on its way. */
struct block_run {
    struct run run; /* the first member: operations get a pointer to it */
    const struct pass_batch *batch;
    const struct layer *h;
    const struct layer *gradients; /* as h; NULL: the weights are not trainable */
    size_t layer;
    const struct block_memory *m;
    const float *x; /* forward: where the residual stream is by now */
    float *out;     /* forward: where it ends */
};

static const struct block_run *block_of(const struct run *run) {
    return (const struct block_run *)run;
}

/* The same part of the gradients: a norm or a linear layer of the block. NULL: it is not
 * trainable. */
static const void *gradient_of(const struct block_run *r, const void *part) {
    size_t offset = (size_t)((const unsigned char *)part - (const unsigned char *)r->h);
    return r->gradients == NULL ? NULL : (const unsigned char *)r->gradients + offset;
}

/* Rows that are given to others, as a norm's or a product's input. */
static const float *value_of(const struct block_run *r, enum run_buffer buffer) {
    switch (buffer) {
    case NORMAL_1:
        return r->m->normal_1;
    case FOUND:
        return r->m->found;
    case NORMAL_2:
        return r->m->normal_2;
    case INNER:
        return r->batch->memory->activated;
    case X:
    default:
        return r->x;
    }
}

/* ---- linear layers ---------------------------------------------------------------------------*/

/* A layer with its adapter, if it has one. */
static struct adapted_linear adapted(const struct block_run *r, const struct linear *linear) {
    const struct pass_batch *batch = r->batch;
    struct adapted_linear result = {.of = linear};
    size_t which = role_linear_index(linear->role);
    if (batch->lora != NULL && batch->lora->options.targets[which]) {
        result.lora = &batch->lora->pairs[r->layer * ROLE_N_LINEAR + which];
        result.scale = batch->lora->scale;
        result.low = batch->memory->low;
        result.d_low = batch->memory->d_low;
    }
    return result;
}

static void product(const struct block_run *r, float *y, const struct linear *linear,
                    const float *x) {
    struct adapted_linear layer = adapted(r, linear);
    linear_forward(r->batch->compute, y, &layer, x, n_rows_of(r->batch));
}

static void product_backward(const struct block_run *r, float *d_x, const struct linear *linear,
                             const float *d_y) {
    struct adapted_linear layer = adapted(r, linear);
    linear_backward_input(r->batch->compute, d_x, &layer, d_y, n_rows_of(r->batch));
}

static void weights_backward(const struct block_run *r, const struct linear *linear,
                             const float *d_y, const float *x) {
    const struct pass_batch *batch = r->batch;
    struct adapted_linear layer = adapted(r, linear);
    struct linear_gradient gradient = {.of = gradient_of(r, linear), .add = !batch->begins};
    if (layer.lora != NULL) {
        gradient.lora =
            &batch->lora_gradients[r->layer * ROLE_N_LINEAR + role_linear_index(linear->role)];
    }
    linear_backward_weights(batch->compute, &gradient, &layer, d_y, x, n_rows_of(batch));
}

/* Which masks a branch is dropped with. */
static enum dropout_place place_of(const struct linear *linear) {
    return linear->role == ROLE_ATTN_OUT ? DROPOUT_ATTENTION : DROPOUT_MLP;
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
            .window = forward_attention_window(batch->config, layer),
            .dropout = {.key = rng_hash(dropout.key, head), .rate = dropout.rate},
            .d_out = d_found == NULL ? NULL : d_found + row * stride + channel,
            .d_qkv = d_qkv == NULL ? NULL : d_qkv + row * qkv_stride + channel};
    }
    op_training_attention(batch->compute, batch->jobs, batch->n_sequences * n_head,
                          d_found != NULL);
}

/* ---- forward ---------------------------------------------------------------------------------*/

static void norm_forward(struct run *run, enum run_buffer out, enum run_buffer in,
                         const struct norm *norm) {
    const struct block_run *r = block_of(run);
    size_t c = (size_t)r->batch->config->n_embd;
    op_layer_norm(r->batch->compute, out == NORMAL_1 ? r->m->normal_1 : r->m->normal_2,
                  value_of(r, in), norm->weight, norm->bias, n_rows_of(r->batch), c,
                  op_row_stride(c), r->batch->config->layer_norm_epsilon);
}

static void attention_forward(struct run *run, enum run_buffer out, enum run_buffer in,
                              const struct layer *h) {
    const struct block_run *r = block_of(run);
    (void)out;
    product(r, r->m->qkv, &h->attn_c_attn, value_of(r, in));
    attend(r->batch, r->m, r->layer, NULL, NULL);
}

/* The residual stream after the first branch is `middle`, after the last one the block's result. */
static void add_branch(struct block_run *r, const struct linear *linear) {
    const struct pass_batch *batch = r->batch;
    struct row_dropout dropout = batch_dropout(batch, r->layer, place_of(linear));
    float *sum = linear->role == ROLE_ATTN_OUT ? r->m->middle : r->out;
    op_residual(batch->compute, sum, r->x, batch->memory->branch, n_rows_of(batch),
                (size_t)batch->config->n_embd, &dropout);
    r->x = sum;
}

static void linear_layer_forward(struct run *run, enum run_buffer out, enum run_buffer in,
                                 const struct linear *linear, enum run_after after) {
    struct block_run *r = (struct block_run *)run;
    const struct pass_batch *batch = r->batch;
    (void)out;
    if (after == ADDED) {
        product(r, batch->memory->branch, linear, value_of(r, in));
        add_branch(r, linear);
    } else {
        product(r, r->m->inner, linear, value_of(r, in));
        op_activate(batch->compute, batch->memory->activated, r->m->inner, n_rows_of(batch),
                    linear->matrix.n_out, batch->config->activation);
    }
}

/* ---- backward --------------------------------------------------------------------------------*/

/* memory->d_x is the gradient of the residual stream, memory->branch that of what has n_embd
 * numbers a row, memory->d_wide that of the inner layer before its activation, or of qkv. */

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

/* d_x += what comes through the norm. */
static void norm_backward(struct run *run, enum run_buffer out, enum run_buffer in,
                          const struct norm *norm) {
    const struct block_run *r = block_of(run);
    const struct pass_memory *memory = r->batch->memory;
    const struct norm *gradient = gradient_of(r, norm);
    (void)in;
    struct layer_norm_backward job = {.d_x = memory->d_x,
                                      .d_weight = gradient != NULL ? gradient->weight : NULL,
                                      .d_bias = gradient != NULL ? gradient->bias : NULL,
                                      .d_y = memory->branch,
                                      .x = out == NORMAL_1 ? r->m->x : r->m->middle,
                                      .weight = norm->weight,
                                      .moments = memory->moments,
                                      .n_rows = n_rows_of(r->batch),
                                      .n = (size_t)r->batch->config->n_embd,
                                      .epsilon = r->batch->config->layer_norm_epsilon};
    op_layer_norm_backward(r->batch->compute, &job);
}

static void attention_backward(struct run *run, enum run_buffer out, enum run_buffer in,
                               const struct layer *h) {
    const struct block_run *r = block_of(run);
    const struct pass_memory *memory = r->batch->memory;
    (void)out;
    attend(r->batch, r->m, r->layer, memory->branch, memory->d_wide);
    product_backward(r, memory->branch, &h->attn_c_attn, memory->d_wide);
    weights_backward(r, &h->attn_c_attn, memory->d_wide, value_of(r, in));
}

static void linear_layer_backward(struct run *run, enum run_buffer out, enum run_buffer in,
                                  const struct linear *linear, enum run_after after) {
    const struct block_run *r = block_of(run);
    const struct pass_batch *batch = r->batch;
    const struct pass_memory *memory = batch->memory;
    float *d_in = in == INNER ? memory->d_wide : memory->branch;
    (void)out;
    const float *d_out =
        after == ADDED ? branch_gradient(batch, r->layer, place_of(linear)) : memory->d_wide;
    product_backward(r, d_in, linear, d_out);
    if (in == INNER) {
        /* Computed again together with its derivative, for next to nothing. */
        op_activate_backward(batch->compute, memory->activated, memory->d_wide, r->m->inner,
                             n_rows_of(batch), linear->matrix.n_in, batch->config->activation);
    }
    weights_backward(r, linear, d_out, value_of(r, in));
}

/* ---- the block -------------------------------------------------------------------------------*/

static const struct run_operations forward_operations = {norm_forward, attention_forward,
                                                         linear_layer_forward};
static const struct run_operations backward_operations = {norm_backward, attention_backward,
                                                          linear_layer_backward};

void block_forward(const struct pass_batch *batch, float *out, const struct layer *h,
                   size_t layer) {
    const struct block_memory *m = &batch->memory->h[layer];
    struct block_run run = {.run = {.forward = &forward_operations},
                            .batch = batch,
                            .h = h,
                            .layer = layer,
                            .m = m,
                            .x = m->x,
                            .out = out};
    arch_of(batch->config)->layer_forward(&run.run, h);
}

void block_backward(const struct pass_batch *batch, const struct layer *gradients,
                    const struct layer *h, size_t layer) {
    struct block_run run = {.run = {.backward = &backward_operations},
                            .batch = batch,
                            .h = h,
                            .gradients = gradients,
                            .layer = layer,
                            .m = &batch->memory->h[layer]};
    arch_of(batch->config)->layer_backward(&run.run, h);
}
