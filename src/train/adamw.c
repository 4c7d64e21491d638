/* Compiled without errno for sqrt (Makefile), so that compilers make vectors of the loops. */
#include "train/adamw.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

/* Numbers a thread takes at a time. */
#define CHUNK ((size_t)1 << 14)

bool adamw_init(struct adamw *adamw, const struct params *params,
                const struct adamw_options *options) {
    *adamw = (struct adamw){
        .options = *options, .m = params_new_array(params), .v = params_new_array(params)};
    return adamw->m != NULL && adamw->v != NULL;
}

void adamw_release(struct adamw *adamw, const struct params *params) {
    params_free_array(params, adamw->m);
    params_free_array(params, adamw->v);
    *adamw = (struct adamw){0};
}

/* base^n by squaring: no libm, so the same everywhere. */
static double power(double base, uint64_t n) {
    double result = 1;
    for (; n > 0; n >>= 1) {
        if (n & 1) {
            result *= base;
        }
        base *= base;
    }
    return result;
}

/* ---- one step --------------------------------------------------------------------------------*/

/* The factors of a step, rounded once. */
struct factors {
    float scale;               /* of gradients */
    float beta1_rest;          /* 1 - beta1 */
    float beta2, beta2_rest;   /* beta2, 1 - beta2 */
    float keep;                /* 1 - rate * decay */
    float step_size;           /* rate / (1 - beta1^t) */
    float root_scale, epsilon; /* 1 / sqrt(1 - beta2^t) */
};

static void update(float *restrict w, float *restrict m, float *restrict v, float *restrict g,
                   size_t n, struct factors f) {
    for (size_t i = 0; i < n; i++) {
        float gradient = g[i] * f.scale;
        float mean = m[i] + f.beta1_rest * (gradient - m[i]);
        float square = f.beta2 * v[i] + f.beta2_rest * gradient * gradient;
        float root = sqrtf(square) * f.root_scale + f.epsilon;
        w[i] = w[i] * f.keep - f.step_size * (mean / root);
        m[i] = mean;
        v[i] = square;
        g[i] = 0;
    }
}

struct step_work {
    struct adamw *adamw;
    float *values, *gradients;
    size_t offset, n; /* of the tensor */
    struct factors factors;
};

static void step_chunks(void *context, size_t begin, size_t end, int thread) {
    const struct step_work *work = context;
    (void)thread;
    for (size_t chunk = begin; chunk < end; chunk++) {
        size_t first = chunk * CHUNK;
        size_t n = work->n - first < CHUNK ? work->n - first : CHUNK;
        size_t at = work->offset + first;
        update(work->values + at, work->adamw->m + at, work->adamw->v + at, work->gradients + at, n,
               work->factors);
    }
}

static bool decays(const struct adamw *adamw, const struct param_tensor *tensor,
                   const struct params *params) {
    bool embedding =
        !tensor->spec->per_layer && (tensor->spec->out == SIZE_CTX ||
                                     (tensor->spec->out == SIZE_VOCAB &&
                                      (params->config.tie_word_embeddings || !tensor->panels)));
    return tensor->spec->in != SIZE_NONE && (!embedding || adamw->options.decay_embeddings);
}

void adamw_step(struct adamw *adamw, struct params *params, const struct param_tensor *tensor,
                float *gradients, const struct adamw_step *step, struct thread_pool *pool) {
    const struct adamw_options *options = &adamw->options;
    bool decay = decays(adamw, tensor, params);
    struct factors factors = {
        .scale = (float)step->scale,
        .beta1_rest = (float)(1 - options->beta1),
        .beta2 = (float)options->beta2,
        .beta2_rest = (float)(1 - options->beta2),
        .keep = decay ? (float)(1 - step->rate * options->decay) : 1,
        .step_size = (float)(step->rate / (1 - power(options->beta1, step->t))),
        .root_scale = (float)(1 / sqrt(1 - power(options->beta2, step->t))),
        .epsilon = (float)options->epsilon,
    };
    struct step_work work = {.adamw = adamw,
                             .values = params->values,
                             .gradients = gradients,
                             .offset = tensor->offset,
                             .n = tensor->n,
                             .factors = factors};
    thread_pool_run(pool, (tensor->n + CHUNK - 1) / CHUNK, 0, step_chunks, &work);
}

/* ---- norm ------------------------------------------------------------------------------------*/

#define LANES 16
/* Chunks whose sums are kept at a time. */
#define CHUNKS_AT_ONCE 1024

struct norm_work {
    const float *numbers;
    size_t n;
    double sums[CHUNKS_AT_ONCE];
};

/* Lane i of 16 adds the squares of elements i, i + 16, ...; then the lanes are added in order. */
static double sum_of_squares(const float *x, size_t n) {
    double lanes[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (size_t lane = 0; lane < LANES; lane++) {
            lanes[lane] += (double)x[i + lane] * (double)x[i + lane];
        }
    }
    for (size_t lane = 0; i + lane < n; lane++) {
        lanes[lane] += (double)x[i + lane] * (double)x[i + lane];
    }
    double sum = 0;
    for (size_t lane = 0; lane < LANES; lane++) {
        sum += lanes[lane];
    }
    return sum;
}

static void norm_chunks(void *context, size_t begin, size_t end, int thread) {
    struct norm_work *work = context;
    (void)thread;
    for (size_t chunk = begin; chunk < end; chunk++) {
        size_t first = chunk * CHUNK;
        size_t n = work->n - first < CHUNK ? work->n - first : CHUNK;
        work->sums[chunk] = sum_of_squares(work->numbers + first, n);
    }
}

double adamw_norm(const float *numbers, size_t n, struct thread_pool *pool) {
    double sum = 0;
    struct norm_work work;
    for (size_t first = 0; first < n; first += CHUNKS_AT_ONCE * CHUNK) {
        work.numbers = numbers + first;
        work.n = n - first < CHUNKS_AT_ONCE * CHUNK ? n - first : CHUNKS_AT_ONCE * CHUNK;
        size_t n_chunks = (work.n + CHUNK - 1) / CHUNK;
        thread_pool_run(pool, n_chunks, 0, norm_chunks, &work);
        for (size_t chunk = 0; chunk < n_chunks; chunk++) {
            sum += work.sums[chunk];
        }
    }
    return sqrt(sum);
}
