/**
 * tensors.c - a row of an architecture's table of tensors, and finding its tensor in a file: by
 * their names in GGUF and Hugging Face, with shapes checked, tied matrices under either name, and a
 * sentence for one that is missing or cannot be used. Their numbers are bound in model/weights.c.
 */
#include "arch/tensors.h"

#include <stdio.h>
#include <string.h>

#include "arch/arch.h"
#include "base/error.h"
#include "base/size.h"

const char *role_linear_name(enum tensor_role role) {
    static const char *const names[ROLE_N_LINEAR] = {"attn.c_attn", "attn.c_proj", "mlp.c_fc",
                                                     "mlp.c_proj"};
    return names[role_linear_index(role)];
}

const struct tensor_spec *tensor_spec_of(const struct gen_config *config, enum tensor_role role) {
    const struct tensor_spec *spec = arch_of(config)->tensors;
    while (spec->role != role) {
        spec++;
    }
    return spec;
}

bool tensor_spec_exists(const struct tensor_spec *spec, const struct gen_config *config) {
    return spec->role != ROLE_HEAD || !config->tie_word_embeddings;
}

int32_t tensor_spec_count(const struct tensor_spec *spec, const struct gen_config *config) {
    return spec->per_layer ? config->n_layer : 1;
}

static void fill_name(char out[TENSOR_NAME_SIZE], const char *pattern, int32_t layer) {
    const char *hash = strchr(pattern, '#');
    if (hash == NULL) {
        snprintf(out, TENSOR_NAME_SIZE, "%s", pattern);
    } else {
        snprintf(out, TENSOR_NAME_SIZE, "%.*s%d%s", (int)(hash - pattern), pattern, layer,
                 hash + 1);
    }
}

void tensor_spec_name(char out[TENSOR_NAME_SIZE], const struct tensor_spec *spec,
                      enum naming naming, int32_t layer) {
    fill_name(out, naming == NAMES_GGUF ? spec->gguf : spec->hf, layer);
}

/* The same for any of its parts. */
static void part_name(char out[TENSOR_NAME_SIZE], const struct tensor_spec *spec,
                      enum naming naming, int32_t layer, size_t part) {
    if (part == 0) {
        tensor_spec_name(out, spec, naming, layer);
    } else {
        fill_name(out, spec->hf_more[part - 1], layer);
    }
}

size_t tensor_spec_n_parts(const struct tensor_spec *spec, enum naming naming) {
    size_t n = 1;
    while (naming == NAMES_HF && n < TENSOR_MAX_PARTS && spec->hf_more[n - 1] != NULL) {
        n++;
    }
    return n;
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
                     const struct gen_config *config, bool conv1d_by_inputs) {
    uint64_t out = tensor_size_of(spec->out, config);
    uint64_t in = tensor_size_of(spec->in, config);
    bool vector = role_is_vector(spec->role);
    bool by_inputs = spec->conv1d && conv1d_by_inputs;
    dims[0] = vector || by_inputs ? out : in;
    dims[1] = vector ? 1 : by_inputs ? in : out;
    return vector ? 1 : 2;
}

static enum gen_status check_dims(const struct tensor_spec *spec, const struct file_tensor *tensor,
                                  const struct model_file *file, const struct gen_config *config,
                                  struct gen_error *err) {
    uint64_t dims[2];
    int n_dims = tensor_spec_dims(dims, spec, config, file->conv1d_by_inputs);
    dims[1] /= tensor_spec_n_parts(spec, file->naming);
    bool right = tensor->n_dims == n_dims && tensor->dims[0] == dims[0];
    if (right && (n_dims == 1 || tensor->dims[1] == dims[1])) {
        return GEN_OK;
    }
    /* Shapes are printed outermost first, as PyTorch does. */
    char expected[64];
    char found[128];
    if (n_dims == 1) {
        snprintf(expected, sizeof expected, "%llu", (unsigned long long)dims[0]);
    } else {
        snprintf(expected, sizeof expected, "%llu, %llu", (unsigned long long)dims[1],
                 (unsigned long long)dims[0]);
    }
    size_t length = 0;
    for (int i = tensor->n_dims - 1; i >= 0; i--) {
        length += (size_t)snprintf(found + length, sizeof found - length, "%s%llu",
                                   length > 0 ? ", " : "", (unsigned long long)tensor->dims[i]);
    }
    struct error_quoted quoted;
    return error_set(err, GEN_BAD_FILE,
                     "%s: tensor %s has the shape [%s], but must have [%s] by the configuration",
                     model_file_tensor_where(file, tensor),
                     error_quote(&quoted, tensor->name, strlen(tensor->name)), found, expected);
}

