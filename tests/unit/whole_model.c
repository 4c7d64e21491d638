/**
 * whole_model.c - making, changing and writing the small model of whole_model.h. What comes of
 * opening it is whole_check.c's affair.
 */
#include "whole_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "format_fixture.h"
#include "tensor/tensor_type.h"

enum { V = FIXTURE_N_TOKENS, T = 8, C = 8, I = 32 };

/* Names and shapes [rows, columns] as a directory has them; `turn`: a GGUF has the matrix by rows
 * of outputs. */
static const struct {
    const char *hf, *gguf;
    uint64_t rows, columns; /* columns 0: a vector */
    bool turn;
} shapes[] = {
    {"wte.weight", "token_embd.weight", V, C, false},
    {"wpe.weight", "position_embd.weight", T, C, false},
    {"h.#.ln_1.weight", "blk.#.attn_norm.weight", C, 0, false},
    {"h.#.ln_1.bias", "blk.#.attn_norm.bias", C, 0, false},
    {"h.#.attn.c_attn.weight", "blk.#.attn_qkv.weight", C, 3 * C, true},
    {"h.#.attn.c_attn.bias", "blk.#.attn_qkv.bias", 3 * C, 0, false},
    {"h.#.attn.c_proj.weight", "blk.#.attn_output.weight", C, C, true},
    {"h.#.attn.c_proj.bias", "blk.#.attn_output.bias", C, 0, false},
    {"h.#.ln_2.weight", "blk.#.ffn_norm.weight", C, 0, false},
    {"h.#.ln_2.bias", "blk.#.ffn_norm.bias", C, 0, false},
    {"h.#.mlp.c_fc.weight", "blk.#.ffn_up.weight", C, I, true},
    {"h.#.mlp.c_fc.bias", "blk.#.ffn_up.bias", I, 0, false},
    {"h.#.mlp.c_proj.weight", "blk.#.ffn_down.weight", I, C, true},
    {"h.#.mlp.c_proj.bias", "blk.#.ffn_down.bias", C, 0, false},
    {"ln_f.weight", "output_norm.weight", C, 0, false},
    {"ln_f.bias", "output_norm.bias", C, 0, false},
};

static void fill(struct whole_tensor *tensor) {
    for (size_t i = 0; i < tensor->size / 4; i++) {
        float number = (float)((i * 7 + tensor->size) % 13) / 16.0f - 0.375f;
        uint32_t bits;
        memcpy(&bits, &number, sizeof bits);
        bytes_put_u32(tensor->data + 4 * i, bits);
    }
}

struct whole_tensor *whole_add(struct whole_model *model, const char *name, const char *dtype,
                               int n_dims, const uint64_t *dims, size_t size) {
    assert_true(model->n_tensors < WHOLE_MAX_TENSORS);
    struct whole_tensor *tensor = &model->tensors[model->n_tensors++];
    *tensor = (struct whole_tensor){.n_dims = n_dims, .size = size};
    snprintf(tensor->name, sizeof tensor->name, "%s", name);
    snprintf(tensor->dtype, sizeof tensor->dtype, "%s", dtype);
    for (int d = 0; d < n_dims; d++) {
        tensor->dims[d] = dims[d];
    }
    tensor->data = calloc(size + 1, 1);
    assert_non_null(tensor->data);
    return tensor;
}

static void add_shape(struct whole_model *model, size_t shape, int layer) {
    const char *pattern = model->gguf ? shapes[shape].gguf : shapes[shape].hf;
    const char *hash = strchr(pattern, '#');
    char name[80];
    uint64_t rows = shapes[shape].rows, columns = shapes[shape].columns;
    if (hash == NULL) {
        snprintf(name, sizeof name, "%s", pattern);
    } else {
        snprintf(name, sizeof name, "%.*s%d%s", (int)(hash - pattern), pattern, layer, hash + 1);
    }
    uint64_t dims[2] = {rows, columns};
    if (model->gguf && columns > 0 && !shapes[shape].turn) {
        dims[0] = columns;
        dims[1] = rows;
    }
    size_t n = rows * (columns > 0 ? columns : 1);
    fill(whole_add(model, name, "F32", columns > 0 ? 2 : 1, dims, 4 * n));
}

static void init_settings(struct whole_model *model) {
    if (model->gguf) {
        whole_key_text(model, "general.architecture", "gpt2");
        whole_key_u32(model, "gpt2.context_length", T);
        whole_key_u32(model, "gpt2.embedding_length", C);
        whole_key_u32(model, "gpt2.attention.head_count", 2);
        whole_key_u32(model, "gpt2.block_count", 2);
        whole_key_u32(model, "gpt2.feed_forward_length", I);
        whole_key(model, "gpt2.attention.layer_norm_epsilon", 6, "\xac\xc5\x27\x37", 4);
        return;
    }
    static const char *const members[][2] = {
        {"model_type", "\"gpt2\""},
        {"vocab_size", "259"},
        {"n_positions", "8"},
        {"n_embd", "8"},
        {"n_head", "2"},
        {"n_layer", "2"},
        {"n_inner", "null"},
        {"layer_norm_epsilon", "1e-05"},
        {"activation_function", "\"gelu_new\""},
        {"eos_token_id", "258"},
        {"bos_token_id", "258"},
    };
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        whole_json(model, members[i][0], members[i][1]);
    }
}

