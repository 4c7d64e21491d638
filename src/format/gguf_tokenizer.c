/**
 * gguf_tokenizer.c - the tokenizer.ggml.* settings of a GGUF, made a tokenizer: tokens, their
 * types, merges, special ids; and what is refused because gen tokenizes otherwise. The other way
 * round is in gguf_write.c.
 */
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/size.h"
#include "format/tokenizer_files.h"

/* tokenizer.ggml.token_type */
enum token_type {
    TOKEN_NORMAL = 1,
    TOKEN_UNKNOWN,
    TOKEN_CONTROL,
    TOKEN_USER_DEFINED,
    TOKEN_UNUSED, /* fills a place in the embedding: no text stands for it */
    TOKEN_BYTE
};

/* The arrays, as far as they are there. */
struct arrays {
    const struct setting *tokens;
    const struct setting *types;
    const struct setting *merges;
};

static enum gen_status check_name(const struct model_file *file, const char *key,
                                  const char *const *accepted, const char *must_be,
                                  struct gen_error *err) {
    const char *name = NULL;
    size_t n = 0;
    enum gen_status status = model_file_get_string(file, key, &name, &n, err);
    if (status != GEN_OK || name == NULL) {
        return status;
    }
    for (; *accepted != NULL; accepted++) {
        if (n == strlen(*accepted) && memcmp(name, *accepted, n) == 0) {
            return GEN_OK;
        }
    }
    struct error_quoted quoted;
    return error_set(err, GEN_UNSUPPORTED,
                     "%s: %s is \"%s\", but gen has only %s: its ids would differ",
                     file->where.text, key, error_quote(&quoted, name, n), must_be);
}

/* An array setting of the right element type (or its unsigned twin) and length. */
static enum gen_status get_array(const struct setting **out, const struct model_file *file,
                                 const char *key, enum setting_type type, enum setting_type twin,
                                 const uint64_t *n, struct gen_error *err) {
    *out = model_file_setting(file, key);
    if (*out == NULL) {
        return GEN_OK;
    }
    if ((*out)->type != SETTING_ARRAY ||
        ((*out)->element_type != type && (*out)->element_type != twin)) {
        return error_set(err, GEN_BAD_FILE, "%s: %s must be an array of %s", file->where.text, key,
                         type == SETTING_STRING ? "strings" : "numbers");
    }
    if ((*out)->value.array.n > TOKENIZER_MAX_TOKENS) {
        return error_set(err, GEN_BAD_FILE, "%s: %s has %llu entries (at most %d)",
                         file->where.text, key, (unsigned long long)(*out)->value.array.n,
                         TOKENIZER_MAX_TOKENS);
    }
    if (n != NULL && (*out)->value.array.n != *n) {
        return error_set(err, GEN_BAD_FILE, "%s: %s has %llu entries, but there are %llu tokens",
                         file->where.text, key, (unsigned long long)(*out)->value.array.n,
                         (unsigned long long)*n);
    }
    return GEN_OK;
}

static enum gen_status get_arrays(struct arrays *arrays, const struct model_file *file,
                                  struct gen_error *err) {
    const struct setting *scores = NULL;
    enum gen_status status = get_array(&arrays->tokens, file, "tokenizer.ggml.tokens",
                                       SETTING_STRING, SETTING_STRING, NULL, err);
    if (status == GEN_OK) {
        status = get_array(&arrays->merges, file, "tokenizer.ggml.merges", SETTING_STRING,
                           SETTING_STRING, NULL, err);
    }
    if (status != GEN_OK) {
        return status;
    }
    if (arrays->tokens == NULL || arrays->merges == NULL) {
        return error_set(
            err, GEN_BAD_FILE, "%s: has tokenizer.ggml.model but no %s", file->where.text,
            arrays->tokens == NULL ? "tokenizer.ggml.tokens" : "tokenizer.ggml.merges");
    }
    const uint64_t *n = &arrays->tokens->value.array.n;
    status = get_array(&arrays->types, file, "tokenizer.ggml.token_type", SETTING_I32, SETTING_U32,
                       n, err);
    if (status == GEN_OK) {
        status =
            get_array(&scores, file, "tokenizer.ggml.scores", SETTING_F32, SETTING_F64, n, err);
    }
    return status;
}

/* The next string of an array. gguf_read() has walked over all of them and kept what it saw. */
static const char *next_string(struct cursor *in, size_t *n) {
    *n = (size_t)cursor_u64(in);
    return (const char *)cursor_take(in, *n);
}

static struct cursor cursor_over_array(const struct setting *setting) {
    return cursor_over(setting->value.array.data, setting->value.array.size);
}

/* eos: the id of the end-of-text token, -1 for none; ignored where it is an unused one. */
static enum gen_status read_tokens(struct tokenizer_builder *builder, const struct arrays *arrays,
                                   int64_t eos, const char *where, struct gen_error *err) {
    enum gen_status status = GEN_OK;
    struct cursor tokens = cursor_over_array(arrays->tokens);
    struct cursor types =
        arrays->types != NULL ? cursor_over_array(arrays->types) : cursor_over(NULL, 0);
    for (uint64_t id = 0; id < arrays->tokens->value.array.n && status == GEN_OK; id++) {
        size_t n = 0;
        const char *spelling = next_string(&tokens, &n);
        uint32_t type = arrays->types != NULL ? cursor_u32(&types) : TOKEN_NORMAL;
        if (type < TOKEN_NORMAL || type > TOKEN_BYTE) {
            return error_set(err, GEN_BAD_FILE,
                             "%s: tokenizer.ggml.token_type of token %llu is %u, not 1 to 6", where,
                             (unsigned long long)id, type);
        }
        if (type == TOKEN_UNUSED) {
            continue;
        }
        bool is_end =
            n == strlen(TOKENIZER_END_OF_TEXT) && memcmp(spelling, TOKENIZER_END_OF_TEXT, n) == 0;
        unsigned kind = TOKENIZER_SPECIAL;
        if (!is_end && (type == TOKEN_NORMAL || type == TOKEN_BYTE)) {
            kind = 0;
        } else if (!is_end && type == TOKEN_USER_DEFINED) {
            kind = TOKENIZER_ADDED | TOKENIZER_LATE;
        }
        status = tokenizer_builder_token(builder, id, spelling, n, kind, err);
        if (status == GEN_OK && eos >= 0 && id == (uint64_t)eos) {
            status = tokenizer_builder_eos(builder, id, err);
        }
    }
    return status;
}

