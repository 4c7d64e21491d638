/**
 * matmul_tiles.h - the matrix product, over the vectors of the vec_*.h included before.
 *
 * The result is computed in tiles of a few rows of x by a few panels of w, small enough for all
 * sums of a tile to stay in registers. For each k a tile loads one vector per panel, and each x
 * takes part in one fused multiply-add per panel. How many rows and panels a tile has depends on
 * the registers: sets/set.h.
 */
#ifndef KERNELS_MATMUL_TILES_H
#define KERNELS_MATMUL_TILES_H

#include "base/memory.h"
#include "tensor/kernels/matmul/tiles.h"
#include "tensor/kernels/sets/set.h"

/* k of a block when few rows meet weights in place: the rows of w are then read as that many
 * streams side by side, each in the order of the file. Neighbours in a stream are pages away from
 * each other, too far for the hardware to foresee, so what the tile after the next will read is
 * prefetched. Measured in scripts/SPEED.md. */
#define STREAM_BLOCK 8
#define STREAM_AHEAD 512
/* The same for few rows and packed weights, into the second cache: the hardware foresees these
 * streams, but not far enough for memory at its fastest. Numbers of 16 bits come fastest as one
 * stream, panel after panel. That is worth it only for what memory gives: where a cache does, a
 * single panel waits for its own additions, so smaller matrices are read as several. */
#define PACKED_AHEAD 3072
#define LONE_AHEAD   4096
#define LONE_BYTES   ((size_t)1 << 20)

ALWAYS_INLINE vf load_weights(const unsigned char *at, enum tensor_type type) {
    switch (type) {
    case TENSOR_F16:
        return vf_load_f16(at);
    case TENSOR_BF16:
        return vf_load_bf16(at);
    default:
        return vf_load(at);
    }
}

/* Sums of a tile; where rows and panels are constants, as wherever these functions are called,
 * they live in registers. */
typedef vf tile_sums[8][KERNELS_SCRATCH_PANELS];

ALWAYS_INLINE void tile_begin(tile_sums sum, const struct tile *t, int rows, int panels) {
    UNROLL for (int r = 0; r < rows; r++) {
        UNROLL for (int p = 0; p < panels; p++) {
            size_t done = (size_t)p * VF_LANES;
            sum[r][p] = t->start == NULL ? vf_set1(0.0f)
                                         : load_columns(t->start + (size_t)r * t->start_stride +
                                                            done + (size_t)p * t->y_panel_gap,
                                                        t->n_columns - done);
        }
    }
}

/* Sums of whole panels that nothing follows are stored from their registers; of whole tiles also
 * those that little follows. */
ALWAYS_INLINE void tile_end(tile_sums sum, const struct tile *t, int rows, int panels) {
    const struct matmul_job *job = t->job;
    bool whole = rows == TILE_ROWS && panels == TILE_PANELS;
    bool simple = job == NULL || (whole && job->bias != NULL && !job->activate);
    if (simple && t->n_columns >= (size_t)panels * VF_LANES) {
        UNROLL for (int p = 0; p < panels; p++) {
            float *y = t->y + (size_t)p * (VF_LANES + t->y_panel_gap);
            if (whole && job != NULL) {
                vf bias = vf_load(job->bias + t->column + (size_t)p * VF_LANES);
                UNROLL for (int r = 0; r < rows; r++) {
                    sum[r][p] = vf_add(sum[r][p], bias);
                    if (job->add) {
                        sum[r][p] = vf_add(vf_load(y + (size_t)r * t->y_stride), sum[r][p]);
                    }
                }
            }
            UNROLL for (int r = 0; r < rows; r++) {
                vf_store(y + (size_t)r * t->y_stride, sum[r][p]);
            }
        }
        return;
    }
    vf sums[8 * KERNELS_SCRATCH_PANELS];
    UNROLL for (int r = 0; r < rows; r++) {
        UNROLL for (int p = 0; p < panels; p++) {
            sums[r * panels + p] = sum[r][p];
        }
    }
    tile_store(t, sums, (size_t)rows, (size_t)panels);
}

