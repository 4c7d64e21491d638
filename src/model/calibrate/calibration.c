/**
 * calibration.c - takes a text through a model and adds up products of the inputs of each matrix.
 * Which text is sample.c's, what is made of the sums tensor/quant/rounding/factor.c's.
 */
#include "model/calibrate/calibration.h"

#include "arch/arch.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/size.h"
#include "model/calibrate/parts.h"
#include "model/session.h"
#include "model/watch.h"
#include "tensor/ops_backward.h"

/* Sums kept at a time, unless a single matrix needs more. */
#define MOST_BYTES ((size_t)1 << 30)
/* Positions of a text that is read in one piece. */
#define MOST_WINDOW ((size_t)1024)
/* Parts of the mean of the diagonal that are added to it, see rounding_init(). Rows of a tied
 * embedding are looked up as well, where all numbers count the same. Of the built-in model at q4_0
 * parts of 0.001 to 0.05 left the same loss within a twentieth. */
#define DAMPING      0.02
#define DAMPING_TIED 0.5

static bool is_multiplied(const struct tensor_spec *spec, const struct gen_config *config) {
    return role_is_linear(spec->role) || spec->role == tensor_head_role(config);
}

/* ---- opening ---------------------------------------------------------------------------------*/

static bool list_inputs(struct calibration *c) {
    const struct gen_config *config = &c->model->config;
    const struct arch *arch = arch_of(config);
    c->inputs = memory_new(arch->n_tensors * (size_t)config->n_layer, sizeof *c->inputs);
    for (size_t i = 0; c->inputs != NULL && i < arch->n_tensors; i++) {
        const struct tensor_spec *spec = &arch->tensors[i];
        int32_t n = is_multiplied(spec, config) ? tensor_spec_count(spec, config) : 0;
        for (int32_t layer = 0; layer < n; layer++) {
            const struct matrix *matrix = &c->model->weights.lm_head;
            if (role_is_linear(spec->role)) {
                matrix = weights_field(&c->model->weights, spec, layer);
            }
            /* No block format has others. */
            if (matrix->n_in % QUANT_SMALL == 0) {
                c->inputs[c->n_inputs++] =
                    (struct input_sums){.spec = spec, .layer = layer, .matrix = matrix};
            }
        }
    }
    return c->inputs != NULL;
}

static bool compute_share(struct calibration *c) {
    size_t floats = PRODUCT_SCRATCH;
    for (size_t i = 0; i < c->n_inputs; i++) {
        floats = size_max(floats, rounding_scratch(c->inputs[i].matrix->n_in));
    }
    const struct compute *compute = session_compute(c->session);
    floats = size_round_up(floats, MEMORY_ALIGNMENT / sizeof(float));
    c->compute = (struct compute){
        .kernels = compute->kernels, .pool = compute->pool, .scratch_stride = floats};
    c->compute.scratch = memory_new_aligned((size_t)thread_pool_size(compute->pool),
                                            floats * sizeof *c->compute.scratch);
    return c->compute.scratch != NULL;
}

enum gen_status calibration_go_on(const struct calibration *c, struct gen_error *err) {
    if (c->options->progress == NULL || c->options->progress(c->options->context, 0, 1)) {
        return GEN_OK;
    }
    return error_set(err, GEN_CANCELED, "%s: conversion was canceled", c->model->where.text);
}

static enum gen_status go_on(void *context, struct gen_error *err) {
    return calibration_go_on(context, err);
}

static enum gen_status read_sample(struct calibration *c, size_t window, struct gen_error *err) {
    const struct gen_convert_options *options = c->options;
    const struct text_sample_source source = {.paths = options->calibrate,
                                              .n_paths = options->n_calibrate,
                                              .tokenizer = c->model->tokenizer,
                                              .go_on = go_on,
                                              .context = c};
    size_t n_tokens = options->calibrate_tokens != 0 ? (size_t)options->calibrate_tokens
                                                     : (size_t)CALIBRATION_TOKENS;
    if (source.tokenizer == NULL) {
        return error_set(err, GEN_BAD_FILE, "%s: has no tokenizer, so no text can calibrate it",
                         c->model->where.text);
    }
    return text_sample_read(&c->sample, &source, window, n_tokens, c->compute.pool, err);
}

static enum gen_status open_model(struct calibration *c, const char *src, struct gen_error *err) {
    const struct gen_convert_options *options = c->options;
    struct gen_session_options session_options = gen_session_options_default();
    enum gen_status status =
        options->image != NULL
            ? gen_model_open_memory(&c->model, src, options->image, options->image_size, NULL, err)
            : gen_model_open(&c->model, src, NULL, err);
    if (status != GEN_OK) {
        return status;
    }
    size_t window = size_min((size_t)c->model->config.n_ctx, MOST_WINDOW);
    session_options.n_ctx = (int32_t)window;
    status = gen_session_new(&c->session, c->model, &session_options, err);
    if (status != GEN_OK) {
        return status;
    }
    if (!list_inputs(c) || !compute_share(c)) {
        return error_no_memory(err, "calibration");
    }
    return options->n_calibrate > 0 ? read_sample(c, window, err) : GEN_OK;
}

static enum gen_status check_options(const struct gen_convert_options *options,
                                     struct gen_error *err) {
    if (options->calibrate_tokens < 0 || options->calibrate_tokens > CALIBRATION_TOKENS_MAX) {
        return error_set(err, GEN_BAD_ARGUMENT, "calibrate_tokens is %d, but must be 1 to %d",
                         options->calibrate_tokens, CALIBRATION_TOKENS_MAX);
    }
    return GEN_OK;
}

