/**
 * quant_tiles.h - the matrix product with weights of a block format, over the vectors of the
 * vec_*.h included before; kernels.h defines its arithmetic, quant_panel.h the layout.
 *
 * As in matmul_tiles.h a tile is a few rows of x by a few panels of w, whose sums stay in
 * registers. A tile goes from 32 k to the next 32 k: eight steps widen 64 numbers of each panel
 * to bytes and add four products to each of 16 integers (where VI_HAS_PAIRS, first two and two to
 * twice as many integers of 16 bits); then the integers are scaled and join the sums. All of this
 * is written once for every format, whose properties are constants where the functions are made.
 * How many rows and panels a tile has is in sets/set.h.
 */
#ifndef KERNELS_QUANT_TILES_H
#define KERNELS_QUANT_TILES_H

#include "tensor/kernels/matmul/tiles.h"
#include "tensor/kernels/quant/quant_rows.h"
#include "tensor/kernels/sets/set.h"
#include "tensor/quant/quant_panel.h"

#define QUANT_MAX_ROWS   6
#define QUANT_MAX_PANELS 4

/* How far ahead of what it reads a tile of few rows prefetches, in bytes; for one row of 8-bit
 * weights it is QUANT_AHEAD_LONE_8_BITS. */
#define QUANT_AHEAD 4096
/* With more tiles of rows than this nothing is prefetched: the first of them alone waits for
 * memory. */
#define QUANT_AHEAD_TILES 32

/* What a kernel must know of a format; see struct quant_format. */
struct quant_shape {
    int low_bits, high_bits;
    int n_groups; /* of 32 k */
    int offset;
    bool has_min, has_groups, short_groups;
    const uint8_t *codebook;
};

struct quant_tile {
    const struct quant_layout *layout;
    const unsigned char *panel; /* the first */
    const unsigned char *x;     /* the first row, quantized */
    size_t x_stride;
    size_t n_in;
    const unsigned char *ahead; /* what to prefetch, ahead_step bytes every 32 k */
    size_t ahead_step;
    size_t ahead_skip;             /* from one tile of rows to the next */
    struct quant_widened *widened; /* room for an unpacked panel, where quant_widened.h is used */
    struct tile store;             /* where the sums go and what follows them */
};

/* The 64 numbers of step s, or what the codebook has for them, as bytes. */
ALWAYS_INLINE vb quant_step(const unsigned char *lines, struct quant_shape f, int s) {
    if (f.low_bits == 8) {
        return vb_load(lines + s * QUANT_LINE);
    }
    vb low = vb_load(lines + s % f.low_bits * QUANT_LINE);
    low = vb_field(low, f.low_bits * (s / f.low_bits), (uint8_t)((1 << f.low_bits) - 1));
    if (f.codebook != NULL) {
        return vb_lookup(low, f.codebook);
    }
    if (f.high_bits == 0) {
        return low;
    }
    vb high = vb_load(lines + (f.low_bits + s % f.high_bits) * QUANT_LINE);
    high = vb_field(high, f.high_bits * (s / f.high_bits), (uint8_t)((1 << f.high_bits) - 1));
    return vb_join(low, high, f.low_bits);
}

/* Whether these need all 8 bits: they are multiplied in another way. */
ALWAYS_INLINE bool quant_has_bytes(struct quant_shape f) {
    return f.low_bits == 8 || f.codebook != NULL;
}

ALWAYS_INLINE vi quant_dot(vi sum, vb q, const int8_t *x, struct quant_shape f) {
    return quant_has_bytes(f) ? vi_dot4_8bit(sum, q, x) : vi_dot4(sum, q, x);
}

/* scale[g] and min[g] of the 16 columns, from the group bytes of 32 k. */
ALWAYS_INLINE vi quant_scale(const unsigned char *groups, struct quant_shape f, int g) {
    if (f.short_groups) {
        return vi_field(vi_load_u8(groups + g * QUANT_COLUMNS), 0, 15);
    }
    return vi_load_i8(groups + g * QUANT_COLUMNS);
}

ALWAYS_INLINE vi quant_min(const unsigned char *groups, struct quant_shape f, int g) {
    if (f.short_groups) {
        return vi_field(vi_load_u8(groups + g * QUANT_COLUMNS), 4, 15);
    }
    return vi_load_u8(groups + (f.n_groups + g) * QUANT_COLUMNS);
}

