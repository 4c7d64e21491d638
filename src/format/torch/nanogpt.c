/**
 * nanogpt.c - a checkpoint of nanoGPT made a model_file in the words of a Hugging Face GPT-2:
 * settings from model_args, tensors from "model". torch.h says what is done with them; what the
 * optimizer keeps is not looked at.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "format/tokenizer_files.h"
#include "format/torch/torch.h"

/* GPT-2's vocabulary, and what nanoGPT makes of its size: a multiple of 64. */
enum { GPT2_TOKENS = 50257, GPT2_END = 50256, PADDED_TOKENS = 50304 };

/* Bounds of model_args, so that zeros for missing biases take little memory. The architecture's own
 * come later. */
#define MAX_SIZE (1 << 24)
#define MAX_EMBD (1 << 17)

#define COMPILED "_orig_mod." /* what torch.compile() puts before names */

struct checkpoint {
    struct model_file *file;
    const char *path;
    struct torch_archive *archive;
    uint32_t args, model;
    int64_t n_layer, n_embd, n_vocab;
    bool bias;
    struct gen_error *err;
};

static enum gen_status bad(const struct checkpoint *c, enum gen_status status, const char *what) {
    return error_set(c->err, status, "%s: %s", c->archive->where.text, what);
}

/* ---- model_args ------------------------------------------------------------------------------*/

static enum gen_status add_setting(const struct checkpoint *c, const char *key,
                                   const struct setting *setting) {
    return model_file_add_setting(c->file, setting, key, strlen(key), c->archive->where.text,
                                  c->err);
}

static enum gen_status add_int(const struct checkpoint *c, const char *key, int64_t value) {
    return add_setting(c, key, &(struct setting){.type = SETTING_I64, .value.i = value});
}

static enum gen_status add_text(const struct checkpoint *c, const char *key, const char *text) {
    struct setting setting = {.type = SETTING_STRING};
    setting.value.string.text = text;
    setting.value.string.n = strlen(text);
    return add_setting(c, key, &setting);
}

static enum gen_status get_size(const struct checkpoint *c, const char *name, int64_t most,
                                int64_t *out) {
    const struct pickle *pickle = &c->archive->pickle;
    uint32_t value;
    if (pickle_member(pickle, c->args, name, &value) && pickle_int(pickle, value, out) &&
        *out >= 1 && *out <= most) {
        return GEN_OK;
    }
    return error_set(c->err, GEN_BAD_FILE,
                     "%s: model_args must have %s, a whole number from 1 to %lld",
                     c->archive->where.text, name, (long long)most);
}

/* A setting of a program that was made of nanoGPT may mean another network. */
static enum gen_status refuse_unknown(const struct checkpoint *c) {
    static const char *const known[] = {"n_layer",    "n_head",  "n_embd", "block_size",
                                        "vocab_size", "dropout", "bias"};
    const struct pickle *pickle = &c->archive->pickle;
    struct pickle_walk walk = pickle_walk(pickle, c->args);
    uint32_t key, value;
    while (pickle_next(&walk, &key) && pickle_next(&walk, &value)) {
        bool is_known = false;
        for (size_t i = 0; i < N_OF(known); i++) {
            is_known = is_known || pickle_is_text(pickle, key, known[i]);
        }
        if (!is_known) {
            struct error_quoted quoted;
            size_t n = 0;
            const char *name = pickle_text(pickle, key, &n);
            return error_set(c->err, GEN_UNSUPPORTED,
                             "%s: model_args has \"%s\", which nanoGPT's model has not: another "
                             "program's",
                             c->archive->where.text,
                             error_quote(&quoted, name != NULL ? name : "", name != NULL ? n : 0));
        }
    }
    return GEN_OK;
}

static enum gen_status read_args(struct checkpoint *c) {
    const struct pickle *pickle = &c->archive->pickle;
    int64_t n_head = 0, n_ctx = 0;
    uint32_t bias;
    enum gen_status status = refuse_unknown(c);
    if (status != GEN_OK || (status = get_size(c, "n_layer", 10000, &c->n_layer)) != GEN_OK ||
        (status = get_size(c, "n_embd", MAX_EMBD, &c->n_embd)) != GEN_OK ||
        (status = get_size(c, "vocab_size", MAX_SIZE, &c->n_vocab)) != GEN_OK ||
        (status = get_size(c, "n_head", MAX_EMBD, &n_head)) != GEN_OK ||
        (status = get_size(c, "block_size", MAX_SIZE, &n_ctx)) != GEN_OK) {
        return status;
    }
    c->bias = true; /* as it was before it could be chosen */
    if (pickle_member(pickle, c->args, "bias", &bias)) {
        if (pickle_at(pickle, bias)->tag != PICKLE_BOOL) {
            return bad(c, GEN_BAD_FILE, "bias in model_args must be True or False");
        }
        c->bias = pickle_at(pickle, bias)->as.i != 0;
    }
    if ((status = add_int(c, "n_layer", c->n_layer)) != GEN_OK ||
        (status = add_int(c, "n_head", n_head)) != GEN_OK ||
        (status = add_int(c, "n_embd", c->n_embd)) != GEN_OK ||
        (status = add_int(c, "n_positions", n_ctx)) != GEN_OK) {
        return status;
    }
    return add_text(c, "activation_function", "gelu");
}

