#include "model/tensor_table.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "model/weights.h"

#define ONCE(field) .offset = offsetof(struct weights, field)
#define EACH(field) .per_layer = true, .offset = offsetof(struct layer_weights, field)

/* In the order in which gen writes them. */
const struct tensor_spec tensor_table[] = {
    {"wte.weight", "token_embd.weight", SIZE_VOCAB, SIZE_EMBD, ONCE(wte)},
    {"wpe.weight", "position_embd.weight", SIZE_CTX, SIZE_EMBD, ONCE(wpe)},
    {"h.#.ln_1.weight", "blk.#.attn_norm.weight", SIZE_EMBD, SIZE_NONE, EACH(ln_1_weight)},
    {"h.#.ln_1.bias", "blk.#.attn_norm.bias", SIZE_EMBD, SIZE_NONE, EACH(ln_1_bias)},
    {"h.#.attn.c_attn.weight", "blk.#.attn_qkv.weight", SIZE_QKV, SIZE_EMBD, .conv1d = true,
     EACH(attn_c_attn)},
    {"h.#.attn.c_attn.bias", "blk.#.attn_qkv.bias", SIZE_QKV, SIZE_NONE, EACH(attn_c_attn_bias)},
    {"h.#.attn.c_proj.weight", "blk.#.attn_output.weight", SIZE_EMBD, SIZE_EMBD, .conv1d = true,
     EACH(attn_c_proj)},
    {"h.#.attn.c_proj.bias", "blk.#.attn_output.bias", SIZE_EMBD, SIZE_NONE,
     EACH(attn_c_proj_bias)},
    {"h.#.ln_2.weight", "blk.#.ffn_norm.weight", SIZE_EMBD, SIZE_NONE, EACH(ln_2_weight)},
    {"h.#.ln_2.bias", "blk.#.ffn_norm.bias", SIZE_EMBD, SIZE_NONE, EACH(ln_2_bias)},
    {"h.#.mlp.c_fc.weight", "blk.#.ffn_up.weight", SIZE_INNER, SIZE_EMBD, .conv1d = true,
     EACH(mlp_c_fc)},
    {"h.#.mlp.c_fc.bias", "blk.#.ffn_up.bias", SIZE_INNER, SIZE_NONE, EACH(mlp_c_fc_bias)},
    {"h.#.mlp.c_proj.weight", "blk.#.ffn_down.weight", SIZE_EMBD, SIZE_INNER, .conv1d = true,
     EACH(mlp_c_proj)},
    {"h.#.mlp.c_proj.bias", "blk.#.ffn_down.bias", SIZE_EMBD, SIZE_NONE, EACH(mlp_c_proj_bias)},
    {"ln_f.weight", "output_norm.weight", SIZE_EMBD, SIZE_NONE, ONCE(ln_f_weight)},
    {"ln_f.bias", "output_norm.bias", SIZE_EMBD, SIZE_NONE, ONCE(ln_f_bias)},
    {"lm_head.weight", "output.weight", SIZE_VOCAB, SIZE_EMBD, ONCE(lm_head)},
};
const size_t tensor_table_size = sizeof tensor_table / sizeof *tensor_table;

static bool is_lm_head(const struct tensor_spec *spec) {
    return !spec->per_layer && spec->offset == offsetof(struct weights, lm_head);
}

bool tensor_spec_is_wanted(const struct tensor_spec *spec, const struct gen_config *config) {
    return !is_lm_head(spec) || !config->tie_word_embeddings;
}

int32_t tensor_spec_count(const struct tensor_spec *spec, const struct gen_config *config) {
    return spec->per_layer ? config->n_layer : 1;
}

void tensor_spec_name(char out[TENSOR_NAME_SIZE], const struct tensor_spec *spec,
                      enum model_file_kind kind, int32_t layer) {
    const char *pattern = kind == MODEL_FILE_GGUF ? spec->gguf : spec->hf;
    const char *hash = strchr(pattern, '#');
    if (hash == NULL) {
        snprintf(out, TENSOR_NAME_SIZE, "%s", pattern);
    } else {
        snprintf(out, TENSOR_NAME_SIZE, "%.*s%d%s", (int)(hash - pattern), pattern, layer,
                 hash + 1);
    }
}