/* Where 32 k of a panel and of the rows of x are. */
struct quant_at {
    const unsigned char *lines[QUANT_MAX_PANELS];
    const unsigned char *factors[QUANT_MAX_PANELS];
    const unsigned char *groups[QUANT_MAX_PANELS];
    const int8_t *x[QUANT_MAX_ROWS];
    const struct quantized_part *part[QUANT_MAX_ROWS];
};

ALWAYS_INLINE void quant_find(struct quant_at *at, const struct quant_tile *t, size_t i, int rows,
                              int panels, struct quant_shape f) {
    const struct quant_layout *l = t->layout;
    size_t per_block = f.has_groups ? 8 : 1;
    UNROLL for (int p = 0; p < panels; p++) {
        const unsigned char *panel = t->panel + (size_t)p * l->panel_bytes;
        const unsigned char *record = panel + i / per_block * l->record_bytes;
        at->lines[p] = record + l->parts_at + i % per_block * l->part_bytes;
        at->factors[p] = record;
        at->groups[p] = at->lines[p] + l->groups_at;
    }
    UNROLL for (int r = 0; r < rows; r++) {
        const unsigned char *row = t->x + (size_t)r * t->x_stride;
        at->x[r] = (const int8_t *)row + i * QUANT_SMALL;
        at->part[r] = (const struct quantized_part *)(const void *)(row + t->n_in) + i;
    }
}

/* What dot products of group g begin with, for all columns: the offset's part of them. */
ALWAYS_INLINE vi quant_dot_start(const struct quantized_part *part, int g, struct quant_shape f) {
    int offset = quant_has_bytes(f) && VI_DOT_IS_SIGNED ? 0 : f.offset;
    const int32_t sum = f.n_groups == 2 ? part->sum[g] : part->total;
    return vi_mul(vi_set1(sum), vi_set1(-offset));
}

#if VI_HAS_PAIRS
/* Steps whose pairs of products can be added in 16 bits: 2 * 127 * (2^bits - 1) * steps < 2^15. */
ALWAYS_INLINE int quant_steps_in_pairs(struct quant_shape f) {
    int bits = f.low_bits + f.high_bits;
    return bits <= 4 ? 8 : bits == 5 ? 4 : 2;
}

/* quant_dots() for numbers of at most 6 bits. */
ALWAYS_INLINE void quant_dots_by_pairs(vi dot[QUANT_MAX_ROWS][QUANT_MAX_PANELS],
                                       const struct quant_at *at, int g, int rows, int panels,
                                       struct quant_shape f) {
    int n_steps = QUANT_STEPS / f.n_groups;
    int most = quant_steps_in_pairs(f) < n_steps ? quant_steps_in_pairs(f) : n_steps;
    UNROLL for (int first = 0; first < n_steps; first += most) {
        vi pairs[QUANT_MAX_ROWS][QUANT_MAX_PANELS];
        UNROLL for (int step = 0; step < most; step++) {
            int s = g * n_steps + first + step;
            UNROLL for (int p = 0; p < panels; p++) {
                vb q = quant_step(at->lines[p], f, s);
                UNROLL for (int r = 0; r < rows; r++) {
                    const int8_t *x = at->x[r] + 4 * s;
                    pairs[r][p] = step == 0 ? vi_pairs(q, x) : vi_add_pairs(pairs[r][p], q, x);
                }
            }
        }
        UNROLL for (int r = 0; r < rows; r++) {
            vi start = quant_dot_start(at->part[r], g, f);
            UNROLL for (int p = 0; p < panels; p++) {
                dot[r][p] = vi_join_pairs(first == 0 ? start : dot[r][p], pairs[r][p]);
            }
        }
    }
}
#endif

/* dot[r][p] = sum of (q - offset) x over group g. */
ALWAYS_INLINE void quant_dots(vi dot[QUANT_MAX_ROWS][QUANT_MAX_PANELS], const struct quant_at *at,
                              int g, int rows, int panels, struct quant_shape f) {
#if VI_HAS_PAIRS
    if (!quant_has_bytes(f)) {
        quant_dots_by_pairs(dot, at, g, rows, panels, f);
        return;
    }
#endif
    UNROLL for (int r = 0; r < rows; r++) {
        vi start = quant_dot_start(at->part[r], g, f);
        UNROLL for (int p = 0; p < panels; p++) {
            dot[r][p] = start;
        }
    }
    int n_steps = QUANT_STEPS / f.n_groups;
    UNROLL for (int step = 0; step < n_steps; step++) {
        int s = g * n_steps + step;
        UNROLL for (int p = 0; p < panels; p++) {
            vb q = quant_step(at->lines[p], f, s);
            UNROLL for (int r = 0; r < rows; r++) {
                dot[r][p] = quant_dot(dot[r][p], q, at->x[r] + 4 * s, f);
            }
        }
    }
}

