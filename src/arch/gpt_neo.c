/**
 * gpt_neo.c - GPT-Neo (EleutherAI's, and TinyStories): GPT-2's block but for attention, whose
 * scores are not scaled, whose queries, keys and values have no bias and lie in a file each for
 * itself, and which in some layers sees a window of the last positions. llama.cpp has no such
 * architecture: in a GGUF its keys are of our own, named as llama.cpp names them elsewhere.
 */
#include <string.h>

#include "arch/arch.h"
#include "base/error.h"
#include "base/size.h"
#include "text/json.h"

/* config.json's defaults are GPTNeoConfig's. */
static const struct config_key keys[] = {
    {"n_vocab", "vocab_size", NULL, NULL, CONFIG_MEMBER(n_vocab), CONFIG_MAX_VOCAB, 50257, KEY_SIZE,
     false},
    {"n_ctx", "max_position_embeddings", NULL, "gpt_neo.context_length", CONFIG_MEMBER(n_ctx),
     CONFIG_MAX_CTX, 2048, KEY_SIZE, false},
    {"n_embd", "hidden_size", NULL, "gpt_neo.embedding_length", CONFIG_MEMBER(n_embd),
     CONFIG_MAX_EMBD, 2048, KEY_SIZE, false},
    {"n_layer", "num_layers", "num_hidden_layers", "gpt_neo.block_count", CONFIG_MEMBER(n_layer),
     CONFIG_MAX_LAYER, 24, KEY_SIZE, false},
    {"n_inner", "intermediate_size", NULL, "gpt_neo.feed_forward_length", CONFIG_MEMBER(n_inner),
     CONFIG_MAX_INNER, 0, KEY_SIZE, true},
    {"n_head", "num_heads", "num_attention_heads", "gpt_neo.attention.head_count",
     CONFIG_MEMBER(n_head), CONFIG_MAX_EMBD, 16, KEY_SIZE, false},
    {"layer_norm_epsilon", "layer_norm_epsilon", NULL, "gpt_neo.attention.layer_norm_epsilon",
     CONFIG_MEMBER(layer_norm_epsilon), 1, 1e-5, KEY_FRACTION, false},
    {"activation", "activation_function", NULL, "gen.activation_function",
     CONFIG_MEMBER(activation), GEN_QUICK_GELU, GEN_GELU_NEW, KEY_ACTIVATION, false},
    {"scale_attn_weights", NULL, NULL, NULL, CONFIG_MEMBER(scale_attn_weights), 1, 0, KEY_FLAG,
     false}, /* no file says it */
    {"window", "window_size", NULL, "gpt_neo.attention.sliding_window", CONFIG_MEMBER(window),
     CONFIG_MAX_CTX, 256, KEY_SIZE, false},
    {"local_layers", NULL, NULL, "gpt_neo.attention.sliding_window_pattern",
     CONFIG_MEMBER(local_layers), 0, 0, KEY_LAYERS, false}, /* of config.json: read() */
    {"tie_word_embeddings", "tie_word_embeddings", NULL, NULL, CONFIG_MEMBER(tie_word_embeddings),
     1, 1, KEY_FLAG, false},
    {"bos_token_id", "bos_token_id", NULL, "tokenizer.ggml.bos_token_id",
     CONFIG_MEMBER(bos_token_id), INT32_MAX, 50256, KEY_TOKEN, true},
    {"eos_token_id", "eos_token_id", NULL, "tokenizer.ggml.eos_token_id",
     CONFIG_MEMBER(eos_token_id), INT32_MAX, 50256, KEY_TOKEN, true},
};

