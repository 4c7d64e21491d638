/**
 * ops_backward.c - the operations of training as loops over threads: products and their gradients,
 * layer norm, activations, attention, dropout with the residual sum, cross entropy. The arithmetic
 * is in the training_*.h of kernels/; what the gradients are for is src/train's.
 */
#include "tensor/ops_backward.h"

#include "base/rng.h"
#include "base/size.h"

/* Shares of a product for each thread: enough that none waits long for the last one. */
#define PRODUCT_SHARES 12
/* Columns of a share of sums over rows. */
#define SHARE_COLUMNS 64

/* ---- matrix products -------------------------------------------------------------------------*/

struct product_work {
    const struct compute *compute;
    const struct product_job *job;
    size_t n_rows; /* of a share */
    size_t n_panels, n_across;
};

/* Where share i of those across begins: panels are dealt out in as few groups of at most
 * PRODUCT_PANELS as there can be, as equal as may be. */
static size_t first_panel(const struct product_work *work, size_t i) {
    size_t n_groups = size_divide_up(work->n_panels, PRODUCT_PANELS);
    return i * n_groups / work->n_across * work->n_panels / n_groups;
}

static void product_shares(void *context, size_t begin, size_t end, int thread) {
    const struct product_work *work = context;
    const struct product_job *job = work->job;
    for (size_t i = begin; i < end; i++) {
        size_t across = i % work->n_across;
        struct product_share share = {.row = i / work->n_across * work->n_rows,
                                      .panel = first_panel(work, across)};
        share.n_rows = size_min(work->n_rows, job->n_rows - share.row);
        share.n_panels = first_panel(work, across + 1) - share.panel;
        work->compute->kernels->training->product(job, &share,
                                                  compute_scratch(work->compute, thread));
    }
}

/* Shares are as many rows as may be and as many panels as leave each thread enough of them. */
void op_product(const struct compute *compute, const struct product_job *job) {
    size_t enough = (size_t)thread_pool_size(compute->pool) * PRODUCT_SHARES;
    size_t down = size_divide_up(job->n_rows, PRODUCT_ROWS);
    size_t n_panels = size_divide_up(job->n_columns, MATRIX_PANEL);
    struct product_work work = {.compute = compute,
                                .job = job,
                                .n_rows = size_round_up(size_divide_up(job->n_rows, down), 16),
                                .n_panels = n_panels,
                                .n_across = size_min(size_divide_up(enough, down),
                                                     size_divide_up(n_panels, PRODUCT_PANELS))};
    size_t n_shares = size_divide_up(job->n_rows, work.n_rows) * work.n_across;
    thread_pool_run(compute->pool, n_shares, 1, product_shares, &work);
}

static struct product_job linear_job(float *y, const float *x, const struct matrix *w,
                                     size_t n_rows) {
    return (struct product_job){.y = y,
                                .y_stride = op_row_stride(w->n_out),
                                .y_panel_stride = MATRIX_PANEL,
                                .x = x,
                                .x_stride = op_row_stride(w->n_in),
                                .x_step = 1,
                                .w = (const float *)(const void *)w->data,
                                .w_lies = PRODUCT_W_PANELS,
                                .n_rows = n_rows,
                                .n_inner = w->n_in,
                                .n_columns = w->n_out};
}

void op_linear(const struct compute *compute, float *y, const float *x, const struct matrix *w,
               const float *bias, size_t n_rows) {
    struct product_job job = linear_job(y, x, w, n_rows);
    job.bias = bias;
    op_product(compute, &job);
}

void op_linear_add(const struct compute *compute, float *y, const float *x, const struct matrix *w,
                   size_t n_rows) {
    struct product_job job = linear_job(y, x, w, n_rows);
    job.add = true;
    op_product(compute, &job);
}

static struct product_job backward_job(float *d_x, const float *d_y, const struct matrix *w,
                                       size_t n_rows) {
    return (struct product_job){.y = d_x,
                                .y_stride = op_row_stride(w->n_in),
                                .y_panel_stride = MATRIX_PANEL,
                                .x = d_y,
                                .x_stride = op_row_stride(w->n_out),
                                .x_step = 1,
                                .w = (const float *)(const void *)w->data,
                                .w_lies = PRODUCT_W_PANELS_ACROSS,
                                .n_rows = n_rows,
                                .n_inner = w->n_out,
                                .n_columns = w->n_in};
}