ALWAYS_INLINE void tile_prefetch_ahead(struct tile_ahead *ahead, int panels) {
    for (size_t line = 0; line < ahead->lines && ahead->at < ahead->end; line++) {
        UNROLL for (int p = 0; p < panels; p++) {
            __builtin_prefetch(ahead->at + (size_t)p * ahead->panel_bytes, 0, 2);
        }
        ahead->at += ahead->step;
    }
}

/* The sums go on over one k, at w and x. */
ALWAYS_INLINE void tile_add_one(tile_sums sum, const struct tile *t, const unsigned char *w,
                                const float *x, float *widened, int rows, int panels,
                                enum tensor_type type, enum tile_kind kind) {
    vf weights[KERNELS_SCRATCH_PANELS];
    UNROLL for (int p = 0; p < panels; p++) {
        weights[p] = load_weights(w + (size_t)p * t->w_panel_bytes, type);
        if (kind == TILE_STREAMED) {
            __builtin_prefetch(w + (size_t)p * t->w_panel_bytes + STREAM_AHEAD);
        } else if (kind == TILE_PACKED) {
            __builtin_prefetch(w + (size_t)p * t->w_panel_bytes + PACKED_AHEAD, 0, 2);
        } else if (kind == TILE_LONE) {
            __builtin_prefetch(w + LONE_AHEAD, 0, 2);
        } else if (kind == TILE_WIDENING) {
            vf_store(widened + (size_t)p * t->n_k * VF_LANES, weights[p]);
        }
    }
    UNROLL for (int r = 0; r < rows; r++) {
        vf input = vf_set1(x[(size_t)r * t->x_stride]);
        UNROLL for (int p = 0; p < panels; p++) {
            sum[r][p] = vf_fma(input, weights[p], sum[r][p]);
        }
    }
}

/* The sums go on over n_k k; w and x are at the first of them. Full tiles, of TILE_ROWS rows, which
 * most of the time goes into, take several k without a branch where the includer finds that worth
 * the code. */
ALWAYS_INLINE void tile_add(tile_sums sum, const struct tile *t, const unsigned char *w,
                            const float *x, float *widened, size_t n_k, int rows, int panels,
                            enum tensor_type type, enum tile_kind kind) {
#define ADD_EACH                                                                                   \
    for (size_t k = 0; k < n_k; k++) {                                                             \
        tile_add_one(sum, t, w, x, widened, rows, panels, type, kind);                             \
        w += t->w_row_bytes;                                                                       \
        x += t->x_step;                                                                            \
        if (kind == TILE_WIDENING) {                                                               \
            widened += VF_LANES;                                                                   \
        }                                                                                          \
    }
    if (rows == TILE_ROWS) {
        TILE_UNROLL_K ADD_EACH
    } else {
        ADD_EACH
    }
#undef ADD_EACH
}

/* Unfinished sums of the next rows, which may come from memory and which all else waits for. */
ALWAYS_INLINE void tile_prefetch_start(const struct tile *t, int rows, int panels) {
    UNROLL for (int r = 0; r < rows; r++) {
        UNROLL for (int p = 0; p < panels; p++) {
            __builtin_prefetch(t->start + (size_t)(rows + r) * t->start_stride +
                               (size_t)p * (VF_LANES + t->y_panel_gap));
        }
    }
}

/* All loops but k's unroll. */
ALWAYS_INLINE void tile_run(struct tile *t, int rows, int panels, enum tensor_type type,
                            enum tile_kind kind) {
    tile_sums sum;
    tile_begin(sum, t, rows, panels);
    bool many = kind == TILE_MANY || kind == TILE_WIDENING || kind == TILE_PAIR;
    if (many && t->start_ahead) {
        tile_prefetch_start(t, rows, panels);
    }
    size_t most = many ? TILE_AHEAD_K : t->n_k;
    for (size_t k = 0, n; k < t->n_k; k += n) {
        n = t->n_k - k < most ? t->n_k - k : most;
        if (many) {
            tile_prefetch_ahead(&t->ahead, panels);
        }
        if (many && t->x_ahead) {
            for (size_t i = 0; i < n; i += VF_LANES) {
                UNROLL for (int r = 0; r < rows; r++) {
                    __builtin_prefetch(t->x + (size_t)(rows + r) * t->x_stride + k + i, 0, 3);
                }
            }
        }
        tile_add(sum, t, t->w + k * t->w_row_bytes, t->x + k * t->x_step,
                 kind == TILE_WIDENING ? t->widened + k * VF_LANES : NULL, n, rows, panels, type,
                 kind);
    }
    tile_end(sum, t, rows, panels);
}

