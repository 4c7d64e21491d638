/**
 * explain_watch.c - what is kept of a pass: the residual stream after each branch, and the weights
 * of attention. Which branches there are is found by playing the architecture's list without
 * computing.
 *
 * Attention keeps no weights: they are made anew from its queries and the keys in the cache, by the
 * kernels that attention is made of, and so are the ones that it used, to the bit.
 */
#include <string.h>

#include "arch/arch.h"
#include "base/memory.h"
#include "base/size.h"
#include "eval/explain.h"

/* ---- the parts of a model --------------------------------------------------------------------*/

/* A player that notes what is added to the residual stream. Notes fit: n_room is what they need, or
 * 0 while they are counted. */
struct counter {
    struct run run;
    struct gen_explain_part *parts;
    size_t n, n_room;
    int32_t layer;
};

static void pass_over_norm(struct run *run, enum run_buffer out, enum run_buffer in,
                           const struct norm *norm) {
    (void)run, (void)out, (void)in, (void)norm;
}

static void pass_over_attention(struct run *run, enum run_buffer out, enum run_buffer in,
                                const struct layer *h) {
    (void)run, (void)out, (void)in, (void)h;
}

static void note_linear(struct run *run, enum run_buffer out, enum run_buffer in,
                        const struct linear *linear, enum run_after after) {
    struct counter *counter = (struct counter *)run;
    (void)in, (void)after;
    if (out == X && counter->n++ < counter->n_room) {
        counter->parts[counter->n - 1] = (struct gen_explain_part){
            linear->role == ROLE_ATTN_OUT ? GEN_PART_ATTENTION : GEN_PART_MLP, counter->layer};
    }
}

static const struct run_operations notes = {pass_over_norm, pass_over_attention, note_linear};

/* Play all layers; state_after may be NULL. Returns the number of branches. */
static size_t note_branches(const struct weights *weights, struct gen_explain_part *parts,
                            size_t n_room, size_t *state_after) {
    struct counter counter = {.run = {.forward = &notes}, .parts = parts, .n_room = n_room};
    for (; counter.layer < weights->n_layer; counter.layer++) {
        weights->arch->layer_forward(&counter.run, &weights->h[counter.layer]);
        if (state_after != NULL) {
            state_after[counter.layer + 1] = counter.n;
        }
    }
    return counter.n;
}

bool explain_find_parts(struct explanation *e) {
    const struct weights *weights = &e->model->weights;
    size_t n = note_branches(weights, NULL, 0, NULL);
    e->n_states = n + 1;
    e->parts = memory_new(e->n_states + 2, sizeof *e->parts);
    e->state_after = memory_new((size_t)weights->n_layer + 1, sizeof *e->state_after);
    if (e->parts == NULL || e->state_after == NULL) {
        return false;
    }
    e->parts[0] = (struct gen_explain_part){GEN_PART_EMBEDDING, -1};
    note_branches(weights, e->parts + 1, n, e->state_after);
    e->parts[n + 1] = (struct gen_explain_part){GEN_PART_BIAS, -1};
    e->parts[n + 2] = (struct gen_explain_part){GEN_PART_ROUNDING, -1};
    return true;
}

/* ---- the residual stream ---------------------------------------------------------------------*/

static void keep_stream(void *context, const struct forward_row *rows, size_t n_rows,
                        const float *x, const struct linear *added) {
    struct explanation *e = context;
    size_t c = (size_t)e->public.n_embd;
    e->next_state = added == NULL ? 0 : e->next_state + 1;
    for (size_t i = 0; i < n_rows; i++) {
        size_t row = e->next_state * e->public.n + (size_t)rows[i].position;
        memcpy(e->stream + row * c, x + i * op_row_stride(c), c * sizeof *x);
    }
}

/* ---- attention -------------------------------------------------------------------------------*/

struct weigh_work {
    struct explanation *e;
    const struct forward *f;
    const struct attention_job *jobs;
};

/* The keys of a block of the cache as the operand of a product: positions are its columns. */
static struct matrix keys_of_block(const struct attention_job *job, size_t block, size_t n) {
    return (struct matrix){.type = job->type,
                           .n_in = job->head_size,
                           .n_out = size_round_up(n, MATRIX_PANEL),
                           .data = job->blocks[block] + job->k_offset,
                           .row_stride = MATRIX_PANEL,
                           .panel_stride = MATRIX_PANEL * job->head_size};
}

/* The weights of row r of a job: softmax of the scores that it sees. */
static void weigh_row(const struct attention_job *job, size_t r, const struct kernels *kernels,
                      float *scores, float *weights) {
    size_t seen = job->length + r;
    size_t hidden = job->window == 0 || job->window >= seen ? 0 : seen - job->window;
    for (size_t i = 0; i < hidden; i++) {
        scores[i] = -__builtin_inff();
    }
    kernels->softmax(scores, seen, job->scale);
    memcpy(weights, scores, seen * sizeof *weights);
}

static void weigh_job(struct explanation *e, const struct forward *f,
                      const struct attention_job *job, float *scores, float *scratch) {
    size_t seen = job->length + job->n_rows - 1;
    size_t stride = size_round_up(seen, KERNELS_KV_BLOCK);
    for (size_t first = 0; first < seen; first += KERNELS_KV_BLOCK) {
        struct matrix keys =
            keys_of_block(job, first / KERNELS_KV_BLOCK, size_min(seen - first, KERNELS_KV_BLOCK));
        struct matmul_job product = {.y = scores + first,
                                     .y_stride = stride,
                                     .x = job->q,
                                     .x_stride = job->q_stride,
                                     .n_rows = job->n_rows,
                                     .w = &keys};
        f->compute->kernels->matmul(&product, 0, matrix_n_panels(&keys), scratch);
    }
    float *map = e->attention + forward_job_map(f, job) * explain_map_size(e->public.n);
    for (size_t r = 0; r < job->n_rows; r++) {
        weigh_row(job, r, f->compute->kernels, scores + r * stride,
                  map + explain_map_size(job->length - 1 + r));
    }
}

static void weigh_share(void *context, size_t begin, size_t end, int thread) {
    const struct weigh_work *work = context;
    float *scores = work->e->scores + (size_t)thread * work->e->scores_stride;
    for (size_t i = begin; i < end; i++) {
        weigh_job(work->e, work->f, &work->jobs[i], scores,
                  compute_scratch(work->f->compute, thread));
    }
}

static void keep_attention(void *context, const struct forward *f, const struct attention_job *jobs,
                           size_t n_jobs) {
    struct explanation *e = context;
    if (e->attention != NULL) {
        struct weigh_work work = {e, f, jobs};
        thread_pool_run(f->compute->pool, n_jobs, 1, weigh_share, &work);
    }
}

struct forward_watch explain_watch(struct explanation *e) {
    return (struct forward_watch){.context = e, .stream = keep_stream, .attention = keep_attention};
}