uint64_t tensor_size_of(enum tensor_size size, const struct gen_config *config) {
    switch (size) {
    case SIZE_VOCAB:
        return (uint64_t)config->n_vocab;
    case SIZE_CTX:
        return (uint64_t)config->n_ctx;
    case SIZE_EMBD:
        return (uint64_t)config->n_embd;
    case SIZE_QKV:
        return 3 * (uint64_t)config->n_embd;
    case SIZE_INNER:
        return (uint64_t)config->n_inner;
    case SIZE_NONE:
    default:
        return 1;
    }
}

int tensor_spec_dims(uint64_t dims[2], const struct tensor_spec *spec,
                     const struct gen_config *config, enum model_file_kind kind) {
    uint64_t out = tensor_size_of(spec->out, config);
    uint64_t in = tensor_size_of(spec->in, config);
    bool vector = spec->in == SIZE_NONE;
    bool by_inputs = spec->conv1d && kind == MODEL_FILE_HF;
    dims[0] = vector || by_inputs ? out : in;
    dims[1] = vector ? 1 : by_inputs ? in : out;
    return vector ? 1 : 2;
}

static enum gen_status check_dims(const struct tensor_spec *spec, const struct file_tensor *tensor,
                                  const struct model_file *file, const struct gen_config *config,
                                  struct gen_error *err) {
    uint64_t dims[2];
    int n_dims = tensor_spec_dims(dims, spec, config, file->kind);
    bool right = tensor->n_dims == n_dims && tensor->dims[0] == dims[0];
    if (right && (n_dims == 1 || tensor->dims[1] == dims[1])) {
        return GEN_OK;
    }
    /* Shapes are printed outermost first, as PyTorch does. */
    char wanted[64];
    char found[128];
    if (n_dims == 1) {
        snprintf(wanted, sizeof wanted, "%llu", (unsigned long long)dims[0]);
    } else {
        snprintf(wanted, sizeof wanted, "%llu, %llu", (unsigned long long)dims[1],
                 (unsigned long long)dims[0]);
    }
    size_t length = 0;
    for (int i = tensor->n_dims - 1; i >= 0; i--) {
        length += (size_t)snprintf(found + length, sizeof found - length, "%s%llu",
                                   length > 0 ? ", " : "", (unsigned long long)tensor->dims[i]);
    }
    struct error_quoted quoted;
    return error_set(
        err, GEN_BAD_FILE, "%s: tensor %s has the shape [%s], but the configuration wants [%s]",
        file->where.text, error_quote(&quoted, tensor->name, strlen(tensor->name)), found, wanted);
}

enum gen_status tensor_spec_find(const struct file_tensor **out, const struct tensor_spec *spec,
                                 int32_t layer, const struct model_file *file,
                                 const struct gen_config *config, struct gen_error *err) {
    static const char prefix[] = "transformer.";
    char name[sizeof prefix + TENSOR_NAME_SIZE];
    memcpy(name, prefix, sizeof prefix);
    char *bare = name + strlen(prefix);
    tensor_spec_name(bare, spec, file->kind, layer);
    const struct file_tensor *tensor = model_file_tensor(file, bare);
    const struct file_tensor *prefixed =
        file->kind == MODEL_FILE_HF ? model_file_tensor(file, name) : NULL;
    if (tensor != NULL && prefixed != NULL) {
        return error_set(err, GEN_BAD_FILE, "%s: has both %s and %s, one of them is wanted",
                         file->where.text, bare, name);
    }
    tensor = tensor != NULL ? tensor : prefixed;
    if (tensor == NULL) {
        return error_set(err, GEN_BAD_FILE,
                         "%s: has no tensor %s, which a model of %d layers needs", file->where.text,
                         bare, config->n_layer);
    }
    *out = tensor;
    return check_dims(spec, tensor, file, config, err);
}