void op_matmul_backward(const struct compute *compute, float *d_x, const float *d_y,
                        const struct matrix *w, size_t n_rows) {
    struct product_job job = backward_job(d_x, d_y, w, n_rows);
    op_product(compute, &job);
}

void op_matmul_backward_add(const struct compute *compute, float *d_x, const float *d_y,
                            const struct matrix *w, size_t n_rows) {
    struct product_job job = backward_job(d_x, d_y, w, n_rows);
    job.add = true;
    op_product(compute, &job);
}

void op_matmul_weights(const struct compute *compute, float *d_w, const float *x, const float *d_y,
                       size_t n_rows, size_t n_in, size_t n_out, bool add) {
    struct product_job job = {.y = d_w,
                              .y_stride = MATRIX_PANEL,
                              .y_panel_stride = n_in * MATRIX_PANEL,
                              .x = x,
                              .x_stride = 1,
                              .x_step = op_row_stride(n_in),
                              .w = d_y,
                              .w_lies = PRODUCT_W_ROWS,
                              .w_stride = op_row_stride(n_out),
                              .n_rows = n_in,
                              .n_inner = n_rows,
                              .n_columns = n_out,
                              .add = add};
    op_product(compute, &job);
}

/* ---- sums over rows --------------------------------------------------------------------------*/

struct bias_work {
    const struct compute *compute;
    float *d_bias;
    const float *d_y;
    size_t n_rows, n;
};

static void bias_share(void *context, size_t begin, size_t end, int thread) {
    const struct bias_work *work = context;
    (void)thread;
    size_t first = begin * SHARE_COLUMNS;
    size_t n = size_min(end * SHARE_COLUMNS, work->n) - first;
    work->compute->kernels->training->column_sums(work->d_bias + first, work->d_y + first,
                                                  work->n_rows, op_row_stride(work->n), n);
}

void op_bias_weights(const struct compute *compute, float *d_bias, const float *d_y, size_t n_rows,
                     size_t n) {
    struct bias_work work = {compute, d_bias, d_y, n_rows, n};
    thread_pool_run(compute->pool, size_divide_up(n, SHARE_COLUMNS), 0, bias_share, &work);
}

struct layer_norm_work {
    const struct compute *compute;
    const struct layer_norm_backward *job;
};

static void layer_norm_rows(void *context, size_t begin, size_t end, int thread) {
    const struct layer_norm_work *work = context;
    const struct layer_norm_backward *job = work->job;
    (void)thread;
    for (size_t row = begin; row < end; row++) {
        size_t at = row * op_row_stride(job->n);
        work->compute->kernels->training->layer_norm_backward(job->d_x + at, job->moments + 2 * row,
                                                              job->d_y + at, job->x + at,
                                                              job->weight, job->n, job->epsilon);
    }
}

static void layer_norm_columns(void *context, size_t begin, size_t end, int thread) {
    const struct layer_norm_work *work = context;
    const struct layer_norm_backward *job = work->job;
    (void)thread;
    size_t first = begin * SHARE_COLUMNS;
    size_t n = size_min(end * SHARE_COLUMNS, job->n) - first;
    work->compute->kernels->training->layer_norm_weights(
        job->d_weight + first, job->d_bias + first, job->d_y + first, job->x + first, job->moments,
        job->n_rows, op_row_stride(job->n), n);
}

void op_layer_norm_backward(const struct compute *compute, const struct layer_norm_backward *job) {
    struct layer_norm_work work = {compute, job};
    thread_pool_run(compute->pool, job->n_rows, 0, layer_norm_rows, &work);
    if (job->d_weight != NULL) {
        thread_pool_run(compute->pool, size_divide_up(job->n, SHARE_COLUMNS), 0, layer_norm_columns,
                        &work);
    }
}

/* ---- activations -----------------------------------------------------------------------------*/

struct activate_work {
    const struct compute *compute;
    float *y;
    float *d; /* NULL: forward */
    const float *x;
    size_t n;
    enum gen_activation activation;
};

