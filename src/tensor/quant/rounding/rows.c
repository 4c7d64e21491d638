/**
 * rows.c - rows of a matrix to blocks: block after block, what the errors before it ask for, then
 * the block's factors, then its groups one after the other. The search for factors is search.c's,
 * the arithmetic of one group a kernel's (tensor/kernels/rounding/).
 */
#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "tensor/float_types.h"
#include "tensor/quant/rounding/parts.h"
#include "tensor/quant/rounding/rounding.h"
#include "tensor/tensor_type.h"

/* Rows that share reads of U. */
#define ROWS 4

/* All rows on their way. */
struct rows {
    const struct rounding *rounding;
    const struct compute *compute;
    const struct quant_format *format;
    unsigned char *out;
    const float *in;
    size_t row_bytes;
    float *error; /* [n_rows][n] w - x of what is rounded */
    float *asked; /* [n_rows][block_size] what these ask of the block at hand */
    double *loss; /* [n_rows] */
};

/* The block that a row has come to. */
struct place {
    const struct rows *rows;
    size_t row, first; /* the block's numbers are first ... */
    float *error;      /* of the row */
    const float *w;    /* the block's */
    const float *asked;
};

size_t rounding_scratch(size_t n) {
    struct matrix whole = {
        .type = TENSOR_F32, .n_in = n, .n_out = QUANT_LARGE, .row_stride = MATRIX_PANEL};
    return kernels_matmul_scratch(&whole);
}

/* Group g of the block, if `after` with what the groups before it in the block ask for. */
static void begin_group(struct rounding_group *group, const struct place *place, size_t g,
                        bool after) {
    const struct rounding *rounding = place->rows->rounding;
    const struct quant_format *format = place->rows->format;
    size_t n = format->group_size;
    size_t at = place->first + g * n;
    *group = (struct rounding_group){
        .format = format, .n = n, .w = place->w + g * n, .cost = rounding->cost + at};
    for (size_t i = 0; i < n; i++) {
        group->t[i] = group->w[i] + place->asked[g * n + i];
    }
    for (size_t half = 0; half < n / 16 && rounding->u != NULL; half++) {
        const float *panel = rounding->u + (at / 16 + half) * rounding->n * 16;
        group->u[half] = panel + at * 16;
        for (size_t j = place->first; after && j < at; j++) {
            for (size_t i = 0; i < 16; i++) {
                group->t[half * 16 + i] += panel[j * 16 + i] * place->error[j];
            }
        }
    }
}

static void take_lane(struct quant_block *block, const struct place *place,
                      const struct rounding_tries *tries, size_t g, size_t lane) {
    size_t n = place->rows->format->group_size;
    for (size_t i = 0; i < n; i++) {
        block->q[g * n + i] = (uint8_t)(int)tries->q[i][lane];
        place->error[place->first + g * n + i] = tries->error[i][lane];
    }
    place->rows->loss[place->row] += (double)tries->loss[lane];
}

/* ---- blocks without groups -------------------------------------------------------------------*/

static void round_small(struct quant_block *block, const struct place *place) {
    struct rounding_group group;
    struct rounding_tries tries;
    begin_group(&group, place, 0, true);
    size_t lane = search_halves(&tries, &group, place->rows->compute->kernels);
    block->d = tensor_f16_from_f32(tries.step[lane]);
    block->m = tensor_f16_from_f32(tries.min[lane]);
    block->scale[0] = 1;
    block->min[0] = 1;
    take_lane(block, place, &tries, 0, lane);
}

/* ---- blocks of groups ------------------------------------------------------------------------*/

/* What scale[g] may be: with a minimum 0 ... 63, else a byte with its sign. */
struct reach {
    int least, most;
};

static struct reach scale_reach(const struct quant_format *format) {
    return format->has_min ? (struct reach){0, 63} : (struct reach){-128, 127};
}

