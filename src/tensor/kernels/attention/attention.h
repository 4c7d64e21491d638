/**
 * attention.h - attention of one head over the KV cache, over the vectors of the vec_*.h included
 * before.
 *
 * Scores and their weighted sums are matrix products themselves: keys lie in panels of 16
 * positions (columns), values position by position (inner index). Several rows go through the tiles
 * of matmul_tiles.h. A row alone, as in decoding, uses every key and value once: it waits for
 * memory, unless they are prefetched early and evenly, and has loops of its own, over
 * ATTENTION_PANELS panels (sets/set.h) at once.
 */
#ifndef KERNELS_ATTENTION_H
#define KERNELS_ATTENTION_H

#include "tensor/kernels/matmul/matmul_tiles.h"
#include "tensor/kernels/rows/row_kernels.h"

/* How far ahead of what a row reads it prefetches keys and values, in bytes, into the second cache:
 * less is late where a block ends and the hardware knows nothing of the next (scripts/SPEED.md). */
#define ATTENTION_AHEAD ((size_t)16384)
/* How much of the next job's keys, and of its values, a few rows prefetch before they begin. */
#define ATTENTION_AT_ONCE ((size_t)16384)

_Static_assert(TILE_ROWS <= KERNELS_ATTENTION_ROWS, "an attention job would have no rows");

/* Round n numbers to f16. */
static void to_f16(uint16_t *out, const float *x, size_t n) {
    size_t whole = n / VF_LANES * VF_LANES;
    for (size_t i = 0; i < whole; i += VF_LANES) {
        vf_store_f16(out + i, vf_load(x + i));
    }
    if (whole < n) {
        uint16_t rest[VF_LANES];
        vf_store_f16(rest, vf_load_part(x + whole, n - whole));
        memcpy(out + whole, rest, (n - whole) * sizeof *rest);
    }
}

/* Keys of the panel that begins at `position`, in numbers of `number` bytes. */
ALWAYS_INLINE void *keys_at(const struct attention_job *job, size_t position, size_t number) {
    return job->blocks[position / KERNELS_KV_BLOCK] + job->k_offset +
           position % KERNELS_KV_BLOCK * job->head_size * number;
}

/* The value of a position. */
ALWAYS_INLINE void *value_at(const struct attention_job *job, size_t position, size_t number) {
    return job->blocks[position / KERNELS_KV_BLOCK] + job->v_offset +
           position % KERNELS_KV_BLOCK * job->v_stride * number;
}

static void store_kv_f32(const struct attention_job *job, size_t position, const float *key,
                         const float *value) {
    size_t lane = position % VF_LANES;
    float *k = keys_at(job, position - lane, sizeof *k);
    for (size_t i = 0; i < job->head_size; i++) {
        k[i * VF_LANES + lane] = key[i];
    }
    memcpy(value_at(job, position, sizeof *value), value, job->head_size * sizeof *value);
}

static void store_kv_f16(const struct attention_job *job, size_t position, const float *key,
                         const float *value) {
    size_t n = job->head_size;
    size_t lane = position % VF_LANES;
    uint16_t *k = keys_at(job, position - lane, sizeof *k);
    for (size_t done = 0; done < n; done += VF_LANES) {
        uint16_t some[VF_LANES];
        size_t left = n - done < VF_LANES ? n - done : VF_LANES;
        to_f16(some, key + done, left);
        for (size_t i = 0; i < left; i++) {
            k[(done + i) * VF_LANES + lane] = some[i];
        }
    }
    to_f16(value_at(job, position, sizeof(uint16_t)), value, n);
}

static void store_kv(const struct attention_job *job) {
    for (size_t r = 0; r < job->n_rows; r++) {
        const float *key = job->new_k + r * job->q_stride;
        const float *value = job->new_v + r * job->q_stride;
        if (job->type == TENSOR_F16) {
            store_kv_f16(job, job->length - 1 + r, key, value);
        } else {
            store_kv_f32(job, job->length - 1 + r, key, value);
        }
    }
}

/*
 * What each row sees beyond the first row's positions: row r sees r of them. `weights` and `out`
 * are the first row's. Rows are few: done in place.
 */