/* ---- tensors ---------------------------------------------------------------------------------*/

/* A bias of zeros, where none of this name is there. */
static enum gen_status add_zeros(const struct checkpoint *c, const char *name, uint64_t n,
                                 size_t map) {
    struct file_tensor zeros = {.type = TENSOR_F32,
                                .n_dims = 1,
                                .dims = {n, 1, 1, 1},
                                .data = c->file->made,
                                .size = (size_t)n * sizeof(float),
                                .map = map};
    if (model_file_tensor(c->file, name) != NULL || model_file_unread(c->file, name) != NULL) {
        return GEN_OK;
    }
    return model_file_add_tensor(c->file, &zeros, name, strlen(name), c->archive->where.text,
                                 c->err);
}

static enum gen_status add_biases(const struct checkpoint *c) {
    static const struct {
        const char *name;
        int times; /* n_embd */
    } biases[] = {{"ln_1.bias", 1}, {"attn.c_attn.bias", 3}, {"attn.c_proj.bias", 1},
                  {"ln_2.bias", 1}, {"mlp.c_fc.bias", 4},    {"mlp.c_proj.bias", 1}};
    struct model_file *file = c->file;
    uint64_t n_embd = (uint64_t)c->n_embd;
    file->made = memory_new(4 * (size_t)n_embd, sizeof(float));
    if (file->made == NULL || !model_file_room_for_map(file)) {
        return error_no_memory(c->err, "weights");
    }
    size_t map = file->n_maps++; /* a mapping of its own, that nobody reads from the file */
    file->maps[map] = (struct file_map){.data = file->made};
    file->map_where[map] = file->map_where[0];
    enum gen_status status = add_zeros(c, "transformer.ln_f.bias", n_embd, map);
    for (int64_t layer = 0; layer < c->n_layer; layer++) {
        for (size_t i = 0; i < N_OF(biases) && status == GEN_OK; i++) {
            char name[80];
            snprintf(name, sizeof name, "transformer.h.%d.%s", (int)layer, biases[i].name);
            status = add_zeros(c, name, (uint64_t)biases[i].times * n_embd, map);
        }
    }
    return status;
}

/* The first `n_rows` rows are all there is. */
static void cut_rows(struct file_tensor *tensor, int64_t n_before, int64_t n_rows) {
    if (tensor->n_dims == 2 && tensor->dims[1] == (uint64_t)n_before) {
        tensor->size = tensor->size / (size_t)n_before * (size_t)n_rows;
        tensor->dims[1] = (uint64_t)n_rows;
    }
}

/* Rows of the vocabulary that no token has, cut off both matrices. */
static void cut_vocabulary(const struct checkpoint *c, int64_t n_rows) {
    static const char *const names[] = {"transformer.wte.weight", "lm_head.weight"};
    for (size_t i = 0; i < N_OF(names); i++) {
        uint32_t number = 0;
        size_t n = strlen(names[i]);
        if (hash_table_find(&c->file->tensor_index, names[i], n, &number)) {
            cut_rows(&c->file->tensors[number], c->n_vocab, n_rows);
        } else if (hash_table_find(&c->file->unread_index, names[i], n, &number)) {
            cut_rows(&c->file->unread[number].tensor, c->n_vocab, n_rows);
        }
    }
}

/* ---- the tokenizer ---------------------------------------------------------------------------*/

static enum gen_status tell_of_missing(const struct checkpoint *c) {
    struct error_quoted quoted;
    const struct pickle *pickle = &c->archive->pickle;
    uint32_t config, dataset;
    size_t n = 0;
    const char *name = NULL;
    if (pickle_member(pickle, pickle->root, "config", &config) &&
        pickle_member(pickle, config, "dataset", &dataset)) {
        name = pickle_text(pickle, dataset, &n);
    }
    error_quote(&quoted, name != NULL ? name : "DATASET", name != NULL ? n : strlen("DATASET"));
    bool bpe = c->n_vocab >= GPT2_TOKENS;
    return model_file_add_note(
        c->file, false, c->err, "%s: no tokenizer lies next to it (copy %s%.60s%s there)",
        c->archive->where.text, bpe ? "" : "nanoGPT's data/",
        bpe ? "GPT-2's vocab.json and merges.txt" : quoted.text, bpe ? "" : "/meta.pkl");
}

