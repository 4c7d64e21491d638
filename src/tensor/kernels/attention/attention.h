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

/* How far ahead of what a row reads it prefetches keys and values, in bytes. */
#define ATTENTION_AHEAD ((size_t)4096)
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

static void store_kv_f32(const struct attention_job *job, size_t position, const float *key,
                         const float *value) {
    size_t n = job->head_size;
    float *k = (float *)job->k + position / VF_LANES * n * VF_LANES + position % VF_LANES;
    for (size_t i = 0; i < n; i++) {
        k[i * VF_LANES] = key[i];
    }
    memcpy((float *)job->v + position * job->v_stride, value, n * sizeof *value);
}

static void store_kv_f16(const struct attention_job *job, size_t position, const float *key,
                         const float *value) {
    size_t n = job->head_size;
    uint16_t *k = (uint16_t *)job->k + position / VF_LANES * n * VF_LANES + position % VF_LANES;
    for (size_t done = 0; done < n; done += VF_LANES) {
        uint16_t some[VF_LANES];
        size_t left = n - done < VF_LANES ? n - done : VF_LANES;
        to_f16(some, key + done, left);
        for (size_t i = 0; i < left; i++) {
            k[(done + i) * VF_LANES] = some[i];
        }
    }
    to_f16((uint16_t *)job->v + position * job->v_stride, value, n);
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
 * What each row of `sums` sees beyond the first row's positions: row r sees r of them, whose
 * scores lie after x and whose values after w. Rows are few: done in place.
 */
static void attention_rest(const struct tile *sums, enum tensor_type type, size_t n_rows) {
    const unsigned char *values = sums->w + sums->n_k * sums->w_row_bytes;
    for (size_t column = 0; column < sums->n_columns; column += VF_LANES) {
        size_t n = sums->n_columns - column;
        for (size_t r = 1; r < n_rows; r++) {
            const float *weights = sums->x + r * sums->x_stride + sums->n_k;
            float *y = sums->y + r * sums->y_stride + column;
            const unsigned char *w = values;
            vf sum = load_columns(y, n);
            for (size_t k = 0; k < r; k++) {
                sum = vf_fma(vf_set1(weights[k]), load_weights(w, type), sum);
                w += sums->w_row_bytes;
            }
            store_columns(y, sum, n);
        }
        values += sums->w_panel_bytes;
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

/* Memory that is read from its beginning on. */
struct piece {
    const unsigned char *at;
    size_t left;
};

static struct piece keys_of(const struct attention_job *job, size_t number) {
    size_t first = first_position(job);
    size_t positions = (job->length + VF_LANES - 1) / VF_LANES * VF_LANES;
    size_t row = job->head_size * number;
    return (struct piece){(unsigned char *)job->k + first * row, (positions - first) * row};
}

static struct piece values_of(const struct attention_job *job, size_t number) {
    size_t first = first_position(job);
    size_t row = job->v_stride * number;
    return (struct piece){(unsigned char *)job->v + first * row, (job->length - first) * row};
}

/* Prefetch a piece, but not all of a long one: the hardware soon sees what is read. */
static void ask_for_piece(struct piece piece) {
    size_t most = piece.left < ATTENTION_AT_ONCE ? piece.left : ATTENTION_AT_ONCE;
    for (size_t done = 0; done < most; done += MEMORY_ALIGNMENT) {
        __builtin_prefetch(piece.at + done, 0, 2);
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
    size_t seen = job->length + job->n_rows - 1 - first; /* by the last row */
    size_t number = tensor_type_info(job->type)->block_bytes;
    if (job->n_rows <= FEW_ROWS && next != NULL) {
        ask_for_piece(keys_of(next, number));
        ask_for_piece(values_of(next, number));
    }
    size_t n_panels = (seen + VF_LANES - 1) / VF_LANES;
    size_t stride = n_panels * VF_LANES;
    struct tile scores = {.x = job->q,
                          .x_stride = job->q_stride,
                          .x_step = 1,
                          .w = keys_of(job, number).at,
                          .w_row_bytes = VF_LANES * number,
                          .w_panel_bytes = job->head_size * VF_LANES * number,
                          .n_k = job->head_size,
                          .y = scratch,
                          .y_stride = stride,
                          .n_columns = stride};
    tile_panels(scores, job->type, job->n_rows, n_panels);
    for (size_t r = 0; r < job->n_rows; r++) {
        hide_scores(scratch + r * stride, first_seen(job, r) - first);
        softmax(scratch + r * stride, job->length + r - first, job->scale);
    }
    struct tile sums = {.x = scratch,
                        .x_stride = stride,
                        .x_step = 1,
                        .w = values_of(job, number).at,
                        .w_row_bytes = job->v_stride * number,
                        .w_panel_bytes = VF_LANES * number,
                        .n_k = job->length - first,
                        .y = job->out,
                        .y_stride = job->out_stride,
                        .n_columns = job->head_size};
    tile_panels(sums, job->type, job->n_rows, job->v_stride / VF_LANES);
    attention_rest(&sums, job->type, job->n_rows);
}

/*
 * What is still to be prefetched: of a row's keys and values and those of the next job, in the
 * order of memory. As much is prefetched as is used: the hardware cannot foresee where the next
 * head's begin, and to prefetch all at once would make the core wait where it could compute.
 * (Panels side by side are not read quite in that order; their own lines are, which the hardware
 * sees.)
 */
struct kv_ahead {
    struct piece now;
    struct piece rest[3];
};

static void ahead_next_piece(struct kv_ahead *ahead) {
    ahead->now = ahead->rest[0];
    ahead->rest[0] = ahead->rest[1];
    ahead->rest[1] = ahead->rest[2];
    ahead->rest[2] = (struct piece){NULL, 0};
}

/* From ATTENTION_AHEAD on: what is before that the job before has prefetched, or it is read
 * at once. */
static struct kv_ahead plan_kv_ahead(const struct attention_job *job,
                                     const struct attention_job *next, size_t number) {
    struct kv_ahead ahead = {keys_of(job, number), {values_of(job, number)}};
    if (next != NULL) {
        ahead.rest[1] = keys_of(next, number);
        ahead.rest[2] = values_of(next, number);
    }
    size_t skip = ATTENTION_AHEAD;
    while (ahead.now.left > 0 && skip >= ahead.now.left) {
        skip -= ahead.now.left;
        ahead_next_piece(&ahead);
    }
    if (ahead.now.left > 0) {
        ahead.now.at += skip;
        ahead.now.left -= skip;
    }
    return ahead;
}

/* The next `bytes`, a constant. */
ALWAYS_INLINE void ask_kv(struct kv_ahead *ahead, size_t bytes) {
    if (ahead->now.left == 0) {
        ahead_next_piece(ahead);
    }
    if (ahead->now.left > 0) {
        for (size_t done = 0; done < bytes; done += MEMORY_ALIGNMENT) {
            __builtin_prefetch(ahead->now.at + done, 0, 3);
        }
        size_t asked = ahead->now.left < bytes ? ahead->now.left : bytes;
        ahead->now.at += asked;
        ahead->now.left -= asked;
    }
}

/* The sums of one row over the panels of a tile; `panels` and `type` are constants. */
ALWAYS_INLINE void row_sums(const struct tile *t, struct kv_ahead *ahead, int panels,
                            enum tensor_type type) {
    size_t number = type == TENSOR_F16 ? sizeof(uint16_t) : sizeof(float);
    vf sum[8];
    UNROLL for (int p = 0; p < panels; p++) {
        sum[p] = vf_set1(0.0f);
    }
    const unsigned char *w = t->w;
    struct kv_ahead asked = *ahead;
    for (size_t k = 0; k < t->n_k; k++) {
        ask_kv(&asked, (size_t)panels * VF_LANES * number);
        vf input = vf_set1(t->x[k]);
        UNROLL for (int p = 0; p < panels; p++) {
            sum[p] = vf_fma(input, load_weights(w + (size_t)p * t->w_panel_bytes, type), sum[p]);
        }
        w += t->w_row_bytes;
    }
    *ahead = asked;
    UNROLL for (int p = 0; p < panels; p++) {
        size_t done = (size_t)p * VF_LANES;
        store_columns(t->y + done, sum[p], t->n_columns - done);
    }
}

ALWAYS_INLINE void row_panels(struct tile t, struct kv_ahead *ahead, size_t n_panels,
                              enum tensor_type type) {
#define PANELS_CASE(panels)                                                                        \
    case panels:                                                                                   \
        if ((panels) <= ATTENTION_PANELS) {                                                        \
            row_sums(&t, ahead, panels, type);                                                     \
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
    size_t n = job->length - first;
    size_t n_panels = (n + VF_LANES - 1) / VF_LANES;
    struct kv_ahead ahead = plan_kv_ahead(job, next, number);
    struct tile scores = {.x = job->q,
                          .w = keys_of(job, number).at,
                          .w_row_bytes = VF_LANES * number,
                          .w_panel_bytes = job->head_size * VF_LANES * number,
                          .n_k = job->head_size,
                          .y = scratch,
                          .n_columns = n_panels * VF_LANES};
    row_panels(scores, &ahead, n_panels, type);
    hide_scores(scratch, first_seen(job, 0) - first);
    softmax(scratch, n, job->scale);
    struct tile sums = {.x = scratch,
                        .w = values_of(job, number).at,
                        .w_row_bytes = job->v_stride * number,
                        .w_panel_bytes = VF_LANES * number,
                        .n_k = n,
                        .y = job->out,
                        .n_columns = job->head_size};
    row_panels(sums, &ahead, job->v_stride / VF_LANES, type);
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