static void attention_rest(const struct attention_job *job, const float *weights, size_t stride) {
    size_t number = tensor_type_info(job->type)->block_bytes;
    const unsigned char *values[KERNELS_ATTENTION_ROWS];
    for (size_t k = 0; k + 1 < job->n_rows; k++) {
        values[k] = value_at(job, job->length + k, number);
    }
    for (size_t column = 0; column < job->head_size; column += VF_LANES) {
        size_t n = job->head_size - column;
        for (size_t r = 1; r < job->n_rows; r++) {
            float *y = job->out + r * job->out_stride + column;
            vf sum = load_columns(y, n);
            for (size_t k = 0; k < r; k++) {
                vf value = load_weights(values[k] + column * number, job->type);
                sum = vf_fma(vf_set1(weights[r * stride + k]), value, sum);
            }
            store_columns(y, sum, n);
        }
    }
}

/* The first position that row r sees. */
static size_t first_seen(const struct attention_job *job, size_t r) {
    size_t seen = job->length + r;
    return job->window == 0 || job->window >= seen ? 0 : seen - job->window;
}

/* Where a job begins to compute: at the panel of the first position that its first row sees. Lanes
 * of the softmax's sums then depend on the position alone, whatever rows are together. */
static size_t first_position(const struct attention_job *job) {
    return first_seen(job, 0) / VF_LANES * VF_LANES;
}

/* The `first` scores of a row are of positions that are out of its window: they weigh nothing, and
 * adding 0 times a value changes no sum. */
static void hide_scores(float *scores, size_t first) {
    for (size_t i = 0; i < first; i++) {
        scores[i] = -__builtin_inff();
    }
}

/* Positions that follow each other in one block; none at the end. */
struct stretch {
    size_t first, n;
};

ALWAYS_INLINE struct stretch stretch_from(size_t first, size_t end) {
    size_t room = KERNELS_KV_BLOCK - first % KERNELS_KV_BLOCK;
    size_t left = end - first;
    return (struct stretch){first, left < room ? left : room};
}

ALWAYS_INLINE struct stretch next_stretch(struct stretch stretch, size_t end) {
    return stretch_from(stretch.first + stretch.n, end);
}

ALWAYS_INLINE size_t whole_panels(size_t n_positions) {
    return (n_positions + VF_LANES - 1) / VF_LANES;
}

/* Memory that is read from its beginning on. */
struct piece {
    const unsigned char *at;
    size_t left;
};

static struct piece keys_of(const struct attention_job *job, struct stretch stretch,
                            size_t number) {
    return (struct piece){keys_at(job, stretch.first, number),
                          whole_panels(stretch.n) * VF_LANES * job->head_size * number};
}

static struct piece values_of(const struct attention_job *job, struct stretch stretch,
                              size_t number) {
    return (struct piece){value_at(job, stretch.first, number), stretch.n * job->v_stride * number};
}

/* Prefetch a piece, but not all of a long one: the hardware soon sees what is read. */
static void prefetch_piece(struct piece piece) {
    size_t most = piece.left < ATTENTION_AT_ONCE ? piece.left : ATTENTION_AT_ONCE;
    for (size_t done = 0; done < most; done += MEMORY_ALIGNMENT) {
        __builtin_prefetch(piece.at + done, 0, 2);
    }
}

/* Scores of the rows with positions first ... end - 1, a block's at a time. */
static void rows_scores(const struct attention_job *job, size_t first, size_t end, float *scores,
                        size_t stride) {
    size_t number = tensor_type_info(job->type)->block_bytes;
    struct tile t = {.x = job->q,
                     .x_stride = job->q_stride,
                     .x_step = 1,
                     .w_row_bytes = VF_LANES * number,
                     .w_panel_bytes = job->head_size * VF_LANES * number,
                     .n_k = job->head_size,
                     .y_stride = stride,
                     .n_columns = KERNELS_KV_BLOCK};
    for (struct stretch s = stretch_from(first, end); s.n > 0; s = next_stretch(s, end)) {
        t.w = keys_at(job, s.first, number);
        t.y = scores + (s.first - first);
        tile_panels(t, job->type, job->n_rows, whole_panels(s.n));
    }
}

/* Sums of the values of positions first ... end - 1, which all rows see: where a block ends they
 * wait in `out` for the next. */
