/**
 * type_costs.c - rounds some rows of a tensor to every type and adds up what is lost; where there
 * is a text, rounds all of it to one type, too, to see what that does to the model's predictions.
 */
#include "model/calibrate/type_costs.h"

#include "arch/arch.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/size.h"
#include "model/calibrate/parts.h"
#include "model/calibrate/sensitivity.h"

/* Rows that are rounded to every type. */
#define SAMPLE_ROWS ((size_t)64)

struct type_meter {
    struct calibration *calibration;
    struct sensitivity *sensitivity; /* NULL: there is no text */
    size_t spec;                     /* the next tensor: its place in the table */
    int32_t layer;
};

/* A tensor that is measured. */
struct measured {
    struct type_meter *meter;
    struct type_costs *costs;
    const struct matrix *matrix;      /* it, or */
    const struct weight_table *table; /* it as a table */
    const struct rounding *rounding;  /* NULL: all inputs count the same */
    double scale;                     /* of its numbers: the sum of the sample's squares */
};

enum gen_status type_meter_new(struct type_meter **out, struct calibration *c,
                               struct gen_error *err) {
    struct type_meter *meter = memory_new(1, sizeof *meter);
    *out = meter;
    if (meter == NULL) {
        return error_no_memory(err, "a choice of types");
    }
    meter->calibration = c;
    return c->sample.n_ids > 0 ? sensitivity_new(&meter->sensitivity, c, err) : GEN_OK;
}

void type_meter_free(struct type_meter *meter) {
    if (meter != NULL) {
        sensitivity_free(meter->sensitivity);
        memory_free(meter);
    }
}

static int32_t n_layers_of(const struct tensor_spec *spec, const struct gen_config *config) {
    bool is_there = !role_is_vector(spec->role) && tensor_spec_exists(spec, config);
    return is_there ? tensor_spec_count(spec, config) : 0;
}

size_t type_meter_n_tensors(const struct type_meter *meter) {
    const struct gen_config *config = &meter->calibration->model->config;
    const struct arch *arch = arch_of(config);
    size_t n = 0;
    for (size_t i = 0; i < arch->n_tensors; i++) {
        n += (size_t)n_layers_of(&arch->tensors[i], config);
    }
    return n;
}

/* ---- one tensor ------------------------------------------------------------------------------*/

static void read_row(float *out, const struct measured *m, size_t row) {
    if (m->matrix != NULL) {
        matrix_column(out, m->matrix, row);
        return;
    }
    const struct tensor_type_info *info = tensor_type_info(m->table->type);
    size_t row_bytes = m->costs->n_in / info->block_size * info->block_bytes;
    info->to_f32(out, m->table->data + row * row_bytes, m->costs->n_in);
}

/* Which types it may have. Positions are few and looked up: nothing below a byte pays. */
static void list_types(struct type_costs *costs) {
    const struct tensor_type_info *source = tensor_type_info(costs->source);
    for (int t = 0; t < TENSOR_N_TYPES; t++) {
        const struct tensor_type_info *info = tensor_type_info((enum tensor_type)t);
        bool is_smaller =
            info->block_bytes * source->block_size < source->block_bytes * info->block_size;
        bool is_known = info->quant != NULL || t == TENSOR_F16;
        if (costs->spec->role == ROLE_POSITIONS) {
            is_known = t == TENSOR_F16 || t == TENSOR_Q8_0;
        }
        costs->can[t] = (enum tensor_type)t == costs->source ||
                        (is_smaller && is_known && info->from_f32 != NULL &&
                         costs->n_in % info->block_size == 0);
    }
}

/* Rows there and back: the numbers as the type has them, in place. *loss gets what that costs.
 * False if out of memory. */
static bool round_rows(const struct measured *m, const struct tensor_type_info *info, float *rows,
                       size_t n_rows, double *loss, bool *is_finite) {
    size_t n = n_rows * m->costs->n_in;
    const struct calibration *c = m->meter->calibration;
    unsigned char *narrow = memory_new(n / info->block_size, info->block_bytes);
    float *change = memory_new(n, sizeof *change);
    bool done = narrow != NULL && change != NULL;
    *loss = 0.0;
    if (done && m->rounding != NULL && info->quant != NULL) {
        done = rounding_rows(m->rounding, &c->compute, info->quant, narrow, rows, n_rows, loss);
    } else if (done) {
        info->from_f32(narrow, rows, n);
    }
    if (done) {
        *is_finite = info->find_not_finite(narrow, n) == n;
        info->to_f32(change, narrow, n);
        for (size_t i = 0; i < n; i++) {
            float was = rows[i];
            rows[i] = change[i];
            change[i] = was - change[i];
            *loss += m->rounding == NULL ? (double)change[i] * (double)change[i] : 0.0;
        }
        if (m->rounding != NULL && info->quant == NULL) {
            *loss = rounding_loss(m->rounding, change, n_rows);
        }
    }
    memory_free(narrow);
    memory_free(change);
    return done;
}

