/**
 * embedding.c - token and position tables in training: rows looked up, and their gradients added in
 * the order of the rows, also where lm_head is tied to the table. The rest of the network is in
 * block.c and pass.c.
 */
#include "train/gradient/embedding.h"

#include <string.h>

#include "base/memory.h"
#include "base/size.h"

/* Channels of a share: a cache line of floats. */
#define SHARE_CHANNELS (MEMORY_ALIGNMENT / sizeof(float))

bool embedding_init(struct embedding *embedding, const struct gen_config *config, bool trains) {
    *embedding =
        (struct embedding){.n_vocab = (size_t)config->n_vocab, .n_embd = (size_t)config->n_embd};
    if (!trains || !config->tie_word_embeddings) {
        return true;
    }
    embedding->sums =
        memory_new_aligned(embedding->n_vocab, embedding->n_embd * sizeof *embedding->sums);
    embedding->touched = memory_new(embedding->n_vocab, sizeof *embedding->touched);
    if (embedding->sums == NULL || embedding->touched == NULL) {
        embedding_release(embedding);
        return false;
    }
    return true;
}

void embedding_release(struct embedding *embedding) {
    memory_free_aligned(embedding->sums, embedding->n_vocab,
                        embedding->n_embd * sizeof *embedding->sums);
    memory_free(embedding->touched);
    *embedding = (struct embedding){0};
}

uint64_t embedding_bytes(const struct gen_config *config, bool trains) {
    if (!trains || !config->tie_word_embeddings) {
        return 0;
    }
    return (uint64_t)config->n_vocab * ((uint64_t)config->n_embd * sizeof(float) + sizeof(bool));
}

struct embedding_work {
    const struct compute *compute;
    struct embedding *embedding;
    const struct weights *weights; /* the model's, or its gradients */
    const struct train_batch *batch;
    size_t n_embd;
    float *x;
    const float *d_x;
};

/* ---- forward ---------------------------------------------------------------------------------*/

static void forward_share(void *context, size_t begin, size_t end, int thread) {
    const struct embedding_work *work = context;
    const struct train_batch *batch = work->batch;
    float *scratch = compute_scratch(work->compute, thread);
    for (size_t row = begin; row < end; row++) {
        weights_embed(work->x + row * op_row_stride(work->n_embd), work->weights, batch->ids[row],
                      (int32_t)(row % batch->n_positions), work->n_embd, scratch);
    }
}

void embedding_forward(const struct compute *compute, float *x, const struct weights *weights,
                       const struct train_batch *batch, size_t n_embd) {
    struct embedding_work work = {
        .compute = compute, .weights = weights, .batch = batch, .n_embd = n_embd, .x = x};
    thread_pool_run(compute->pool, batch->n_sequences * batch->n_positions, 0, forward_share,
                    &work);
}

/* ---- backward --------------------------------------------------------------------------------*/

void embedding_begin(struct embedding *embedding) {
    if (embedding->sums == NULL) {
        return;
    }
    size_t row_bytes = embedding->n_embd * sizeof *embedding->sums;
    for (size_t id = 0; id < embedding->n_vocab; id++) {
        if (embedding->touched[id]) {
            memset(embedding->sums + id * embedding->n_embd, 0, row_bytes);
            embedding->touched[id] = false;
        }
    }
}

static void add(float *sum, const float *x, size_t n) {
    for (size_t i = 0; i < n; i++) {
        sum[i] += x[i];
    }
}

/* Some channels of all rows: rows of the same id or position are added in their order. */
static void backward_share(void *context, size_t begin, size_t end, int thread) {
    const struct embedding_work *work = context;
    const struct train_batch *batch = work->batch;
    const struct weights *gradients = work->weights;
    float *wpe = params_table_numbers(&gradients->wpe);
    float *wte = work->embedding->sums != NULL ? work->embedding->sums
                                               : params_table_numbers(&gradients->wte);
    size_t c = work->n_embd;
    size_t first = begin * SHARE_CHANNELS;
    size_t last = size_min(end * SHARE_CHANNELS, c);
    (void)thread;
    for (size_t row = 0; row < batch->n_sequences * batch->n_positions; row++) {
        const float *d_x = work->d_x + row * op_row_stride(c) + first;
        add(wte + (size_t)batch->ids[row] * c + first, d_x, last - first);
        add(wpe + row % batch->n_positions * c + first, d_x, last - first);
    }
}

void embedding_backward(const struct compute *compute, struct embedding *embedding,
                        const struct weights *gradients, const float *d_x,
                        const struct train_batch *batch) {
    size_t n_rows = batch->n_sequences * batch->n_positions;
    for (size_t row = 0; embedding->touched != NULL && row < n_rows; row++) {
        embedding->touched[batch->ids[row]] = true;
    }
    struct embedding_work work = {.compute = compute,
                                  .embedding = embedding,
                                  .weights = gradients,
                                  .batch = batch,
                                  .n_embd = embedding->n_embd,
                                  .d_x = d_x};
    size_t n_shares = size_divide_up(embedding->n_embd, SHARE_CHANNELS);
    thread_pool_run(compute->pool, n_shares, 0, backward_share, &work);
}

/* Panels of lm_head: a row of the table is a column there. */
static void end_share(void *context, size_t begin, size_t end, int thread) {
    const struct embedding_work *work = context;
    const struct embedding *embedding = work->embedding;
    const struct matrix *lm_head = &work->weights->lm_head;
    size_t c = embedding->n_embd;
    (void)thread;
    for (size_t id = begin * MATRIX_PANEL; id < end * MATRIX_PANEL && id < embedding->n_vocab;
         id++) {
        if (embedding->touched[id]) {
            const float *sums = embedding->sums + id * c;
            float *column = params_numbers(lm_head) + id / MATRIX_PANEL * lm_head->panel_stride +
                            id % MATRIX_PANEL;
            for (size_t i = 0; i < c; i++) {
                column[i * MATRIX_PANEL] += sums[i];
            }
        }
    }
}

void embedding_end(const struct compute *compute, struct embedding *embedding,
                   const struct weights *gradients) {
    if (embedding->sums == NULL) {
        return;
    }
    struct embedding_work work = {.compute = compute, .embedding = embedding, .weights = gradients};
    thread_pool_run(compute->pool, matrix_n_panels(&gradients->lm_head), 0, end_share, &work);
}