ALWAYS_INLINE void tile_next_rows(struct tile *t, size_t n_rows) {
    t->x += n_rows * t->x_stride;
    t->y += n_rows * t->y_stride;
    t->start = t->start == NULL ? NULL : t->start + n_rows * t->start_stride;
}

/* All rows of x against the tile's panels, at most max_rows (a constant) at a time. */
ALWAYS_INLINE void tile_rows(struct tile t, size_t n_rows, size_t max_rows, int panels,
                             enum tensor_type type, enum tile_kind kind) {
#define TILE_CASE(rows)                                                                            \
    case rows:                                                                                     \
        if ((rows) <= max_rows) {                                                                  \
            tile_run(&t, rows, panels, type, kind);                                                \
        }                                                                                          \
        break
    for (size_t left = n_rows; left > 0;) {
        size_t rows = left < max_rows ? left : max_rows;
        switch (rows) {
            TILE_CASE(1);
            TILE_CASE(2);
            TILE_CASE(3);
            TILE_CASE(4);
            TILE_CASE(5);
            TILE_CASE(6);
            TILE_CASE(7);
            TILE_CASE(8);
        default:
            break;
        }
        tile_next_rows(&t, rows);
        left -= rows;
    }
#undef TILE_CASE
}

static void tile_use_widened(struct tile *t) {
    t->w = (const unsigned char *)t->widened;
    t->w_row_bytes = VF_LANES * sizeof(float);
    t->w_panel_bytes = t->n_k * t->w_row_bytes;
}

#define TILE_FUNCTION(name, max_rows, panels, type, kind)                                          \
    static void name(const struct tile *t, size_t n_rows) {                                        \
        tile_rows(*t, n_rows, max_rows, panels, type, kind);                                       \
    }
/* As _many, but only the first tile reads the weights as they are: it leaves them packed as f32 in
 * `widened` for the others. At least TILE_ROWS rows. */
#define WIDENING_FUNCTION(name, type)                                                              \
    static void name##_widening(const struct tile *t, size_t n_rows) {                             \
        struct tile rest = *t;                                                                     \
        tile_run(&rest, TILE_ROWS, TILE_PANELS, type, TILE_WIDENING);                              \
        tile_next_rows(&rest, TILE_ROWS);                                                          \
        tile_use_widened(&rest);                                                                   \
        tile_f32_many(&rest, n_rows - TILE_ROWS);                                                  \
    }
