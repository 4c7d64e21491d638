/**
 * params.c - the array of all trainable weights: where each tensor lies in it, views of it to
 * compute with, random first numbers, and the way from and to the order of files. Steps change
 * the numbers in train/optimizer/.
 */
#include "train/gradient/params.h"

#include <string.h>

#include "arch/arch.h"
#include "base/error.h"
#include "base/math.h"
#include "base/memory.h"
#include "base/rng.h"
#include "base/size.h"
#include "tensor/matrix.h"

/* Tensors begin at multiples of a cache line. */
#define ALIGNED_NUMBERS (MEMORY_ALIGNMENT / sizeof(float))

/* ---- the plan --------------------------------------------------------------------------------*/

static struct param_tensor plan_tensor(const struct tensor_spec *spec, int32_t layer,
                                       const struct gen_config *config) {
    bool table = role_is_table(spec->role) && spec->role != tensor_head_role(config);
    struct param_tensor tensor = {.spec = spec,
                                  .layer = layer,
                                  .panels = !role_is_vector(spec->role) && !table,
                                  .n_in = (size_t)tensor_size_of(spec->in, config),
                                  .n_out = (size_t)tensor_size_of(spec->out, config),
                                  .n_parts = role_parts(spec->role)};
    size_t columns = tensor.panels ? size_round_up(tensor.n_out, MATRIX_PANEL) : tensor.n_out;
    tensor.n = tensor.n_in * columns;
    return tensor;
}

static size_t count_tensors(const struct gen_config *config) {
    const struct arch *arch = arch_of(config);
    size_t n = 0;
    for (size_t i = 0; i < arch->n_tensors; i++) {
        if (tensor_spec_exists(&arch->tensors[i], config)) {
            n += (size_t)tensor_spec_count(&arch->tensors[i], config);
        }
    }
    return n;
}

static void plan(struct params *params) {
    const struct arch *arch = arch_of(&params->config);
    for (size_t i = 0; i < arch->n_tensors; i++) {
        const struct tensor_spec *spec = &arch->tensors[i];
        if (!tensor_spec_exists(spec, &params->config)) {
            continue;
        }
        for (int32_t layer = 0; layer < tensor_spec_count(spec, &params->config); layer++) {
            struct param_tensor *tensor = &params->tensors[params->n_tensors++];
            *tensor = plan_tensor(spec, layer, &params->config);
            tensor->offset = params->n_values;
            params->n_values += size_round_up(tensor->n, ALIGNED_NUMBERS);
            params->n_parameters += (uint64_t)tensor->n_in * tensor->n_out;
        }
    }
}

enum gen_status params_init(struct params *params, const struct gen_config *config,
                            struct gen_error *err) {
    *params = (struct params){.config = *config};
    params->tensors = memory_new(count_tensors(config), sizeof *params->tensors);
    if (params->tensors == NULL) {
        return error_no_memory(err, "weights");
    }
    plan(params);
    params->values = params_new_array(params);
    if (params->values == NULL || !params_view(&params->weights, params, params->values)) {
        uint64_t n = params->n_parameters;
        params_release(params);
        return error_set(err, GEN_NO_MEMORY, "out of memory for the %llu parameters of the model",
                         (unsigned long long)n);
    }
    return GEN_OK;
}

void params_release(struct params *params) {
    params_view_release(&params->weights);
    params_free_array(params, params->values);
    memory_free(params->tensors);
    *params = (struct params){0};
}

float *params_new_array(const struct params *params) {
    float *array = memory_new_aligned(params->n_values, sizeof *array);
    if (array != NULL) {
        memory_will_fill(array, params->n_values * sizeof *array);
    }
    return array;
}

void params_free_array(const struct params *params, float *array) {
    memory_free_aligned(array, params->n_values, sizeof *array);
}

/* ---- views -----------------------------------------------------------------------------------*/

struct matrix params_matrix(const struct param_tensor *tensor, const float *array) {
    return (struct matrix){.type = TENSOR_F32,
                           .n_in = tensor->n_in,
                           .n_out = tensor->n_out,
                           .data = (const unsigned char *)(array + tensor->offset),
                           .row_stride = MATRIX_PANEL,
                           .panel_stride = tensor->n_in * MATRIX_PANEL};
}

