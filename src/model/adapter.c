/**
 * adapter.c - opening a LoRA adapter for a model, and adding it to rows of a matrix.
 *
 * All is checked when it is opened, so that a merge does not fail half-way. The names and keys are
 * here once, for reading and for writing.
 */
#include "model/adapter.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "arch/arch.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/size.h"

struct adapter {
    struct model_file *file;
    float alpha;
};

/* ---- names and keys --------------------------------------------------------------------------*/

void adapter_tensor_name(char out[ADAPTER_NAME_SIZE], const struct tensor_spec *spec, int32_t layer,
                         bool b) {
    char name[TENSOR_NAME_SIZE];
    tensor_spec_name(name, spec, NAMES_GGUF, layer);
    snprintf(out, ADAPTER_NAME_SIZE, "%s.lora_%c", name, b ? 'b' : 'a');
}

/* In the order in which they are written; an architecture has no value here, as the model says it.
 */
static const struct {
    const char *key, *value;
} keys[] = {{"general.type", "adapter"}, {"general.architecture", NULL}, {"adapter.type", "lora"}};

static const char *value_of(size_t key, const struct gen_config *config) {
    return keys[key].value != NULL ? keys[key].value : arch_of(config)->name;
}

static const char alpha_key[] = "adapter.lora.alpha";

enum gen_status adapter_settings_write(struct gguf_writer *writer, const struct gen_config *config,
                                       float alpha, struct gen_error *err) {
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < N_OF(keys) && status == GEN_OK; i++) {
        const char *value = value_of(i, config);
        status = gguf_writer_string(writer, keys[i].key, value, strlen(value), err);
    }
    return status == GEN_OK ? gguf_writer_f32(writer, alpha_key, alpha, err) : status;
}

/* ---- checking --------------------------------------------------------------------------------*/

static enum gen_status check_keys(struct adapter *adapter, const struct gen_config *config,
                                  struct gen_error *err) {
    const struct model_file *file = adapter->file;
    for (size_t i = 0; i < N_OF(keys); i++) {
        const char *value = value_of(i, config);
        const char *text = "";
        size_t n = 0;
        enum gen_status status = model_file_get_string(file, keys[i].key, &text, &n, err);
        if (status != GEN_OK) {
            return status;
        }
        if (n != strlen(value) || memcmp(text, value, n) != 0) {
            struct error_quoted quoted;
            return error_set(err, GEN_BAD_FILE,
                             "%s: %s is \"%s\", but must be \"%s\" in a LoRA adapter for %s",
                             file->where.text, keys[i].key, error_quote(&quoted, text, n), value,
                             arch_of(config)->name);
        }
    }
    double alpha = NAN;
    enum gen_status status = model_file_get_float(file, alpha_key, -1e6, 1e6, &alpha, err);
    if (status == GEN_OK && isnan(alpha)) {
        status = error_set(err, GEN_BAD_FILE, "%s: has no %s, which a LoRA adapter needs",
                           file->where.text, alpha_key);
    }
    adapter->alpha = (float)alpha;
    return status;
}

