/**
 * forward.c - the forward pass over a batch of rows: embedding, the architecture's list of layer
 * calls (struct run of arch/run.h, played here), logits. Also its buffers, and how attention is cut
 * into jobs. Threads and arithmetic are tensor/ops.c's; session.c checks the rows.
 */
#include "model/forward.h"

#include <string.h>

#include "arch/arch.h"
#include "base/memory.h"
#include "base/size.h"

/* Bytes of a row of n numbers. */
static size_t row_bytes(size_t n) {
    return op_row_stride(n) * sizeof(float);
}

bool activations_init(struct activations *activations, const struct gen_config *config,
                      size_t max_rows) {
    size_t c = (size_t)config->n_embd;
    *activations = (struct activations){.max_rows = max_rows};
    activations->x = memory_new_aligned(max_rows, row_bytes(c));
    activations->normal = memory_new_aligned(max_rows, row_bytes(c));
    activations->qkv = memory_new_aligned(max_rows, row_bytes(3 * c));
    activations->inner = memory_new_aligned(max_rows, row_bytes((size_t)config->n_inner));
    activations->jobs = memory_new(max_rows * (size_t)config->n_head, sizeof *activations->jobs);
    return activations->x != NULL && activations->normal != NULL && activations->qkv != NULL &&
           activations->inner != NULL && activations->jobs != NULL;
}

void activations_release(struct activations *activations, const struct gen_config *config) {
    size_t rows = activations->max_rows;
    size_t c = (size_t)config->n_embd;
    memory_free_aligned(activations->x, rows, row_bytes(c));
    memory_free_aligned(activations->normal, rows, row_bytes(c));
    memory_free_aligned(activations->qkv, rows, row_bytes(3 * c));
    memory_free_aligned(activations->inner, rows, row_bytes((size_t)config->n_inner));
    memory_free(activations->jobs);
    *activations = (struct activations){0};
}

/* The most that `needed` says of any matrix; types may differ from layer to layer. */
static size_t most_of(const struct weights *weights, size_t (*needed)(const struct matrix *w)) {
    size_t most = needed(&weights->lm_head);
    for (int32_t i = 0; i < weights->n_layer; i++) {
        const struct layer *layer = &weights->h[i];
        most = size_max(most, needed(&layer->attn_c_attn.matrix));
        most = size_max(most, needed(&layer->attn_c_proj.matrix));
        most = size_max(most, needed(&layer->mlp_c_fc.matrix));
        most = size_max(most, needed(&layer->mlp_c_proj.matrix));
    }
    return most;
}

size_t forward_scratch(const struct weights *weights, const struct gen_config *config,
                       size_t n_ctx) {
    size_t floats = kernels_attention_scratch(n_ctx);
    floats = size_max(floats, (size_t)config->n_embd); /* the embedding's */
    return size_max(floats, most_of(weights, kernels_matmul_scratch));
}

size_t forward_inputs(const struct weights *weights) {
    return FORWARD_MAX_ROWS * most_of(weights, kernels_quantized_row_bytes);
}

struct embed_work {
    const struct forward *forward;
    const struct forward_row *rows;
};

static void embed_share(void *context, size_t begin, size_t end, int thread) {
    const struct embed_work *work = context;
    const struct forward *f = work->forward;
    size_t c = (size_t)f->config->n_embd;
    float *scratch = f->compute->scratch + (size_t)thread * f->compute->scratch_stride;
    for (size_t i = begin; i < end; i++) {
        weights_embed(f->activations->x + i * op_row_stride(c), f->weights, work->rows[i].id,
                      work->rows[i].position, c, scratch);
    }
}

float forward_attention_scale(const struct gen_config *config, size_t layer) {
    float scale = 1.0f;
    if (config->scale_attn_weights) {
        scale /= __builtin_sqrtf((float)(config->n_embd / config->n_head));
    }
    if (config->scale_attn_by_inverse_layer_idx) {
        scale /= (float)(layer + 1);
    }
    return scale;
}

size_t forward_attention_window(const struct gen_config *config, size_t layer) {
    bool local = layer < GEN_MAX_LOCAL_LAYERS && (config->local_layers >> layer & 1) != 0;
    return local ? (size_t)config->window : 0;
}

/* Rows from `first` on that are neighbours in the same slot. */
static size_t run_length(const struct forward_row *rows, size_t first, size_t n_rows) {
    size_t n = 1;
    while (first + n < n_rows && rows[first + n].slot == rows[first].slot &&
           rows[first + n].position == rows[first].position + (int32_t)n) {
        n++;
    }
    return n;
}

