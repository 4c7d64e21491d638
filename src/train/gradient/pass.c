/**
 * pass.c - loss and gradients of a batch: embedding, blocks forward, lm_head with the loss in
 * chunks of rows, blocks backward. A block is block.c's, memory is pass_memory.c's; what is done
 * with the gradients is trainer.c's.
 */
#include "train/gradient/pass.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/size.h"
#include "train/gradient/block.h"
#include "train/gradient/embedding.h"
#include "train/gradient/lora.h"

struct train_pass {
    struct train_pass_options options;
    struct compute compute; /* the caller's kernels and threads, scratch of our own */
    struct pass_memory memory;
    struct embedding embedding;
    struct training_attention *jobs; /* [max_sequences][n_head] */
    size_t *counted;                 /* [R] the rows whose predictions count */
    int32_t *targets;                /* [R] of these */
    double *losses;                  /* [R] of these */
};

/* ---- making ----------------------------------------------------------------------------------*/

static size_t max_rows(const struct train_pass_options *options) {
    return options->max_sequences * options->max_positions;
}

/* Whether the embeddings are trainable. */
static bool moves_tables(const struct train_pass_options *options) {
    return !options->forward_only && options->lora == NULL;
}

uint64_t train_pass_bytes(const struct gen_config *config,
                          const struct train_pass_options *options) {
    size_t floats = pass_memory_floats(config, options, threads_default());
    size_t bytes;
    if (!memory_multiply(floats, sizeof(float), &bytes)) {
        return UINT64_MAX;
    }
    uint64_t row = sizeof(size_t) + sizeof(int32_t) + sizeof(double);
    uint64_t jobs = (uint64_t)options->max_sequences * (uint64_t)config->n_head *
                    sizeof(struct training_attention);
    return bytes + row * max_rows(options) + jobs + embedding_bytes(config, moves_tables(options));
}

static enum gen_status check_options(const struct train_pass_options *options,
                                     const struct gen_config *config, struct gen_error *err) {
    if (options->max_sequences < 1 || options->max_positions < 1 ||
        options->max_positions > (size_t)config->n_ctx) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "a batch of %zu sequences of %zu positions was asked for, but it must be "
                         "at least 1 sequence of 1 to %d positions",
                         options->max_sequences, options->max_positions, config->n_ctx);
    }
    if (!(options->dropout >= 0.0f && options->dropout < 1.0f)) {
        return error_set(err, GEN_BAD_ARGUMENT, "dropout is %g, but must be 0 to below 1",
                         (double)options->dropout);
    }
    return GEN_OK;
}

static bool fill(struct train_pass *pass, const struct gen_config *config,
                 const struct compute *compute) {
    const struct train_pass_options *options = &pass->options;
    if (!pass_memory_init(&pass->memory, config, options, thread_pool_size(compute->pool)) ||
        !embedding_init(&pass->embedding, config, moves_tables(options))) {
        return false;
    }
    pass->compute = (struct compute){.kernels = compute->kernels,
                                     .pool = compute->pool,
                                     .scratch = pass->memory.scratch,
                                     .scratch_stride = pass->memory.scratch_stride};
    size_t rows = max_rows(options);
    pass->jobs = memory_new(options->max_sequences, (size_t)config->n_head * sizeof *pass->jobs);
    pass->counted = memory_new(rows, sizeof *pass->counted);
    pass->targets = memory_new(rows, sizeof *pass->targets);
    pass->losses = memory_new(rows, sizeof *pass->losses);
    return pass->jobs != NULL && pass->counted != NULL && pass->targets != NULL &&
           pass->losses != NULL;
}

enum gen_status train_pass_new(struct train_pass **out, const struct params *params,
                               const struct train_pass_options *options, struct compute *compute,
                               struct gen_error *err) {
    *out = NULL;
    enum gen_status status = check_options(options, &params->config, err);
    if (status != GEN_OK) {
        return status;
    }
    struct train_pass *pass = memory_new(1, sizeof *pass);
    if (pass == NULL) {
        return error_no_memory(err, "training");
    }
    pass->options = *options;
    if (!fill(pass, &params->config, compute)) {
        train_pass_free(pass);
        return error_set(err, GEN_NO_MEMORY,
                         "out of memory for a batch of %zu sequences of %zu positions (fewer of "
                         "them at a time, or computing activations again, needs less)",
                         options->max_sequences, options->max_positions);
    }
    *out = pass;
    return GEN_OK;
}