enum gen_status calibration_new(struct calibration **out, const char *src,
                                const struct gen_convert_options *options, struct gen_error *err) {
    *out = NULL;
    enum gen_status status = check_options(options, err);
    if (status != GEN_OK) {
        return status;
    }
    struct calibration *c = memory_new(1, sizeof *c);
    if (c == NULL) {
        return error_no_memory(err, "calibration");
    }
    c->options = options;
    status = open_model(c, src, err);
    if (status != GEN_OK) {
        calibration_free(c);
        return status;
    }
    *out = c;
    return GEN_OK;
}

static size_t sums_size(const struct input_sums *input) {
    return input->matrix->n_in * input->matrix->n_in;
}

static void forget(struct input_sums *input) {
    memory_free_aligned(input->h, sums_size(input), sizeof *input->h);
    input->h = NULL;
}

void calibration_free(struct calibration *c) {
    if (c == NULL) {
        return;
    }
    for (size_t i = 0; i < c->n_inputs; i++) {
        forget(&c->inputs[i]);
    }
    memory_free(c->inputs);
    rounding_release(&c->rounding);
    text_sample_release(&c->sample);
    if (c->compute.scratch != NULL) {
        memory_free_aligned(c->compute.scratch, (size_t)thread_pool_size(c->compute.pool),
                            c->compute.scratch_stride * sizeof *c->compute.scratch);
    }
    gen_session_free(c->session);
    gen_model_free(c->model);
    memory_free(c);
}

/* ---- reading the text ------------------------------------------------------------------------*/

/* h += x^T x, on and above its diagonal. Strips of columns, as many rows of each as lie above its
 * last one. */
static void add_square(const struct compute *compute, float *h, const float *x, size_t n_rows,
                       size_t n) {
    enum { STRIP = 256 };
    for (size_t first = 0; first < n; first += STRIP) {
        size_t n_columns = size_min(n - first, STRIP);
        struct product_job job = {.y = h + first * n,
                                  .y_stride = MATRIX_PANEL,
                                  .y_panel_stride = n * MATRIX_PANEL,
                                  .x = x,
                                  .x_stride = 1,
                                  .x_step = op_row_stride(n),
                                  .w = x + first,
                                  .w_lies = PRODUCT_W_ROWS,
                                  .w_stride = op_row_stride(n),
                                  .n_rows = first + n_columns,
                                  .n_inner = n_rows,
                                  .n_columns = n_columns,
                                  .add = true};
        op_product(compute, &job);
    }
}

static void add_products(void *context, const struct matrix *w, const float *x, size_t n_rows) {
    struct calibration *c = context;
    for (size_t i = 0; i < c->n_inputs; i++) {
        if (c->inputs[i].matrix == w && c->inputs[i].h != NULL) {
            add_square(&c->compute, c->inputs[i].h, x, n_rows, w->n_in);
        }
    }
}

static enum gen_status read_window(struct calibration *c, const int32_t *ids, size_t n,
                                   struct gen_error *err) {
    gen_session_truncate(c->session, 0, 0);
    enum gen_status status = GEN_OK;
    for (size_t first = 0; first < n && status == GEN_OK; first += FORWARD_MAX_ROWS) {
        status = session_watch_inputs(c->session, ids + first,
                                      size_min(n - first, FORWARD_MAX_ROWS), err);
    }
    return status;
}

/* Sums of as many matrices, from `first` on, as there is room for. */
static enum gen_status collect(struct calibration *c, size_t first, struct gen_error *err) {
    size_t bytes = 0;
    for (size_t i = 0; i < c->n_inputs; i++) {
        forget(&c->inputs[i]);
    }
    for (size_t i = first; i < c->n_inputs; i++) {
        struct input_sums *input = &c->inputs[i];
        size_t size = sums_size(input) * sizeof *input->h;
        if (i > first && size > MOST_BYTES - size_min(bytes, MOST_BYTES)) {
            break;
        }
        bytes += size;
        input->h = memory_new_aligned(sums_size(input), sizeof *input->h);
        if (input->h == NULL) {
            return error_no_memory(err, "calibration");
        }
    }
    c->watch = (struct forward_watch){.context = c, .inputs = add_products};
    session_watch(c->session, &c->watch);
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < text_sample_n(&c->sample) && status == GEN_OK; i++) {
        size_t n;
        const int32_t *ids = text_sample_window(&c->sample, i, &n);
        status = read_window(c, ids, n, err);
        status = status == GEN_OK ? calibration_go_on(c, err) : status;
    }
    session_watch(c->session, NULL);
    return status;
}

enum gen_status calibration_rounding(const struct rounding **out, struct calibration *c,
                                     const struct tensor_spec *spec, int32_t layer,
                                     struct gen_error *err) {
    size_t i = 0;
    while (i < c->n_inputs && (c->inputs[i].spec != spec || c->inputs[i].layer != layer)) {
        i++;
    }
    *out = NULL;
    if (i == c->n_inputs || c->sample.n_ids == 0) {
        return GEN_OK;
    }
    rounding_release(&c->rounding);
    struct input_sums *input = &c->inputs[i];
    if (input->h == NULL) {
        enum gen_status status = collect(c, i, err);
        if (status != GEN_OK) {
            return status;
        }
    }
    float *h = input->h;
    input->h = NULL;
    double damping = role_is_linear(spec->role) || spec->role == ROLE_HEAD ? DAMPING : DAMPING_TIED;
    if (!rounding_init(&c->rounding, &c->compute, h, input->matrix->n_in, c->sample.n_ids,
                       damping)) {
        return error_no_memory(err, "calibration");
    }
    *out = &c->rounding;
    return GEN_OK;
}

const struct compute *calibration_compute(const struct calibration *c) {
    return &c->compute;
}