/* All matrices lie by rows of outputs: they are nn.Linear, not Conv1D. */
static const struct tensor_spec tensors[] = {
    {"wte.weight", "token_embd.weight", ROLE_TOKENS, SIZE_VOCAB, SIZE_EMBD, TENSOR_ONCE(wte)},
    {"wpe.weight", "position_embd.weight", ROLE_POSITIONS, SIZE_CTX, SIZE_EMBD, TENSOR_ONCE(wpe)},
    {"h.#.ln_1.weight", "blk.#.attn_norm.weight", ROLE_NORM, SIZE_EMBD, SIZE_NONE,
     TENSOR_EACH(ln_1.weight)},
    {"h.#.ln_1.bias", "blk.#.attn_norm.bias", ROLE_BIAS, SIZE_EMBD, SIZE_NONE,
     TENSOR_EACH(ln_1.bias)},
    {"h.#.attn.attention.q_proj.weight", "blk.#.attn_qkv.weight", ROLE_QKV, SIZE_QKV, SIZE_EMBD,
     .hf_more = {"h.#.attn.attention.k_proj.weight", "h.#.attn.attention.v_proj.weight"},
     TENSOR_EACH(attn_c_attn.matrix)},
    {"h.#.attn.attention.out_proj.weight", "blk.#.attn_output.weight", ROLE_ATTN_OUT, SIZE_EMBD,
     SIZE_EMBD, TENSOR_EACH(attn_c_proj.matrix)},
    {"h.#.attn.attention.out_proj.bias", "blk.#.attn_output.bias", ROLE_BIAS, SIZE_EMBD, SIZE_NONE,
     TENSOR_EACH(attn_c_proj.bias)},
    {"h.#.ln_2.weight", "blk.#.ffn_norm.weight", ROLE_NORM, SIZE_EMBD, SIZE_NONE,
     TENSOR_EACH(ln_2.weight)},
    {"h.#.ln_2.bias", "blk.#.ffn_norm.bias", ROLE_BIAS, SIZE_EMBD, SIZE_NONE,
     TENSOR_EACH(ln_2.bias)},
    {"h.#.mlp.c_fc.weight", "blk.#.ffn_up.weight", ROLE_UP, SIZE_INNER, SIZE_EMBD,
     TENSOR_EACH(mlp_c_fc.matrix)},
    {"h.#.mlp.c_fc.bias", "blk.#.ffn_up.bias", ROLE_BIAS, SIZE_INNER, SIZE_NONE,
     TENSOR_EACH(mlp_c_fc.bias)},
    {"h.#.mlp.c_proj.weight", "blk.#.ffn_down.weight", ROLE_DOWN, SIZE_EMBD, SIZE_INNER,
     TENSOR_EACH(mlp_c_proj.matrix)},
    {"h.#.mlp.c_proj.bias", "blk.#.ffn_down.bias", ROLE_BIAS, SIZE_EMBD, SIZE_NONE,
     TENSOR_EACH(mlp_c_proj.bias)},
    {"ln_f.weight", "output_norm.weight", ROLE_NORM, SIZE_EMBD, SIZE_NONE,
     TENSOR_ONCE(ln_f.weight)},
    {"ln_f.bias", "output_norm.bias", ROLE_BIAS, SIZE_EMBD, SIZE_NONE, TENSOR_ONCE(ln_f.bias)},
    {"lm_head.weight", "output.weight", ROLE_HEAD, SIZE_VOCAB, SIZE_EMBD, TENSOR_ONCE(lm_head)},
};

/* ---- which layers are local ------------------------------------------------------------------*/

/* A list on its way to layers; n of them are known, and never more than n_layer. */
struct kinds {
    struct gen_config *config;
    const char *where, *key;
    int32_t n;
    struct gen_error *err;
};