void whole_init(struct whole_model *model, bool gguf) {
    *model = (struct whole_model){.gguf = gguf, .version = 3, .alignment = 32};
    size_t n = sizeof shapes / sizeof *shapes;
    for (size_t i = 0; i < n; i++) {
        for (int layer = 0; layer < (strchr(shapes[i].hf, '#') != NULL ? 2 : 1); layer++) {
            add_shape(model, i, layer);
        }
    }
    assert_int_equal(model->n_tensors, WHOLE_N_TENSORS);
    init_settings(model);
}

void whole_release(struct whole_model *model) {
    for (size_t i = 0; i < model->n_tensors; i++) {
        free(model->tensors[i].data);
    }
    model->n_tensors = 0;
}

struct whole_tensor *whole_tensor(struct whole_model *model, const char *name) {
    for (size_t i = 0; i < model->n_tensors; i++) {
        if (strcmp(model->tensors[i].name, name) == 0) {
            return &model->tensors[i];
        }
    }
    fail_msg("no tensor %s", name);
    return NULL;
}

struct whole_tensor *whole_copy(struct whole_model *model, const char *from, const char *name) {
    const struct whole_tensor *tensor = whole_tensor(model, from);
    struct whole_tensor *added =
        whole_add(model, name, "F32", tensor->n_dims, tensor->dims, tensor->size);
    memcpy(added->data, whole_tensor(model, from)->data, added->size);
    return added;
}

void whole_turn_around(struct whole_model *model) {
    for (size_t i = 0; i + 1 < model->n_tensors - i; i++) {
        struct whole_tensor other = model->tensors[model->n_tensors - 1 - i];
        model->tensors[model->n_tensors - 1 - i] = model->tensors[i];
        model->tensors[i] = other;
    }
}

void whole_remove(struct whole_model *model, const char *name) {
    struct whole_tensor *tensor = whole_tensor(model, name);
    free(tensor->data);
    size_t after = model->n_tensors - (size_t)(tensor - model->tensors) - 1;
    memmove(tensor, tensor + 1, after * sizeof *tensor);
    model->n_tensors--;
}

void whole_retype(struct whole_tensor *tensor, const char *dtype) {
    bool wide = strcmp(dtype, "F64") == 0;
    enum tensor_type type = TENSOR_F32;
    size_t n = tensor->size / 4, each = wide ? 8 : 4;
    if (!wide && tensor_type_from_name(dtype, strlen(dtype), &type)) {
        each = tensor_type_info(type)->block_bytes;
    }
    unsigned char *data = calloc(n + 1, each);
    assert_non_null(data);
    for (size_t i = 0; i < n; i++) {
        float number;
        memcpy(&number, tensor->data + 4 * i, sizeof number);
        double real = (double)number;
        uint64_t bits;
        memcpy(&bits, &real, sizeof bits);
        if (wide) {
            bytes_put_u64(data + 8 * i, bits);
        } else if (each < 4) {
            tensor_type_info(type)->from_f32(data + each * i, &number, 1);
        }
    }
    free(tensor->data);
    tensor->data = data;
    tensor->size = n * each;
    snprintf(tensor->dtype, sizeof tensor->dtype, "%s", dtype);
}

/* ---- settings -------------------------------------------------------------------------------- */

void whole_key(struct whole_model *model, const char *key, uint32_t type, const void *bytes,
               size_t n) {
    struct whole_setting *setting = NULL;
    for (size_t i = 0; i < model->n_settings; i++) {
        if (strcmp(model->settings[i].key, key) == 0) {
            setting = &model->settings[i];
        }
    }
    if (setting == NULL) {
        assert_true(model->n_settings < WHOLE_MAX_SETTINGS);
        setting = &model->settings[model->n_settings++];
    }
    assert_true(n < sizeof setting->value);
    snprintf(setting->key, sizeof setting->key, "%s", key);
    setting->type = type;
    memcpy(setting->value, bytes, n);
    setting->value[n] = '\0';
    setting->n = n;
}

void whole_key_u32(struct whole_model *model, const char *key, uint32_t value) {
    unsigned char bytes[4];
    bytes_put_u32(bytes, value);
    whole_key(model, key, 4, bytes, sizeof bytes);
}

void whole_key_text(struct whole_model *model, const char *key, const char *text) {
    unsigned char bytes[300];
    size_t n = strlen(text);
    assert_true(n + 8 <= sizeof bytes);
    bytes_put_u64(bytes, n);
    memcpy(bytes + 8, text, n);
    whole_key(model, key, 8, bytes, 8 + n);
}

