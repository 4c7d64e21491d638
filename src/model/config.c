/**
 * config.c - the configuration of a model from the settings of its file: what is there, what is
 * refused because gen computes otherwise, and in which words.
 */
#include "model/config.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "arch/arch.h"
#include "base/error.h"
#include "base/size.h"
#include "format/added_flags.h"
#include "model/generation.h"
#include "model/metadata.h"

static enum gen_status check_shape(const struct gen_config *config, const struct model_file *file,
                                   struct gen_error *err) {
    if (config->n_embd % config->n_head != 0) {
        return error_set(err, GEN_BAD_FILE,
                         "%s: n_head %d does not divide n_embd %d, so there is no head size",
                         model_file_settings_where(file), config->n_head, config->n_embd);
    }
    return GEN_OK;
}

static enum gen_status read_keys(struct gen_config *config, const struct model_file *file,
                                 struct gen_error *err) {
    const struct arch *arch = arch_of(config);
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < arch->n_keys && status == GEN_OK; i++) {
        status = config_key_read(&arch->keys[i], config, file, err);
    }
    return status == GEN_OK && arch->read != NULL ? arch->read(config, file, err) : status;
}

/* The architecture that the file names under `key`, or `name` where it has no such key. All members
 * of the configuration become what it implies. */
static enum gen_status read_architecture(struct gen_config *config, const struct model_file *file,
                                         const char *key, const char *name, struct gen_error *err) {
    size_t n = strlen(name);
    enum gen_status status = model_file_get_string(file, key, &name, &n, err);
    if (status != GEN_OK) {
        return status;
    }
    const struct arch *arch = arch_find(name, n);
    if (arch == NULL) {
        struct error_quoted quoted;
        struct arch_names names;
        return error_set(err, GEN_UNSUPPORTED, "%s: %s is \"%s\", only %s models can be run",
                         model_file_settings_where(file), key, error_quote(&quoted, name, n),
                         arch_names(&names));
    }
    config->arch = arch->name;
    for (size_t i = 0; i < arch->n_keys; i++) {
        config_key_imply(&arch->keys[i], config);
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
    enum gen_status status = GEN_OK;
    for (size_t i = 0; status == GEN_OK && i < N_OF(refused_flags); i++) {
        bool value = refused_flags[i].harmless;
        if (!refused_flags[i].may_be_null || !model_file_is_null(file, refused_flags[i].key)) {
            status = model_file_get_bool(file, refused_flags[i].key, &value, err);
        }
        if (status == GEN_OK && value != refused_flags[i].harmless) {
            status = error_set(err, GEN_UNSUPPORTED, "%s: sets %s, which gen does not do",
                               model_file_settings_where(file), refused_flags[i].key);
        }
    }
    for (size_t i = 0; status == GEN_OK && i < N_OF(refused_members); i++) {
        const struct setting *setting = model_file_setting(file, refused_members[i]);
        if (setting != NULL && !is_empty(setting)) {
            status = error_set(err, GEN_UNSUPPORTED, "%s: has %s, which gen does not do",
                               model_file_settings_where(file), refused_members[i]);
        }
    }
    return status;
}

static enum gen_status read_hf(struct gen_config *config, const struct model_file *file,
                               struct gen_error *err) {
    enum gen_status status =
        read_architecture(config, file, "model_type", arch_of(config)->name, err);
    if (status == GEN_OK) {
        status = refuse_hf(file, err);
    }
    if (status == GEN_OK) {
        status = read_keys(config, file, err);
    }
    if (status == GEN_OK && config->n_inner == 0) {
        config->n_inner = 4 * config->n_embd;
    }
    return status == GEN_OK ? check_shape(config, file, err) : status;
}

/* ---- GGUF ------------------------------------------------------------------------------------*/

/* A key of the architecture: its name comes before. */
struct arch_key {
    char text[80];
};

static const char *arch_key(struct arch_key *out, const struct gen_config *config,
                            const char *name) {
    snprintf(out->text, sizeof out->text, "%s.%s", arch_of(config)->name, name);
    return out->text;
}

/* Keys that would change the result, with the one value at which they do not. -1: the number of
 * heads; -2: the head size. */
struct refused_number {
    const char *key;
    int64_t harmless;
};
enum { N_HEADS = -1, HEAD_SIZE = -2 };

static const struct refused_number refused_numbers[] = {
    {"attention.head_count_kv", N_HEADS},  {"attention.key_length", HEAD_SIZE},
    {"attention.value_length", HEAD_SIZE}, {"expert_count", 0},
    {"rope.dimension_count", 0},
};

static enum gen_status refuse_gguf_numbers(const struct gen_config *config,
                                           const struct model_file *file, struct gen_error *err) {
    struct arch_key key = {""};
    for (size_t i = 0; i < N_OF(refused_numbers); i++) {
        const struct refused_number *rule = &refused_numbers[i];
        int64_t expected = rule->harmless == N_HEADS     ? config->n_head
                           : rule->harmless == HEAD_SIZE ? config->n_embd / config->n_head
                                                         : rule->harmless;
        int64_t value = expected;
        enum gen_status status = model_file_get_int(file, arch_key(&key, config, rule->key),
                                                    INT64_MIN, INT64_MAX, &value, err);
        if (status != GEN_OK) {
            return status;
        }
        if (value != expected) {
            return error_set(err, GEN_UNSUPPORTED, "%s: %s is %lld; gen can only run it with %lld",
                             model_file_settings_where(file), key.text, (long long)value,
                             (long long)expected);
        }
    }
    bool causal = true;
    enum gen_status status =
        model_file_get_bool(file, arch_key(&key, config, "attention.causal"), &causal, err);
    if (status == GEN_OK && !causal) {
        status = error_set(err, GEN_UNSUPPORTED, "%s: %s is false, gen only generates causally",
                           model_file_settings_where(file), key.text);
    }
    return status;
}

/* A key under gen. that this version does not know may change the result. */
static enum gen_status refuse_unknown_own_keys(const struct arch *arch,
                                               const struct model_file *file,
                                               struct gen_error *err) {
    for (size_t i = 0; i < file->n_settings; i++) {
        const char *key = file->settings[i].key;
        bool is_known = strncmp(key, "gen.", 4) != 0 || strcmp(key, "gen.eos_token_ids") == 0 ||
                        strcmp(key, ADDED_FLAGS_KEY) == 0 ||
                        strcmp(key, METADATA_TEMPLATE_KEY) == 0 || strcmp(key, GENERATION_KEY) == 0;
        for (size_t j = 0; j < arch->n_keys; j++) {
            const char *own = arch->keys[j].gguf;
            is_known = is_known || (own != NULL && strcmp(key, own) == 0);
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

static enum gen_status require_keys(const struct arch *arch, const struct model_file *file,
                                    struct gen_error *err) {
    for (size_t i = 0; i < arch->n_keys; i++) {
        const struct config_key *key = &arch->keys[i];
        if (config_key_is_required(key, arch->name) &&
            model_file_setting(file, key->gguf) == NULL) {
            return error_set(err, GEN_BAD_FILE, "%s: has no key %s, which every %s model needs",
                             model_file_settings_where(file), key->gguf, arch->name);
        }
    }
    return GEN_OK;
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
    struct arch_key key = {""};
    const struct file_tensor *wte = model_file_tensor(file, "token_embd.weight");
    int64_t n_embd = 0;
    enum gen_status status = model_file_get_int(file, arch_key(&key, config, "embedding_length"), 1,
                                                CONFIG_MAX_EMBD, &n_embd, err);
    if (status != GEN_OK || wte->dims[0] == (uint64_t)n_embd) {
        return status;
    }
    return error_set(err, GEN_BAD_FILE,
                     "%s: tensor token_embd.weight has rows of %llu numbers, but must have %lld as "
                     "%s says",
                     model_file_settings_where(file), (unsigned long long)wte->dims[0],
                     (long long)n_embd, key.text);
}

/* What has to be right before the settings mean anything. */
static enum gen_status check_gguf(struct gen_config *config, const struct model_file *file,
                                  struct gen_error *err) {
    enum gen_status status = refuse_part(file, err);
    if (status == GEN_OK) {
        status = read_architecture(config, file, "general.architecture", "", err);
    }
    if (status == GEN_OK) {
        status = check_type(file, err);
    }
    if (status == GEN_OK) {
        status = refuse_unknown_own_keys(arch_of(config), file, err);
    }
    if (status == GEN_OK) {
        status = refuse_vocabulary(file, err);
    }
    return status == GEN_OK ? require_keys(arch_of(config), file, err) : status;
}

static enum gen_status read_gguf(struct gen_config *config, const struct model_file *file,
                                 struct gen_error *err) {
    enum gen_status status = check_gguf(config, file, err);
    if (status != GEN_OK || (status = read_gguf_vocab(&config->n_vocab, file, err)) != GEN_OK ||
        (status = check_gguf_rows(config, file, err)) != GEN_OK ||
        (status = read_keys(config, file, err)) != GEN_OK ||
        (status = check_shape(config, file, err)) != GEN_OK) {
        return status;
    }
    config->tie_word_embeddings = model_file_tensor(file, "output.weight") == NULL;
    return refuse_gguf_numbers(config, file, err);
}

enum gen_status config_read(struct gen_config *config, struct model_file *file,
                            struct gen_error *err) {
    *config = (struct gen_config){0};
    enum gen_status status =
        file->naming == NAMES_GGUF ? read_gguf(config, file, err) : read_hf(config, file, err);
    if (status == GEN_OK) {
        status = tensor_table_narrow(file, config, err);
    }
    return status == GEN_OK ? tensor_table_untie(config, file, err) : status;
}

bool config_is_sound(const struct gen_config *config) {
    const struct arch *arch = arch_of(config);
    for (size_t i = 0; i < arch->n_keys; i++) {
        if (!config_key_is_sound(&arch->keys[i], config)) {
            return false;
        }
    }
    return config->n_embd % config->n_head == 0;
}