/* The sums go on over 32 k with one scale for all of them. */
ALWAYS_INLINE void quant_add_whole(vf sum[QUANT_MAX_ROWS][QUANT_MAX_PANELS],
                                   const struct quant_at *at, int rows, int panels,
                                   struct quant_shape f) {
    vi dot[QUANT_MAX_ROWS][QUANT_MAX_PANELS];
    quant_dots(dot, at, 0, rows, panels, f);
    UNROLL for (int p = 0; p < panels; p++) {
        vf d = vf_load_f16(at->factors[p]);
        vf m = vf_set1(0.0f);
        if (f.has_groups) {
            d = vf_mul(d, vf_from_int(quant_scale(at->groups[p], f, 0)));
        }
        if (f.has_min) {
            m = vf_load_f16(at->factors[p] + QUANT_COLUMNS * sizeof(uint16_t));
        }
        if (f.has_min && f.has_groups) {
            m = vf_mul(m, vf_from_int(quant_min(at->groups[p], f, 0)));
        }
        UNROLL for (int r = 0; r < rows; r++) {
            vf scale = vf_mul(d, vf_set1(at->part[r]->d));
            sum[r][p] = vf_fma(vf_from_int(dot[r][p]), scale, sum[r][p]);
            if (f.has_min) {
                sum[r][p] = vf_fma(m, vf_set1(at->part[r]->scaled_sum), sum[r][p]);
            }
        }
    }
}

/* The same with two groups, whose integers are scaled and added as integers. */
ALWAYS_INLINE void quant_add_groups(vf sum[QUANT_MAX_ROWS][QUANT_MAX_PANELS],
                                    const struct quant_at *at, int rows, int panels,
                                    struct quant_shape f) {
    vi first[QUANT_MAX_ROWS][QUANT_MAX_PANELS];
    vi second[QUANT_MAX_ROWS][QUANT_MAX_PANELS];
    quant_dots(first, at, 0, rows, panels, f);
    UNROLL for (int p = 0; p < panels; p++) {
        vi scale = quant_scale(at->groups[p], f, 0);
        UNROLL for (int r = 0; r < rows; r++) {
            first[r][p] = vi_mul(first[r][p], scale);
        }
    }
    quant_dots(second, at, 1, rows, panels, f);
    UNROLL for (int p = 0; p < panels; p++) {
        vi scale = quant_scale(at->groups[p], f, 1);
        vf d = vf_load_f16(at->factors[p]);
        UNROLL for (int r = 0; r < rows; r++) {
            vi dot = vi_add(first[r][p], vi_mul(second[r][p], scale));
            vf factor = vf_mul(d, vf_set1(at->part[r]->d));
            sum[r][p] = vf_fma(vf_from_int(dot), factor, sum[r][p]);
        }
        if (f.has_min) {
            vf m = vf_load_f16(at->factors[p] + QUANT_COLUMNS * sizeof(uint16_t));
            vi low = quant_min(at->groups[p], f, 0);
            vi high = quant_min(at->groups[p], f, 1);
            UNROLL for (int r = 0; r < rows; r++) {
                vi mins = vi_add(vi_mul(low, vi_set1(at->part[r]->sum[0])),
                                 vi_mul(high, vi_set1(at->part[r]->sum[1])));
                vf factor = vf_mul(m, vf_set1(at->part[r]->d));
                sum[r][p] = vf_fma(vf_from_int(mins), factor, sum[r][p]);
            }
        }
    }
}

/* Into the second cache: the first has no room for what comes so much later. */
ALWAYS_INLINE void quant_prefetch_ahead(const struct quant_tile *t, size_t i) {
    const unsigned char *at = t->ahead + i * t->ahead_step;
    for (size_t done = 0; done < t->ahead_step; done += QUANT_LINE) {
        __builtin_prefetch(at + done, 0, 2);
    }
}