/* Kinds of the next layers: ["global", "local"]. */
static enum gen_status add_layers(struct kinds *kinds, const cJSON *names) {
    const struct gen_config *config = kinds->config;
    for (const cJSON *name = names->child; name != NULL; name = name->next) {
        struct error_quoted quoted;
        const char *kind = cJSON_IsString(name) ? name->valuestring : json_kind(name);
        bool local = cJSON_IsString(name) && strcmp(kind, "local") == 0;
        if (kinds->n == config->n_layer) {
            return error_set(kinds->err, GEN_BAD_FILE,
                             "%s: %s is for more layers than the %d of the model, but must be for "
                             "as many",
                             kinds->where, kinds->key, config->n_layer);
        }
        if (!local && !(cJSON_IsString(name) && strcmp(kind, "global") == 0)) {
            return error_set(
                kinds->err, GEN_BAD_FILE,
                "%s: %s has \"%s\" for layer %d, but must have \"global\" or \"local\"",
                kinds->where, kinds->key, error_quote(&quoted, kind, strlen(kind)), kinds->n);
        }
        if (local && kinds->n >= GEN_MAX_LOCAL_LAYERS) {
            return error_set(kinds->err, GEN_UNSUPPORTED,
                             "%s: %s has \"local\" for layer %d, but from layer %d on all must be "
                             "\"global\"",
                             kinds->where, kinds->key, kinds->n, GEN_MAX_LOCAL_LAYERS);
        }
        kinds->config->local_layers |= local ? (uint64_t)1 << kinds->n : 0;
        kinds->n++;
    }
    return GEN_OK;
}

/* attention_types: [[["global", "local"], 12], ...], each list so many times. */
static enum gen_status add_types(struct kinds *kinds, const cJSON *types) {
    enum gen_status status = GEN_OK;
    for (const cJSON *item = types->child; item != NULL && status == GEN_OK; item = item->next) {
        const cJSON *names = cJSON_IsArray(item) ? item->child : NULL;
        const cJSON *count = names != NULL && cJSON_IsArray(names) ? names->next : NULL;
        int64_t times = -1;
        if (count == NULL || count->next != NULL || !json_is_integer(count, &times) || times < 0) {
            return error_set(kinds->err, GEN_BAD_FILE,
                             "%s: %s has an item that is %s, but must have pairs of kinds and how "
                             "often they come: [[\"global\", \"local\"], %d]",
                             kinds->where, kinds->key,
                             cJSON_IsArray(item) ? "no such pair" : json_kind(item),
                             kinds->config->n_layer / 2);
        }
        for (; times > 0 && names->child != NULL && status == GEN_OK; times--) {
            status = add_layers(kinds, names);
        }
    }
    return status;
}

/* As in transformers attention_layers, a list of all layers, goes before attention_types. */
static enum gen_status read(struct gen_config *config, const struct model_file *file,
                            struct gen_error *err) {
    static const char usual[] = "[[[\"global\", \"local\"], 12]]";
    const struct setting *layers = model_file_setting(file, "attention_layers");
    const struct setting *types = model_file_setting(file, "attention_types");
    const struct setting *found = layers != NULL ? layers : types;
    struct kinds kinds = {.config = config,
                          .where = model_file_settings_where(file),
                          .key = layers != NULL ? "attention_layers" : "attention_types",
                          .err = err};
    const char *text = usual;
    size_t n = strlen(usual);
    if (file->naming != NAMES_HF) {
        return GEN_OK;
    }
    if (found != NULL && found->type == SETTING_ARRAY) {
        text = (const char *)found->value.array.data;
        n = found->value.array.size;
    } else if (found != NULL && (found == layers || found->type != SETTING_NULL)) {
        return error_set(err, GEN_BAD_FILE,
                         "%s: %s is no list, but must be one of the layers' kinds", kinds.where,
                         kinds.key);
    }
    cJSON *list = NULL;
    enum gen_status status = json_parse(&list, text, n, kinds.where, err);
    if (status == GEN_OK) {
        status = layers != NULL ? add_layers(&kinds, list) : add_types(&kinds, list);
    }
    cJSON_Delete(list);
    if (status == GEN_OK && kinds.n < config->n_layer) {
        status = error_set(err, GEN_BAD_FILE, "%s: %s%s is for %d layers, but must be for %d",
                           kinds.where, kinds.key, found == NULL ? " is not there, so that it" : "",
                           kinds.n, config->n_layer);
    }
    return status;
}

const struct arch arch_gpt_neo = {
    .name = "gpt_neo",
    .is_own = true,
    .keys = keys,
    .n_keys = N_OF(keys),
    .tensors = tensors,
    .n_tensors = N_OF(tensors),
    .read = read,
    .layer_forward = gpt2_layer_forward,
    .layer_backward = gpt2_layer_backward,
};
