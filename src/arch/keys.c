/**
 * keys.c - a row of an architecture's table of settings: reading, writing, implying, showing it.
 * What several settings must fulfil together is checked in config.c.
 */
#include "arch/keys.h"

#include <string.h>

#include "arch/arch.h"
#include "base/error.h"
#include "base/field.h"
#include "base/size.h"

struct activation_name {
    const char *name;
    enum gen_activation activation;
};

/* The first name of each activation is the one written into files and shown. Others are the same
 * function by its formula, computed along another way in transformers. */
static const struct activation_name activations[] = {
    {"gelu_new", GEN_GELU_NEW},
    {"gelu_pytorch_tanh", GEN_GELU_NEW},
    {"gelu_python_tanh", GEN_GELU_NEW},
    {"gelu_fast", GEN_GELU_NEW},
    {"gelu_accurate", GEN_GELU_NEW},
    {"gelu", GEN_GELU},
    {"gelu_python", GEN_GELU},
    {"relu", GEN_RELU},
    {"silu", GEN_SILU},
    {"swish", GEN_SILU},
    {"quick_gelu", GEN_QUICK_GELU},
};
#define N_ACTIVATIONS N_OF(activations)

const char *gen_activation_name(enum gen_activation activation) {
    for (size_t i = 0; i < N_ACTIVATIONS; i++) {
        if (activations[i].activation == activation) {
            return activations[i].name;
        }
    }
    return "?";
}

static enum gen_status read_activation(enum gen_activation *out, const struct model_file *file,
                                       const char *key, struct gen_error *err) {
    const char *name = NULL;
    size_t n = 0;
    enum gen_status status = model_file_get_string(file, key, &name, &n, err);
    if (status != GEN_OK || name == NULL) {
        return status;
    }
    for (size_t i = 0; i < N_ACTIVATIONS; i++) {
        if (strlen(activations[i].name) == n && memcmp(activations[i].name, name, n) == 0) {
            *out = activations[i].activation;
            return GEN_OK;
        }
    }
    struct error_quoted quoted;
    return error_set(err, GEN_UNSUPPORTED,
                     "%s: %s is \"%s\", which gen does not compute; it does gelu_new (also as "
                     "gelu_pytorch_tanh, gelu_python_tanh, gelu_fast, gelu_accurate), gelu "
                     "(gelu_python), relu, silu (swish) and quick_gelu",
                     model_file_settings_where(file), key, error_quote(&quoted, name, n));
}

/* An integer setting under any of two names, which must not contradict each other. */
static enum gen_status read_size(int32_t *out, const struct model_file *file, const char *key,
                                 const char *other_key, int64_t high, struct gen_error *err) {
    int64_t value = -1;
    int64_t other = -1;
    enum gen_status status = model_file_get_int(file, key, 1, high, &value, err);
    if (status == GEN_OK && other_key != NULL) {
        status = model_file_get_int(file, other_key, 1, high, &other, err);
    }
    if (status != GEN_OK) {
        return status;
    }
    if (value != -1 && other != -1 && value != other) {
        return error_set(err, GEN_BAD_FILE, "%s: %s is %lld but %s is %lld, they mean the same",
                         model_file_settings_where(file), key, (long long)value, other_key,
                         (long long)other);
    }
    value = value != -1 ? value : other;
    if (value != -1) {
        *out = (int32_t)value;
    }
    return GEN_OK;
}

/* One id, or a list that the reader has checked: the first that the model can produce. One that is
 * null or lies outside the vocabulary never occurs. */
static enum gen_status read_hf_token(int32_t *out, const struct config_key *key,
                                     const struct gen_config *config, const struct model_file *file,
                                     struct gen_error *err) {
    const struct setting *setting = model_file_setting(file, key->hf);
    int64_t id = (int64_t)key->implied;
    enum gen_status status = GEN_OK;
    if (setting != NULL && setting->type == SETTING_NULL) {
        id = -1;
    } else if (setting != NULL && setting->type == SETTING_ARRAY &&
               key->offset == CONFIG_MEMBER(eos_token_id)) {
        id = -1;
        for (size_t i = file->eos_ids.n; i-- > 0;) {
            id = file->eos_ids.data[i] < config->n_vocab ? file->eos_ids.data[i] : id;
        }
    } else {
        status = model_file_get_int(file, key->hf, -1, key->high, &id, err);
    }
    *out = id < config->n_vocab ? (int32_t)id : -1;
    return status;
}

