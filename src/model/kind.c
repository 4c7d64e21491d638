/**
 * kind.c - what a GGUF file is, and what can be told of an adapter without the model that it is
 * for. Whether it fits a model is adapter.c's affair.
 */
#include "model/kind.h"

#include <stdio.h>
#include <string.h>

#include "arch/arch.h"

enum gen_kind kind_of(const struct model_file *file) {
    const char *type = "model";
    size_t n = strlen(type);
    if (file->naming != NAMES_GGUF) {
        return GEN_KIND_MODEL;
    }
    model_file_get_string(file, "general.type", &type, &n, NULL);
    if (n == strlen("adapter") && memcmp(type, "adapter", n) == 0) {
        return GEN_KIND_ADAPTER;
    }
    bool lists_tokens = model_file_setting(file, "tokenizer.ggml.tokens") != NULL;
    return file->n_tensors == 0 && lists_tokens ? GEN_KIND_VOCABULARY : GEN_KIND_MODEL;
}

/* The layer of a tensor named as the pattern, "#" in its place, with `ending` after that; -1 if
 * it is not named so. */
static int32_t layer_of(const char *name, const char *pattern, const char *ending) {
    size_t n = strcspn(pattern, "#");
    size_t digits = strncmp(name, pattern, n) == 0 ? strspn(name + n, "0123456789") : 0;
    if (digits == 0 || digits > 5) {
        return -1;
    }
    const char *rest = pattern + n + 1;
    if (strncmp(name + n + digits, rest, strlen(rest)) != 0 ||
        strcmp(name + n + digits + strlen(rest), ending) != 0) {
        return -1;
    }
    int32_t layer = 0;
    for (size_t i = 0; i < digits; i++) {
        layer = layer * 10 + (name[n + i] - '0');
    }
    return layer;
}

static void add_target(struct gen_adapter *adapter, const char *name) {
    size_t n = strlen(adapter->targets);
    snprintf(adapter->targets + n, sizeof adapter->targets - n, "%s%s", n > 0 ? "," : "", name);
}

static void look_at(struct gen_adapter *adapter, const struct tensor_spec *spec,
                    const struct file_tensor *tensor, bool *found) {
    int32_t layer = layer_of(tensor->name, spec->gguf, ".lora_a");
    if (layer < 0 || tensor->n_dims != 2 || tensor->dims[1] > INT32_MAX ||
        tensor->dims[0] > INT32_MAX) {
        return;
    }
    int32_t rank = (int32_t)tensor->dims[1];
    *found = true;
    adapter->n_matrices++;
    adapter->rank = rank > adapter->rank ? rank : adapter->rank;
    adapter->n_layer = layer >= adapter->n_layer ? layer + 1 : adapter->n_layer;
    if (spec->in == SIZE_EMBD) {
        adapter->n_embd = (int32_t)tensor->dims[0];
    }
}

/* That for which an adapter says it is; one that nobody knows has perhaps the names of GPT-2. */
static const struct arch *arch_in(const struct model_file *file) {
    const char *name = "";
    size_t n = 0;
    model_file_get_string(file, "general.architecture", &name, &n, NULL);
    const struct arch *arch = arch_find(name, n);
    return arch != NULL ? arch : arch_of(&(const struct gen_config){0});
}

struct gen_adapter kind_adapter(const struct model_file *file) {
    struct gen_adapter adapter = {0};
    const struct arch *arch = arch_in(file);
    double alpha = 0;
    model_file_get_float(file, "adapter.lora.alpha", -1e6, 1e6, &alpha, NULL);
    adapter.alpha = (float)alpha;
    for (size_t i = 0; i < arch->n_tensors; i++) {
        const struct tensor_spec *spec = &arch->tensors[i];
        bool found = false;
        for (size_t t = 0; role_is_linear(spec->role) && t < file->n_tensors; t++) {
            look_at(&adapter, spec, &file->tensors[t], &found);
        }
        if (found) {
            add_target(&adapter, role_linear_name(spec->role));
        }
    }
    return adapter;
}
