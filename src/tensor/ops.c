/**
 * ops.c - the operations of a forward pass as loops over threads: how each is cut into shares, and
 * the scratch memory of every thread. The arithmetic is in kernels/; in which order operations run
 * is the architecture's (arch/gpt2.c).
 */
#include "tensor/ops.h"

#include "base/memory.h"
#include "base/size.h"

/* Attention jobs in a share, fewer where threads would not have two shares each, and most shares
 * per thread. */
#define ATTENTION_SHARE  4
#define ATTENTION_SHARES 16

/* Floats between the scratch of one thread and the next's, never touched by either. Hardware reads
 * on after the end of what a thread reads, and takes the lines from the other that writes them:
 * products of many rows were up to a third slower without (scripts/SPEED.md). */
#define SCRATCH_GAP 16384

bool compute_init(struct compute *compute, const struct kernels *kernels, int n_threads,
                  size_t floats) {
    size_t apart = floats + SCRATCH_GAP + MEMORY_ALIGNMENT - 1;
    size_t stride = apart / MEMORY_ALIGNMENT * MEMORY_ALIGNMENT;
    *compute = (struct compute){.kernels = kernels, .scratch_stride = stride};
    compute->pool = stride < floats ? NULL : thread_pool_new(n_threads);
    if (compute->pool == NULL) {
        return false;
    }
    compute->scratch =
        memory_new_aligned((size_t)thread_pool_size(compute->pool), stride * sizeof(float));
    if (compute->scratch == NULL) {
        compute_release(compute);
        return false;
    }
    return true;
}

bool compute_reserve_inputs(struct compute *compute, size_t bytes) {
    memory_free_aligned(compute->inputs, compute->inputs_size, 1);
    compute->inputs = memory_new_aligned(bytes, 1);
    compute->inputs_size = compute->inputs != NULL ? bytes : 0;
    return compute->inputs != NULL;
}

bool compute_reserve_scratch(struct compute *compute, size_t floats) {
    if (floats <= compute->scratch_stride) {
        return true;
    }
    size_t stride = size_round_up(floats + SCRATCH_GAP, MEMORY_ALIGNMENT);
    size_t n_threads = (size_t)thread_pool_size(compute->pool);
    float *scratch = memory_new_aligned(n_threads, stride * sizeof(float));
    if (scratch == NULL) {
        return false;
    }
    memory_free_aligned(compute->scratch, n_threads, compute->scratch_stride * sizeof(float));
    compute->scratch = scratch;
    compute->scratch_stride = stride;
    return true;
}

void compute_release(struct compute *compute) {
    memory_free_aligned(compute->inputs, compute->inputs_size, 1);
    if (compute->scratch != NULL) {
        memory_free_aligned(compute->scratch, (size_t)thread_pool_size(compute->pool),
                            compute->scratch_stride * sizeof(float));
    }
    thread_pool_free(compute->pool);
    *compute = (struct compute){0};
}

struct matmul_work {
    const struct compute *compute;
    const struct matmul_job *job;
};

static void matmul_share(void *context, size_t begin, size_t end, int thread) {
    const struct matmul_work *work = context;
    work->compute->kernels->matmul(work->job, begin, end, compute_scratch(work->compute, thread));
}

static void matmul_quantized_share(void *context, size_t begin, size_t end, int thread) {
    const struct matmul_work *work = context;
    work->compute->kernels->matmul_quantized(work->job, begin, end,
                                             compute_scratch(work->compute, thread));
}

static void quantize_share(void *context, size_t begin, size_t end, int thread) {
    const struct matmul_work *work = context;
    const struct matmul_job *job = work->job;
    (void)thread;
    for (size_t row = begin; row < end; row++) {
        work->compute->kernels->quantize_row(work->compute->inputs + row * job->quantized_stride,
                                             job->x + row * job->x_stride, job->w->n_in);
    }
}

/* Make the quantized rows of a job whose w is of a block format; there must be room for them. */
static void quantize(const struct compute *compute, struct matmul_job *job) {
    struct matmul_work work = {compute, job};
    job->quantized = compute->inputs;
    job->quantized_stride = kernels_quantized_row_bytes(job->w);
    thread_pool_run(compute->pool, job->n_rows, 0, quantize_share, &work);
}