/* The number of greatest magnitude becomes the scale of greatest reach. */
static void choose_factors(struct quant_block *block, const struct place *place,
                           struct rounding_tries *tries) {
    const struct quant_format *format = place->rows->format;
    struct reach reach = scale_reach(format);
    float step = 0.0f;
    float min = 0.0f;
    for (size_t g = 0; g < format->block_size / format->group_size; g++) {
        struct rounding_group group;
        begin_group(&group, place, g, false); /* as nothing is rounded yet */
        struct pair found = search_pair(tries, &group, place->rows->compute->kernels);
        step = __builtin_fabsf(found.step) > __builtin_fabsf(step) ? found.step : step;
        min = found.min < min ? found.min : min;
    }
    block->d = tensor_f16_from_f32(step / (float)(format->has_min ? reach.most : reach.least));
    block->m = format->has_min ? tensor_f16_from_f32(min / 63.0f) : 0;
}

static int nearest_within(float x, int least, int most) {
    x = x < (float)least ? (float)least : x > (float)most ? (float)most : x;
    return (int)__builtin_floorf(x + 0.5f);
}

static int limit(int x, int least, int most) {
    return x < least ? least : x > most ? most : x;
}

static float divided(float x, float by) {
    return by != 0.0f ? x / by : 0.0f;
}

/* Integers next to those that the pair of any numbers leads to. */
static void round_group(struct quant_block *block, const struct place *place,
                        struct rounding_tries *tries, size_t g) {
    const struct quant_format *format = place->rows->format;
    struct reach reach = scale_reach(format);
    float d = tensor_f16_to_f32(block->d);
    float m = tensor_f16_to_f32(block->m);
    int scales[TRIES_LANES], mins[TRIES_LANES];
    struct rounding_group group;
    begin_group(&group, place, g, true);
    struct pair best = search_pair(tries, &group, place->rows->compute->kernels);
    int scale = nearest_within(divided(best.step, d), reach.least, reach.most);
    int min = nearest_within(divided(best.min, m), 0, 63);
    for (int l = 0; l < TRIES_LANES; l++) {
        int by_scale = format->has_min ? l % 4 - 1 : l - TRIES_LANES / 2;
        int by_min = format->has_min ? l / 4 - 3 : 0;
        scales[l] = limit(scale + by_scale, reach.least, reach.most);
        mins[l] = format->has_min ? limit(min + by_min, 0, 63) : 0;
        tries->step[l] = d * (float)scales[l];
        tries->min[l] = m * (float)mins[l];
    }
    place->rows->compute->kernels->round_tries(tries, &group);
    size_t lane = tries_best(tries);
    block->scale[g] = (int8_t)scales[lane];
    block->min[g] = (uint8_t)mins[lane];
    take_lane(block, place, tries, g, lane);
}

static void round_large(struct quant_block *block, const struct place *place) {
    const struct quant_format *format = place->rows->format;
    struct rounding_tries tries;
    choose_factors(block, place, &tries);
    for (size_t g = 0; g < format->block_size / format->group_size; g++) {
        round_group(block, place, &tries, g);
    }
}

/* ---- rows ------------------------------------------------------------------------------------*/

/* asked = error U of the block's columns, over all numbers before it. */
static void ask(const struct rows *rows, size_t begin, size_t n_rows, size_t first,
                float *scratch) {
    const struct rounding *rounding = rows->rounding;
    size_t block = rows->format->block_size;
    float *asked = rows->asked + begin * block;
    if (first == 0 || rounding->u == NULL) {
        memset(asked, 0, n_rows * block * sizeof *asked);
        return;
    }
    struct matrix columns = {.type = TENSOR_F32,
                             .n_in = first,
                             .n_out = block,
                             .data = (const unsigned char *)(rounding->u + first * rounding->n),
                             .row_stride = MATRIX_PANEL,
                             .panel_stride = MATRIX_PANEL * rounding->n};
    struct matmul_job job = {.y = asked,
                             .y_stride = block,
                             .x = rows->error + begin * rounding->n,
                             .x_stride = rounding->n,
                             .n_rows = n_rows,
                             .w = &columns};
    rows->compute->kernels->matmul(&job, 0, block / MATRIX_PANEL, scratch);
}

