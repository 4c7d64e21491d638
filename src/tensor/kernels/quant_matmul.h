/**
 * quant_matmul.h - the matrix product with weights of a block format, from the tiles of
 * quant_tiles.h and, where QUANT_TILE_ROWS_WIDENED is defined, of quant_widened.h; one function
 * of each kind for every format.
 */
#ifndef KERNELS_QUANT_MATMUL_H
#define KERNELS_QUANT_MATMUL_H

#include "tensor/kernels/quant_tiles.h"
#ifdef QUANT_TILE_ROWS_WIDENED
#include "tensor/kernels/quant_widened.h"
#endif

#define QUANT_FUNCTIONS(name, max_rows, ...)                                                       \
    static void name##_few(const struct quant_tile *t, size_t n_rows, size_t n_panels) {           \
        quant_tile_few(*t, n_rows, n_panels, (struct quant_shape){__VA_ARGS__});                   \
    }                                                                                              \
    static void name##_many(const struct quant_tile *t, size_t n_rows, size_t n_panels) {          \
        (void)n_panels;                                                                            \
        quant_tile_rows(*t, n_rows, max_rows, QUANT_TILE_PANELS,                                   \
                        (struct quant_shape){__VA_ARGS__});                                        \
    }                                                                                              \
    QUANT_WIDENED_FUNCTION(name, __VA_ARGS__)
#ifdef QUANT_TILE_ROWS_WIDENED
#define QUANT_WIDENED_FUNCTION(name, ...)                                                          \
    static void name##_widened(const struct quant_tile *t, size_t n_rows, size_t n_panels) {       \
        (void)n_panels;                                                                            \
        quant_widened_rows(*t, n_rows, (struct quant_shape){__VA_ARGS__});                         \
    }
#else
#define QUANT_WIDENED_FUNCTION(name, ...)
#endif
#define WHOLE   QUANT_TILE_ROWS
#define GROUPED QUANT_TILE_ROWS_GROUPED
/*                              bits of q  groups  offset  has_min has_groups short_groups */
QUANT_FUNCTIONS(quant_tile_q8_0, WHOLE, 8, 0, 1, 128, false, false, false)
QUANT_FUNCTIONS(quant_tile_q4_0, WHOLE, 4, 0, 1, 8, false, false, false)
QUANT_FUNCTIONS(quant_tile_q4_1, WHOLE, 4, 0, 1, 0, true, false, false)
QUANT_FUNCTIONS(quant_tile_q5_0, WHOLE, 4, 1, 1, 16, false, false, false)
QUANT_FUNCTIONS(quant_tile_q5_1, WHOLE, 4, 1, 1, 0, true, false, false)
QUANT_FUNCTIONS(quant_tile_q2_k, GROUPED, 2, 0, 2, 0, true, true, true)
QUANT_FUNCTIONS(quant_tile_q3_k, GROUPED, 2, 1, 2, 4, false, true, false)
QUANT_FUNCTIONS(quant_tile_q4_k, WHOLE, 4, 0, 1, 0, true, true, false)
QUANT_FUNCTIONS(quant_tile_q5_k, WHOLE, 4, 1, 1, 0, true, true, false)
QUANT_FUNCTIONS(quant_tile_q6_k, GROUPED, 4, 2, 2, 32, false, true, false)
#undef WHOLE
#undef GROUPED
#undef QUANT_FUNCTIONS

/* How rows meet panels. */
enum quant_way {
    QUANT_FEW,     /* any number of panels, one or two rows at a time */
    QUANT_MANY,    /* QUANT_TILE_PANELS panels, QUANT_TILE_ROWS rows at a time */
    QUANT_WIDENED, /* one panel, unpacked first */
    QUANT_N_WAYS
};

typedef void quant_tile_function(const struct quant_tile *t, size_t n_rows, size_t n_panels);