/* As many rows at a time as there is room for. */
static void matmul_quantized(const struct compute *compute, const struct matmul_job *all) {
    struct matmul_job job = *all;
    size_t most = compute->inputs_size / kernels_quantized_row_bytes(job.w);
    struct matmul_work work = {compute, &job};
    for (size_t left = all->n_rows; left > 0; left -= job.n_rows) {
        job.n_rows = size_min(left, most);
        quantize(compute, &job);
        thread_pool_run(compute->pool, matrix_n_panels(job.w), 0, matmul_quantized_share, &work);
        job.x += job.n_rows * job.x_stride;
        job.y += job.n_rows * job.y_stride;
    }
}

void op_matmul(const struct compute *compute, const struct matmul_job *job) {
    if (matrix_is_quantized(job->w)) {
        matmul_quantized(compute, job);
        return;
    }
    struct matmul_work work = {compute, job};
    size_t n_panels = matrix_n_panels(job->w);
    /* Weights in place are read row by row of the file: one long piece of each per thread. */
    bool in_place = job->w->row_stride != MATRIX_PANEL;
    size_t grain = in_place ? n_panels / (size_t)thread_pool_size(compute->pool) : 0;
    thread_pool_run(compute->pool, n_panels, grain, matmul_share, &work);
}

/* ---- products that nobody keeps --------------------------------------------------------------*/

/* Columns of a job, as a job of their own; `w` is memory for the matrix. */
static struct matmul_job job_columns(const struct matmul_job *job, struct matrix *w, size_t first,
                                     size_t n) {
    struct matmul_job part = *job;
    *w = matrix_columns(job->w, first / MATRIX_PANEL, n);
    part.w = w;
    return part;
}

static void compute_job(const struct compute *compute, const struct matmul_job *job, int thread) {
    float *scratch = compute_scratch(compute, thread);
    if (matrix_is_quantized(job->w)) {
        compute->kernels->matmul_quantized(job, 0, matrix_n_panels(job->w), scratch);
    } else {
        compute->kernels->matmul(job, 0, matrix_n_panels(job->w), scratch);
    }
}

/* A job with its quantized rows, if it needs such. */
static struct matmul_job prepared(const struct compute *compute, const struct matmul_job *job) {
    struct matmul_job ready = *job;
    if (matrix_is_quantized(job->w)) {
        quantize(compute, &ready);
    }
    return ready;
}

struct pieces_work {
    const struct compute *compute;
    const struct matmul_job *job;
    op_look *look;
    void *context;
};

static void pieces_share(void *context, size_t begin, size_t end, int thread) {
    const struct pieces_work *work = context;
    float *y = work->job->y + (size_t)thread * work->job->n_rows * OP_PIECE;
    for (size_t i = begin; i < end; i++) {
        struct matrix w;
        size_t first = i * OP_PIECE;
        size_t n = size_min(work->job->w->n_out - first, OP_PIECE);
        struct matmul_job job = job_columns(work->job, &w, first, n);
        job.y = y;
        job.y_stride = OP_PIECE;
        compute_job(work->compute, &job, thread);
        const struct op_piece piece = {y, OP_PIECE, job.n_rows, first, n};
        work->look(work->context, &piece);
    }
}

size_t op_pieces_floats(const struct compute *compute, size_t n_rows) {
    return (size_t)thread_pool_size(compute->pool) * n_rows * OP_PIECE;
}

void op_matmul_pieces(const struct compute *compute, const struct matmul_job *job, op_look *look,
                      void *context) {
    struct matmul_job ready = prepared(compute, job);
    struct pieces_work work = {compute, &ready, look, context};
    thread_pool_run(compute->pool, size_divide_up(job->w->n_out, OP_PIECE), 1, pieces_share, &work);
}

struct elements_work {
    const struct compute *compute;
    const struct matmul_job *job;
    const struct op_element *elements;
    float *y;
};

