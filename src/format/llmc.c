/**
 * llmc.c - reads the models that llm.c writes: 256 numbers of 32 bits, then the tensors one after
 * the other without names, each kind of a layer's for all layers. So a tensor's place follows from
 * the sizes in the header alone, and the size of the file must be exactly theirs.
 */
#include "format/llmc.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "base/size.h"
#include "format/tokenizer_files.h"

#define N_HEADER     256
#define HEADER_BYTES ((size_t)N_HEADER * 4)

/* First numbers of llm.c's files. */
#define MAGIC_MODEL     20240326
#define MAGIC_STATE     20240327
#define MAGIC_TOKENIZER 20240328
#define MAGIC_TOKENS    20240520
#define MAGIC_EVAL      20240522

/* Most of each, so that no sum or product of them comes near 2^64; what a model may have is checked
 * with its settings. */
#define MOST_ROWS   ((uint64_t)1 << 24)
#define MOST_LAYERS ((uint64_t)1 << 12)
#define MOST_WIDTH  ((uint64_t)1 << 20)

/* What the header says. */
struct sizes {
    uint64_t n_ctx, n_vocab, n_layer, n_head, n_embd;
    uint64_t n_rows; /* of wte: n_vocab, or more to pad it */
    enum tensor_type type;
    size_t number; /* bytes of one */
};

bool llmc_is(const struct file_map *map) {
    static const uint32_t magics[] = {MAGIC_MODEL, MAGIC_STATE, MAGIC_TOKENIZER, MAGIC_TOKENS,
                                      MAGIC_EVAL};
    for (size_t i = 0; map->size >= 4 && i < N_OF(magics); i++) {
        if (bytes_u32(map->data) == magics[i]) {
            return true;
        }
    }
    return false;
}

/* ---- the header ------------------------------------------------------------------------------*/

static enum gen_status refuse(const struct model_file *file, const char *what,
                              struct gen_error *err) {
    return error_set(err, GEN_UNSUPPORTED, "%s: %s", file->where.text, what);
}

static enum gen_status check_magic(const struct model_file *file, uint32_t magic,
                                   struct gen_error *err) {
    switch (magic) {
    case MAGIC_STATE:
        return refuse(file, "is the state of llm.c's training; name the model_*.bin next to it",
                      err);
    case MAGIC_TOKENIZER:
        return refuse(file,
                      "is llm.c's tokenizer, which has no merges, so it can only decode (put "
                      "GPT-2's vocab.json and merges.txt next to the model)",
                      err);
    case MAGIC_TOKENS:
        return refuse(file, "is llm.c's tokenized text, not a model", err);
    case MAGIC_EVAL:
        return refuse(file, "is llm.c's file of multiple choice, not a model", err);
    default:
        return GEN_OK;
    }
}

static enum gen_status check_version(struct sizes *sizes, const struct model_file *file,
                                     uint32_t version, struct gen_error *err) {
    switch (version) {
    case 1:
    case 3:
        sizes->type = TENSOR_F32;
        sizes->number = 4;
        return GEN_OK;
    case 5:
        sizes->type = TENSOR_BF16;
        sizes->number = 2;
        return GEN_OK;
    case 2:
    case 4:
        return error_set(err, GEN_UNSUPPORTED,
                         "%s: is of version %u of llm.c's format, which it wrote for a few days "
                         "only; versions 1, 3 and 5 are read (write the model again with a newer "
                         "llm.c)",
                         file->where.text, (unsigned)version);
    default:
        return error_set(err, GEN_UNSUPPORTED,
                         "%s: is of version %u of llm.c's format, but must be of 1, 3 or 5",
                         file->where.text, (unsigned)version);
    }
}

/* A number of the header, which must be from 1 to `most`. */
static enum gen_status take(uint64_t *value, const struct model_file *file, size_t i,
                            const char *name, uint64_t most, struct gen_error *err) {
    *value = bytes_u32(file->maps[0].data + 4 * i);
    if (*value >= 1 && *value <= most) {
        return GEN_OK;
    }
    return error_set(err, GEN_BAD_FILE, "%s: %s is %lld, but must be from 1 to %llu",
                     file->where.text, name, (long long)(int32_t)*value, (unsigned long long)most);
}

