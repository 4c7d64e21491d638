/**
 * muon.c - Muon: a matrix moves along the mean of its gradients, with the singular values of that
 * made equal by Newton-Schulz steps. Matrices of layers are taken (muon_takes()); all other tensors
 * take AdamW, as optimizer.c decides.
 */
#include "train/optimizer/muon.h"

#include <math.h>

#include "base/memory.h"
#include "base/size.h"
#include "tensor/ops_backward.h"
#include "train/optimizer/adamw.h"

/* Of the polynomial whose powers pull singular values towards 1: they end between 0.7 and 1.2. */
static const float ns_a = 3.4445f, ns_b = -4.7750f, ns_c = 2.0315f;
#define NS_STEPS   5
#define LEAST_NORM 1e-7

/* What a thread takes at a time. */
#define SHARE_ROWS    16
#define SHARE_COLUMNS 64
#define SHARE_NUMBERS 4096

bool muon_takes(const struct param_tensor *tensor) {
    return role_is_linear(tensor->spec->role);
}

/* ---- memory ----------------------------------------------------------------------------------*/

/* A part of a tensor as a matrix with no more rows than columns, and what it is worked on with. */
struct muon_work {
    size_t rows, columns;
    bool across;          /* rows are outputs of the tensor */
    float *x;             /* [rows][columns] */
    float *turned, *next; /* [columns][rows], [rows][columns] */
    float *gram, *factor; /* [rows][rows] */
};

static size_t work_size(const struct param_tensor *tensor) {
    size_t in = tensor->n_in;
    size_t out = tensor->n_out / tensor->n_parts;
    size_t least = size_min(in, out);
    return 3 * in * out + 2 * least * least;
}

bool muon_init(struct muon *muon, const struct params *params) {
    *muon = (struct muon){0};
    for (size_t i = 0; i < params->n_tensors; i++) {
        const struct param_tensor *tensor = &params->tensors[i];
        size_t n = muon_takes(tensor) ? work_size(tensor) : 0;
        muon->n = size_max(n, muon->n);
    }
    muon->memory = memory_new(muon->n > 0 ? muon->n : 1, sizeof *muon->memory);
    return muon->memory != NULL;
}

void muon_release(struct muon *muon) {
    memory_free(muon->memory);
    *muon = (struct muon){0};
}

static struct muon_work place(const struct muon *muon, const struct param_tensor *tensor) {
    size_t in = tensor->n_in;
    size_t out = tensor->n_out / tensor->n_parts;
    struct muon_work work = {.across = out < in};
    work.rows = work.across ? out : in;
    work.columns = work.across ? in : out;
    work.x = muon->memory;
    work.turned = work.x + in * out;
    work.next = work.turned + in * out;
    work.gram = work.next + in * out;
    work.factor = work.gram + work.rows * work.rows;
    return work;
}

/* ---- loops over threads ----------------------------------------------------------------------*/

struct loop {
    const struct muon_step *step;
    const struct muon_work *work;
    size_t first_out; /* of the part */
    float *y;         /* of a loop over numbers: y = factor * x */
    const float *x;
    float factor;
    size_t n;
    float rate, keep;
};

/* Row r, column c of the work is this number of the tensor. */
static size_t number_at(const struct loop *loop, size_t row, size_t column) {
    const struct muon_work *work = loop->work;
    size_t in = work->across ? column : row;
    size_t out = loop->first_out + (work->across ? row : column);
    return params_index(loop->step->tensor, in, out);
}

/* The mean moves, and x is what there is to go along. */
static void gather_rows(void *context, size_t begin, size_t end, int thread) {
    const struct loop *loop = context;
    const struct muon_step *step = loop->step;
    const struct muon_work *work = loop->work;
    float scale = (float)step->scale;
    float momentum = (float)step->momentum;
    float rest = (float)(1 - step->momentum);
    (void)thread;
    for (size_t row = begin; row < end; row++) {
        for (size_t column = 0; column < work->columns; column++) {
            size_t at = number_at(loop, row, column);
            float gradient = step->gradients[at] * scale;
            float mean = step->m[at] + rest * (gradient - step->m[at]);
            step->m[at] = mean;
            work->x[row * work->columns + column] = gradient + momentum * (mean - gradient);
        }
    }
}