/* The two tensors of a matrix: both or none, of shapes that fit. */
static enum gen_status check_pair(const struct adapter *adapter, const struct tensor_spec *spec,
                                  int32_t layer, const struct gen_config *config, size_t *n_found,
                                  struct gen_error *err) {
    const char *where = adapter->file->where.text;
    char names[2][ADAPTER_NAME_SIZE];
    const struct file_tensor *tensors[2];
    for (int b = 0; b < 2; b++) {
        adapter_tensor_name(names[b], spec, layer, b == 1);
        tensors[b] = model_file_tensor(adapter->file, names[b]);
    }
    if (tensors[0] == NULL && tensors[1] == NULL) {
        return GEN_OK;
    }
    if (tensors[0] == NULL || tensors[1] == NULL) {
        int missing = tensors[0] != NULL;
        return error_set(err, GEN_BAD_FILE, "%s: has %s, but not %s", where, names[1 - missing],
                         names[missing]);
    }
    uint64_t n_in = tensor_size_of(spec->in, config);
    uint64_t n_out = tensor_size_of(spec->out, config);
    uint64_t rank = tensors[0]->dims[1];
    /* Such a rank has no use; and as merging takes time in proportion, it is refused at once. */
    if (tensors[0]->n_dims == 2 && tensors[0]->dims[0] == n_in && rank > ADAPTER_MAX_RANK) {
        return error_set(err, GEN_BAD_FILE,
                         "%s: tensor %s has rank %" PRIu64 ", but at most %d is read", where,
                         names[0], rank, ADAPTER_MAX_RANK);
    }
    const uint64_t expected[2][2] = {{n_in, rank}, {rank, n_out}};
    for (int b = 0; b < 2; b++) {
        const struct file_tensor *tensor = tensors[b];
        if (tensor->n_dims != 2 || tensor->dims[0] != expected[b][0] ||
            tensor->dims[1] != expected[b][1]) {
            return error_set(
                err, GEN_BAD_FILE,
                "%s: tensor %s has the shape [%" PRIu64 ", %" PRIu64 "], but must have [%" PRIu64
                ", %" PRIu64 "] for this model (is it an adapter of another model?)",
                where, names[b], tensor->dims[1], tensor->dims[0], expected[b][1], expected[b][0]);
        }
        const struct tensor_type_info *info = tensor_type_info(tensor->type);
        size_t n = (size_t)(tensor->dims[0] * tensor->dims[1]);
        if (info->find_not_finite(tensor->data, n) != n) {
            return error_set(err, GEN_BAD_FILE, "%s: tensor %s has a number that is not finite",
                             where, names[b]);
        }
    }
    *n_found += 2;
    return GEN_OK;
}

/* Whether the tensor is one of those that check_pair() looks for. */
static bool is_known(const struct file_tensor *tensor, const struct gen_config *config) {
    const struct arch *arch = arch_of(config);
    for (size_t i = 0; i < arch->n_tensors; i++) {
        const struct tensor_spec *spec = &arch->tensors[i];
        for (int32_t layer = 0; role_is_linear(spec->role) && layer < config->n_layer; layer++) {
            char name[ADAPTER_NAME_SIZE];
            for (int b = 0; b < 2; b++) {
                adapter_tensor_name(name, spec, layer, b == 1);
                if (strcmp(tensor->name, name) == 0) {
                    return true;
                }
            }
        }
    }
    return false;
}

static enum gen_status check_tensors(const struct adapter *adapter, const struct gen_config *config,
                                     struct gen_error *err) {
    const struct model_file *file = adapter->file;
    size_t n_found = 0;
    const struct arch *arch = arch_of(config);
    for (size_t i = 0; i < arch->n_tensors; i++) {
        const struct tensor_spec *spec = &arch->tensors[i];
        for (int32_t layer = 0; role_is_linear(spec->role) && layer < config->n_layer; layer++) {
            enum gen_status status = check_pair(adapter, spec, layer, config, &n_found, err);
            if (status != GEN_OK) {
                return status;
            }
        }
    }
    if (file->n_unread > 0) {
        struct error_quoted quoted;
        const struct unread_tensor *unread = &file->unread[0];
        return error_set(err, GEN_UNSUPPORTED, "%s: tensor %s %s", file->where.text,
                         error_quote(&quoted, unread->name, strlen(unread->name)), unread->why);
    }
    if (file->n_tensors == 0) {
        return error_set(err, GEN_BAD_FILE, "%s: has no tensors, so it adapts nothing",
                         file->where.text);
    }
    for (size_t i = 0; n_found < file->n_tensors && i < file->n_tensors; i++) {
        if (!is_known(&file->tensors[i], config)) {
            struct error_quoted quoted;
            const char *name = file->tensors[i].name;
            return error_set(err, GEN_BAD_FILE,
                             "%s: tensor %s is for no matrix of a layer of the model, which has "
                             "%d layers",
                             file->where.text, error_quote(&quoted, name, strlen(name)),
                             config->n_layer);
        }
    }
    return GEN_OK;
}