bool params_view(struct weights *view, const struct params *params, float *array) {
    *view =
        (struct weights){.arch = arch_of(&params->config), .n_parameters = params->n_parameters};
    if (!weights_new_layers(view, params->config.n_layer)) {
        return false;
    }
    for (size_t i = 0; i < params->n_tensors; i++) {
        const struct param_tensor *tensor = &params->tensors[i];
        const struct tensor_spec *spec = tensor->spec;
        float *at = array + tensor->offset;
        void *field = weights_field(view, spec, tensor->layer);
        if (role_is_vector(spec->role)) {
            *(float **)field = at;
        } else if (!tensor->panels) {
            *(struct weight_table *)field =
                (struct weight_table){(const unsigned char *)at, TENSOR_F32};
        } else if (spec->role == ROLE_TOKENS) {
            view->lm_head = params_matrix(tensor, array);
        } else {
            *(struct matrix *)field = params_matrix(tensor, array);
        }
    }
    return true;
}

/* A view's pointers are made for reading; the array that they point into is the caller's. */
static float *writable(const unsigned char *data) {
    float *numbers;
    memcpy(&numbers, &data, sizeof numbers);
    return numbers;
}

float *params_numbers(const struct matrix *matrix) {
    return writable(matrix->data);
}

float *params_table_numbers(const struct weight_table *table) {
    return writable(table->data);
}

void params_view_release(struct weights *view) {
    memory_free(view->h);
    *view = (struct weights){0};
}

/* ---- first numbers ---------------------------------------------------------------------------*/

/* Two numbers of the standard normal distribution at a time, by Marsaglia's polar method: a point
 * (u, v) in the unit circle, s = u^2 + v^2, times sqrt(-2 ln s / s). */
static void normal_pair(float out[2], struct rng *rng) {
    float u;
    float v;
    float s;
    do {
        u = 2.0f * rng_float(rng) - 1.0f;
        v = 2.0f * rng_float(rng) - 1.0f;
        s = u * u + v * v;
    } while (s >= 1.0f || s == 0.0f);
    float factor = __builtin_sqrtf(-2.0f * math_log(s) / s);
    out[0] = u * factor;
    out[1] = v * factor;
}

/* As GPT-2 was initialized. */
static float deviation_of(const struct params *params, enum tensor_role role) {
    if (role == ROLE_POSITIONS) {
        return 0.01f;
    }
    if (role_ends_branch(role)) {
        return 0.02f / __builtin_sqrtf(2.0f * (float)params->config.n_layer);
    }
    return 0.02f;
}

size_t params_index(const struct param_tensor *tensor, size_t in, size_t out) {
    if (!tensor->panels) {
        return tensor->offset + out * tensor->n_in + in;
    }
    size_t panel = out / MATRIX_PANEL * tensor->n_in * MATRIX_PANEL;
    return tensor->offset + panel + in * MATRIX_PANEL + out % MATRIX_PANEL;
}

static void randomize_matrix(struct params *params, const struct param_tensor *tensor,
                             float deviation, struct rng *rng) {
    size_t n = tensor->n_in * tensor->n_out;
    for (size_t i = 0; i < n; i += 2) {
        float pair[2];
        normal_pair(pair, rng);
        for (size_t j = i; j < i + 2 && j < n; j++) {
            size_t at = params_index(tensor, j % tensor->n_in, j / tensor->n_in);
            params->values[at] = deviation * pair[j - i];
        }
    }
}

void params_randomize(struct params *params, uint64_t seed) {
    for (size_t i = 0; i < params->n_tensors; i++) {
        const struct param_tensor *tensor = &params->tensors[i];
        if (!role_is_vector(tensor->spec->role)) {
            struct rng rng;
            rng_init_sequence(&rng, seed, i, 0);
            randomize_matrix(params, tensor, deviation_of(params, tensor->spec->role), &rng);
            continue;
        }
        float first = tensor->spec->role == ROLE_NORM ? 1.0f : 0.0f;
        for (size_t j = 0; j < tensor->n; j++) {
            params->values[tensor->offset + j] = first;
        }
    }
}

/* ---- from and to the order of files ----------------------------------------------------------*/

/* A matrix in a file is a number of lines: the inputs of an output one after the other, or in
 * Hugging Face's Conv1D the outputs of an input. */
struct lines {
    size_t n, length;
    bool by_inputs;
};