/* What some rows, spread evenly, lose by every type. */
static bool round_sample(struct measured *m) {
    struct type_costs *costs = m->costs;
    size_t n_rows = size_min(costs->n_rows, SAMPLE_ROWS);
    float *rows = memory_new(n_rows * costs->n_in, sizeof *rows);
    bool done = rows != NULL;
    for (int t = 0; t < TENSOR_N_TYPES && done; t++) {
        if (!costs->can[t]) {
            continue;
        }
        m->scale = 0.0;
        for (size_t i = 0; i < n_rows; i++) {
            read_row(rows + i * costs->n_in, m, i * costs->n_rows / n_rows);
        }
        for (size_t i = 0; i < n_rows * costs->n_in; i++) {
            m->scale += (double)rows[i] * (double)rows[i];
        }
        bool is_finite = true;
        costs->loss[t] = 0.0;
        if ((enum tensor_type)t != costs->source) {
            done = round_rows(m, tensor_type_info((enum tensor_type)t), rows, n_rows,
                              &costs->loss[t], &is_finite);
            costs->can[t] = is_finite;
        }
        costs->loss[t] *= (double)costs->n_rows / (double)n_rows;
    }
    memory_free(rows);
    m->scale *= (double)costs->n_rows / (double)n_rows;
    return done;
}

/* The type whose error is the greatest: it is seen best. */
static int coarsest(const struct type_costs *costs) {
    int coarse = (int)costs->source;
    for (int t = 0; t < TENSOR_N_TYPES; t++) {
        coarse = costs->can[t] && costs->loss[t] > costs->loss[coarse] ? t : coarse;
    }
    return coarse;
}

/* What losses must be multiplied with to be those of the model. */
static enum gen_status find_factor(const struct measured *m, double *factor,
                                   struct gen_error *err) {
    const struct type_costs *costs = m->costs;
    const struct tensor_type_info *info = tensor_type_info((enum tensor_type)coarsest(costs));
    float *rows = memory_new((size_t)costs->n_rows * costs->n_in, sizeof *rows);
    bool done = rows != NULL;
    double loss = 0.0;
    for (size_t first = 0; first < costs->n_rows && done; first += SAMPLE_ROWS) {
        size_t n = size_min(costs->n_rows - first, SAMPLE_ROWS);
        double more;
        bool is_finite;
        for (size_t i = first; i < first + n; i++) {
            read_row(rows + i * costs->n_in, m, i);
        }
        done = round_rows(m, info, rows + first * costs->n_in, n, &more, &is_finite);
        loss += done ? more : 0.0;
    }
    double divergence = 0.0;
    enum gen_status status = done ? sensitivity_measure(m->meter->sensitivity, &divergence,
                                                        costs->spec, costs->layer, rows, err)
                                  : error_no_memory(err, "a choice of types");
    memory_free(rows);
    *factor = loss > 0.0 ? divergence / loss : 0.0;
    return status;
}

static enum gen_status measure(struct measured *m, struct gen_error *err) {
    struct type_costs *costs = m->costs;
    struct calibration *c = m->meter->calibration;
    enum gen_status status = calibration_go_on(c, err);
    if (status == GEN_OK && m->matrix != NULL) {
        status = calibration_rounding(&m->rounding, c, costs->spec, costs->layer, err);
    }
    if (status == GEN_OK && !round_sample(m)) {
        status = error_no_memory(err, "a choice of types");
    }
    double factor = m->scale > 0.0 ? 1.0 / m->scale : 0.0;
    if (status == GEN_OK && m->meter->sensitivity != NULL) {
        status = find_factor(m, &factor, err);
    }
    for (int t = 0; t < TENSOR_N_TYPES; t++) {
        costs->loss[t] *= factor;
    }
    return status;
}

enum gen_status type_meter_next(struct type_meter *meter, struct type_costs *costs,
                                struct gen_error *err) {
    struct gen_model *model = meter->calibration->model;
    const struct gen_config *config = &model->config;
    const struct arch *arch = arch_of(config);
    while (meter->layer >= n_layers_of(&arch->tensors[meter->spec], config)) {
        meter->spec++;
        meter->layer = 0;
    }
    const struct tensor_spec *spec = &arch->tensors[meter->spec];
    struct tensor_source source;
    enum gen_status status =
        tensor_spec_find(&source, spec, meter->layer, model->source, config, err);
    if (status != GEN_OK) {
        return status;
    }
    *costs = (struct type_costs){.spec = spec,
                                 .layer = meter->layer++,
                                 .n_rows = (size_t)tensor_size_of(spec->out, config),
                                 .n_in = (size_t)tensor_size_of(spec->in, config),
                                 .source = source.parts[0]->type};
    struct measured m = {.meter = meter, .costs = costs};
    if (spec->role == tensor_head_role(config)) {
        m.matrix = &model->weights.lm_head;
    } else if (role_is_table(spec->role)) {
        m.table = weights_field(&model->weights, spec, costs->layer);
    } else {
        m.matrix = weights_field(&model->weights, spec, costs->layer);
    }
    list_types(costs);
    return measure(&m, err);
}