static enum gen_status read_merges(struct tokenizer_builder *builder, const struct arrays *arrays,
                                   struct gen_error *err) {
    enum gen_status status = GEN_OK;
    struct cursor in = cursor_over_array(arrays->merges);
    for (uint64_t i = 0; i < arrays->merges->value.array.n && status == GEN_OK; i++) {
        size_t n = 0;
        const char *line = next_string(&in, &n);
        status = tokenizer_builder_merge_line(builder, line, n, err);
    }
    return status;
}

/* All special ids must be in range; *eos gets the end-of-text id, -1 if there is none. */
static enum gen_status read_special_ids(int64_t *eos, const struct model_file *file,
                                        uint64_t n_tokens, struct gen_error *err) {
    static const char *const keys[] = {
        "tokenizer.ggml.eos_token_id",       "tokenizer.ggml.bos_token_id",
        "tokenizer.ggml.unknown_token_id",   "tokenizer.ggml.padding_token_id",
        "tokenizer.ggml.separator_token_id", "tokenizer.ggml.seperator_token_id",
        "tokenizer.ggml.cls_token_id",       "tokenizer.ggml.mask_token_id",
        "tokenizer.ggml.eot_token_id",       "tokenizer.ggml.eom_token_id"};
    enum gen_status status = GEN_OK;
    *eos = -1;
    for (size_t i = 0; i < N_OF(keys) && status == GEN_OK; i++) {
        int64_t id = -1;
        status = model_file_get_int(file, keys[i], 0, (int64_t)n_tokens - 1, &id, err);
        if (i == 0) {
            *eos = id;
        }
    }
    return status;
}

/* Switches that would change the ids of a text. */
static enum gen_status refuse_switches(const struct model_file *file, struct gen_error *err) {
    static const char *const switches[] = {"tokenizer.ggml.add_bos_token",
                                           "tokenizer.ggml.add_eos_token",
                                           "tokenizer.ggml.add_space_prefix"};
    for (size_t i = 0; i < N_OF(switches); i++) {
        bool on = false;
        enum gen_status status = model_file_get_bool(file, switches[i], &on, err);
        if (status != GEN_OK) {
            return status;
        }
        if (on) {
            return error_set(err, GEN_UNSUPPORTED,
                             "%s: %s is true, which gen does not follow, so its ids would differ",
                             file->where.text, switches[i]);
        }
    }
    return GEN_OK;
}

enum gen_status tokenizer_files_read_gguf(struct gen_tokenizer **out, const struct model_file *file,
                                          struct gen_error *err) {
    static const char *const models[] = {"gpt2", NULL};
    /* Names by which llama.cpp cuts texts as GPT-2 does, changing no id otherwise (with jina-v2-*
     * it takes spaces before <mask> away, with roberta-bpe it adds separators), and "gpt2", which
     * only gen knows. "default" is another pattern there, which takes punctuation and digits apart;
     * files from before the key existed, April 2024, have none, and of architecture gpt2 mean
     * GPT-2's. */
    static const char *const pres[] = {
        "gpt-2",   "gpt2",     "phi-2",           "jina-es", "jina-de", "gigachat",
        "a.x-4.0", "mellum",   "modern-bert",     "exaone4", "mpt",     "olmo",
        "jais",    "trillion", "granite-docling", NULL};
    *out = NULL;
    if (model_file_setting(file, "tokenizer.ggml.model") == NULL) {
        if (model_file_setting(file, "tokenizer.ggml.tokens") == NULL) {
            return GEN_OK;
        }
        return error_set(err, GEN_BAD_FILE,
                         "%s: has tokenizer.ggml.tokens but no tokenizer.ggml.model",
                         file->where.text);
    }
    enum gen_status status =
        check_name(file, "tokenizer.ggml.model", models, "\"gpt2\" (byte-level BPE)", err);
    if (status == GEN_OK) {
        status = check_name(file, "tokenizer.ggml.pre", pres, "\"gpt-2\"", err);
    }
    if (status == GEN_OK) {
        status = refuse_switches(file, err);
    }
    struct arrays arrays = {0};
    struct tokenizer_builder *builder = NULL;
    if (status == GEN_OK) {
        status = get_arrays(&arrays, file, err);
    }
    int64_t eos = -1;
    if (status == GEN_OK) {
        status = read_special_ids(&eos, file, arrays.tokens->value.array.n, err);
    }
    if (status == GEN_OK) {
        status = tokenizer_builder_new(&builder, file->name, err);
    }
    if (status == GEN_OK) {
        tokenizer_builder_borrow(builder); /* the strings are the file's, which outlives it */
        status = read_tokens(builder, &arrays, eos, file->where.text, err);
    }
    if (status == GEN_OK) {
        status = read_merges(builder, &arrays, err);
    }
    if (status == GEN_OK) {
        status = tokenizer_builder_finish(builder, out, err);
    }
    tokenizer_builder_free(builder);
    return status;
}