enum gen_status adapter_open(struct adapter **out, const char *path,
                             const struct gen_config *config, struct gen_error *err) {
    *out = NULL;
    struct adapter *adapter = memory_new(1, sizeof *adapter);
    if (adapter == NULL) {
        return error_no_memory(err, "an adapter");
    }
    enum gen_status status = model_file_begin(&adapter->file, path, err);
    if (status == GEN_OK && adapter->file->naming != NAMES_GGUF) {
        status = error_set(err, GEN_UNSUPPORTED,
                           "%s: is the directory of a model, but an adapter must be a GGUF file",
                           adapter->file->where.text);
    }
    if (status == GEN_OK) {
        status = check_keys(adapter, config, err);
    }
    if (status == GEN_OK) {
        status = check_tensors(adapter, config, err);
    }
    if (status != GEN_OK) {
        adapter_free(adapter);
        return status;
    }
    model_file_stop_reading(adapter->file);
    *out = adapter;
    return GEN_OK;
}

void adapter_free(struct adapter *adapter) {
    if (adapter != NULL) {
        model_file_free(adapter->file);
        memory_free(adapter);
    }
}

const struct model_file *adapter_file(const struct adapter *adapter) {
    return adapter->file;
}

bool adapter_is_file(const struct adapter *adapter, const char *path) {
    for (size_t i = 0; i < adapter->file->n_maps; i++) {
        if (file_map_is(&adapter->file->maps[i], path)) {
            return true;
        }
    }
    return false;
}

/* ---- adding ----------------------------------------------------------------------------------*/

bool adapter_find(struct adapter_pair *pair, const struct adapter *adapter,
                  const struct tensor_spec *spec, int32_t layer) {
    char name[ADAPTER_NAME_SIZE];
    adapter_tensor_name(name, spec, layer, false);
    *pair = (struct adapter_pair){.a = model_file_tensor(adapter->file, name)};
    if (pair->a == NULL) {
        return false;
    }
    adapter_tensor_name(name, spec, layer, true);
    pair->b = model_file_tensor(adapter->file, name);
    pair->n_in = (size_t)pair->a->dims[0];
    pair->rank = (size_t)pair->a->dims[1];
    pair->n_out = (size_t)pair->b->dims[1];
    pair->scale = adapter->alpha != 0.0f ? adapter->alpha / (float)pair->rank : 1.0f;
    return true;
}

/* Row `row` of a matrix whose rows have n numbers, widened. */
static void read_row(float *out, const struct file_tensor *tensor, size_t row, size_t n) {
    const struct tensor_type_info *info = tensor_type_info(tensor->type);
    info->to_f32(out, tensor->data + row * (n / info->block_size * info->block_bytes), n);
}

bool adapter_add(const struct adapter_pair *pair, float *rows, size_t first, size_t n) {
    float *a = memory_new(pair->n_in, sizeof *a);
    float *b = memory_new(pair->rank, n * sizeof *b); /* [n][rank] */
    bool good = a != NULL && b != NULL;
    for (size_t i = 0; good && i < n; i++) {
        read_row(b + i * pair->rank, pair->b, first + i, pair->rank);
    }
    for (size_t r = 0; good && r < pair->rank; r++) {
        read_row(a, pair->a, r, pair->n_in);
        for (size_t i = 0; i < n; i++) {
            float factor = pair->scale * b[i * pair->rank + r];
            for (size_t k = 0; k < pair->n_in; k++) {
                rows[i * pair->n_in + k] = fmaf(factor, a[k], rows[i * pair->n_in + k]);
            }
        }
    }
    memory_free(a);
    memory_free(b);
    return good;
}