static enum gen_status read_sizes(struct sizes *sizes, const struct model_file *file,
                                  struct gen_error *err) {
    const struct file_map *map = &file->maps[0];
    if (map->size < HEADER_BYTES) {
        return error_set(err, GEN_BAD_FILE,
                         "%s: ends after %zu bytes, within the header of %zu bytes",
                         file->where.text, map->size, HEADER_BYTES);
    }
    uint32_t version = bytes_u32(map->data + 4);
    enum gen_status status = check_magic(file, bytes_u32(map->data), err);
    if (status == GEN_OK) {
        status = check_version(sizes, file, version, err);
    }
    const struct {
        const char *name;
        uint64_t *value;
        uint64_t most;
    } rows[] = {
        {"max_seq_len", &sizes->n_ctx, MOST_ROWS},    {"vocab_size", &sizes->n_vocab, MOST_ROWS},
        {"num_layers", &sizes->n_layer, MOST_LAYERS}, {"num_heads", &sizes->n_head, MOST_WIDTH},
        {"channels", &sizes->n_embd, MOST_WIDTH},
    };
    for (size_t i = 0; i < N_OF(rows) && status == GEN_OK; i++) {
        status = take(rows[i].value, file, 2 + i, rows[i].name, rows[i].most, err);
    }
    sizes->n_rows = sizes->n_vocab;
    if (status == GEN_OK && version > 1) {
        status = take(&sizes->n_rows, file, 7, "padded_vocab_size", MOST_ROWS, err);
    }
    if (status == GEN_OK && sizes->n_rows < sizes->n_vocab) {
        status =
            error_set(err, GEN_BAD_FILE, "%s: padded_vocab_size %llu is less than vocab_size %llu",
                      file->where.text, (unsigned long long)sizes->n_rows,
                      (unsigned long long)sizes->n_vocab);
    }
    return status;
}

/* ---- settings, as config.json has them -------------------------------------------------------*/

static enum gen_status add_setting(struct model_file *file, const char *key, struct setting setting,
                                   struct gen_error *err) {
    return model_file_add_setting(file, &setting, key, strlen(key), file->where.text, err);
}

static struct setting text_setting(const char *text) {
    struct setting setting = {.type = SETTING_STRING};
    setting.value.string.text = text;
    setting.value.string.n = strlen(text);
    return setting;
}

static enum gen_status add_settings(struct model_file *file, const struct sizes *sizes,
                                    struct gen_error *err) {
    const struct {
        const char *key;
        uint64_t value;
    } rows[] = {
        {"vocab_size", sizes->n_vocab}, {"n_positions", sizes->n_ctx}, {"n_embd", sizes->n_embd},
        {"n_layer", sizes->n_layer},    {"n_head", sizes->n_head},
    };
    enum gen_status status = add_setting(file, "model_type", text_setting("gpt2"), err);
    for (size_t i = 0; i < N_OF(rows) && status == GEN_OK; i++) {
        struct setting setting = {.type = SETTING_I64};
        setting.value.i = (int64_t)rows[i].value;
        status = add_setting(file, rows[i].key, setting, err);
    }
    if (status == GEN_OK) {
        status = add_setting(file, "activation_function", text_setting("gelu_new"), err);
    }
    return status;
}

/* ---- tensors ---------------------------------------------------------------------------------*/

/* In the order of the file: names as Hugging Face has them but for the layer's number, and sizes.
 * A size is a multiple of n_embd or, for tables, rows of that many numbers. */
struct kind {
    const char *before, *after; /* around the number; after NULL: once in the model */
    uint64_t rows;              /* 0: a vector */
    uint64_t columns;
};

#define N_KINDS 16

static void list_kinds(struct kind kinds[N_KINDS], const struct sizes *sizes) {
    uint64_t c = sizes->n_embd;
    const struct kind list[N_KINDS] = {
        {"wte.weight", NULL, sizes->n_rows, c},
        {"wpe.weight", NULL, sizes->n_ctx, c},
        {"h.", ".ln_1.weight", 0, c},
        {"h.", ".ln_1.bias", 0, c},
        {"h.", ".attn.c_attn.weight", 3 * c, c},
        {"h.", ".attn.c_attn.bias", 0, 3 * c},
        {"h.", ".attn.c_proj.weight", c, c},
        {"h.", ".attn.c_proj.bias", 0, c},
        {"h.", ".ln_2.weight", 0, c},
        {"h.", ".ln_2.bias", 0, c},
        {"h.", ".mlp.c_fc.weight", 4 * c, c},
        {"h.", ".mlp.c_fc.bias", 0, 4 * c},
        {"h.", ".mlp.c_proj.weight", c, 4 * c},
        {"h.", ".mlp.c_proj.bias", 0, c},
        {"ln_f.weight", NULL, 0, c},
        {"ln_f.bias", NULL, 0, c},
    };
    memcpy(kinds, list, sizeof list);
}