static enum gen_status read_gguf_token(int32_t *out, const struct config_key *key,
                                       const struct gen_config *config,
                                       const struct model_file *file, struct gen_error *err) {
    int64_t id = -1;
    enum gen_status status = model_file_get_int(file, key->gguf, 0, config->n_vocab - 1, &id, err);
    *out = (int32_t)id;
    return status;
}

/* A bool for each layer, whose number has been read. */
static enum gen_status read_layers(uint64_t *out, const struct config_key *key,
                                   const struct gen_config *config, const struct model_file *file,
                                   struct gen_error *err) {
    const struct setting *setting = model_file_setting(file, key->gguf);
    if (setting == NULL) {
        return GEN_OK;
    }
    if (setting->type != SETTING_ARRAY || setting->element_type != SETTING_BOOL ||
        setting->value.array.n != (uint64_t)config->n_layer) {
        return error_set(err, GEN_BAD_FILE,
                         "%s: %s must be an array of bools, one for each of the %d layers",
                         model_file_settings_where(file), key->gguf, config->n_layer);
    }
    *out = 0;
    for (int32_t layer = 0; layer < config->n_layer; layer++) {
        bool set = setting->value.array.data[layer] != 0;
        if (set && layer >= GEN_MAX_LOCAL_LAYERS) {
            return error_set(err, GEN_UNSUPPORTED,
                             "%s: %s is true for layer %d, but must be false from layer %d on",
                             model_file_settings_where(file), key->gguf, layer,
                             GEN_MAX_LOCAL_LAYERS);
        }
        *out |= set ? (uint64_t)1 << layer : 0;
    }
    return GEN_OK;
}

static enum gen_status write_layers(struct gguf_writer *writer, const struct config_key *key,
                                    const struct gen_config *config, struct gen_error *err) {
    bool flags[CONFIG_MAX_LAYER];
    const uint64_t *layers = field_at_const(config, key->offset);
    for (int32_t layer = 0; layer < config->n_layer; layer++) {
        flags[layer] = layer < GEN_MAX_LOCAL_LAYERS && (*layers >> layer & 1) != 0;
    }
    return gguf_writer_bool_array(writer, key->gguf, flags, (size_t)config->n_layer, err);
}

/* Whether no bit is one of a layer that the model has not. */
static bool layers_are_sound(uint64_t layers, int32_t n_layer) {
    return n_layer >= GEN_MAX_LOCAL_LAYERS || layers >> n_layer == 0;
}

/* ---- rows of the table -----------------------------------------------------------------------*/

/* Its value as a number. */
static double value_of(const struct config_key *key, const struct gen_config *config) {
    const void *member = field_at_const(config, key->offset);
    switch (key->kind) {
    case KEY_SIZE:
    case KEY_TOKEN:
        return *(const int32_t *)member;
    case KEY_FRACTION:
        return (double)*(const float *)member;
    case KEY_FLAG:
        return *(const bool *)member;
    case KEY_LAYERS:
        return (double)*(const uint64_t *)member; /* 0 for none */
    case KEY_ACTIVATION:
    default:
        return *(const enum gen_activation *)member;
    }
}

bool config_key_is_own(const struct config_key *key) {
    return key->gguf != NULL && strncmp(key->gguf, "gen.", 4) == 0;
}

bool config_key_is_required(const struct config_key *key, const char *arch) {
    size_t n = strlen(arch);
    return key->gguf != NULL && strncmp(key->gguf, arch, n) == 0 && key->gguf[n] == '.';
}

void config_key_imply(const struct config_key *key, struct gen_config *config) {
    void *member = field_at(config, key->offset);
    switch (key->kind) {
    case KEY_SIZE:
    case KEY_TOKEN:
        *(int32_t *)member = (int32_t)key->implied;
        break;
    case KEY_FRACTION:
        *(float *)member = (float)key->implied;
        break;
    case KEY_FLAG:
        *(bool *)member = key->implied != 0;
        break;
    case KEY_LAYERS:
        *(uint64_t *)member = 0;
        break;
    case KEY_ACTIVATION:
    default:
        *(enum gen_activation *)member = (enum gen_activation)key->implied;
        break;
    }
}