static void rows_values(const struct attention_job *job, size_t first, size_t end,
                        const float *weights, size_t stride) {
    size_t number = tensor_type_info(job->type)->block_bytes;
    struct tile t = {.x_stride = stride,
                     .x_step = 1,
                     .w_row_bytes = job->v_stride * number,
                     .w_panel_bytes = VF_LANES * number,
                     .start_stride = job->out_stride,
                     .y = job->out,
                     .y_stride = job->out_stride,
                     .n_columns = job->head_size};
    for (struct stretch s = stretch_from(first, end); s.n > 0; s = next_stretch(s, end)) {
        t.w = value_at(job, s.first, number);
        t.x = weights + (s.first - first);
        t.n_k = s.n;
        tile_panels(t, job->type, job->n_rows, job->v_stride / VF_LANES);
        t.start = job->out;
    }
}

/*
 * The rows of a job see one position more each: what all of them see is computed together, and
 * each row's sum then goes on over the few positions that only later rows see, in the same order
 * as alone. Many rows compute longer than they wait, few do not.
 */
static void attend_rows(const struct attention_job *job, const struct attention_job *next,
                        float *scratch) {
    size_t first = first_position(job);
    size_t seen = job->length + job->n_rows - 1; /* by the last row */
    if (job->n_rows <= FEW_ROWS && next != NULL) {
        size_t number = tensor_type_info(job->type)->block_bytes;
        struct stretch begins = stretch_from(first_position(next), next->length);
        prefetch_piece(keys_of(next, begins, number));
        prefetch_piece(values_of(next, begins, number));
    }
    size_t stride = whole_panels(seen - first) * VF_LANES;
    rows_scores(job, first, seen, scratch, stride);
    for (size_t r = 0; r < job->n_rows; r++) {
        hide_scores(scratch + r * stride, first_seen(job, r) - first);
        softmax(scratch + r * stride, job->length + r - first, job->scale);
    }
    rows_values(job, first, job->length, scratch, stride);
    attention_rest(job, scratch + (job->length - first), stride);
}

/*
 * What is still to be prefetched: of a row's keys and values and those of the next job, in the
 * order in which they are read, block after block. As much is prefetched as is used: the hardware
 * cannot foresee where the next block or the next head begins, and to prefetch all at once would
 * make the core wait where it could compute. (Panels side by side are not read quite in that order;
 * their own lines are, which the hardware sees.)
 */
struct kv_ahead {
    struct piece now;
    const struct attention_job *job; /* what comes after `now`; NULL: nothing */
    const struct attention_job *next;
    size_t position; /* of job's keys or values */
    bool values;
};

/* Its pieces, one after the other, and an empty one at the end. */
static struct kv_ahead ahead_next_piece(struct kv_ahead ahead, size_t number) {
    ahead.now.left = 0;
    if (ahead.job != NULL && ahead.position == ahead.job->length) {
        if (ahead.values) {
            ahead.job = ahead.next;
            ahead.next = NULL;
        }
        ahead.values = !ahead.values;
        ahead.position = ahead.job != NULL ? first_position(ahead.job) : 0;
    }
    if (ahead.job != NULL) {
        struct stretch s = stretch_from(ahead.position, ahead.job->length);
        ahead.now = ahead.values ? values_of(ahead.job, s, number) : keys_of(ahead.job, s, number);
        ahead.position += s.n;
    }
    return ahead;
}

/* From ATTENTION_AHEAD on, but not beyond the job: what is before that the job before has
 * prefetched, or it is read at once. */
static struct kv_ahead plan_kv_ahead(const struct attention_job *job,
                                     const struct attention_job *next, size_t number) {
    struct kv_ahead ahead = {.job = job, .next = next, .position = first_position(job)};
    size_t skip = ATTENTION_AHEAD;
    ahead = ahead_next_piece(ahead, number);
    while (ahead.job == job && skip >= ahead.now.left) {
        skip -= ahead.now.left;
        ahead = ahead_next_piece(ahead, number);
    }
    if (ahead.job == job) {
        ahead.now.at += skip;
        ahead.now.left -= skip;
    }
    return ahead;
}

/* The next `bytes`, a constant. */
ALWAYS_INLINE void prefetch_kv(struct kv_ahead *ahead, size_t bytes, size_t number) {
    if (ahead->now.left == 0 && ahead->job != NULL) {
        *ahead = ahead_next_piece(*ahead, number);
    }
    if (ahead->now.left > 0) {
        for (size_t done = 0; done < bytes; done += MEMORY_ALIGNMENT) {
            __builtin_prefetch(ahead->now.at + done, 0, 2);
        }
        size_t done = ahead->now.left < bytes ? ahead->now.left : bytes;
        ahead->now.at += done;
        ahead->now.left -= done;
    }
}