static uint64_t numbers_of(const struct kind *kind) {
    return (kind->rows > 0 ? kind->rows : 1) * kind->columns;
}

static enum gen_status check_size(const struct model_file *file, const struct sizes *sizes,
                                  const struct kind kinds[N_KINDS], struct gen_error *err) {
    uint64_t numbers = 0;
    for (size_t i = 0; i < N_KINDS; i++) {
        numbers += numbers_of(&kinds[i]) * (kinds[i].after != NULL ? sizes->n_layer : 1);
    }
    uint64_t bytes = HEADER_BYTES + numbers * sizes->number;
    if (bytes == file->maps[0].size) {
        return GEN_OK;
    }
    return error_set(
        err, GEN_BAD_FILE,
        "%s: has %zu bytes, but a model of %llu layers, width %llu, %llu positions and "
        "%llu rows of tokens must have %llu",
        file->where.text, file->maps[0].size, (unsigned long long)sizes->n_layer,
        (unsigned long long)sizes->n_embd, (unsigned long long)sizes->n_ctx,
        (unsigned long long)sizes->n_rows, (unsigned long long)bytes);
}

static enum gen_status add_tensor(struct model_file *file, const struct sizes *sizes,
                                  const struct kind *kind, uint64_t layer,
                                  const unsigned char *data, struct gen_error *err) {
    char name[64];
    int n = kind->after == NULL
                ? snprintf(name, sizeof name, "%s", kind->before)
                : snprintf(name, sizeof name, "%s%u%s", kind->before, (unsigned)layer, kind->after);
    bool is_vector = kind->rows == 0;
    bool pads = strcmp(name, "wte.weight") == 0;
    uint64_t rows = is_vector ? 1 : pads ? sizes->n_vocab : kind->rows;
    struct file_tensor tensor = {
        .type = sizes->type,
        .n_dims = is_vector ? 1 : 2,
        .dims = {kind->columns, rows, 1, 1},
        .data = data,
        .size = (size_t)(kind->columns * rows * sizes->number),
    };
    return model_file_add_tensor(file, &tensor, name, (size_t)n, file->where.text, err);
}

static enum gen_status add_tensors(struct model_file *file, const struct sizes *sizes,
                                   const struct kind kinds[N_KINDS], struct gen_error *err) {
    const unsigned char *data = file->maps[0].data + HEADER_BYTES;
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < N_KINDS; i++) {
        uint64_t n = kinds[i].after != NULL ? sizes->n_layer : 1;
        for (uint64_t layer = 0; layer < n && status == GEN_OK; layer++) {
            status = add_tensor(file, sizes, &kinds[i], layer, data, err);
            data += (size_t)numbers_of(&kinds[i]) * sizes->number;
        }
    }
    return status;
}

/* The tokenizer's files next to the model, if there are any; an image in memory has no neighbors.
 */
static enum gen_status make_tokenizer(struct model_file *file, struct gen_error *err) {
    const char *slash = strrchr(file->name, '/');
    char *directory = slash == NULL
                          ? memory_copy_string(".", 1)
                          : memory_copy_string(file->name, (size_t)(slash - file->name) + 1);
    if (directory == NULL) {
        return error_no_memory(err, "a path");
    }
    enum gen_status status = tokenizer_files_read_directory(&file->tokenizer, directory, -1, err);
    memory_free(directory);
    if (status == GEN_OK && file->tokenizer == NULL) {
        status = model_file_add_note(file, false, err,
                                     "%s brings no tokenizer: put GPT-2's vocab.json and "
                                     "merges.txt next to it",
                                     file->where.text);
    }
    return status;
}

enum gen_status llmc_read(struct model_file *file, struct gen_error *err) {
    struct sizes sizes = {0};
    struct kind kinds[N_KINDS];
    file->naming = NAMES_HF;
    file->format = "llm.c";
    file->conv1d_by_inputs = false;
    file->settings_where = file->tensors_where = file->where;
    enum gen_status status = read_sizes(&sizes, file, err);
    if (status != GEN_OK) {
        return status;
    }
    list_kinds(kinds, &sizes);
    status = check_size(file, &sizes, kinds, err);
    if (status == GEN_OK) {
        status = add_settings(file, &sizes, err);
    }
    if (status == GEN_OK) {
        status = add_tensors(file, &sizes, kinds, err);
    }
    return status == GEN_OK && file->maps[0].mapped ? make_tokenizer(file, err) : status;
}