void whole_remove_setting(struct whole_model *model, const char *key) {
    for (size_t i = 0; i < model->n_settings; i++) {
        if (strcmp(model->settings[i].key, key) == 0) {
            memmove(&model->settings[i], &model->settings[i + 1],
                    (--model->n_settings - i) * sizeof *model->settings);
            return;
        }
    }
}

void whole_json(struct whole_model *model, const char *key, const char *json) {
    if (json != NULL) {
        whole_key(model, key, 0, json, strlen(json));
    } else {
        whole_remove_setting(model, key);
    }
}

/* ---- writing --------------------------------------------------------------------------------- */

void whole_config(struct gen_bytes *out, const struct whole_model *model) {
    for (size_t i = 0; i < model->n_settings; i++) {
        fixture_text(out, i > 0 ? ", \"" : "{\"");
        fixture_text(out, model->settings[i].key);
        fixture_text(out, "\": ");
        fixture_text(out, model->settings[i].value);
    }
    fixture_text(out, "}");
}

void whole_safetensors(struct gen_bytes *out, const struct whole_tensor *tensors, size_t n) {
    struct gen_bytes header = {0};
    size_t at = 0;
    fixture_text(&header, "{\"__metadata__\": {\"format\": \"pt\"}");
    for (size_t i = 0; i < n; i++) {
        char text[300];
        int length = snprintf(text, sizeof text, ", \"%s\": {\"dtype\": \"%s\", \"shape\": [",
                              tensors[i].name, tensors[i].dtype);
        for (int d = 0; d < tensors[i].n_dims; d++) {
            length += snprintf(text + length, sizeof text - (size_t)length, "%s%llu",
                               d > 0 ? ", " : "", (unsigned long long)tensors[i].dims[d]);
        }
        snprintf(text + length, sizeof text - (size_t)length, "], \"data_offsets\": [%zu, %zu]}",
                 at, at + tensors[i].size);
        at += tensors[i].size;
        fixture_text(&header, text);
    }
    fixture_text(&header, "}");
    fixture_safetensors(out, &header, 0);
    for (size_t i = 0; i < n; i++) {
        fixture_put(out, tensors[i].data, tensors[i].size);
    }
    gen_bytes_release(&header);
}

static uint32_t gguf_type(const char *dtype) {
    enum tensor_type type;
    return tensor_type_from_name(dtype, strlen(dtype), &type) ? tensor_type_info(type)->gguf_id
                                                              : (uint32_t)atoi(dtype);
}

static void pad(struct gen_bytes *out, uint32_t alignment) {
    while (out->n % alignment != 0) {
        fixture_put(out, "\0", 1);
    }
}

void whole_gguf(struct gen_bytes *out, const struct whole_model *model) {
    fixture_gguf_start(out, model->n_tensors, model->n_settings + 7);
    bytes_put_u32((unsigned char *)out->data + 4, model->version);
    for (size_t i = 0; i < model->n_settings; i++) {
        fixture_key(out, model->settings[i].key, model->settings[i].type);
        fixture_put(out, model->settings[i].value, model->settings[i].n);
    }
    fixture_gguf_tokenizer(out, FIXTURE_N_TOKENS);
    uint64_t at = 0;
    for (size_t i = 0; i < model->n_tensors; i++) {
        const struct whole_tensor *tensor = &model->tensors[i];
        fixture_string(out, tensor->name);
        fixture_u32(out, (uint32_t)tensor->n_dims);
        for (int d = 0; d < tensor->n_dims; d++) {
            fixture_u64(out, tensor->dims[d]);
        }
        fixture_u32(out, gguf_type(tensor->dtype));
        fixture_u64(out, at);
        at += (tensor->size + model->alignment - 1) / model->alignment * model->alignment;
    }
    for (size_t i = 0; i < model->n_tensors; i++) {
        pad(out, model->alignment);
        fixture_put(out, model->tensors[i].data, model->tensors[i].size);
    }
    pad(out, model->alignment);
}

void whole_write(const char *directory, const struct whole_model *model) {
    struct gen_bytes bytes = {0};
    if (model->gguf) {
        whole_gguf(&bytes, model);
        fixture_write(directory, "model.gguf", &bytes);
    } else {
        whole_config(&bytes, model);
        fixture_write(directory, "config.json", &bytes);
        bytes.n = 0;
        whole_safetensors(&bytes, model->tensors, model->n_tensors);
        fixture_write(directory, "model.safetensors", &bytes);
        fixture_write_tokenizer(directory);
    }
    gen_bytes_release(&bytes);
}

void whole_write_shards(const char *directory, const struct whole_model *model, size_t n_first,
                        size_t n_twice) {
    struct gen_bytes bytes = {0};
    remove(fixture_path(directory, "model.safetensors"));
    whole_safetensors(&bytes, model->tensors, n_first + n_twice);
    fixture_write(directory, WHOLE_SHARD_1, &bytes);
    bytes.n = 0;
    whole_safetensors(&bytes, model->tensors + n_first, model->n_tensors - n_first);
    fixture_write(directory, WHOLE_SHARD_2, &bytes);
    gen_bytes_release(&bytes);
}