static void move_rows(void *context, size_t begin, size_t end, int thread) {
    const struct loop *loop = context;
    const struct muon_work *work = loop->work;
    (void)thread;
    for (size_t row = begin; row < end; row++) {
        for (size_t column = 0; column < work->columns; column++) {
            float *value = &loop->step->values[number_at(loop, row, column)];
            *value = *value * loop->keep - loop->rate * work->x[row * work->columns + column];
        }
    }
}

static void turn_columns(void *context, size_t begin, size_t end, int thread) {
    const struct muon_work *work = context;
    (void)thread;
    for (size_t row = 0; row < work->rows; row++) {
        const float *x = work->x + row * work->columns;
        for (size_t column = begin; column < end; column++) {
            work->turned[column * work->rows + row] = x[column];
        }
    }
}

static void multiply_numbers(void *context, size_t begin, size_t end, int thread) {
    const struct loop *loop = context;
    (void)thread;
    end = size_min(end * SHARE_NUMBERS, loop->n);
    for (size_t i = begin * SHARE_NUMBERS; i < end; i++) {
        loop->y[i] = loop->factor * loop->x[i];
    }
}

static void multiply(const struct compute *compute, float *y, const float *x, float factor,
                     size_t n) {
    struct loop loop = {.y = y, .x = x, .factor = factor, .n = n};
    thread_pool_run(compute->pool, size_divide_up(n, SHARE_NUMBERS), 0, multiply_numbers, &loop);
}

/* ---- singular values -------------------------------------------------------------------------*/

/* y[n_rows][n_columns] = or += x[n_rows][n_inner] w[n_inner][n_columns] */
static void product(const struct compute *compute, float *y, const float *x, const float *w,
                    const size_t sizes[3], bool add) {
    struct product_job job = {.y = y,
                              .y_stride = sizes[2],
                              .y_panel_stride = MATRIX_PANEL,
                              .x = x,
                              .x_stride = sizes[1],
                              .x_step = 1,
                              .w = w,
                              .w_lies = PRODUCT_W_ROWS,
                              .w_stride = sizes[2],
                              .n_rows = sizes[0],
                              .n_inner = sizes[1],
                              .n_columns = sizes[2],
                              .add = add};
    op_product(compute, &job);
}

/* One Newton-Schulz step of x. In b A + (c A) A the product adds to what is there. */
static void iterate(const struct compute *compute, struct muon_work *work) {
    size_t rows = work->rows;
    size_t columns = work->columns;
    const size_t to_gram[3] = {rows, columns, rows};
    const size_t square[3] = {rows, rows, rows};
    const size_t back[3] = {rows, rows, columns};
    thread_pool_run(compute->pool, columns, SHARE_COLUMNS, turn_columns, work);
    product(compute, work->gram, work->x, work->turned, to_gram, false);
    multiply(compute, work->factor, work->gram, ns_b, rows * rows);
    multiply(compute, work->turned, work->gram, ns_c, rows * rows); /* x turned has done its work */
    product(compute, work->factor, work->turned, work->gram, square, true);
    multiply(compute, work->next, work->x, ns_a, rows * columns);
    product(compute, work->next, work->factor, work->x, back, true);
    float *x = work->x;
    work->x = work->next;
    work->next = x;
}

static void step_part(const struct muon *muon, const struct compute *compute,
                      const struct muon_step *step, size_t part) {
    const struct param_tensor *tensor = step->tensor;
    struct muon_work work = place(muon, tensor);
    size_t n = work.rows * work.columns;
    size_t n_out = tensor->n_out / tensor->n_parts;
    double size = 0.2 * sqrt((double)work.columns);
    struct loop loop = {.step = step,
                        .work = &work,
                        .first_out = part * n_out,
                        .rate = (float)(step->rate * size),
                        .keep = (float)(1 - step->rate * step->decay)};
    thread_pool_run(compute->pool, work.rows, SHARE_ROWS, gather_rows, &loop);
    double norm = adamw_norm(work.x, n, compute);
    multiply(compute, work.x, work.x, (float)(1 / fmax(norm, LEAST_NORM)), n);
    for (int i = 0; i < NS_STEPS; i++) {
        iterate(compute, &work);
    }
    thread_pool_run(compute->pool, work.rows, SHARE_ROWS, move_rows, &loop);
}

void muon_step(const struct muon *muon, const struct compute *compute,
               const struct muon_step *step) {
    for (size_t part = 0; part < step->tensor->n_parts; part++) {
        step_part(muon, compute, step, part);
    }
}