void train_pass_free(struct train_pass *pass) {
    if (pass == NULL) {
        return;
    }
    pass_memory_release(&pass->memory);
    embedding_release(&pass->embedding);
    memory_free(pass->jobs);
    memory_free(pass->counted);
    memory_free(pass->targets);
    memory_free(pass->losses);
    memory_free(pass);
}

/* ---- checking --------------------------------------------------------------------------------*/

static enum gen_status check_batch(const struct train_pass *pass, const struct train_batch *batch,
                                   const struct train_step *step, struct gen_error *err) {
    const struct train_pass_options *options = &pass->options;
    if (batch->n_sequences < 1 || batch->n_sequences > options->max_sequences ||
        batch->n_positions < 1 || batch->n_positions > options->max_positions) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "a batch has %zu sequences of %zu positions, but it must be 1 to %zu of 1 "
                         "to %zu",
                         batch->n_sequences, batch->n_positions, options->max_sequences,
                         options->max_positions);
    }
    if (step != NULL && (options->forward_only || step->scale == 0.0f)) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "gradients were asked of a pass that was made without them, or of a loss "
                         "times 0");
    }
    return GEN_OK;
}

/* Check the ids and list the rows whose predictions count. */
static enum gen_status list_counted(struct train_pass *pass, size_t *n_counted,
                                    const struct train_batch *batch,
                                    const struct gen_config *config, struct gen_error *err) {
    *n_counted = 0;
    for (size_t row = 0; row < batch->n_sequences * batch->n_positions; row++) {
        int32_t id = batch->ids[row];
        int32_t target = batch->targets[row];
        bool counts = target != NO_TARGET;
        if (id < 0 || id >= config->n_vocab ||
            (counts && (target < 0 || target >= config->n_vocab))) {
            return error_set(err, GEN_BAD_ARGUMENT,
                             "token id %d or %d is out of range, the model's ids are 0 to %d", id,
                             target, config->n_vocab - 1);
        }
        if (counts) {
            pass->counted[*n_counted] = row;
            pass->targets[(*n_counted)++] = target;
        }
    }
    return GEN_OK;
}

/* ---- the ends of the model -------------------------------------------------------------------*/

static void embed(const struct pass_batch *batch, const struct params *params,
                  const struct train_batch *ids) {
    size_t c = (size_t)batch->config->n_embd;
    float *x = batch->memory->h[0].x;
    embedding_forward(batch->compute, x, &params->weights, ids, c);
    if (batch->dropout > 0.0f) {
        struct row_dropout dropout = batch_dropout(batch, 0, DROPOUT_EMBEDDING);
        op_drop(batch->compute, x, x, ids->n_sequences * ids->n_positions, c, &dropout);
    }
}

static void embed_backward(struct train_pass *pass, const struct pass_batch *batch,
                           const struct weights *gradients, const struct train_batch *ids) {
    float *d_x = batch->memory->d_x;
    if (batch->dropout > 0.0f) {
        struct row_dropout dropout = batch_dropout(batch, 0, DROPOUT_EMBEDDING);
        op_drop(batch->compute, d_x, d_x, ids->n_sequences * ids->n_positions,
                (size_t)batch->config->n_embd, &dropout);
    }
    embedding_backward(batch->compute, &pass->embedding, gradients, d_x, ids);
}

/* Move the rows that count together at the beginning of the last residual stream. */
static void gather_counted(const struct train_pass *pass, size_t n_counted, size_t c) {
    for (size_t i = 0; i < n_counted; i++) {
        memmove(pass->memory.last + i * op_row_stride(c),
                pass->memory.last + pass->counted[i] * op_row_stride(c), c * sizeof(float));
    }
}