/* rows, panels and f are constants wherever this is called. */
ALWAYS_INLINE void quant_tile_run(const struct quant_tile *t, int rows, int panels,
                                  struct quant_shape f) {
    vf sum[QUANT_MAX_ROWS][QUANT_MAX_PANELS];
    UNROLL for (int r = 0; r < rows; r++) {
        UNROLL for (int p = 0; p < panels; p++) {
            sum[r][p] = vf_set1(0.0f);
        }
    }
    for (size_t i = 0; i < t->layout->n_parts; i++) {
        struct quant_at at;
        quant_find(&at, t, i, rows, panels, f);
        quant_prefetch_ahead(t, i);
        if (f.n_groups == 1) {
            quant_add_whole(sum, &at, rows, panels, f);
        } else {
            quant_add_groups(sum, &at, rows, panels, f);
        }
    }
    vf sums[QUANT_MAX_ROWS * QUANT_MAX_PANELS];
    UNROLL for (int r = 0; r < rows; r++) {
        UNROLL for (int p = 0; p < panels; p++) {
            sums[r * panels + p] = sum[r][p];
        }
    }
    tile_store(&t->store, sums, (size_t)rows, (size_t)panels);
}

/*
 * Tiles of all rows of x, at most max_rows (a constant) each: run(&t, rows, ...) with a constant
 * for rows; in parts as equal as may be, for what is done once a tile takes as long for one row as
 * for many. Leaves t after the last.
 */
#define QUANT_EACH_TILE(t, n_rows, max_rows, run, ...)                                             \
    for (size_t left = (n_rows), some; left > 0; left -= some) {                                   \
        some = (left - 1) / ((left - 1) / (max_rows) + 1) + 1;                                     \
        switch (some) {                                                                            \
            QUANT_TILE_CASE(t, 1, max_rows, run, __VA_ARGS__);                                     \
            QUANT_TILE_CASE(t, 2, max_rows, run, __VA_ARGS__);                                     \
            QUANT_TILE_CASE(t, 3, max_rows, run, __VA_ARGS__);                                     \
            QUANT_TILE_CASE(t, 4, max_rows, run, __VA_ARGS__);                                     \
            QUANT_TILE_CASE(t, 5, max_rows, run, __VA_ARGS__);                                     \
            QUANT_TILE_CASE(t, 6, max_rows, run, __VA_ARGS__);                                     \
        default:                                                                                   \
            break;                                                                                 \
        }                                                                                          \
        (t).x += some * (t).x_stride;                                                              \
        (t).ahead += (t).ahead_skip;                                                               \
        (t).store.y += some * (t).store.y_stride;                                                  \
    }
#define QUANT_TILE_CASE(t, rows, max_rows, run, ...)                                               \
    case rows:                                                                                     \
        if ((rows) <= (max_rows)) {                                                                \
            run(&(t), rows, __VA_ARGS__);                                                          \
        }                                                                                          \
        break

ALWAYS_INLINE void quant_tile_rows(struct quant_tile t, size_t n_rows, size_t max_rows, int panels,
                                   struct quant_shape f) {
    QUANT_EACH_TILE(t, n_rows, max_rows, quant_tile_run, panels, f);
}

ALWAYS_INLINE void quant_next_panel(struct quant_tile *t) {
    t->panel += t->layout->panel_bytes;
    t->ahead += t->layout->panel_bytes;
    t->store.y += VF_LANES;
    t->store.column += VF_LANES;
    t->store.n_columns -= VF_LANES < t->store.n_columns ? VF_LANES : t->store.n_columns;
}

/* n_panels panels one after the other against `rows` rows, a constant. */
ALWAYS_INLINE void quant_tile_stream(struct quant_tile t, size_t n_panels, int rows,
                                     struct quant_shape f) {
    for (; n_panels > 0; n_panels--) {
        quant_tile_run(&t, rows, 1, f);
        quant_next_panel(&t);
    }
}

/* One or two rows and any number of panels, whose setting up would count if it were done for each.
 * More rows are taken by two, with all panels each time: only for the few panels that tiles of many
 * rows leave over. */
ALWAYS_INLINE void quant_tile_few(struct quant_tile t, size_t n_rows, size_t n_panels,
                                  struct quant_shape f) {
    for (; n_rows >= FEW_ROWS; n_rows -= FEW_ROWS) {
        quant_tile_stream(t, n_panels, FEW_ROWS, f);
        t.x += FEW_ROWS * t.x_stride;
        t.store.y += FEW_ROWS * t.store.y_stride;
    }
    if (n_rows > 0) {
        quant_tile_stream(t, n_panels, 1, f);
    }
}

#endif
