/**
 * adamw.c - AdamW: its moments, one step for one tensor, and the length of the gradient (norm) for
 * clipping. The formula of a number is a kernel (tensor/kernels/rows/training_optimizer.h); which
 * tensors take it is decided in optimizer.c.
 */
#include "train/optimizer/adamw.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "tensor/kernels/training.h"

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

struct step_work {
    struct adamw *adamw;
    float *values;
    const float *gradients;
    size_t offset, n; /* of the tensor */
    struct adamw_factors factors;
    const struct training_kernels *kernels;
};

static void step_chunks(void *context, size_t begin, size_t end, int thread) {
    const struct step_work *work = context;
    (void)thread;
    for (size_t chunk = begin; chunk < end; chunk++) {
        size_t first = chunk * CHUNK;
        size_t n = size_min(work->n - first, CHUNK);
        size_t at = work->offset + first;
        work->kernels->adamw_update(work->values + at, work->adamw->m + at, work->adamw->v + at,
                                    work->gradients + at, n, &work->factors);
    }
}

static bool decays(const struct adamw *adamw, const struct param_tensor *tensor) {
    enum tensor_role role = tensor->spec->role;
    return !role_is_vector(role) && (!role_is_table(role) || adamw->options.decay_embeddings);
}

void adamw_step(struct adamw *adamw, struct params *params, const struct param_tensor *tensor,
                const float *gradients, const struct adamw_step *step,
                const struct compute *compute) {
    const struct adamw_options *options = &adamw->options;
    bool decay = decays(adamw, tensor);
    struct adamw_factors factors = {
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
                             .factors = factors,
                             .kernels = compute->kernels->training};
    thread_pool_run(compute->pool, size_divide_up(tensor->n, CHUNK), 0, step_chunks, &work);
}

/* ---- norm ------------------------------------------------------------------------------------*/

/* Chunks whose sums are kept at a time. */
#define CHUNKS_AT_ONCE 1024

struct norm_work {
    const float *numbers;
    size_t n;
    double sums[CHUNKS_AT_ONCE];
    const struct training_kernels *kernels;
};

static void norm_chunks(void *context, size_t begin, size_t end, int thread) {
    struct norm_work *work = context;
    (void)thread;
    for (size_t chunk = begin; chunk < end; chunk++) {
        size_t first = chunk * CHUNK;
        size_t n = size_min(work->n - first, CHUNK);
        work->sums[chunk] = work->kernels->sum_of_squares(work->numbers + first, n);
    }
}

double adamw_norm(const float *numbers, size_t n, const struct compute *compute) {
    double sum = 0;
    struct norm_work work = {.kernels = compute->kernels->training};
    for (size_t first = 0; first < n; first += CHUNKS_AT_ONCE * CHUNK) {
        work.numbers = numbers + first;
        work.n = size_min(n - first, CHUNKS_AT_ONCE * CHUNK);
        size_t n_chunks = size_divide_up(work.n, CHUNK);
        thread_pool_run(compute->pool, n_chunks, 0, norm_chunks, &work);
        for (size_t chunk = 0; chunk < n_chunks; chunk++) {
            sum += work.sums[chunk];
        }
    }
    return sqrt(sum);
}