static enum gen_status read_tokenizer(const struct checkpoint *c, const char *directory) {
    enum gen_status status = GEN_OK;
    char *meta = file_join(directory, "meta.pkl");
    if (meta == NULL) {
        return error_no_memory(c->err, "a path");
    }
    if (file_kind_of(meta) != FILE_MISSING) {
        status = torch_read_characters(&c->file->tokenizer, meta, c->err);
    } else {
        int64_t eos = c->n_vocab >= GPT2_TOKENS ? GPT2_END : -1;
        status = tokenizer_files_read_directory(&c->file->tokenizer, directory, eos, c->err);
    }
    memory_free(meta);
    return status == GEN_OK && c->file->tokenizer == NULL ? tell_of_missing(c) : status;
}

/* The rows that tokens have, and the ids around a text, for which GPT-2's token serves. */
static enum gen_status settle_vocabulary(const struct checkpoint *c) {
    const struct gen_tokenizer *tokenizer = c->file->tokenizer;
    int64_t n = c->n_vocab == PADDED_TOKENS ? GPT2_TOKENS : c->n_vocab;
    int64_t eos = n >= GPT2_TOKENS ? GPT2_END : -1;
    if (tokenizer != NULL) {
        n = gen_tokenizer_n_vocab(tokenizer) < c->n_vocab ? gen_tokenizer_n_vocab(tokenizer)
                                                          : c->n_vocab;
        eos = gen_tokenizer_eos(tokenizer);
    }
    struct setting end = {.type = eos >= 0 && eos < n ? SETTING_I64 : SETTING_NULL, .value.i = eos};
    cut_vocabulary(c, n);
    enum gen_status status = add_int(c, "vocab_size", n);
    if (status == GEN_OK) {
        status = add_setting(c, "bos_token_id", &end);
    }
    return status == GEN_OK ? add_setting(c, "eos_token_id", &end) : status;
}

/* ---- the whole -------------------------------------------------------------------------------*/

static enum gen_status find_parts(struct checkpoint *c) {
    const struct pickle *pickle = &c->archive->pickle;
    bool model = pickle_member(pickle, pickle->root, "model", &c->model) &&
                 pickle_at(pickle, c->model)->tag == PICKLE_DICT;
    bool args = pickle_member(pickle, pickle->root, "model_args", &c->args) &&
                pickle_at(pickle, c->args)->tag == PICKLE_DICT;
    if (model && args) {
        return GEN_OK;
    }
    return bad(c, GEN_UNSUPPORTED,
               "has no settings of a model in it: neither is it a checkpoint of nanoGPT, with "
               "\"model\" and \"model_args\", nor does config.json lie next to it, as to the "
               "pytorch_model.bin of a Hugging Face directory");
}

static enum gen_status fill(struct checkpoint *c, const char *directory) {
    enum gen_status status = find_parts(c);
    if (status == GEN_OK) {
        status = read_args(c);
    }
    struct torch_state state = {.archive = c->archive, .dict = c->model, .prefix = COMPILED};
    if (status == GEN_OK) {
        status = torch_add_state(c->file, &state, c->err);
    }
    if (status == GEN_OK && !c->bias) {
        status = add_biases(c);
    }
    if (status == GEN_OK) {
        status = read_tokenizer(c, directory);
    }
    return status == GEN_OK ? settle_vocabulary(c) : status;
}

enum gen_status nanogpt_read(struct model_file *file, const char *path, struct gen_error *err) {
    struct torch_archive archive = {0};
    const char *slash = strrchr(path, '/');
    char *directory = slash == NULL ? memory_copy_string(".", 1)
                                    : memory_copy_string(path, (size_t)(slash - path) + 1);
    if (directory == NULL) {
        return error_no_memory(err, "a path");
    }
    file->format = "pytorch (nanoGPT)";
    file->check_sums = torch_check_sums;
    file->naming = NAMES_HF; /* the matrices of nn.Linear lie by rows of outputs */
    error_path(&file->settings_where, path);
    error_path(&file->tensors_where, path);
    enum gen_status status = model_file_map(file, path, err);
    const struct file_map *map = status == GEN_OK ? &file->maps[0] : NULL;
    if (status == GEN_OK) {
        status = torch_archive_open(&archive, map->data, map->size, path, err);
    }
    struct checkpoint c = {.file = file, .path = path, .archive = &archive, .err = err};
    if (status == GEN_OK) {
        status = fill(&c, directory);
    }
    torch_archive_release(&archive);
    memory_free(directory);
    return status;
}