/*
 * The sums of one row over the panels of a tile; `panels` and `type` are constants. With `job` the
 * inner index runs over positions from `first` on, whose values lie in blocks, not at the tile's w:
 * sums stay in registers from block to block.
 */
ALWAYS_INLINE void row_sums(const struct tile *t, const struct attention_job *job, size_t first,
                            struct kv_ahead *ahead, int panels, enum tensor_type type) {
    size_t number = type == TENSOR_F16 ? sizeof(uint16_t) : sizeof(float);
    vf sum[8];
    UNROLL for (int p = 0; p < panels; p++) {
        sum[p] = vf_set1(0.0f);
    }
    const float *x = t->x;
    struct kv_ahead rest = *ahead;
    for (size_t done = 0, n; done < t->n_k; done += n) {
        const unsigned char *w = t->w;
        n = t->n_k;
        if (job != NULL) {
            n = stretch_from(first + done, first + t->n_k).n;
            w = (const unsigned char *)value_at(job, first + done, number) + t->column * number;
        }
        for (size_t k = 0; k < n; k++) {
            prefetch_kv(&rest, (size_t)panels * VF_LANES * number, number);
            vf input = vf_set1(x[k]);
            UNROLL for (int p = 0; p < panels; p++) {
                vf weights = load_weights(w + (size_t)p * t->w_panel_bytes, type);
                sum[p] = vf_fma(input, weights, sum[p]);
            }
            w += t->w_row_bytes;
        }
        x += n;
    }
    *ahead = rest;
    UNROLL for (int p = 0; p < panels; p++) {
        size_t done = (size_t)p * VF_LANES;
        store_columns(t->y + done, sum[p], t->n_columns - done);
    }
}

ALWAYS_INLINE void row_panels(struct tile t, const struct attention_job *job, size_t first,
                              struct kv_ahead *ahead, size_t n_panels, enum tensor_type type) {
#define PANELS_CASE(panels)                                                                        \
    case panels:                                                                                   \
        if ((panels) <= ATTENTION_PANELS) {                                                        \
            row_sums(&t, job, first, ahead, panels, type);                                         \
        }                                                                                          \
        break
    while (n_panels > 0) {
        size_t n = n_panels < ATTENTION_PANELS ? n_panels : ATTENTION_PANELS;
        switch (n) {
            PANELS_CASE(1);
            PANELS_CASE(2);
            PANELS_CASE(3);
            PANELS_CASE(4);
            PANELS_CASE(5);
            PANELS_CASE(6);
            PANELS_CASE(7);
            PANELS_CASE(8);
        default:
            break;
        }
        tile_next_panels(&t, n);
        n_panels -= n;
    }
#undef PANELS_CASE
}

ALWAYS_INLINE void attend_row(const struct attention_job *job, const struct attention_job *next,
                              float *scratch, enum tensor_type type) {
    size_t number = type == TENSOR_F16 ? sizeof(uint16_t) : sizeof(float);
    size_t first = first_position(job);
    size_t end = job->length;
    struct kv_ahead ahead = plan_kv_ahead(job, next, number);
    for (struct stretch s = stretch_from(first, end); s.n > 0; s = next_stretch(s, end)) {
        struct tile scores = {.x = job->q,
                              .w = keys_at(job, s.first, number),
                              .w_row_bytes = VF_LANES * number,
                              .w_panel_bytes = job->head_size * VF_LANES * number,
                              .n_k = job->head_size,
                              .y = scratch + (s.first - first),
                              .n_columns = KERNELS_KV_BLOCK};
        row_panels(scores, NULL, 0, &ahead, whole_panels(s.n), type);
    }
    hide_scores(scratch, first_seen(job, 0) - first);
    softmax(scratch, end - first, job->scale);
    struct tile sums = {.x = scratch,
                        .w = value_at(job, first, number),
                        .w_row_bytes = job->v_stride * number,
                        .w_panel_bytes = VF_LANES * number,
                        .n_k = end - first,
                        .y = job->out,
                        .n_columns = job->head_size};
    row_panels(sums, job, first, &ahead, job->v_stride / VF_LANES, type);
}

static void attention(const struct attention_job *job, const struct attention_job *next,
                      float *scratch) {
    if (job->n_rows > 1) {
        attend_rows(job, next, scratch);
    } else if (job->type == TENSOR_F16) {
        attend_row(job, next, scratch, TENSOR_F16);
    } else {
        attend_row(job, next, scratch, TENSOR_F32);
    }
}

#endif