#define PREFIX "transformer."

/* The tensor of a bare name, in Hugging Face files with or without the prefix; NULL: none. */
static enum gen_status find_name(const struct file_tensor **out, const struct model_file *file,
                                 const char *bare, struct gen_error *err) {
    char prefixed[sizeof PREFIX + TENSOR_NAME_SIZE];
    snprintf(prefixed, sizeof prefixed, PREFIX "%s", bare);
    const struct file_tensor *plain = model_file_tensor(file, bare);
    const struct file_tensor *other =
        file->naming == NAMES_HF ? model_file_tensor(file, prefixed) : NULL;
    if (plain != NULL && other != NULL) {
        return error_set(err, GEN_BAD_FILE, "%s: has both %s and %s, but must have one of them",
                         model_file_tensors_where(file), bare, prefixed);
    }
    *out = plain != NULL ? plain : other;
    return GEN_OK;
}

/* One that is there, but cannot be used, or NULL. */
static const struct unread_tensor *find_unread(const struct model_file *file, const char *bare) {
    char prefixed[sizeof PREFIX + TENSOR_NAME_SIZE];
    snprintf(prefixed, sizeof prefixed, PREFIX "%s", bare);
    const struct unread_tensor *plain = model_file_unread(file, bare);
    return plain != NULL || file->naming != NAMES_HF ? plain : model_file_unread(file, prefixed);
}

static enum gen_status missing(const struct model_file *file, const char *bare,
                               const struct gen_config *config, struct gen_error *err) {
    const struct unread_tensor *unread = find_unread(file, bare);
    if (unread != NULL) {
        struct error_quoted quoted;
        return error_set(err, unread->is_listed ? GEN_UNSUPPORTED : GEN_BAD_FILE,
                         "%s: tensor %s %s",
                         unread->is_listed ? model_file_tensor_where(file, &unread->tensor)
                                           : model_file_tensors_where(file),
                         error_quote(&quoted, unread->name, strlen(unread->name)), unread->why);
    }
    return error_set(err, GEN_BAD_FILE, "%s: has no tensor %s, which a model of %d layers needs",
                     model_file_tensors_where(file), bare, config->n_layer);
}

/* Where the two are tied, a Hugging Face file may hold the one matrix under the name of either:
 * safetensors.torch.save_model() keeps the name that sorts first. */
static const char *name_of_tied(const struct tensor_spec *spec, const struct model_file *file,
                                const struct gen_config *config) {
    return spec->role == ROLE_TOKENS && config->tie_word_embeddings && file->naming == NAMES_HF
               ? "lm_head.weight"
               : NULL;
}

static enum gen_status find_part(const struct file_tensor **out, const struct tensor_spec *spec,
                                 int32_t layer, size_t part, const struct model_file *file,
                                 const struct gen_config *config, struct gen_error *err) {
    char bare[TENSOR_NAME_SIZE];
    part_name(bare, spec, file->naming, layer, part);
    const struct file_tensor *tensor = NULL;
    enum gen_status status = find_name(&tensor, file, bare, err);
    const char *tied = name_of_tied(spec, file, config);
    if (status == GEN_OK && tensor == NULL && tied != NULL && find_unread(file, bare) == NULL) {
        status = find_name(&tensor, file, tied, err);
    }
    if (status == GEN_OK && tensor == NULL) {
        status = missing(file, bare, config, err);
    }
    if (status != GEN_OK) {
        return status;
    }
    *out = tensor;
    return check_dims(spec, tensor, file, config, err);
}

