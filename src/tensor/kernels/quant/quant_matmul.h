/**
 * quant_matmul.h - the matrix product with weights of a block format, from the tiles of
 * quant_tiles.h and, where QUANT_TILE_ROWS_WIDENED is not 0, of quant_widened.h; one function
 * of each kind for every format.
 */
#ifndef KERNELS_QUANT_MATMUL_H
#define KERNELS_QUANT_MATMUL_H

#include "tensor/kernels/quant/quant_tiles.h"
#if QUANT_TILE_ROWS_WIDENED
#include "tensor/kernels/quant/quant_widened.h"
#endif

/* What a kernel must know of a row of quant_formats.h: constants in what follows. */
#define QUANT_SHAPE(GROUP, LOW, HIGH, OFFSET, MIN, GROUP_BITS, SHORT, CODEBOOK)                    \
    ((struct quant_shape){.low_bits = (LOW),                                                       \
                          .high_bits = (HIGH),                                                     \
                          .n_groups = QUANT_SMALL / (GROUP),                                       \
                          .offset = (OFFSET),                                                      \
                          .has_min = (MIN),                                                        \
                          .has_groups = (GROUP_BITS) > 0,                                          \
                          .short_groups = (SHORT),                                                 \
                          .codebook = (CODEBOOK)})
#define QUANT_FUNCTIONS(LABEL, NAME, ID, NUMBERS, BYTES, GROUP, LOW, HIGH, OFFSET, MIN,            \
                        GROUP_BITS, SHORT, CODEBOOK, WRITTEN)                                      \
    static void quant_##NAME##_few(const struct quant_tile *t, size_t n_rows, size_t n_panels) {   \
        quant_tile_few(*t, n_rows, n_panels,                                                       \
                       QUANT_SHAPE(GROUP, LOW, HIGH, OFFSET, MIN, GROUP_BITS, SHORT, CODEBOOK));   \
    }                                                                                              \
    static void quant_##NAME##_many(const struct quant_tile *t, size_t n_rows, size_t n_panels) {  \
        (void)n_panels;                                                                            \
        quant_tile_rows(*t, n_rows,                                                                \
                        (GROUP) < QUANT_SMALL ? QUANT_TILE_ROWS_GROUPED : QUANT_TILE_ROWS,         \
                        QUANT_TILE_PANELS,                                                         \
                        QUANT_SHAPE(GROUP, LOW, HIGH, OFFSET, MIN, GROUP_BITS, SHORT, CODEBOOK));  \
    }                                                                                              \
    QUANT_WIDENED_FUNCTION(                                                                        \
        NAME, QUANT_SHAPE(GROUP, LOW, HIGH, OFFSET, MIN, GROUP_BITS, SHORT, CODEBOOK))
#if QUANT_TILE_ROWS_WIDENED
#define QUANT_WIDENED_FUNCTION(NAME, SHAPE)                                                        \
    static void quant_##NAME##_widened(const struct quant_tile *t, size_t n_rows,                  \
                                       size_t n_panels) {                                          \
        (void)n_panels;                                                                            \
        quant_widened_rows(*t, n_rows, SHAPE);                                                     \
    }
#else
#define QUANT_WIDENED_FUNCTION(NAME, SHAPE)
#endif
QUANT_FORMATS(QUANT_FUNCTIONS)
#undef QUANT_FUNCTIONS
#undef QUANT_WIDENED_FUNCTION

/* How rows meet panels. */
enum quant_way {
    QUANT_FEW,     /* any number of panels, one or two rows at a time */
    QUANT_MANY,    /* QUANT_TILE_PANELS panels, QUANT_TILE_ROWS rows at a time */
    QUANT_WIDENED, /* one panel, unpacked first */
    QUANT_N_WAYS
};

typedef void quant_tile_function(const struct quant_tile *t, size_t n_rows, size_t n_panels);

static quant_tile_function *quant_tile_function_for(enum tensor_type type, enum quant_way way) {
#if QUANT_TILE_ROWS_WIDENED
#define QUANT_TILE_ENTRY(LABEL, NAME, ...)                                                         \
    [TENSOR_##LABEL] = {quant_##NAME##_few, quant_##NAME##_many, quant_##NAME##_widened},
#else
#define QUANT_TILE_ENTRY(LABEL, NAME, ...)                                                         \
    [TENSOR_##LABEL] = {quant_##NAME##_few, quant_##NAME##_many, NULL},
#endif
    static quant_tile_function *const functions[TENSOR_N_TYPES][QUANT_N_WAYS] = {
        QUANT_FORMATS(QUANT_TILE_ENTRY)};
#undef QUANT_TILE_ENTRY
    return functions[type][way];
}

/* Rows of a tile, and panels of one that has many rows. */
static size_t quant_rows(const struct quant_layout *layout, enum quant_way way) {
#if QUANT_TILE_ROWS_WIDENED
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
    bool prefetches = way != QUANT_FEW && n_tiles <= QUANT_AHEAD_TILES;
    t->ahead = t->panel + bytes;
    t->ahead_step = prefetches ? (bytes + n_steps - 1) / n_steps : 0;
    t->ahead_skip = n_parts * t->ahead_step;
}

static enum quant_way quant_way_for(const struct quant_layout *layout, size_t n_rows,
                                    size_t n_panels) {
#if QUANT_TILE_ROWS_WIDENED
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
