/**
 * quant_widened.h - many rows against one panel of a block format, which is unpacked before.
 *
 * A tile of quant_tiles.h takes numbers and scales out of their bits each time that it meets them,
 * for every few rows of x again. Here this is done once for all rows: each 32 k of the panel become
 * a struct quant_widened, in the first cache or at least the second, and what is left to the tiles
 * is products. Two more things are prepared:
 *
 * - Numbers of 8 bits are signed, which the instruction for u8 x s8 does not take. Apart in
 *   magnitude and sign, w x = |w| (x ^ sign) + (1 where w < 0) |w|, with ^ for exclusive or: that
 *   inverts all bits of x where w < 0, to -x - 1. The second term has no x in it; dots begin with
 *   it.
 * - The two groups of 16 k in 32 have scales of at most 8 bits. Products come in sums of 16 bits,
 *   two for each column, and the instruction that adds the two multiplies by the scale on the way.
 *   In the same way one such instruction takes two groups' sums of x times two numbers of each
 *   column.
 */
#ifndef KERNELS_QUANT_WIDENED_H
#define KERNELS_QUANT_WIDENED_H

#include "tensor/kernels/quant/quant_tiles.h"

/* 32 k of a panel. What a format does not need is left out, not zero. */
struct quant_widened {
    float d[QUANT_COLUMNS]; /* of all 32 k, where they are one group */
    float m[QUANT_COLUMNS];
    int32_t start[QUANT_COLUMNS];    /* 8 bits: what dots begin with; two groups: -offset scale */
    int32_t scale[2][QUANT_COLUMNS]; /* of each of two groups, twice 16 bits */
    int32_t min[QUANT_COLUMNS];      /* of two groups, 16 bits each */
    uint8_t q[QUANT_STEPS][QUANT_LINE];    /* 8 bits: magnitudes */
    uint8_t sign[QUANT_STEPS][QUANT_LINE]; /* of 8 bits, all of them */
};

_Static_assert(sizeof(struct quant_widened) == KERNELS_WIDENED_FLOATS * sizeof(float),
               "scratch has other room than this");

ALWAYS_INLINE void quant_widen_numbers(struct quant_widened *out, const struct quant_at *at,
                                       struct quant_shape f) {
    vi start = vi_set1(0);
    for (int s = 0; s < QUANT_STEPS; s++) {
        vb q = quant_step(at->lines[0], f, s);
        if (quant_has_bytes(f)) {
            vb sign = vb_sign(q);
            q = vb_magnitude(q);
            vb_store(out->sign[s], sign);
            start = vi_add_negative(start, q, sign);
        }
        vb_store(out->q[s], q);
    }
    if (quant_has_bytes(f)) {
        vb_store(out->start, start);
    }
}

ALWAYS_INLINE void quant_widen_part(struct quant_widened *out, const struct quant_at *at,
                                    struct quant_shape f) {
    const unsigned char *groups = at->groups[0];
    vf d = vf_load_f16(at->factors[0]);
    vf m = vf_set1(0.0f);
    if (f.has_min) {
        m = vf_load_f16(at->factors[0] + QUANT_COLUMNS * sizeof(uint16_t));
    }
    if (f.n_groups == 2) {
        vi low = quant_scale(groups, f, 0);
        vi high = quant_scale(groups, f, 1);
        vi offset = vi_set1(-f.offset);
        vb_store(out->scale[0], vi_both(low, low));
        vb_store(out->scale[1], vi_both(high, high));
        vb_store(out->start, vi_both(vi_mul(low, offset), vi_mul(high, offset)));
        if (f.has_min) {
            vb_store(out->min, vi_both(quant_min(groups, f, 0), quant_min(groups, f, 1)));
        }
    } else if (f.has_groups) {
        d = vf_mul(d, vf_from_int(quant_scale(groups, f, 0)));
        if (f.has_min) {
            m = vf_mul(m, vf_from_int(quant_min(groups, f, 0)));
        }
    }
    vf_store(out->d, d);
    if (f.has_min) {
        vf_store(out->m, m);
    }
    quant_widen_numbers(out, at, f);
}

/* Both groups' sums of x, as vi_madd() wants them. */
ALWAYS_INLINE vi quant_sums(const struct quantized_part *part) {
    return vi_set1((int32_t)((uint32_t)part->sum[0] & 0xffff) |
                   (int32_t)((uint32_t)part->sum[1] << 16));
}