static void activate_share(void *context, size_t begin, size_t end, int thread) {
    const struct activate_work *work = context;
    const struct training_kernels *kernels = work->compute->kernels->training;
    (void)thread;
    for (size_t row = begin; row < end; row++) {
        size_t at = row * op_row_stride(work->n);
        if (work->d == NULL) {
            kernels->activate(work->y + at, work->x + at, work->n, work->activation);
        } else {
            kernels->activate_backward(work->y + at, work->d + at, work->x + at, work->n,
                                       work->activation);
        }
    }
}

void op_activate(const struct compute *compute, float *y, const float *x, size_t n_rows, size_t n,
                 enum gen_activation activation) {
    op_activate_backward(compute, y, NULL, x, n_rows, n, activation);
}

void op_activate_backward(const struct compute *compute, float *y, float *d, const float *x,
                          size_t n_rows, size_t n, enum gen_activation activation) {
    struct activate_work work = {compute, y, d, x, n, activation};
    thread_pool_run(compute->pool, n_rows, 0, activate_share, &work);
}

/* ---- attention -------------------------------------------------------------------------------*/

struct attention_work {
    const struct compute *compute;
    const struct training_attention *jobs;
    bool backward;
};

static void attention_share(void *context, size_t begin, size_t end, int thread) {
    const struct attention_work *work = context;
    const struct training_kernels *kernels = work->compute->kernels->training;
    for (size_t i = begin; i < end; i++) {
        (work->backward ? kernels->attention_backward : kernels->attention)(
            &work->jobs[i], compute_scratch(work->compute, thread));
    }
}

void op_training_attention(const struct compute *compute, const struct training_attention *jobs,
                           size_t n_jobs, bool backward) {
    struct attention_work work = {compute, jobs, backward};
    thread_pool_run(compute->pool, n_jobs, 1, attention_share, &work);
}

/* ---- residual branches -----------------------------------------------------------------------*/

struct residual_work {
    const struct compute *compute;
    float *y;
    const float *x; /* NULL: nothing is added */
    const float *branch;
    size_t n;
    const struct row_dropout *dropout;
};

static void residual_share(void *context, size_t begin, size_t end, int thread) {
    const struct residual_work *work = context;
    const struct row_dropout *dropout = work->dropout;
    const struct kernels *kernels = work->compute->kernels;
    float *scratch = compute_scratch(work->compute, thread);
    for (size_t row = begin; row < end; row++) {
        size_t at = row * op_row_stride(work->n);
        const float *branch = work->branch + at;
        if (dropout->rate > 0.0f) {
            float *kept = work->x != NULL ? scratch : work->y + at;
            uint64_t sequence = dropout->first_sequence + row / dropout->n_positions;
            struct dropout of_row = {
                .key = rng_hash(rng_hash(dropout->key, sequence), row % dropout->n_positions),
                .rate = dropout->rate};
            kernels->training->drop(kept, branch, work->n, of_row);
            branch = kept;
        }
        if (work->x != NULL) {
            kernels->add(work->y + at, work->x + at, branch, work->n);
        }
    }
}

void op_residual(const struct compute *compute, float *y, const float *x, const float *branch,
                 size_t n_rows, size_t n, const struct row_dropout *dropout) {
    struct residual_work work = {compute, y, x, branch, n, dropout};
    thread_pool_run(compute->pool, n_rows, 0, residual_share, &work);
}

void op_drop(const struct compute *compute, float *y, const float *x, size_t n_rows, size_t n,
             const struct row_dropout *dropout) {
    op_residual(compute, y, NULL, x, n_rows, n, dropout);
}

/* ---- loss ------------------------------------------------------------------------------------*/

struct loss_work {
    const struct compute *compute;
    double *losses;
    float *logits;
    size_t n;
    const int32_t *targets;
    float factor;
};

static void loss_share(void *context, size_t begin, size_t end, int thread) {
    const struct loss_work *work = context;
    (void)thread;
    for (size_t row = begin; row < end; row++) {
        work->losses[row] = work->compute->kernels->training->cross_entropy(
            work->logits + row * op_row_stride(work->n), work->n, (size_t)work->targets[row],
            work->factor);
    }
}

void op_cross_entropy(const struct compute *compute, double *losses, float *logits, size_t n,
                      const int32_t *targets, size_t n_rows, float factor) {
    struct loss_work work = {compute, losses, logits, n, targets, factor};
    thread_pool_run(compute->pool, n_rows, 0, loss_share, &work);
}