static void elements_share(void *context, size_t begin, size_t end, int thread) {
    const struct elements_work *work = context;
    for (size_t i = begin; i < end; i++) {
        float panel[MATRIX_PANEL];
        struct matrix w;
        const struct op_element *element = &work->elements[i];
        size_t first = element->column / MATRIX_PANEL * MATRIX_PANEL;
        size_t n = size_min(work->job->w->n_out - first, MATRIX_PANEL);
        struct matmul_job job = job_columns(work->job, &w, first, n);
        job.n_rows = 1;
        job.x += element->row * job.x_stride;
        if (job.quantized != NULL) {
            job.quantized += element->row * job.quantized_stride;
        }
        job.y = panel;
        job.y_stride = MATRIX_PANEL;
        compute_job(work->compute, &job, thread);
        work->y[i] = panel[element->column - first];
    }
}

void op_matmul_elements(const struct compute *compute, const struct matmul_job *job,
                        const struct op_element *elements, size_t n, float *y) {
    if (n > 0) {
        struct matmul_job ready = prepared(compute, job);
        struct elements_work work = {compute, &ready, elements, y};
        thread_pool_run(compute->pool, n, 0, elements_share, &work);
    }
}

/* ---- operations on rows ----------------------------------------------------------------------*/

size_t op_row_stride(size_t n) {
    size_t line = MEMORY_ALIGNMENT / sizeof(float);
    return (size_divide_up(n, line) | 1) * line;
}

struct layer_norm_work {
    const struct compute *compute;
    float *y;
    const float *x, *weight, *bias;
    size_t n, stride;
    float epsilon;
};

static void layer_norm_share(void *context, size_t begin, size_t end, int thread) {
    const struct layer_norm_work *work = context;
    (void)thread;
    for (size_t row = begin; row < end; row++) {
        size_t at = row * work->stride;
        work->compute->kernels->layer_norm(work->y + at, work->x + at, work->weight, work->bias,
                                           work->n, work->epsilon);
    }
}

void op_layer_norm(const struct compute *compute, float *y, const float *x, const float *weight,
                   const float *bias, size_t n_rows, size_t n, size_t stride, float epsilon) {
    struct layer_norm_work work = {compute, y, x, weight, bias, n, stride, epsilon};
    thread_pool_run(compute->pool, n_rows, 0, layer_norm_share, &work);
}

struct attention_work {
    const struct compute *compute;
    const struct attention_job *jobs;
    bool store;
};

static void store_kv_share(void *context, size_t begin, size_t end, int thread) {
    const struct attention_work *work = context;
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        work->compute->kernels->store_kv(&work->jobs[i]);
    }
}

void op_store_kv(const struct compute *compute, const struct attention_job *jobs, size_t n_jobs) {
    struct attention_work work = {compute, jobs, true};
    thread_pool_run(compute->pool, n_jobs, 0, store_kv_share, &work);
}

static void attention_share(void *context, size_t begin, size_t end, int thread) {
    const struct attention_work *work = context;
    for (size_t i = begin; i < end; i++) {
        if (work->store) {
            work->compute->kernels->store_kv(&work->jobs[i]);
        }
        const struct attention_job *next = i + 1 < end ? &work->jobs[i + 1] : NULL;
        work->compute->kernels->attention(&work->jobs[i], next,
                                          compute_scratch(work->compute, thread));
    }
}

void op_attention(const struct compute *compute, const struct attention_job *jobs, size_t n_jobs,
                  bool store) {
    struct attention_work work = {compute, jobs, store};
    /* Neighbours may read the same keys and values, and a job prefetches what the next one reads,
     * so where there are enough some go to one thread; but they may be of different lengths, so
     * there are several shares. */
    size_t n_threads = (size_t)thread_pool_size(compute->pool);
    size_t shares = n_jobs / (n_threads * ATTENTION_SHARE);
    shares = shares < 2 ? 2 : shares > ATTENTION_SHARES ? ATTENTION_SHARES : shares;
    size_t grain = n_jobs / (n_threads * shares);
    thread_pool_run(compute->pool, n_jobs, size_max(grain, 1), attention_share, &work);
}