/* Whether all rows of a slot are in one job, so that no job sees what another one brings. */
static bool jobs_are_apart(const struct forward_row *rows, size_t n_rows, size_t most) {
    for (size_t first = 0, n; first < n_rows; first += n) {
        n = run_length(rows, first, n_rows);
        for (size_t i = 0; i < first; i++) {
            if (rows[i].slot == rows[first].slot) {
                return false;
            }
        }
        if (n > most) {
            return false;
        }
    }
    return true;
}

/* Row i of the batch and the n - 1 after it, in one head. */
static struct attention_job attention_job(const struct forward *f, const struct forward_row *row,
                                          size_t i, size_t n, size_t layer, size_t head) {
    const struct kv_cache *cache = f->cache;
    size_t c = (size_t)f->config->n_embd;
    size_t out_stride = op_row_stride(c);
    size_t q_stride = op_row_stride(3 * c);
    size_t channel = head * cache->head_size;
    const float *qkv = f->activations->qkv + i * q_stride + channel;
    size_t slot = (size_t)row->slot;
    return (struct attention_job){.out = f->activations->normal + i * out_stride + channel,
                                  .out_stride = out_stride,
                                  .q = qkv,
                                  .new_k = qkv + c,
                                  .new_v = qkv + 2 * c,
                                  .q_stride = q_stride,
                                  .n_rows = n,
                                  .length = (size_t)row->position + 1,
                                  .window = forward_attention_window(f->config, layer),
                                  .type = cache->type,
                                  .blocks = kv_cache_blocks(cache, slot),
                                  .k_offset = kv_cache_keys_offset(cache, layer, head),
                                  .v_offset = kv_cache_values_offset(cache, layer, head),
                                  .head_size = cache->head_size,
                                  .v_stride = cache->v_stride,
                                  .scale = forward_attention_scale(f->config, layer)};
}

/*
 * Jobs for the attention of all rows; returns how many. A run of neighbouring rows is cut into
 * jobs, and the jobs of a head are neighbours: they read the same keys and values, which stay in a
 * core's cache.
 */
static size_t plan_attention(const struct forward *f, const struct forward_row *rows, size_t n_rows,
                             size_t layer) {
    size_t most = f->compute->kernels->attention_rows;
    size_t n_jobs = 0;
    for (size_t first = 0, n; first < n_rows; first += n) {
        n = run_length(rows, first, n_rows);
        for (size_t head = 0; head < f->cache->n_head; head++) {
            for (size_t done = 0; done < n; done += most) {
                size_t i = first + done;
                f->activations->jobs[n_jobs++] =
                    attention_job(f, &rows[i], i, size_min(n - done, most), layer, head);
            }
        }
    }
    return n_jobs;
}

size_t forward_job_map(const struct forward *f, const struct attention_job *job) {
    return job->k_offset / f->cache->head_bytes;
}

/* c_attn, but only the panels that make columns begin ... end-1 of qkv, and those before `begin` in
 * the first panel. */
static void linear_qkv(const struct forward *f, size_t n_rows, const struct layer *h, size_t begin,
                       size_t end) {
    size_t panel = begin / MATRIX_PANEL;
    size_t first = panel * MATRIX_PANEL;
    const float *bias = h->attn_c_attn.bias;
    struct matrix columns = matrix_columns(&h->attn_c_attn.matrix, panel, end - first);
    struct matmul_job job = {.y = f->activations->qkv + first,
                             .y_stride = op_row_stride(h->attn_c_attn.matrix.n_out),
                             .x = f->activations->normal,
                             .x_stride = op_row_stride(columns.n_in),
                             .n_rows = n_rows,
                             .w = &columns,
                             .bias = bias == NULL ? NULL : bias + first};
    op_matmul(f->compute, &job);
}

static void keep_rows(float *x, const size_t *which, size_t n, size_t n_columns) {
    size_t stride = op_row_stride(n_columns);
    for (size_t i = 0; i < n; i++) {
        memmove(x + i * stride, x + which[i] * stride, n_columns * sizeof *x);
    }
}

/* normal = layer norm of x */
static void normalize(const struct forward *f, const struct norm *norm, size_t n_rows) {
    const struct activations *a = f->activations;
    size_t c = (size_t)f->config->n_embd;
    if (n_rows > 0) {
        op_layer_norm(f->compute, a->normal, a->x, norm->weight, norm->bias, n_rows, c,
                      op_row_stride(c), f->config->layer_norm_epsilon);
    }
}

/* ---- playing the list of layers --------------------------------------------------------------*/