static quant_tile_function *quant_tile_function_for(enum tensor_type type, enum quant_way way) {
#ifdef QUANT_TILE_ROWS_WIDENED
#define ROW(name)                                                                                  \
    { name##_few, name##_many, name##_widened }
#else
#define ROW(name)                                                                                  \
    { name##_few, name##_many, NULL }
#endif
    static quant_tile_function *const functions[TENSOR_N_TYPES][QUANT_N_WAYS] = {
        [TENSOR_Q8_0] = ROW(quant_tile_q8_0), [TENSOR_Q4_0] = ROW(quant_tile_q4_0),
        [TENSOR_Q4_1] = ROW(quant_tile_q4_1), [TENSOR_Q5_0] = ROW(quant_tile_q5_0),
        [TENSOR_Q5_1] = ROW(quant_tile_q5_1), [TENSOR_Q2_K] = ROW(quant_tile_q2_k),
        [TENSOR_Q3_K] = ROW(quant_tile_q3_k), [TENSOR_Q4_K] = ROW(quant_tile_q4_k),
        [TENSOR_Q5_K] = ROW(quant_tile_q5_k), [TENSOR_Q6_K] = ROW(quant_tile_q6_k),
    };
#undef ROW
    return functions[type][way];
}

/* Rows of a tile, and panels of one that has many rows. */
static size_t quant_rows(const struct quant_layout *layout, enum quant_way way) {
#ifdef QUANT_TILE_ROWS_WIDENED
    if (way == QUANT_WIDENED) {
        return QUANT_TILE_ROWS_WIDENED;
    }
#endif
    (void)way;
    bool grouped = layout->format->group_size < QUANT_SMALL;
    return grouped ? QUANT_TILE_ROWS_GROUPED : QUANT_TILE_ROWS;
}

static size_t quant_panels(enum quant_way way) {
    return way == QUANT_WIDENED ? 1 : QUANT_TILE_PANELS;
}

/*
 * What a tile prefetches while it computes, as memory gives it more slowly than a core could use
 * it. Few rows: a bit further on in the one stream that they read. Many: in each tile of
 * rows a piece of the next panels, which are prefetched whole by the end of the last one.
 */
static void quant_plan_ahead(struct quant_tile *t, size_t n_rows, enum quant_way way) {
    size_t panel_bytes = t->layout->panel_bytes;
    size_t n_parts = t->layout->n_parts;
    if (n_rows <= FEW_ROWS) {
        bool lone = n_rows == 1 && t->layout->format->low_bits == 8;
        t->ahead = t->panel + (lone ? QUANT_AHEAD_LONE_8_BITS : QUANT_AHEAD);
        t->ahead_step = (panel_bytes + n_parts - 1) / n_parts;
        return;
    }
    size_t n_tiles = (n_rows + quant_rows(t->layout, way) - 1) / quant_rows(t->layout, way);
    size_t bytes = quant_panels(way) * panel_bytes;
    size_t n_steps = n_tiles * n_parts;
    /* Last panels left over have none after them. */
    bool asks = way != QUANT_FEW && n_tiles <= QUANT_AHEAD_TILES;
    t->ahead = t->panel + bytes;
    t->ahead_step = asks ? (bytes + n_steps - 1) / n_steps : 0;
    t->ahead_skip = n_parts * t->ahead_step;
}

static enum quant_way quant_way_for(const struct quant_layout *layout, size_t n_rows,
                                    size_t n_panels) {
#ifdef QUANT_TILE_ROWS_WIDENED
    if (n_rows >= quant_widens_from(layout->format)) {
        return QUANT_WIDENED;
    }
#endif
    (void)layout;
    return n_rows > FEW_ROWS && n_panels >= QUANT_TILE_PANELS ? QUANT_MANY : QUANT_FEW;
}

static void matmul_quantized(const struct matmul_job *job, size_t begin, size_t end,
                             float *scratch) {
    const struct matrix *w = job->w;
    for (size_t panel = begin, n; panel < end; panel += n) {
        enum quant_way way = quant_way_for(&w->quant, job->n_rows, end - panel);
        n = way == QUANT_FEW ? end - panel : quant_panels(way);
        struct quant_tile t = {.layout = &w->quant,
                               .panel = w->data + panel * w->quant.panel_bytes,
                               .x = job->quantized,
                               .x_stride = job->quantized_stride,
                               .n_in = w->n_in,
                               .widened = (struct quant_widened *)(void *)scratch,
                               .store = {.y = job->y + panel * VF_LANES,
                                         .y_stride = job->y_stride,
                                         .n_columns = w->n_out - panel * VF_LANES,
                                         .job = job,
                                         .column = panel * VF_LANES}};
        quant_plan_ahead(&t, job->n_rows, way);
        quant_tile_function_for(w->type, way)(&t, job->n_rows, n);
    }
}

#endif
