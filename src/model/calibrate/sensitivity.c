/**
 * sensitivity.c - puts other numbers in the place of one of a model's matrices, reads some text,
 * and compares logits with those that it gave before.
 */
#include "model/calibrate/sensitivity.h"

#include <string.h>

#include "arch/arch.h"
#include "base/error.h"
#include "base/math.h"
#include "base/memory.h"
#include "base/size.h"
#include "model/calibrate/parts.h"

/* Tokens that are compared, and logits that are kept of them at most. */
#define MOST_TOKENS ((size_t)2048)
#define MOST_LOGITS ((size_t)1 << 25)
/* Tokens of a window, so that there are several windows. */
#define WINDOW ((size_t)128)

struct sensitivity {
    struct calibration *calibration;
    size_t window, n_windows;
    size_t n_vocab;
    float *logits;      /* [n_windows][window][n_vocab] as the model has them */
    float *probability; /* the same, their softmax */
    double *divergence; /* [window] */
};

/* Take the first tokens of window i of the text through the model. */
static enum gen_status read_window(const struct sensitivity *s, size_t i, struct gen_error *err) {
    struct gen_row rows[WINDOW];
    size_t n;
    const struct calibration *c = s->calibration;
    /* Spread over all of the text's windows. */
    const int32_t *ids =
        text_sample_window(&c->sample, i * text_sample_n(&c->sample) / s->n_windows, &n);
    for (size_t k = 0; k < s->window; k++) {
        rows[k] = (struct gen_row){.id = ids[k], .want_logits = true};
    }
    gen_session_truncate(c->session, 0, 0);
    return gen_session_eval(c->session, rows, s->window, err);
}

/* Shares of rows of a window. */
struct window_work {
    const struct sensitivity *s;
    size_t i;
};

static void keep_share(void *context, size_t begin, size_t end, int thread) {
    const struct window_work *work = context;
    const struct sensitivity *s = work->s;
    (void)thread;
    for (size_t k = begin; k < end; k++) {
        size_t at = (work->i * s->window + k) * s->n_vocab;
        float *p = s->probability + at;
        memcpy(s->logits + at, gen_session_logits(s->calibration->session, k),
               s->n_vocab * sizeof *p);
        float greatest = s->logits[at];
        for (size_t v = 0; v < s->n_vocab; v++) {
            greatest = s->logits[at + v] > greatest ? s->logits[at + v] : greatest;
        }
        double sum = 0.0;
        for (size_t v = 0; v < s->n_vocab; v++) {
            p[v] = math_exp(s->logits[at + v] - greatest);
            sum += (double)p[v];
        }
        float factor = (float)(1.0 / sum);
        for (size_t v = 0; v < s->n_vocab; v++) {
            p[v] *= factor;
        }
    }
}

static void compare_share(void *context, size_t begin, size_t end, int thread) {
    const struct window_work *work = context;
    const struct sensitivity *s = work->s;
    (void)thread;
    for (size_t k = begin; k < end; k++) {
        size_t at = (work->i * s->window + k) * s->n_vocab;
        const float *now = gen_session_logits(s->calibration->session, k);
        double mean = 0.0;
        double squares = 0.0;
        for (size_t v = 0; v < s->n_vocab; v++) {
            double change = (double)now[v] - (double)s->logits[at + v];
            double weighted = (double)s->probability[at + v] * change;
            mean += weighted;
            squares += weighted * change;
        }
        s->divergence[k] = 0.5 * (squares - mean * mean);
    }
}

enum gen_status sensitivity_new(struct sensitivity **out, struct calibration *c,
                                struct gen_error *err) {
    struct sensitivity *s = memory_new(1, sizeof *s);
    *out = s;
    if (s == NULL) {
        return error_no_memory(err, "sensitivities");
    }
    s->calibration = c;
    s->n_vocab = (size_t)c->model->config.n_vocab;
    s->window = size_min(size_min(c->sample.window, c->sample.n_ids), WINDOW);
    size_t most = size_max(size_min(MOST_TOKENS, MOST_LOGITS / s->n_vocab) / s->window, 1);
    /* The last window may be short. */
    s->n_windows = size_min(size_max(c->sample.n_ids / c->sample.window, 1), most);
    s->logits = memory_new(s->n_windows * s->window * s->n_vocab, sizeof *s->logits);
    s->probability = memory_new(s->n_windows * s->window * s->n_vocab, sizeof *s->probability);
    s->divergence = memory_new(s->window, sizeof *s->divergence);
    if (s->logits == NULL || s->probability == NULL || s->divergence == NULL) {
        return error_no_memory(err, "sensitivities");
    }
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < s->n_windows && status == GEN_OK; i++) {
        struct window_work work = {s, i};
        status = read_window(s, i, err);
        if (status == GEN_OK) {
            thread_pool_run(c->compute.pool, s->window, 0, keep_share, &work);
        }
    }
    return status;
}

void sensitivity_free(struct sensitivity *s) {
    if (s != NULL) {
        memory_free(s->logits);
        memory_free(s->probability);
        memory_free(s->divergence);
        memory_free(s);
    }
}

static enum gen_status compare(const struct sensitivity *s, double *divergence,
                               struct gen_error *err) {
    enum gen_status status = calibration_go_on(s->calibration, err);
    double sum = 0.0;
    for (size_t i = 0; i < s->n_windows && status == GEN_OK; i++) {
        struct window_work work = {s, i};
        status = read_window(s, i, err);
        if (status == GEN_OK) {
            thread_pool_run(s->calibration->compute.pool, s->window, 0, compare_share, &work);
            for (size_t k = 0; k < s->window; k++) {
                sum += s->divergence[k];
            }
        }
    }
    *divergence = sum / (double)(s->n_windows * s->window);
    return status;
}

static enum gen_status measure_table(const struct sensitivity *s, double *divergence,
                                     struct weight_table *table, const float *rows,
                                     struct gen_error *err) {
    struct weight_table kept = *table;
    *table = (struct weight_table){(const unsigned char *)rows, TENSOR_F32};
    enum gen_status status = compare(s, divergence, err);
    *table = kept;
    return status;
}

static enum gen_status measure_matrix(const struct sensitivity *s, double *divergence,
                                      struct matrix *matrix, const float *rows,
                                      struct gen_error *err) {
    struct matrix kept = *matrix;
    struct matrix other;
    if (!matrix_init(&other, (const unsigned char *)rows, TENSOR_F32, kept.n_in, kept.n_out,
                     MATRIX_ROWS_ARE_OUTPUTS, s->calibration->compute.pool)) {
        return error_no_memory(err, "sensitivities");
    }
    enum gen_status status = session_reserve_product(s->calibration->session, &other)
                                 ? GEN_OK
                                 : error_no_memory(err, "sensitivities");
    if (status == GEN_OK) {
        *matrix = other;
        status = compare(s, divergence, err);
        *matrix = kept;
    }
    matrix_release(&other);
    return status;
}

enum gen_status sensitivity_measure(struct sensitivity *s, double *divergence,
                                    const struct tensor_spec *spec, int32_t layer,
                                    const float *rows, struct gen_error *err) {
    struct gen_model *model = s->calibration->model;
    bool is_head = spec->role == tensor_head_role(&model->config);
    if (role_is_table(spec->role) && !is_head) {
        return measure_table(s, divergence, weights_field(&model->weights, spec, layer), rows, err);
    }
    struct matrix *matrix =
        is_head ? &model->weights.lm_head : weights_field(&model->weights, spec, layer);
    return measure_matrix(s, divergence, matrix, rows, err);
}