/* A batch on its way through the layers. Norms and what attention found share memory: each has been
 * read when the next is written. */
struct forward_run {
    struct run run; /* the first member: operations get a pointer to it */
    const struct forward *f;
    const struct forward_row *rows; /* [n_rows] while all are on their way */
    size_t n_rows;
    const size_t *which; /* [n_needed]: the rows whose final x is needed */
    size_t n_needed;
    size_t layer;
    bool apart;     /* all rows of a slot are in one job */
    bool is_finite; /* what was stored so far in layers with a window */
};

static float *buffer_of(const struct activations *a, enum run_buffer buffer) {
    return buffer == X ? a->x : buffer == INNER ? a->inner : a->normal;
}

static void norm_forward(struct run *run, enum run_buffer out, enum run_buffer in,
                         const struct norm *norm) {
    const struct forward_run *r = (const struct forward_run *)run;
    (void)out;
    (void)in;
    normalize(r->f, norm, r->n_rows);
}

static struct matmul_job product(float *y, const float *x, size_t n_rows,
                                 const struct linear *linear) {
    return (struct matmul_job){.y = y,
                               .y_stride = op_row_stride(linear->matrix.n_out),
                               .x = x,
                               .x_stride = op_row_stride(linear->matrix.n_in),
                               .n_rows = n_rows,
                               .w = &linear->matrix,
                               .bias = linear->bias};
}

static void linear_forward(struct run *run, enum run_buffer out, enum run_buffer in,
                           const struct linear *linear, enum run_after after) {
    const struct forward_run *r = (const struct forward_run *)run;
    const struct activations *a = r->f->activations;
    if (r->n_rows > 0) {
        struct matmul_job job = product(buffer_of(a, out), buffer_of(a, in), r->n_rows, linear);
        job.activate = after == ACTIVATED;
        job.activation = r->f->config->activation;
        job.add = after == ADDED;
        op_matmul(r->f->compute, &job);
    }
}

/*
 * A row with a window sees no more of what is before it; but rows that are computed together read
 * each other's positions, and 0 times what is not finite is not 0. So nothing that is not finite
 * may be stored: then a text fails or not, however it is cut into passes. (A row without a window
 * sees what it has stored itself, and is not finite then.)
 */
static void check_stored(struct forward_run *r) {
    const struct forward *f = r->f;
    size_t c = (size_t)f->config->n_embd;
    size_t stride = op_row_stride(3 * c);
    const float limit = f->cache->type == TENSOR_F16 ? 65520.0f : __builtin_inff();
    bool good = true;
    for (size_t i = 0; i < r->n_rows && forward_attention_window(f->config, r->layer) != 0; i++) {
        const float *stored = f->activations->qkv + i * stride + c;
        for (size_t k = 0; k < 2 * c; k++) {
            good &= __builtin_fabsf(stored[k]) < limit;
        }
    }
    r->is_finite = r->is_finite && good;
}

/* Attention of all rows. */
static void attend(struct forward_run *r, const struct layer *h) {
    const struct activations *a = r->f->activations;
    const struct matmul_job qkv = product(a->qkv, a->normal, r->n_rows, &h->attn_c_attn);
    op_matmul(r->f->compute, &qkv);
    check_stored(r);
    size_t n_jobs = plan_attention(r->f, r->rows, r->n_rows, r->layer);
    if (!r->apart) {
        op_store_kv(r->f->compute, a->jobs, n_jobs);
    }
    op_attention(r->f->compute, a->jobs, n_jobs, r->apart);
}

/*
 * The same in the last layer. Of rows whose final x is not needed only keys and values matter,
 * which later positions see; the rows of `which` are moved to the front and go on alone.
 */
static void attend_needed(struct forward_run *r, const struct layer *h) {
    const struct forward *f = r->f;
    const struct activations *a = f->activations;
    size_t c = (size_t)f->config->n_embd;
    linear_qkv(f, r->n_rows, h, c, 3 * c);
    check_stored(r);
    op_store_kv(f->compute, a->jobs, plan_attention(f, r->rows, r->n_rows, r->layer));
    r->n_rows = r->n_needed;
    if (r->n_needed == 0) {
        return;
    }
    struct forward_row needed[FORWARD_MAX_ROWS];
    for (size_t i = 0; i < r->n_needed; i++) {
        needed[i] = r->rows[r->which[i]];
    }
    keep_rows(a->x, r->which, r->n_needed, c);
    keep_rows(a->normal, r->which, r->n_needed, c);
    /* Where C does not fill panels, the last queries were computed before, of other rows. */
    linear_qkv(f, r->n_needed, h, 0, c);
    op_attention(f->compute, a->jobs, plan_attention(f, needed, r->n_needed, r->layer), false);
}

