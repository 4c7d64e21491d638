/**
 * explain_contributions.c - what each part of a model adds to the logit of the target (direct logit
 * attribution). With the scale of the last norm as it is, a logit is a linear function of the
 * residual stream: what a part adds is that function after it less the function before it, so that
 * nothing is lost on the way. In doubles, as the differences may be small.
 */
#include <math.h>

#include "eval/explain.h"

/* A linear function of a stream: sum of w[i] (x[i] - mean(x)), w the target's row times ln_f. */
struct reading {
    float *w;   /* [C] */
    double sum; /* of w */
    size_t c;
};

static double read_stream(const struct reading *reading, const float *x) {
    double dot = 0.0, mean = 0.0;
    for (size_t i = 0; i < reading->c; i++) {
        dot += (double)reading->w[i] * (double)x[i];
        mean += (double)x[i];
    }
    return dot - reading->sum * (mean / (double)reading->c);
}

/* 1 / sqrt(variance + epsilon), as the norm has it. */
static double norm_scale(const float *x, size_t c, double epsilon) {
    double mean = 0.0, squares = 0.0;
    for (size_t i = 0; i < c; i++) {
        mean += (double)x[i];
    }
    mean /= (double)c;
    for (size_t i = 0; i < c; i++) {
        squares += ((double)x[i] - mean) * ((double)x[i] - mean);
    }
    return 1.0 / sqrt(squares / (double)c + epsilon);
}

static void contributions_at(struct explanation *e, size_t t, float *row) {
    const struct weights *weights = &e->model->weights;
    struct reading reading = {.w = row, .c = (size_t)e->public.n_embd};
    size_t c = reading.c, n = e->public.n;
    float *out = e->contributions + t * e->public.n_parts;
    const float *last = e->stream + ((e->n_states - 1) * n + t) * c;
    double scale = norm_scale(last, c, (double)e->model->config.layer_norm_epsilon);
    double bias = 0.0, before = 0.0;
    matrix_column(row, &weights->lm_head, (size_t)e->targets[t]);
    for (size_t i = 0; i < c; i++) {
        bias += (double)row[i] * (double)weights->ln_f.bias[i];
        row[i] *= weights->ln_f.weight[i];
        reading.sum += (double)row[i];
    }
    for (size_t state = 0; state < e->n_states; state++) {
        double after = scale * read_stream(&reading, e->stream + (state * n + t) * c);
        out[state] = (float)(after - before);
        before = after;
    }
    out[e->n_states] = (float)bias;
    out[e->n_states + 1] = (float)((double)e->logits[t] - before - bias);
}

void explain_contributions(struct explanation *e, float *row) {
    for (size_t t = 0; t < e->public.n; t++) {
        contributions_at(e, t, row);
    }
}