static struct lines lines_of(const struct param_tensor *tensor, bool conv1d_by_inputs) {
    bool by_inputs = tensor->spec->conv1d && conv1d_by_inputs;
    return (struct lines){.n = by_inputs ? tensor->n_in : tensor->n_out,
                          .length = by_inputs ? tensor->n_out : tensor->n_in,
                          .by_inputs = by_inputs};
}

static size_t index_in_line(const struct param_tensor *tensor, const struct lines *lines,
                            size_t line, size_t i) {
    return lines->by_inputs ? params_index(tensor, line, i) : params_index(tensor, i, line);
}

static void put_line(float *array, const struct param_tensor *tensor, const struct lines *lines,
                     size_t line, const float *in) {
    for (size_t i = 0; i < lines->length; i++) {
        array[index_in_line(tensor, lines, line, i)] = in[i];
    }
}

void params_get(float *out, const float *array, const struct param_tensor *tensor,
                bool conv1d_by_inputs) {
    if (!tensor->panels) {
        memcpy(out, array + tensor->offset, tensor->n * sizeof *out);
        return;
    }
    struct lines lines = lines_of(tensor, conv1d_by_inputs);
    for (size_t line = 0; line < lines.n; line++) {
        for (size_t i = 0; i < lines.length; i++) {
            out[line * lines.length + i] = array[index_in_line(tensor, &lines, line, i)];
        }
    }
}

/* A part of a tensor, from its line `first` on. */
static enum gen_status load_part(struct params *params, const struct param_tensor *tensor,
                                 const struct file_tensor *source, size_t n, size_t first,
                                 const struct model_file *file, struct gen_error *err) {
    const struct tensor_type_info *info = tensor_type_info(source->type);
    size_t bad = info->find_not_finite(source->data, n);
    if (bad < n) {
        struct error_quoted quoted;
        return error_set(err, GEN_BAD_FILE,
                         "%s: tensor %s has a number that is not finite at index %zu, training "
                         "cannot start from it",
                         model_file_tensor_where(file, source),
                         error_quote(&quoted, source->name, strlen(source->name)), bad);
    }
    if (!tensor->panels) {
        info->to_f32(params->values + tensor->offset, source->data, n);
        return GEN_OK;
    }
    struct lines lines = lines_of(tensor, file->conv1d_by_inputs);
    float *wide = memory_new(lines.length, sizeof *wide);
    if (wide == NULL) {
        return error_no_memory(err, "weights");
    }
    size_t line_bytes = lines.length / info->block_size * info->block_bytes;
    for (size_t line = 0; line < n / lines.length; line++) {
        info->to_f32(wide, source->data + line * line_bytes, lines.length);
        put_line(params->values, tensor, &lines, first + line, wide);
    }
    memory_free(wide);
    return GEN_OK;
}

static enum gen_status load_tensor(struct params *params, const struct param_tensor *tensor,
                                   const struct model_file *file, struct gen_error *err) {
    struct tensor_source source;
    enum gen_status status =
        tensor_spec_find(&source, tensor->spec, tensor->layer, file, &params->config, err);
    size_t n = tensor->n_in * tensor->n_out / (status == GEN_OK ? source.n_parts : 1);
    for (size_t i = 0; status == GEN_OK && i < source.n_parts; i++) {
        status = load_part(params, tensor, source.parts[i], n, i * (n / tensor->n_in), file, err);
    }
    return status;
}

enum gen_status params_load(struct params *params, const struct model_file *file,
                            struct gen_error *err) {
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < params->n_tensors && status == GEN_OK; i++) {
        status = load_tensor(params, &params->tensors[i], file, err);
    }
    return status;
}

enum gen_status params_write(struct gguf_writer *writer, const struct params *params,
                             const struct param_tensor *tensor, struct gen_error *err) {
    size_t n = tensor->n_in * tensor->n_out;
    float *numbers = memory_new(n, sizeof *numbers);
    unsigned char *bytes = memory_new(n, sizeof *numbers);
    enum gen_status status = GEN_OK;
    if (numbers == NULL || bytes == NULL) {
        status = error_no_memory(err, "writing weights");
    } else {
        params_get(numbers, params->values, tensor, false);
        tensor_type_info(TENSOR_F32)->from_f32(bytes, numbers, n);
        status = gguf_writer_data(writer, bytes, n * sizeof *numbers, err);
    }
    memory_free(numbers);
    memory_free(bytes);
    return status;
}