/* Move the gradients of these rows back to their places, with zeros between them. */
static void scatter_counted(const struct train_pass *pass, size_t n_counted, size_t n_rows,
                            size_t c) {
    float *d_x = pass->memory.d_x;
    size_t stride = op_row_stride(c);
    size_t left = n_counted;
    for (size_t row = n_rows; row > 0; row--) {
        bool counts = left > 0 && pass->counted[left - 1] == row - 1;
        left -= counts;
        if (!counts) {
            memset(d_x + (row - 1) * stride, 0, c * sizeof *d_x);
        } else if (left != row - 1) {
            memcpy(d_x + (row - 1) * stride, d_x + left * stride, c * sizeof *d_x);
        }
    }
}

/* Rows first ... first + n - 1 of those that count: their losses, and unless scale is 0 what comes
 * back through lm_head, into memory->branch. */
static void head_chunk(struct train_pass *pass, const struct weights *weights,
                       const struct weights *gradients, const struct pass_batch *batch, float scale,
                       size_t first, size_t n) {
    const struct gen_config *config = batch->config;
    const struct compute *compute = &pass->compute;
    const struct pass_memory *memory = &pass->memory;
    const struct matrix *lm_head = &weights->lm_head;
    size_t c = (size_t)config->n_embd;
    size_t stride = op_row_stride(c);
    op_layer_norm(compute, memory->normal_f, memory->last + first * stride, weights->ln_f.weight,
                  weights->ln_f.bias, n, c, stride, config->layer_norm_epsilon);
    op_linear(compute, memory->logits, memory->normal_f, lm_head, NULL, n);
    op_cross_entropy(compute, pass->losses + first, memory->logits, lm_head->n_out,
                     pass->targets + first, n, scale);
    if (scale != 0.0f) {
        op_matmul_backward(compute, memory->branch + first * stride, memory->logits, lm_head, n);
    }
    if (gradients != NULL) {
        op_matmul_weights(compute, params_numbers(&gradients->lm_head), memory->normal_f,
                          memory->logits, n, c, lm_head->n_out, first > 0 || !batch->begins);
    }
}

/* From the last residual stream to the loss, which is added to *loss, and, unless scale is 0, back
 * to its gradient. */
static void head(struct train_pass *pass, const struct weights *weights,
                 const struct weights *gradients, const struct pass_batch *batch, float scale,
                 size_t n_counted, double *loss) {
    const struct pass_memory *memory = &pass->memory;
    size_t n_rows = batch->n_sequences * batch->n_positions;
    size_t c = (size_t)batch->config->n_embd;
    gather_counted(pass, n_counted, c);
    for (size_t first = 0; first < n_counted; first += memory->chunk_rows) {
        size_t left = n_counted - first;
        head_chunk(pass, weights, gradients, batch, scale, first,
                   size_min(left, memory->chunk_rows));
    }
    for (size_t i = 0; i < n_counted; i++) {
        *loss += pass->losses[i];
    }
    if (scale != 0.0f) {
        memset(memory->d_x, 0, n_counted * op_row_stride(c) * sizeof *memory->d_x);
        struct layer_norm_backward job = {.d_x = memory->d_x,
                                          .d_weight =
                                              gradients != NULL ? gradients->ln_f.weight : NULL,
                                          .d_bias = gradients != NULL ? gradients->ln_f.bias : NULL,
                                          .d_y = memory->branch,
                                          .x = memory->last,
                                          .weight = weights->ln_f.weight,
                                          .moments = memory->moments,
                                          .n_rows = n_counted,
                                          .n = c,
                                          .epsilon = batch->config->layer_norm_epsilon};
        op_layer_norm_backward(&pass->compute, &job);
        scatter_counted(pass, n_counted, n_rows, c);
    }
}

/* ---- the pass --------------------------------------------------------------------------------*/

static void forward(const struct pass_batch *batch, const struct params *params,
                    const struct train_batch *ids) {
    size_t n_layer = (size_t)batch->config->n_layer;
    embed(batch, params, ids);
    for (size_t layer = 0; layer < n_layer; layer++) {
        float *out = layer + 1 < n_layer ? batch->memory->h[layer + 1].x : batch->memory->last;
        block_forward(batch, out, &params->weights.h[layer], layer);
    }
}