#if TILE_PANELS > 2
#define PAIR_FUNCTION(name, type) TILE_FUNCTION(name##_pair, TILE_ROWS, 2, type, TILE_PAIR)
#define PAIR(name)                name##_pair
#else
#define PAIR_FUNCTION(name, type)
#define PAIR(name) NULL
#endif
#if TILE_PANELS > 1
#define SINGLE_FUNCTION(name, type) TILE_FUNCTION(name##_single, TILE_ROWS, 1, type, TILE_SINGLE)
#define SINGLE(name)                name##_single
#else
#define SINGLE_FUNCTION(name, type)
#define SINGLE(name) name##_many
#endif
#define TILE_FUNCTIONS(name, type)                                                                 \
    TILE_FUNCTION(name##_many, TILE_ROWS, TILE_PANELS, type, TILE_MANY)                            \
    TILE_FUNCTION(name##_few, FEW_ROWS, TILE_PANELS_FEW_ROWS, type, TILE_FEW)                      \
    TILE_FUNCTION(name##_packed, FEW_ROWS, TILE_PANELS_FEW_ROWS, type, TILE_PACKED)                \
    TILE_FUNCTION(name##_streamed, FEW_ROWS, TILE_PANELS_FEW_ROWS, type, TILE_STREAMED)            \
    TILE_FUNCTION(name##_lone, FEW_ROWS, 1, type, TILE_LONE)                                       \
    SINGLE_FUNCTION(name, type)                                                                    \
    PAIR_FUNCTION(name, type)
TILE_FUNCTIONS(tile_f32, TENSOR_F32)
TILE_FUNCTIONS(tile_f16, TENSOR_F16)
TILE_FUNCTIONS(tile_bf16, TENSOR_BF16)
WIDENING_FUNCTION(tile_f32, TENSOR_F32)
WIDENING_FUNCTION(tile_f16, TENSOR_F16)
WIDENING_FUNCTION(tile_bf16, TENSOR_BF16)
#undef TILE_FUNCTIONS
#undef PAIR_FUNCTION
#undef SINGLE_FUNCTION
#undef WIDENING_FUNCTION
#undef TILE_FUNCTION

typedef void tile_function(const struct tile *t, size_t n_rows);

static tile_function *tile_function_for(enum tensor_type type, enum tile_kind kind) {
#define ROW(name)                                                                                  \
    {                                                                                              \
        [TILE_FEW] = name##_few, [TILE_SINGLE] = SINGLE(name), [TILE_PAIR] = PAIR(name),           \
        [TILE_MANY] = name##_many, [TILE_STREAMED] = name##_streamed,                              \
        [TILE_PACKED] = name##_packed, [TILE_LONE] = name##_lone,                                  \
        [TILE_WIDENING] = name##_widening                                                          \
    }
    static tile_function *const functions[][N_TILE_KINDS] = {
        [TENSOR_F32] = ROW(tile_f32),
        [TENSOR_F16] = ROW(tile_f16),
        [TENSOR_BF16] = ROW(tile_bf16),
    };
#undef ROW
    return functions[type][kind];
}
#undef PAIR
#undef SINGLE

/* Panels of the next tile, if n_panels are left and there may be `most`: rather two and two than
 * three and one, for which each product would take a load of its own. Tiles of less than three
 * panels have no pairs. */
static size_t tile_group(size_t n_panels, size_t most) {
    bool two = most > 1 && (n_panels == 2 || (n_panels == 4 && most == 3));
    if (TILE_PANELS > 2) {
        return two ? 2 : n_panels < most ? 1 : most;
    }
    return n_panels < most ? n_panels : most;
}

/*
 * Whole lines of the weights of t, of which n_rows rows are to be computed with another group of
 * panels before: tiles prefetch them then, piece by piece. Memory gives weights more slowly than a
 * tile uses them, and where one group of panels ends the hardware does not know of the next.
 */
static struct tile_ahead tile_plan_ahead(const struct tile *t, size_t n_rows) {
    bool packed = t->w_row_bytes <= MEMORY_ALIGNMENT;
    size_t step = packed ? MEMORY_ALIGNMENT : t->w_row_bytes;
    size_t bytes = t->n_k * t->w_row_bytes;
    size_t n_pieces = (n_rows + TILE_ROWS - 1) / TILE_ROWS * ((t->n_k - 1) / TILE_AHEAD_K + 1);
    return (struct tile_ahead){.at = t->w,
                               .end = t->w + bytes,
                               .step = step,
                               .lines = (bytes / step + n_pieces - 1) / n_pieces,
                               .panel_bytes = t->w_panel_bytes};
}

/* t is n panels on, where rows of x are in a cache already. */
static void tile_next_panels(struct tile *t, size_t n) {
    size_t columns = n * VF_LANES;
    size_t numbers = columns + n * t->y_panel_gap;
    t->x_ahead = false;
    t->w += n * t->w_panel_bytes;
    t->y += numbers;
    t->start = t->start == NULL ? NULL : t->start + numbers;
    t->column += columns;
    t->n_columns -= columns < t->n_columns ? columns : t->n_columns;
}

/* n_panels panels of one block of k, group by group and the rest one by one. t describes the
 * first. */
static void tile_panels(struct tile t, enum tensor_type type, size_t n_rows, size_t n_panels) {
    enum tile_kind kind = n_rows <= FEW_ROWS ? t.few_rows : TILE_MANY;
    size_t group = kind == TILE_LONE ? 1 : kind == TILE_MANY ? TILE_PANELS : TILE_PANELS_FEW_ROWS;
    while (n_panels > 0) {
        size_t n = tile_group(n_panels, group);
        enum tile_kind this = n == group ? kind : n == 2 ? TILE_PAIR : TILE_SINGLE;
        tile_function_for(type, this)(&t, n_rows);
        tile_next_panels(&t, n);
        n_panels -= n;
    }
}

static void tile_widen(struct tile *t, enum tensor_type type, size_t n_panels) {
    float *to = t->widened;
    for (size_t p = 0; p < n_panels; p++) {
        const unsigned char *w = t->w + p * t->w_panel_bytes;
        for (size_t k = 0; k < t->n_k; k++) {
            vf_store(to, load_weights(w + k * t->w_row_bytes, type));
            to += VF_LANES;
        }
    }
    tile_use_widened(t);
}

/*
 * tile_panels() for many rows and weights that tiles cannot use as fast as packed f32 from a cache:
 * while they compute they prefetch the next group's, after the last group those at `after`,
 * unless that is NULL. To widen, at least TILE_ROWS rows with room in t.widened: what is not packed
 * f32 becomes so there.
 */
static void tile_panels_ahead(struct tile t, enum tensor_type type, size_t n_rows, size_t n_panels,
                              bool widen, const unsigned char *after) {
    for (size_t n; n_panels > 0; n_panels -= n) {
        n = tile_group(n_panels, TILE_PANELS);
        struct tile next = t;
        tile_next_panels(&next, n);
        if (n_panels == n) {
            next.w = after;
        }
        t.ahead = next.w != NULL ? tile_plan_ahead(&next, n_rows) : (struct tile_ahead){0};
        if (n < TILE_PANELS && widen) {
            tile_widen(&t, type, n);
        }
        if (n < TILE_PANELS) {
            tile_panels(t, TENSOR_F32, n_rows, n);
        } else {
            tile_function_for(type, widen ? TILE_WIDENING : TILE_MANY)(&t, n_rows);
        }
        t = next;
    }
}

/* Few rows and weights in place: block after block of k, with the unfinished sums in scratch. */
static void matmul_streamed(const struct matmul_job *job, struct tile t, size_t n_panels,
                            float *scratch) {
    for (size_t k = 0; k < job->w->n_in; k += STREAM_BLOCK) {
        struct tile block = t;
        size_t left = job->w->n_in - k;
        block.n_k = left < STREAM_BLOCK ? left : STREAM_BLOCK;
        block.x += k;
        block.w += k * t.w_row_bytes;
        block.start = k == 0 ? NULL : scratch;
        block.start_stride = n_panels * VF_LANES;
        block.few_rows = TILE_STREAMED;
        if (left > STREAM_BLOCK) {
            block.job = NULL;
            block.y = scratch;
            block.y_stride = block.start_stride;
        }
        tile_panels(block, job->w->type, job->n_rows, n_panels);
    }
}

static void matmul(const struct matmul_job *job, size_t begin, size_t end, float *scratch) {
    const struct matrix *w = job->w;
    size_t bytes = tensor_type_info(w->type)->block_bytes;
    bool packed = w->row_stride == VF_LANES;
    bool lone = packed && bytes == 2 && w->n_in * w->n_out * bytes >= LONE_BYTES;
    struct tile t = {.x = job->x,
                     .x_stride = job->x_stride,
                     .x_step = 1,
                     .w = w->data + begin * w->panel_stride * bytes,
                     .w_row_bytes = w->row_stride * bytes,
                     .w_panel_bytes = w->panel_stride * bytes,
                     .n_k = w->n_in,
                     .y = job->y + begin * VF_LANES,
                     .y_stride = job->y_stride,
                     .n_columns = w->n_out - begin * VF_LANES,
                     .job = job,
                     .column = begin * VF_LANES,
                     .few_rows = lone     ? TILE_LONE
                                 : packed ? TILE_PACKED
                                          : TILE_FEW};
    bool f32 = packed && w->type == TENSOR_F32;
    if (job->n_rows >= KERNELS_SCRATCH_ROWS || (f32 && job->n_rows > FEW_ROWS)) {
        t.widened = scratch;
        tile_panels_ahead(t, w->type, job->n_rows, end - begin, !f32, NULL);
    } else if (!packed && w->n_in > STREAM_BLOCK) {
        matmul_streamed(job, t, end - begin, scratch);
    } else {
        tile_panels(t, w->type, job->n_rows, end - begin);
    }
}

#endif
