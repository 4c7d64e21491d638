/**
 * pass_memory.c - the one arena of a training pass: what each block keeps for its backward half,
 * scratch, logits. Counted first, then allocated, then handed out by the same plan.
 */
#include "train/gradient/pass_memory.h"

#include "base/memory.h"
#include "base/size.h"
#include "tensor/kernels/training.h"
#include "tensor/ops.h"
#include "train/gradient/lora.h"

/* Numbers of logits that are there at a time, and the rows that are at least worth a product. */
#define LOGITS_NUMBERS ((size_t)1 << 24)
#define LOGITS_LEAST   64
#define LOGITS_MOST    512

/* Floats after each piece that a kernel may read: whole vectors at the end of a row. */
#define READ_AFTER MATRIX_PANEL

struct planner {
    float *base; /* NULL: only count */
    size_t n;
    bool overflow;
};

/* A piece of rows x columns floats, at a cache line. */
static float *take(struct planner *planner, size_t rows, size_t columns) {
    const size_t line = MEMORY_ALIGNMENT / sizeof(float);
    size_t begin = planner->n;
    size_t size;
    if (!memory_multiply(rows, columns, &size) || !memory_add(size, READ_AFTER + line - 1, &size) ||
        !memory_add(begin, size / line * line, &planner->n)) {
        planner->overflow = true;
    }
    return planner->base == NULL || planner->overflow ? NULL : planner->base + begin;
}

/* Rows of n activations. */
static float *take_rows(struct planner *planner, size_t rows, size_t n) {
    return take(planner, rows, op_row_stride(n));
}

static struct block_memory plan_block(struct planner *planner, const struct gen_config *config,
                                      size_t rows) {
    size_t c = (size_t)config->n_embd;
    struct block_memory block;
    block.normal_1 = take_rows(planner, rows, c);
    block.qkv = take_rows(planner, rows, 3 * c);
    block.found = take_rows(planner, rows, c);
    block.middle = take_rows(planner, rows, c);
    block.normal_2 = take_rows(planner, rows, c);
    block.inner = take_rows(planner, rows, (size_t)config->n_inner);
    block.x = take_rows(planner, rows, c);
    return block;
}

static void plan_blocks(struct pass_memory *memory, struct planner *planner,
                        const struct gen_config *config, const struct train_pass_options *options,
                        size_t rows) {
    size_t c = (size_t)config->n_embd;
    bool all_kept = !options->recompute && !options->forward_only;
    struct block_memory block = plan_block(planner, config, rows);
    for (int32_t i = 0; i < config->n_layer; i++) {
        if (i > 0 && all_kept) {
            block = plan_block(planner, config, rows);
        } else if (i > 0 && !options->forward_only) {
            block.x = take_rows(planner, rows, c);
        }
        if (memory->h != NULL) {
            memory->h[i] = block;
        }
    }
    memory->last = options->forward_only ? block.x : take_rows(planner, rows, c);
}

static size_t scratch_floats(const struct gen_config *config,
                             const struct train_pass_options *options) {
    size_t head_size = (size_t)(config->n_embd / config->n_head);
    size_t widest = size_max((size_t)config->n_inner, (size_t)config->n_embd);
    struct matrix w = {.n_in = widest, .n_out = 1, .row_stride = MATRIX_PANEL};
    size_t floats = training_attention_scratch(options->max_positions, head_size);
    floats = size_max(floats, PRODUCT_SCRATCH);
    floats = size_max(floats, kernels_matmul_scratch(&w));
    return size_max(floats, (size_t)config->n_embd);
}

static void plan(struct pass_memory *memory, struct planner *planner,
                 const struct gen_config *config, const struct train_pass_options *options,
                 int n_threads) {
    size_t c = (size_t)config->n_embd;
    size_t inner = (size_t)config->n_inner;
    size_t rows;
    planner->overflow |= !memory_multiply(options->max_sequences, options->max_positions, &rows);
    plan_blocks(memory, planner, config, options, rows);
    memory->branch = take_rows(planner, rows, c);
    memory->activated = take_rows(planner, rows, inner);
    if (options->lora != NULL) {
        size_t rank = (size_t)options->lora->options.rank;
        memory->low = take_rows(planner, rows, rank);
        memory->d_low = take_rows(planner, rows, rank);
    }
    if (!options->forward_only) {
        memory->d_x = take_rows(planner, rows, c);
        memory->d_dropped = options->dropout > 0.0f ? take_rows(planner, rows, c) : NULL;
        memory->d_wide = take_rows(planner, rows, size_max(3 * c, inner));
        memory->moments = take(planner, rows, 2);
    }
    size_t vocab = (size_t)config->n_vocab;
    size_t chunk = LOGITS_NUMBERS / op_row_stride(vocab) / LOGITS_LEAST * LOGITS_LEAST;
    chunk = size_max(LOGITS_LEAST, size_min(chunk, LOGITS_MOST));
    memory->chunk_rows = size_min(chunk, rows);
    memory->normal_f = take_rows(planner, memory->chunk_rows, c);
    memory->logits = take_rows(planner, memory->chunk_rows, vocab);
    memory->scratch_stride =
        size_max(scratch_floats(config, options), 1) / MEMORY_ALIGNMENT * MEMORY_ALIGNMENT +
        MEMORY_ALIGNMENT;
    memory->scratch = take(planner, (size_t)n_threads, memory->scratch_stride);
    memory->n_floats = planner->n;
}

size_t pass_memory_floats(const struct gen_config *config, const struct train_pass_options *options,
                          int n_threads) {
    struct pass_memory memory = {0};
    struct planner planner = {0};
    plan(&memory, &planner, config, options, n_threads);
    return planner.overflow ? SIZE_MAX : planner.n;
}

bool pass_memory_init(struct pass_memory *memory, const struct gen_config *config,
                      const struct train_pass_options *options, int n_threads) {
    *memory = (struct pass_memory){.n_floats = pass_memory_floats(config, options, n_threads)};
    memory->arena = memory_new_aligned(memory->n_floats, sizeof *memory->arena);
    memory->h = memory_new((size_t)config->n_layer, sizeof *memory->h);
    if (memory->arena == NULL || memory->h == NULL) {
        pass_memory_release(memory);
        return false;
    }
    memory_will_fill(memory->arena, memory->n_floats * sizeof *memory->arena);
    struct planner planner = {.base = memory->arena};
    plan(memory, &planner, config, options, n_threads);
    return true;
}

void pass_memory_release(struct pass_memory *memory) {
    memory_free_aligned(memory->arena, memory->n_floats, sizeof *memory->arena);
    memory_free(memory->h);
    *memory = (struct pass_memory){0};
}