static void backward(struct train_pass *pass, const struct pass_batch *batch,
                     const struct params *params, const struct weights *gradients,
                     const struct train_batch *ids, const struct train_step *step) {
    for (size_t layer = (size_t)batch->config->n_layer; layer-- > 0;) {
        if (pass->options.recompute) {
            /* Its result is not needed; the memory of the last residual stream is free. */
            block_forward(batch, batch->memory->last, &params->weights.h[layer], layer);
        }
        block_backward(batch, gradients != NULL ? &gradients->h[layer] : NULL,
                       &params->weights.h[layer], layer);
    }
    if (gradients == NULL) {
        return;
    }
    if (step->begins) {
        embedding_begin(&pass->embedding);
    }
    embed_backward(pass, batch, gradients, ids);
    if (step->ends) {
        embedding_end(batch->compute, &pass->embedding, gradients);
    }
}

/* Make zeros of what a step that begins adds to: all but matrices, which it writes, unless no row
 * counts and so none meets lm_head. */
static void clear_gradients(const struct train_pass *pass, const struct params *params,
                            float *gradients, size_t n_counted) {
    const struct params *trainable =
        pass->options.lora != NULL ? &pass->options.lora->params : params;
    for (size_t i = 0; i < trainable->n_tensors; i++) {
        const struct param_tensor *tensor = &trainable->tensors[i];
        bool added = !tensor->panels || (!role_is_linear(tensor->spec->role) && n_counted == 0);
        if (added) {
            memset(gradients + tensor->offset, 0, tensor->n * sizeof *gradients);
        }
    }
}

/* The gradients' array as what is trainable: weights, or pairs of adapters. */
struct gradient_view {
    struct weights weights;
    struct lora_pair *pairs; /* NULL: the weights */
};

static enum gen_status view_gradients(struct gradient_view *view, const struct train_pass *pass,
                                      const struct params *params, float *gradients,
                                      struct gen_error *err) {
    *view = (struct gradient_view){0};
    const struct lora *lora = pass->options.lora;
    bool good;
    if (lora != NULL) {
        view->pairs = lora_view(lora, gradients);
        good = view->pairs != NULL;
    } else {
        good = params_view(&view->weights, params, gradients);
    }
    return good ? GEN_OK : error_no_memory(err, "gradients");
}

static void release_view(struct gradient_view *view) {
    params_view_release(&view->weights);
    memory_free(view->pairs);
}

enum gen_status train_pass_run(struct train_pass *pass, const struct params *params,
                               float *gradients, const struct train_batch *batch,
                               const struct train_step *step, double *loss, size_t *n_counted,
                               struct gen_error *err) {
    struct gradient_view view = {0};
    bool trains = gradients != NULL;
    size_t counted = 0;
    enum gen_status status = check_batch(pass, batch, trains ? step : NULL, err);
    if (status != GEN_OK ||
        (status = list_counted(pass, &counted, batch, &params->config, err)) != GEN_OK ||
        (trains && (status = view_gradients(&view, pass, params, gradients, err)) != GEN_OK)) {
        return status;
    }
    const struct weights *weights = trains && view.pairs == NULL ? &view.weights : NULL;
    struct pass_batch work = {.compute = &pass->compute,
                              .config = &params->config,
                              .memory = &pass->memory,
                              .jobs = pass->jobs,
                              .lora = pass->options.lora,
                              .lora_gradients = view.pairs,
                              .n_sequences = batch->n_sequences,
                              .n_positions = batch->n_positions};
    if (trains) {
        work.dropout = pass->options.dropout;
        work.seed = step->seed;
        work.first_sequence = step->first_sequence;
        work.begins = step->begins;
        if (step->begins) {
            clear_gradients(pass, params, gradients, counted);
        }
    }
    forward(&work, params, batch);
    head(pass, &params->weights, weights, &work, trains ? step->scale : 0.0f, counted, loss);
    *n_counted += counted;
    if (trains) {
        backward(pass, &work, params, weights, batch, step);
    }
    release_view(&view);
    return GEN_OK;
}
