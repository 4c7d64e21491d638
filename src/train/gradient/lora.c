/**
 * lora.c - adapters of low rank: which matrices get a pair, their first numbers, views of them, and
 * the GGUF they are written to. linear.c computes with them; merging one is model/adapter.c's.
 */
#include "train/gradient/lora.h"

#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/rng.h"
#include "base/size.h"
#include "model/adapter.h"
#include "model/metadata.h"

/* ---- the plan --------------------------------------------------------------------------------*/

static void add_tensor(struct params *params, const struct tensor_spec *spec, int32_t layer,
                       size_t n_in, size_t n_out, size_t n_parts) {
    size_t columns = size_round_up(n_out, MATRIX_PANEL);
    params->tensors[params->n_tensors++] = (struct param_tensor){.spec = spec,
                                                                 .layer = layer,
                                                                 .panels = true,
                                                                 .n_in = n_in,
                                                                 .n_out = n_out,
                                                                 .n_parts = n_parts,
                                                                 .offset = params->n_values,
                                                                 .n = n_in * columns};
    params->n_values += n_in * columns;
    params->n_parameters += (uint64_t)n_in * n_out;
}

static void plan(struct lora *lora) {
    struct params *params = &lora->params;
    size_t rank = (size_t)lora->options.rank;
    for (int32_t layer = 0; layer < params->config.n_layer; layer++) {
        for (size_t linear = 0; linear < ROLE_N_LINEAR; linear++) {
            if (lora->options.targets[linear]) {
                const struct tensor_spec *spec =
                    tensor_spec_of(&params->config, (enum tensor_role)(ROLE_QKV + linear));
                size_t n_in = (size_t)tensor_size_of(spec->in, &params->config);
                size_t n_out = (size_t)tensor_size_of(spec->out, &params->config);
                add_tensor(params, spec, layer, n_in, rank, 1);
                add_tensor(params, spec, layer, rank, n_out, role_parts(spec->role));
            }
        }
    }
}

enum gen_status lora_init(struct lora *lora, const struct gen_config *config,
                          const struct lora_options *options, struct gen_error *err) {
    *lora = (struct lora){.options = *options,
                          .scale = options->alpha / (float)options->rank,
                          .params = {.config = *config}};
    struct params *params = &lora->params;
    params->tensors =
        memory_new(2 * ROLE_N_LINEAR * (size_t)config->n_layer, sizeof *params->tensors);
    if (params->tensors != NULL) {
        plan(lora);
        params->values = params_new_array(params);
    }
    if (params->values != NULL) {
        lora->pairs = lora_view(lora, params->values);
    }
    if (lora->pairs == NULL) {
        lora_release(lora);
        return error_no_memory(err, "adapters");
    }
    return GEN_OK;
}

void lora_release(struct lora *lora) {
    memory_free(lora->pairs);
    params_release(&lora->params);
    *lora = (struct lora){0};
}

struct lora_pair *lora_view(const struct lora *lora, const float *array) {
    const struct param_tensor *tensor = lora->params.tensors;
    struct lora_pair *pairs =
        memory_new(ROLE_N_LINEAR * (size_t)lora->params.config.n_layer, sizeof *pairs);
    if (pairs == NULL) {
        return NULL;
    }
    for (int32_t layer = 0; layer < lora->params.config.n_layer; layer++) {
        for (size_t linear = 0; linear < ROLE_N_LINEAR; linear++) {
            if (lora->options.targets[linear]) {
                struct lora_pair *pair = &pairs[(size_t)layer * ROLE_N_LINEAR + linear];
                pair->a = params_matrix(tensor++, array);
                pair->b = params_matrix(tensor++, array);
            }
        }
    }
    return pairs;
}

void lora_randomize(struct lora *lora, uint64_t seed) {
    struct params *params = &lora->params;
    for (size_t i = 0; i < params->n_tensors; i += 2) {
        const struct param_tensor *a = &params->tensors[i];
        float bound = 1.0f / sqrtf((float)a->n_in);
        struct rng rng;
        rng_init_sequence(&rng, seed, i, 2);
        for (size_t out = 0; out < a->n_out; out++) {
            for (size_t in = 0; in < a->n_in; in++) {
                params->values[params_index(a, in, out)] = (2.0f * rng_float(&rng) - 1.0f) * bound;
            }
        }
    }
}

/* ---- writing ---------------------------------------------------------------------------------*/

static enum gen_status announce(struct gguf_writer *writer, const struct lora *lora,
                                struct gen_error *err) {
    enum gen_status status =
        adapter_settings_write(writer, &lora->params.config, lora->options.alpha, err);
    for (size_t i = 0; i < lora->params.n_tensors && status == GEN_OK; i++) {
        const struct param_tensor *tensor = &lora->params.tensors[i];
        char name[ADAPTER_NAME_SIZE];
        adapter_tensor_name(name, tensor->spec, tensor->layer, i % 2 == 1);
        const uint64_t dims[2] = {tensor->n_in, tensor->n_out};
        status = gguf_writer_tensor(writer, name, TENSOR_F32, 2, dims, err);
    }
    return status;
}

enum gen_status lora_write(const char *path, const struct lora *lora,
                           const struct model_file *source, struct gen_error *err) {
    struct gguf_writer *writer;
    enum gen_status status = gguf_writer_new(&writer, path, err);
    if (status == GEN_OK) {
        status = announce(writer, lora, err);
    }
    if (status == GEN_OK && source != NULL) {
        status = metadata_carry(writer, source, METADATA_ADAPTER, err);
    }
    for (size_t i = 0; i < lora->params.n_tensors && status == GEN_OK; i++) {
        status = params_write(writer, &lora->params, &lora->params.tensors[i], err);
    }
    if (status == GEN_OK) {
        status = gguf_writer_commit(writer, err);
    }
    gguf_writer_free(writer);
    return status;
}