bool config_key_is_implied(const struct config_key *key, const struct gen_config *config) {
    return value_of(key, config) == key->implied;
}

bool config_key_is_same(const struct config_key *key, const struct gen_config *a,
                        const struct gen_config *b) {
    return key->kind == KEY_LAYERS ? *(const uint64_t *)field_at_const(a, key->offset) ==
                                         *(const uint64_t *)field_at_const(b, key->offset)
                                   : value_of(key, a) == value_of(key, b);
}

enum gen_status config_key_read(const struct config_key *key, struct gen_config *config,
                                const struct model_file *file, struct gen_error *err) {
    bool hf = file->naming == NAMES_HF;
    const char *name = hf ? key->hf : key->gguf;
    void *member = field_at(config, key->offset);
    enum gen_status status = GEN_OK;
    if (key->kind == KEY_TOKEN) {
        return hf ? read_hf_token(member, key, config, file, err)
                  : read_gguf_token(member, key, config, file, err);
    }
    if (name == NULL || (hf && key->hf_may_be_null && model_file_is_null(file, name))) {
        return GEN_OK;
    }
    switch (key->kind) {
    case KEY_SIZE:
        return read_size(member, file, name, hf ? key->hf_alias : NULL, key->high, err);
    case KEY_FRACTION: {
        double value = (double)*(float *)member;
        status = model_file_get_float(file, name, 0, (double)key->high, &value, err);
        *(float *)member = (float)value;
        return status;
    }
    case KEY_FLAG:
        return model_file_get_bool(file, name, member, err);
    case KEY_LAYERS:
        return read_layers(member, key, config, file, err);
    case KEY_ACTIVATION:
    default:
        return read_activation(member, file, name, err);
    }
}

enum gen_status config_key_write(const struct config_key *key, const struct gen_config *config,
                                 struct gguf_writer *writer, struct gen_error *err) {
    switch (key->kind) {
    case KEY_SIZE:
    case KEY_TOKEN:
        return gguf_writer_u32(writer, key->gguf, (uint32_t)value_of(key, config), err);
    case KEY_FRACTION:
        return gguf_writer_f32(writer, key->gguf, (float)value_of(key, config), err);
    case KEY_FLAG:
        return gguf_writer_bool(writer, key->gguf, value_of(key, config) != 0, err);
    case KEY_LAYERS:
        return write_layers(writer, key, config, err);
    case KEY_ACTIVATION:
    default: {
        const char *name = gen_activation_name((enum gen_activation)value_of(key, config));
        return gguf_writer_string(writer, key->gguf, name, strlen(name), err);
    }
    }
}

bool config_key_is_sound(const struct config_key *key, const struct gen_config *config) {
    double value = value_of(key, config);
    if (key->kind == KEY_TOKEN) {
        return value >= -1 && value < config->n_vocab;
    }
    if (key->kind == KEY_LAYERS) {
        const uint64_t *layers = field_at_const(config, key->offset);
        return layers_are_sound(*layers, config->n_layer);
    }
    return value >= (key->kind == KEY_SIZE ? 1 : 0) && value <= (double)key->high;
}

/* ---- showing ---------------------------------------------------------------------------------*/

size_t gen_config_n_members(const struct gen_config *config) {
    return arch_of(config)->n_keys;
}

struct gen_config_member gen_config_member(const struct gen_config *config, size_t i) {
    const struct config_key *key = &arch_of(config)->keys[i];
    double value = value_of(key, config);
    struct gen_config_member member = {.name = key->name};
    switch (key->kind) {
    case KEY_FRACTION:
        member.kind = GEN_MEMBER_NUMBER;
        break;
    case KEY_FLAG:
        member.kind = GEN_MEMBER_FLAG;
        break;
    case KEY_ACTIVATION:
        member.kind = GEN_MEMBER_TEXT;
        member.text = gen_activation_name((enum gen_activation)value);
        break;
    case KEY_LAYERS:
        member.kind = GEN_MEMBER_LAYERS;
        member.layers = *(const uint64_t *)field_at_const(config, key->offset);
        break;
    case KEY_SIZE:
    case KEY_TOKEN:
    default:
        member.kind = GEN_MEMBER_INTEGER;
        break;
    }
    member.number = value;
    return member;
}
