/**
 * describe.c - what gen_model_*() tells of a model file, for `gen inspect`: metadata as strings,
 * tensors with their types and shapes, format and sizes. Nothing here is computed with.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "model/model.h"

/* Longer strings are shown by their beginning. */
#define MAX_STRING 200

static const char *type_name(enum setting_type type) {
    switch (type) {
    case SETTING_STRING:
        return "strings";
    case SETTING_F32:
    case SETTING_F64:
        return "floats";
    case SETTING_BOOL:
        return "bools";
    case SETTING_ARRAY:
        return "arrays";
    case SETTING_OBJECT:
        return "objects";
    case SETTING_NULL:
        return "values";
    case SETTING_U8:
    case SETTING_I8:
    case SETTING_U16:
    case SETTING_I16:
    case SETTING_U32:
    case SETTING_I32:
    case SETTING_U64:
    case SETTING_I64:
    default:
        return "integers";
    }
}

static char *describe_string(const char *text, size_t n) {
    struct gen_bytes out = {0};
    size_t shown = size_min(n, MAX_STRING);
    while (shown < n && shown > 0 && ((unsigned char)text[shown] & 0xc0) == 0x80) {
        shown--; /* end at a whole character */
    }
    bool cut = shown < n;
    if (gen_bytes_append(&out, text, shown) != GEN_OK ||
        gen_bytes_append(&out, "...", cut ? 3 : 0) != GEN_OK ||
        gen_bytes_append(&out, "", 1) != GEN_OK) {
        gen_bytes_release(&out);
        return NULL;
    }
    return out.data;
}

/* The fewest digits that read back as the same number. */
static void describe_float(char *text, size_t size, const struct setting *setting) {
    double value = setting->value.f;
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, size, "%.*g", digits, value);
        double back = strtod(text, NULL);
        if (back == value || (setting->type == SETTING_F32 && (float)back == (float)value)) {
            return;
        }
    }
}

static char *describe(const struct setting *setting) {
    char text[64];
    switch (setting->type) {
    case SETTING_STRING:
        return describe_string(setting->value.string.text, setting->value.string.n);
    case SETTING_F32:
    case SETTING_F64:
        describe_float(text, sizeof text, setting);
        break;
    case SETTING_BOOL:
        snprintf(text, sizeof text, "%s", setting->value.u != 0 ? "true" : "false");
        break;
    case SETTING_I8:
    case SETTING_I16:
    case SETTING_I32:
    case SETTING_I64:
        snprintf(text, sizeof text, "%" PRId64, setting->value.i);
        break;
    case SETTING_ARRAY:
        snprintf(text, sizeof text, "[%" PRIu64 " %s]", setting->value.array.n,
                 type_name(setting->element_type));
        break;
    case SETTING_NULL:
        snprintf(text, sizeof text, "null");
        break;
    case SETTING_OBJECT:
        snprintf(text, sizeof text, "{...}");
        break;
    case SETTING_U8:
    case SETTING_U16:
    case SETTING_U32:
    case SETTING_U64:
    default:
        snprintf(text, sizeof text, "%" PRIu64, setting->value.u);
        break;
    }
    return memory_copy_string(text, strlen(text));
}

bool describe_settings(struct gen_model *model) {
    size_t n = model->source->n_settings;
    model->setting_texts = memory_new(n, sizeof *model->setting_texts);
    if (model->setting_texts == NULL) {
        return false;
    }
    model->n_setting_texts = n;
    for (size_t i = 0; i < n; i++) {
        model->setting_texts[i] = describe(&model->source->settings[i]);
        if (model->setting_texts[i] == NULL) {
            return false;
        }
    }
    return true;
}

size_t gen_model_n_metadata(const struct gen_model *model) {
    return model->n_setting_texts;
}

struct gen_metadata gen_model_metadata(const struct gen_model *model, size_t i) {
    return (struct gen_metadata){model->source->settings[i].key, model->setting_texts[i]};
}

size_t gen_model_n_tensors(const struct gen_model *model) {
    return model->source != NULL ? model->source->n_tensors : 0;
}

struct gen_tensor_info gen_model_tensor(const struct gen_model *model, size_t i) {
    const struct file_tensor *tensor = &model->source->tensors[i];
    struct gen_tensor_info info = {.name = tensor->name,
                                   .type = tensor_type_info(tensor->type)->name,
                                   .n_dims = tensor->n_dims,
                                   .size = tensor->size};
    /* One that was made F32 is told as it is in the file. */
    const struct unread_tensor *wide = model_file_unread(model->source, tensor->name);
    if (wide != NULL && wide->values != NULL) {
        info.type = "F64";
        info.size = wide->tensor.size;
    }
    for (int d = 0; d < tensor->n_dims; d++) {
        info.dims[d] = tensor->dims[tensor->n_dims - 1 - d];
    }
    return info;
}

const char *gen_model_format(const struct gen_model *model) {
    return model->source != NULL ? model->source->format : "gguf v3"; /* as it will be written */
}

uint64_t gen_model_file_size(const struct gen_model *model) {
    uint64_t size = 0;
    for (size_t i = 0; model->source != NULL && i < model->source->n_maps; i++) {
        size += model->source->maps[i].size;
    }
    return size;
}

uint64_t gen_model_n_parameters(const struct gen_model *model) {
    return model->weights.n_parameters;
}