/* dot[r] = sum of (q - offset) x over 32 k, times scale where there are two groups. */
ALWAYS_INLINE void quant_widened_dots(vi dot[QUANT_MAX_ROWS], const struct quant_widened *w,
                                      const struct quant_at *at, int rows, struct quant_shape f) {
    UNROLL for (int r = 0; r < rows; r++) {
        if (quant_has_bytes(f)) {
            dot[r] = vb_load(w->start);
        } else if (f.n_groups == 1) {
            dot[r] = vi_set1(-f.offset * at->part[r]->total);
        } else if (f.offset != 0) {
            dot[r] = vi_madd(quant_sums(at->part[r]), vb_load(w->start));
        } else {
            dot[r] = vi_set1(0);
        }
    }
    int n_steps = QUANT_STEPS / f.n_groups;
    int most = quant_has_bytes(f) ? 1 : quant_steps_in_pairs(f);
    most = most < n_steps ? most : n_steps;
    UNROLL for (int first = 0; first < QUANT_STEPS; first += most) {
        vi pairs[QUANT_MAX_ROWS];
        UNROLL for (int step = 0; step < most; step++) {
            int s = first + step;
            vb q = vb_load(w->q[s]);
            UNROLL for (int r = 0; r < rows; r++) {
                const int8_t *x = at->x[r] + 4 * s;
                if (quant_has_bytes(f)) {
                    dot[r] = vi_dot4_signed(dot[r], q, vb_load(w->sign[s]), x);
                } else {
                    pairs[r] = step == 0 ? vi_pairs(q, x) : vi_add_pairs(pairs[r], q, x);
                }
            }
        }
        UNROLL for (int r = 0; r < rows; r++) {
            if (f.n_groups == 2) {
                dot[r] = vi_join_scaled(dot[r], pairs[r], vb_load(w->scale[first / n_steps]));
            } else if (!quant_has_bytes(f)) {
                dot[r] = vi_join_pairs(dot[r], pairs[r]);
            }
        }
    }
}

/* The sums go on over 32 k. */
ALWAYS_INLINE void quant_widened_add(vf sum[QUANT_MAX_ROWS], const struct quant_widened *w,
                                     const struct quant_at *at, int rows, struct quant_shape f) {
    vi dot[QUANT_MAX_ROWS];
    quant_widened_dots(dot, w, at, rows, f);
    vf d = vf_load(w->d);
    UNROLL for (int r = 0; r < rows; r++) {
        vf factor = vf_mul(d, vf_set1(at->part[r]->d));
        sum[r] = vf_fma(vf_from_int(dot[r]), factor, sum[r]);
    }
    if (!f.has_min) {
        return;
    }
    vf m = vf_load(w->m);
    UNROLL for (int r = 0; r < rows; r++) {
        if (f.n_groups == 1) {
            sum[r] = vf_fma(m, vf_set1(at->part[r]->scaled_sum), sum[r]);
        } else {
            vi mins = vi_madd(quant_sums(at->part[r]), vb_load(w->min));
            sum[r] = vf_fma(vf_from_int(mins), vf_mul(m, vf_set1(at->part[r]->d)), sum[r]);
        }
    }
}

/* rows and f are constants wherever this is called. */
ALWAYS_INLINE void quant_widened_run(const struct quant_tile *t, int rows, struct quant_shape f) {
    vf sum[QUANT_MAX_ROWS];
    UNROLL for (int r = 0; r < rows; r++) {
        sum[r] = vf_set1(0.0f);
    }
    for (size_t i = 0; i < t->layout->n_parts; i++) {
        struct quant_at at;
        quant_find(&at, t, i, rows, 0, f);
        quant_prefetch_ahead(t, i);
        quant_widened_add(sum, t->widened + i, &at, rows, f);
    }
    tile_store(&t->store, sum, (size_t)rows, 1);
}

/* Rows from which on it is faster, as measured on a Zen 3: the sooner, the more there is to take
 * apart. */
static size_t quant_widens_from(const struct quant_format *format) {
    bool much = format->high_bits > 0 || format->has_groups;
    return format->group_size < QUANT_SMALL ? 8 : much ? 16 : 48;
}

/* All rows of x against one panel; t.widened has room for it. */
ALWAYS_INLINE void quant_widened_rows(struct quant_tile t, size_t n_rows, struct quant_shape f) {
    for (size_t i = 0; i < t.layout->n_parts; i++) {
        struct quant_at at;
        quant_find(&at, &t, i, 0, 1, f);
        quant_widen_part(t.widened + i, &at, f);
    }
    QUANT_EACH_TILE(t, n_rows, QUANT_TILE_ROWS_WIDENED, quant_widened_run, f);
}

#endif