enum gen_status tensor_spec_find(struct tensor_source *out, const struct tensor_spec *spec,
                                 int32_t layer, const struct model_file *file,
                                 const struct gen_config *config, struct gen_error *err) {
    *out = (struct tensor_source){.n_parts = tensor_spec_n_parts(spec, file->naming)};
    for (size_t i = 0; i < out->n_parts; i++) {
        const struct file_tensor *part = NULL;
        enum gen_status status = find_part(&part, spec, layer, i, file, config, err);
        if (status != GEN_OK || part == NULL) {
            return status;
        }
        out->parts[i] = part;
        const struct file_tensor *first = out->parts[0];
        if (part->type != first->type) {
            return error_set(err, GEN_BAD_FILE,
                             "%s: tensor %s is of type %s, but must be %s as %s, with which it "
                             "makes one matrix",
                             model_file_tensor_where(file, part), part->name,
                             tensor_type_info(part->type)->name,
                             tensor_type_info(first->type)->name, first->name);
        }
    }
    return GEN_OK;
}

enum gen_status tensor_table_narrow(struct model_file *file, const struct gen_config *config,
                                    struct gen_error *err) {
    const struct arch *arch = arch_of(config);
    enum gen_status status = GEN_OK;
    for (size_t i = 0; file->n_unread > 0 && i < arch->n_tensors; i++) {
        const struct tensor_spec *spec = &arch->tensors[i];
        size_t n_parts = tensor_spec_n_parts(spec, file->naming);
        size_t n = (size_t)tensor_spec_count(spec, config) * n_parts;
        for (size_t j = 0; j < n && status == GEN_OK; j++) {
            char name[sizeof PREFIX + TENSOR_NAME_SIZE] = PREFIX;
            part_name(name + strlen(PREFIX), spec, file->naming, (int32_t)(j / n_parts),
                      j % n_parts);
            status = model_file_narrow(file, name + strlen(PREFIX), err);
            if (status == GEN_OK) {
                status = model_file_narrow(file, name, err);
            }
        }
    }
    return status;
}

/* Whether two tensors of one shape hold the same numbers. */
static bool same_numbers(const struct file_tensor *a, const struct file_tensor *b) {
    if (a->type == b->type) {
        return a->data == b->data || memcmp(a->data, b->data, a->size) == 0;
    }
    enum { RUN = 1024 };
    float left[RUN], right[RUN];
    const struct tensor_type_info *from_a = tensor_type_info(a->type);
    const struct tensor_type_info *from_b = tensor_type_info(b->type);
    size_t n = a->size / from_a->block_bytes;
    for (size_t i = 0; i < n; i += RUN) {
        size_t run = size_min(n - i, RUN);
        from_a->to_f32(left, a->data + i * from_a->block_bytes, run);
        from_b->to_f32(right, b->data + i * from_b->block_bytes, run);
        if (memcmp(left, right, run * sizeof *left) != 0) {
            return false;
        }
    }
    return true;
}

enum gen_status tensor_table_untie(struct gen_config *config, struct model_file *file,
                                   struct gen_error *err) {
    const struct tensor_spec *wte = tensor_spec_of(config, ROLE_TOKENS);
    const struct tensor_spec *lm_head = tensor_spec_of(config, ROLE_HEAD);
    const struct file_tensor *embedding = NULL, *head = NULL;
    if (file->naming != NAMES_HF || !config->tie_word_embeddings) {
        return GEN_OK;
    }
    enum gen_status status = find_name(&embedding, file, wte->hf, err);
    if (status == GEN_OK) {
        status = find_name(&head, file, lm_head->hf, err);
    }
    if (status != GEN_OK || embedding == NULL || head == NULL) {
        return status;
    }
    if ((status = check_dims(wte, embedding, file, config, err)) != GEN_OK ||
        (status = check_dims(lm_head, head, file, config, err)) != GEN_OK ||
        same_numbers(embedding, head)) {
        return status;
    }
    config->tie_word_embeddings = false;
    return model_file_add_note(file, false, err,
                               "%s: %s has other numbers than %s, though the configuration ties "
                               "them: both are used as the file has them",
                               model_file_tensor_where(file, head), head->name, embedding->name);
}
