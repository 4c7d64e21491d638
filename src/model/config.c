/**
 * config.c - the configuration of a model from the settings of its file: what is there, what is
 * refused because gen computes otherwise, and in which words.
 */
#include "model/config.h"

#include <limits.h>
#include <string.h>

#include "base/error.h"
#include "format/added_flags.h"
#include "model/tensor_table.h"

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
#define N_ACTIVATIONS (sizeof activations / sizeof *activations)

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
    const char *name = "gelu_new";
    size_t n = strlen(name);
    enum gen_status status = model_file_get_string(file, key, &name, &n, err);
    if (status != GEN_OK) {
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

static enum gen_status check_shape(const struct gen_config *config, const struct model_file *file,
                                   struct gen_error *err) {
    if (config->n_embd % config->n_head != 0) {
        return error_set(err, GEN_BAD_FILE,
                         "%s: n_head %d does not divide n_embd %d, so there is no head size",
                         model_file_settings_where(file), config->n_head, config->n_embd);
    }
    return GEN_OK;
}

/* ---- Hugging Face ----------------------------------------------------------------------------*/

/* Members of config.json that change the result, and the value at which they do not. */
struct refused_flag {
    const char *key;
    bool harmless;
    bool may_be_null; /* as transformers takes it */
};

static const struct refused_flag refused_flags[] = {
    {"add_cross_attention", false, false},
    {"is_encoder_decoder", false, true},
};

/* Members whose mere presence (other than null or empty) changes what the weights mean. */
static const char *const refused_members[] = {"quantization_config", "auto_map", "pruned_heads",
                                              "rope_scaling"};

static bool is_empty(const struct setting *setting) {
    bool counted = setting->type == SETTING_ARRAY || setting->type == SETTING_OBJECT;
    return setting->type == SETTING_NULL || (counted && setting->value.array.n == 0);
}

static enum gen_status refuse_hf(const struct model_file *file, struct gen_error *err) {
    const char *type = "gpt2";
    size_t n = strlen(type);
    enum gen_status status = model_file_get_string(file, "model_type", &type, &n, err);
    if (status == GEN_OK && !(n == 4 && memcmp(type, "gpt2", 4) == 0)) {
        struct error_quoted quoted;
        status =
            error_set(err, GEN_UNSUPPORTED, "%s: model_type is \"%s\", only gpt2 models can be run",
                      model_file_settings_where(file), error_quote(&quoted, type, n));
    }
    for (size_t i = 0; status == GEN_OK && i < sizeof refused_flags / sizeof *refused_flags; i++) {
        bool value = refused_flags[i].harmless;
        if (!refused_flags[i].may_be_null || !model_file_is_null(file, refused_flags[i].key)) {
            status = model_file_get_bool(file, refused_flags[i].key, &value, err);
        }
        if (status == GEN_OK && value != refused_flags[i].harmless) {
            status = error_set(err, GEN_UNSUPPORTED, "%s: sets %s, which gen does not do",
                               model_file_settings_where(file), refused_flags[i].key);
        }
    }
    for (size_t i = 0; status == GEN_OK && i < sizeof refused_members / sizeof *refused_members;
         i++) {
        const struct setting *setting = model_file_setting(file, refused_members[i]);
        if (setting != NULL && !is_empty(setting)) {
            status = error_set(err, GEN_UNSUPPORTED, "%s: has %s, which gen does not do",
                               model_file_settings_where(file), refused_members[i]);
        }
    }
    return status;
}

/* A special token id; one that is null or lies outside the vocabulary never occurs. */
static enum gen_status read_hf_token(int32_t *out, const struct model_file *file, const char *key,
                                     int32_t n_vocab, struct gen_error *err) {
    int64_t id = 50256;
    enum gen_status status = GEN_OK;
    if (model_file_is_null(file, key)) {
        id = -1;
    } else {
        status = model_file_get_int(file, key, -1, INT32_MAX, &id, err);
    }
    *out = id < n_vocab ? (int32_t)id : -1;
    return status;
}

/* One id, or a list that the reader has checked: the first that the model can produce. */
static enum gen_status read_hf_eos(struct gen_config *config, const struct model_file *file,
                                   struct gen_error *err) {
    const struct setting *setting = model_file_setting(file, "eos_token_id");
    if (setting == NULL || setting->type != SETTING_ARRAY) {
        return read_hf_token(&config->eos_token_id, file, "eos_token_id", config->n_vocab, err);
    }
    config->eos_token_id = -1;
    for (size_t i = file->eos_ids.n; i-- > 0;) {
        if (file->eos_ids.data[i] < config->n_vocab) {
            config->eos_token_id = file->eos_ids.data[i];
        }
    }
    return GEN_OK;
}

static enum gen_status read_hf(struct gen_config *config, const struct model_file *file,
                               struct gen_error *err) {
    *config = (struct gen_config){.n_vocab = 50257,
                                  .n_ctx = 1024,
                                  .n_embd = 768,
                                  .n_head = 12,
                                  .n_layer = 12,
                                  .scale_attn_weights = true,
                                  .tie_word_embeddings = true};
    double epsilon = 1e-5;
    enum gen_status status = refuse_hf(file, err);
    if (status != GEN_OK ||
        (status = read_size(&config->n_vocab, file, "vocab_size", NULL, CONFIG_MAX_VOCAB, err)) ||
        (status = read_size(&config->n_ctx, file, "n_positions", "max_position_embeddings",
                            CONFIG_MAX_CTX, err)) ||
        (status =
             read_size(&config->n_embd, file, "n_embd", "hidden_size", CONFIG_MAX_EMBD, err)) ||
        (status = read_size(&config->n_head, file, "n_head", "num_attention_heads", CONFIG_MAX_EMBD,
                            err)) ||
        (status = read_size(&config->n_layer, file, "n_layer", "num_hidden_layers",
                            CONFIG_MAX_LAYER, err))) {
        return status;
    }
    config->n_inner = 4 * config->n_embd;
    if ((!model_file_is_null(file, "n_inner") &&
         (status = read_size(&config->n_inner, file, "n_inner", NULL, CONFIG_MAX_INNER, err))) ||
        (status = model_file_get_float(file, "layer_norm_epsilon", 0, 1, &epsilon, err)) ||
        (status =
             model_file_get_bool(file, "scale_attn_weights", &config->scale_attn_weights, err)) ||
        (status = model_file_get_bool(file, "scale_attn_by_inverse_layer_idx",
                                      &config->scale_attn_by_inverse_layer_idx, err)) ||
        (status =
             model_file_get_bool(file, "tie_word_embeddings", &config->tie_word_embeddings, err)) ||
        (status = read_activation(&config->activation, file, "activation_function", err)) ||
        (status =
             read_hf_token(&config->bos_token_id, file, "bos_token_id", config->n_vocab, err)) ||
        (status = read_hf_eos(config, file, err))) {
        return status;
    }
    config->layer_norm_epsilon = (float)epsilon;
    return check_shape(config, file, err);
}

/* ---- GGUF ------------------------------------------------------------------------------------*/

/* Keys that would change the result, with the one value at which they do not. -1: the number of
 * heads; -2: the head size. */
struct refused_number {
    const char *key;
    int64_t harmless;
};
enum { N_HEADS = -1, HEAD_SIZE = -2 };

static const struct refused_number refused_numbers[] = {
    {"gpt2.attention.head_count_kv", N_HEADS},  {"gpt2.attention.key_length", HEAD_SIZE},
    {"gpt2.attention.value_length", HEAD_SIZE}, {"gpt2.expert_count", 0},
    {"gpt2.rope.dimension_count", 0},
};

static enum gen_status refuse_gguf_numbers(const struct gen_config *config,
                                           const struct model_file *file, struct gen_error *err) {
    for (size_t i = 0; i < sizeof refused_numbers / sizeof *refused_numbers; i++) {
        const struct refused_number *rule = &refused_numbers[i];
        int64_t wanted = rule->harmless == N_HEADS     ? config->n_head
                         : rule->harmless == HEAD_SIZE ? config->n_embd / config->n_head
                                                       : rule->harmless;
        int64_t value = wanted;
        enum gen_status status =
            model_file_get_int(file, rule->key, INT64_MIN, INT64_MAX, &value, err);
        if (status != GEN_OK) {
            return status;
        }
        if (value != wanted) {
            return error_set(err, GEN_UNSUPPORTED, "%s: %s is %lld; gen can only run it with %lld",
                             model_file_settings_where(file), rule->key, (long long)value,
                             (long long)wanted);
        }
    }
    bool causal = true;
    enum gen_status status = model_file_get_bool(file, "gpt2.attention.causal", &causal, err);
    if (status == GEN_OK && !causal) {
        status = error_set(err, GEN_UNSUPPORTED,
                           "%s: gpt2.attention.causal is false, gen only generates causally",
                           model_file_settings_where(file));
    }
    return status;
}

/* A key under gen. that this version does not know may change the result. */
static enum gen_status refuse_unknown_own_keys(const struct model_file *file,
                                               struct gen_error *err) {
    static const char *const known[] = {"gen.activation_function", "gen.scale_attn_weights",
                                        "gen.scale_attn_by_inverse_layer_idx", "gen.eos_token_ids",
                                        ADDED_FLAGS_KEY};
    for (size_t i = 0; i < file->n_settings; i++) {
        const char *key = file->settings[i].key;
        bool is_known = strncmp(key, "gen.", 4) != 0;
        for (size_t j = 0; j < sizeof known / sizeof *known; j++) {
            is_known = is_known || strcmp(key, known[j]) == 0;
        }
        if (!is_known) {
            struct error_quoted quoted;
            return error_set(err, GEN_UNSUPPORTED,
                             "%s: has the key %s, which this version of gen does not know (use a "
                             "newer gen)",
                             model_file_settings_where(file),
                             error_quote(&quoted, key, strlen(key)));
        }
    }
    return GEN_OK;
}

static enum gen_status require(const struct model_file *file, const char *key,
                               struct gen_error *err) {
    if (model_file_setting(file, key) != NULL) {
        return GEN_OK;
    }
    return error_set(err, GEN_BAD_FILE, "%s: has no key %s, which every gpt2 model needs",
                     model_file_settings_where(file), key);
}

static enum gen_status check_type(const struct model_file *file, struct gen_error *err) {
    const char *type = "model";
    size_t n = strlen(type);
    enum gen_status status = model_file_get_string(file, "general.type", &type, &n, err);
    if (status != GEN_OK || (n == 5 && memcmp(type, "model", n) == 0)) {
        return status;
    }
    if (n == 7 && memcmp(type, "adapter", n) == 0) {
        return error_set(err, GEN_UNSUPPORTED,
                         "%s: is a LoRA adapter, not a model (merge it with the model that it was "
                         "made for: gen convert --lora ADAPTER MODEL MERGED.gguf)",
                         model_file_settings_where(file));
    }
    struct error_quoted quoted;
    return error_set(err, GEN_UNSUPPORTED, "%s: general.type is \"%s\", but must be \"model\"",
                     model_file_settings_where(file), error_quote(&quoted, type, n));
}

static enum gen_status check_architecture(const struct model_file *file, struct gen_error *err) {
    const char *name = "";
    size_t n = 0;
    enum gen_status status = model_file_get_string(file, "general.architecture", &name, &n, err);
    if (status == GEN_OK && !(n == 4 && memcmp(name, "gpt2", 4) == 0)) {
        struct error_quoted quoted;
        status = error_set(err, GEN_UNSUPPORTED,
                           "%s: general.architecture is \"%s\", only gpt2 models can be run",
                           model_file_settings_where(file), error_quote(&quoted, name, n));
    }
    return status == GEN_OK ? check_type(file, err) : status;
}

static enum gen_status read_gguf_token(int32_t *out, const struct model_file *file, const char *key,
                                       int32_t n_vocab, struct gen_error *err) {
    int64_t id = -1;
    enum gen_status status = model_file_get_int(file, key, 0, n_vocab - 1, &id, err);
    *out = (int32_t)id;
    return status;
}

/* One part of a split file has only some of the tensors, and all but the first have no settings. */
static enum gen_status refuse_part(const struct model_file *file, struct gen_error *err) {
    int64_t count = 1;
    int64_t number = 0;
    enum gen_status status = model_file_get_int(file, "split.count", 0, INT64_MAX, &count, err);
    if (status == GEN_OK) {
        status = model_file_get_int(file, "split.no", 0, INT64_MAX - 1, &number, err);
    }
    if (status != GEN_OK || count <= 1) {
        return status;
    }
    return error_set(err, GEN_UNSUPPORTED,
                     "%s: is part %lld of %lld of a split GGUF (merge them: llama-gguf-split "
                     "--merge FIRST-PART OUT.gguf)",
                     model_file_settings_where(file), (long long)number + 1, (long long)count);
}

/* A file of a vocabulary, as llama.cpp's tests have them, is none to generate with. */
static enum gen_status refuse_vocabulary(const struct model_file *file, struct gen_error *err) {
    if (file->n_tensors + file->n_unread > 0 ||
        model_file_setting(file, "tokenizer.ggml.tokens") == NULL) {
        return GEN_OK;
    }
    return error_set(
        err, GEN_UNSUPPORTED,
        "%s: has a vocabulary, but no token_embd.weight: it is for tokenizing only (gen tokenize "
        "-m FILE)",
        model_file_settings_where(file));
}

/* The vocabulary's size is the number of rows of the embedding. */
static enum gen_status read_gguf_vocab(int32_t *out, const struct model_file *file,
                                       struct gen_error *err) {
    const struct file_tensor *wte = model_file_tensor(file, "token_embd.weight");
    const struct unread_tensor *unread = model_file_unread(file, "token_embd.weight");
    if (wte == NULL && unread != NULL) {
        return error_set(err, GEN_UNSUPPORTED, "%s: tensor token_embd.weight %s",
                         model_file_settings_where(file), unread->why);
    }
    if (wte == NULL) {
        return error_set(err, GEN_BAD_FILE, "%s: has no tensor token_embd.weight",
                         model_file_settings_where(file));
    }
    if (wte->n_dims != 2 || wte->dims[1] > CONFIG_MAX_VOCAB) {
        return error_set(
            err, GEN_BAD_FILE,
            "%s: tensor token_embd.weight has %d dimensions and %llu rows, but must have "
            "2 and at most %d",
            model_file_settings_where(file), wte->n_dims, (unsigned long long)wte->dims[1],
            CONFIG_MAX_VOCAB);
    }
    *out = (int32_t)wte->dims[1];
    return GEN_OK;
}

/* Seen before the token ids are held against the rows: a matrix turned around has other ones. */
static enum gen_status check_gguf_rows(const struct gen_config *config,
                                       const struct model_file *file, struct gen_error *err) {
    const struct file_tensor *wte = model_file_tensor(file, "token_embd.weight");
    if (wte->dims[0] == (uint64_t)config->n_embd) {
        return GEN_OK;
    }
    return error_set(err, GEN_BAD_FILE,
                     "%s: tensor token_embd.weight has rows of %llu numbers, but must have %d as "
                     "gpt2.embedding_length says",
                     model_file_settings_where(file), (unsigned long long)wte->dims[0],
                     config->n_embd);
}

static enum gen_status read_gguf(struct gen_config *config, const struct model_file *file,
                                 struct gen_error *err) {
    *config = (struct gen_config){.scale_attn_weights = true};
    double epsilon = 0;
    enum gen_status status = refuse_part(file, err);
    if (status != GEN_OK || (status = check_architecture(file, err)) ||
        (status = refuse_unknown_own_keys(file, err)) || (status = refuse_vocabulary(file, err)) ||
        (status = require(file, "gpt2.context_length", err)) ||
        (status = require(file, "gpt2.embedding_length", err)) ||
        (status = require(file, "gpt2.attention.head_count", err)) ||
        (status = require(file, "gpt2.block_count", err)) ||
        (status = require(file, "gpt2.feed_forward_length", err)) ||
        (status = require(file, "gpt2.attention.layer_norm_epsilon", err)) ||
        (status = read_gguf_vocab(&config->n_vocab, file, err)) ||
        (status =
             read_size(&config->n_ctx, file, "gpt2.context_length", NULL, CONFIG_MAX_CTX, err)) ||
        (status = read_size(&config->n_embd, file, "gpt2.embedding_length", NULL, CONFIG_MAX_EMBD,
                            err)) ||
        (status = check_gguf_rows(config, file, err)) ||
        (status = read_size(&config->n_head, file, "gpt2.attention.head_count", NULL,
                            CONFIG_MAX_EMBD, err)) ||
        (status =
             read_size(&config->n_layer, file, "gpt2.block_count", NULL, CONFIG_MAX_LAYER, err)) ||
        (status = read_size(&config->n_inner, file, "gpt2.feed_forward_length", NULL,
                            CONFIG_MAX_INNER, err)) ||
        (status = model_file_get_float(file, "gpt2.attention.layer_norm_epsilon", 0, 1, &epsilon,
                                       err)) ||
        (status = model_file_get_bool(file, "gen.scale_attn_weights", &config->scale_attn_weights,
                                      err)) ||
        (status = model_file_get_bool(file, "gen.scale_attn_by_inverse_layer_idx",
                                      &config->scale_attn_by_inverse_layer_idx, err)) ||
        (status = read_activation(&config->activation, file, "gen.activation_function", err)) ||
        (status = read_gguf_token(&config->bos_token_id, file, "tokenizer.ggml.bos_token_id",
                                  config->n_vocab, err)) ||
        (status = read_gguf_token(&config->eos_token_id, file, "tokenizer.ggml.eos_token_id",
                                  config->n_vocab, err)) ||
        (status = check_shape(config, file, err)) ||
        (status = refuse_gguf_numbers(config, file, err))) {
        return status;
    }
    config->layer_norm_epsilon = (float)epsilon;
    config->tie_word_embeddings = model_file_tensor(file, "output.weight") == NULL;
    return GEN_OK;
}

enum gen_status config_read(struct gen_config *config, struct model_file *file,
                            struct gen_error *err) {
    enum gen_status status =
        file->kind == MODEL_FILE_GGUF ? read_gguf(config, file, err) : read_hf(config, file, err);
    if (status == GEN_OK) {
        status = tensor_table_narrow(file, config, err);
    }
    return status == GEN_OK ? tensor_table_untie(config, file, err) : status;
}

static bool is_between(int32_t value, int32_t low, int32_t high) {
    return value >= low && value <= high;
}

bool config_is_sound(const struct gen_config *config) {
    return is_between(config->n_vocab, 1, CONFIG_MAX_VOCAB) &&
           is_between(config->n_ctx, 1, CONFIG_MAX_CTX) &&
           is_between(config->n_embd, 1, CONFIG_MAX_EMBD) &&
           is_between(config->n_head, 1, config->n_embd) && config->n_embd % config->n_head == 0 &&
           is_between(config->n_layer, 1, CONFIG_MAX_LAYER) &&
           is_between(config->n_inner, 1, CONFIG_MAX_INNER) &&
           is_between((int32_t)config->activation, GEN_GELU_NEW, GEN_QUICK_GELU) &&
           config->layer_norm_epsilon >= 0 && config->layer_norm_epsilon <= 1 &&
           is_between(config->bos_token_id, -1, config->n_vocab - 1) &&
           is_between(config->eos_token_id, -1, config->n_vocab - 1);
}