static void attention_forward(struct run *run, enum run_buffer out, enum run_buffer in,
                              const struct layer *h) {
    struct forward_run *r = (struct forward_run *)run;
    bool is_last = r->layer + 1 == (size_t)r->f->config->n_layer;
    (void)out;
    (void)in;
    if (is_last && r->n_needed < r->n_rows) {
        attend_needed(r, h);
    } else {
        attend(r, h);
    }
}

/* ---- the same with somebody who looks on -----------------------------------------------------*/

static void show_stream(const struct forward_run *r, const struct linear *added) {
    const struct forward_watch *watch = r->f->watch;
    if (watch->stream != NULL) {
        watch->stream(watch->context, r->rows, r->n_rows, r->f->activations->x, added);
    }
}

static void show_inputs(const struct forward *f, const struct matrix *w, const float *x,
                        size_t n_rows) {
    if (f->watch->inputs != NULL) {
        f->watch->inputs(f->watch->context, w, x, n_rows);
    }
}

static void watched_attention(struct run *run, enum run_buffer out, enum run_buffer in,
                              const struct layer *h) {
    const struct forward_run *r = (const struct forward_run *)run;
    const struct forward_watch *watch = r->f->watch;
    show_inputs(r->f, &h->attn_c_attn.matrix, buffer_of(r->f->activations, in), r->n_rows);
    attention_forward(run, out, in, h);
    if (watch->attention != NULL) {
        size_t n_jobs = plan_attention(r->f, r->rows, r->n_rows, r->layer);
        watch->attention(watch->context, r->f, r->f->activations->jobs, n_jobs);
    }
}

static void watched_linear(struct run *run, enum run_buffer out, enum run_buffer in,
                           const struct linear *linear, enum run_after after) {
    const struct forward_run *r = (const struct forward_run *)run;
    show_inputs(r->f, &linear->matrix, buffer_of(r->f->activations, in), r->n_rows);
    linear_forward(run, out, in, linear, after);
    if (out == X) {
        show_stream(r, linear);
    }
}

bool forward_layers(const struct forward *forward, const struct forward_row *rows, size_t n_rows,
                    const size_t *which, size_t n_needed) {
    static const struct run_operations operations = {norm_forward, attention_forward,
                                                     linear_forward};
    static const struct run_operations watched = {norm_forward, watched_attention, watched_linear};
    struct forward_run run = {
        .run = {.forward = forward->watch == NULL ? &operations : &watched},
        .f = forward,
        .rows = rows,
        .n_rows = n_rows,
        .which = which,
        .n_needed = n_needed,
        .apart = jobs_are_apart(rows, n_rows, forward->compute->kernels->attention_rows),
        .is_finite = true};
    struct embed_work work = {forward, rows};
    thread_pool_run(forward->compute->pool, n_rows, 0, embed_share, &work);
    if (forward->watch != NULL) {
        show_stream(&run, NULL);
    }
    for (; run.layer < (size_t)forward->config->n_layer; run.layer++) {
        forward->weights->arch->layer_forward(&run.run, &forward->weights->h[run.layer]);
    }
    return run.is_finite;
}

/* lm_head of activations->x[n]. */
static struct matmul_job head(const struct forward *forward, float *y, size_t n) {
    const struct matrix *lm_head = &forward->weights->lm_head;
    normalize(forward, &forward->weights->ln_f, n);
    return (struct matmul_job){.y = y,
                               .y_stride = lm_head->n_out,
                               .x = forward->activations->normal,
                               .x_stride = op_row_stride(lm_head->n_in),
                               .n_rows = n,
                               .w = lm_head};
}

void forward_show_head(const struct forward *forward, size_t n) {
    normalize(forward, &forward->weights->ln_f, n);
    show_inputs(forward, &forward->weights->lm_head, forward->activations->normal, n);
}

void forward_logits(const struct forward *forward, float *logits, size_t n) {
    const struct matmul_job job = head(forward, logits, n);
    op_matmul(forward->compute, &job);
}

void forward_look_at_logits(const struct forward *forward, float *memory, size_t n,
                            const struct forward_look *look) {
    const struct matmul_job job = head(forward, memory, n);
    op_matmul_elements(forward->compute, &job, look->elements, look->n_elements, look->values);
    op_matmul_pieces(forward->compute, &job, look->look, look->context);
}