static void round_share(void *context, size_t begin, size_t end, int thread) {
    const struct rows *rows = context;
    const struct quant_format *format = rows->format;
    size_t n = rows->rounding->n;
    float *scratch = compute_scratch(rows->compute, thread);
    for (size_t first = 0; first < n; first += format->block_size) {
        ask(rows, begin, end - begin, first, scratch);
        for (size_t row = begin; row < end; row++) {
            struct place place = {.rows = rows,
                                  .row = row,
                                  .first = first,
                                  .error = rows->error + row * n,
                                  .w = rows->in + row * n + first,
                                  .asked = rows->asked + row * format->block_size};
            struct quant_block block = {0};
            if (format->has_groups) {
                round_large(&block, &place);
            } else {
                round_small(&block, &place);
            }
            quant_pack(format,
                       rows->out + row * rows->row_bytes +
                           first / format->block_size * format->block_bytes,
                       &block);
        }
    }
}

/* Numbers that blocks cannot hold, or that are none, make blocks that are not finite, as without
 * calibration; errors that grow without bound would do the same to their neighbours. */
static bool is_within_reach(const float *x, size_t n) {
    bool within = true;
    for (size_t i = 0; i < n; i++) {
        within &= x[i] * x[i] < 0x1p64f; /* false for what is not a number */
    }
    return within;
}

bool rounding_rows(const struct rounding *rounding, const struct compute *compute,
                   const struct quant_format *format, unsigned char *out, const float *in,
                   size_t n_rows, double *loss) {
    size_t n = rounding->n;
    if (!is_within_reach(in, n_rows * n)) {
        quant_from_f32(format, out, in, n_rows * n);
        return true;
    }
    struct rows rows = {.rounding = rounding,
                        .compute = compute,
                        .format = format,
                        .out = out,
                        .in = in,
                        .row_bytes = n / format->block_size * format->block_bytes,
                        .error = memory_new(n_rows * n, sizeof *rows.error),
                        .asked = memory_new(n_rows * format->block_size, sizeof *rows.asked),
                        .loss = memory_new(n_rows, sizeof *rows.loss)};
    bool done = rows.error != NULL && rows.asked != NULL && rows.loss != NULL;
    if (done) {
        thread_pool_run(compute->pool, n_rows, ROWS, round_share, &rows);
    }
    for (size_t row = 0; done && loss != NULL && row < n_rows; row++) {
        *loss += rows.loss[row];
    }
    memory_free(rows.error);
    memory_free(rows.asked);
    memory_free(rows.loss);
    return done;
}

/* The sum of cost (e + what the changes before it make of it)^2 over 16 columns; U is 0 from the
 * diagonal on. */
static double panel_loss(const struct rounding *rounding, const float *e, size_t first) {
    const float *panel = rounding->u + first * rounding->n;
    float change[MATRIX_PANEL];
    double loss = 0.0;
    memcpy(change, e + first, sizeof change);
    for (size_t j = 0; j < first + MATRIX_PANEL; j++) {
        for (size_t i = 0; i < MATRIX_PANEL; i++) {
            change[i] += panel[j * MATRIX_PANEL + i] * e[j];
        }
    }
    for (size_t i = 0; i < MATRIX_PANEL; i++) {
        loss += (double)rounding->cost[first + i] * (double)change[i] * (double)change[i];
    }
    return loss;
}

double rounding_loss(const struct rounding *rounding, const float *e, size_t n_rows) {
    double loss = 0.0;
    for (size_t row = 0; row < n_rows; row++) {
        for (size_t first = 0; first < rounding->n; first += MATRIX_PANEL) {
            loss += panel_loss(rounding, e + row * rounding->n, first);
        }
    }
    return loss;
}
