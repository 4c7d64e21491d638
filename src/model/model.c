#include "model/model.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/threads.h"
#include "model/config.h"

struct gen_model_options gen_model_options_default(void) {
    return (struct gen_model_options){0};
}

/* Every id the tokenizer can give needs a row of the embedding. Hugging Face directories may
 * have rows to spare; a GGUF, whose tokenizer is not read yet, lists one token per row. */
static enum gen_status check_tokenizer(const struct gen_model *model, struct gen_error *err) {
    const struct model_file *file = model->file;
    if (file->tokenizer == NULL) {
        return GEN_OK;
    }
    int32_t n_tokens = gen_tokenizer_n_vocab(file->tokenizer);
    int32_t n_rows = model->config.n_vocab;
    if (n_tokens > n_rows) {
        return error_set(err, GEN_BAD_FILE,
                         "%s: the tokenizer has %d tokens, but the embedding only %d rows",
                         file->where.text, n_tokens, n_rows);
    }
    return GEN_OK;
}

static enum gen_status check_gguf_tokens(const struct gen_model *model, struct gen_error *err) {
    const struct setting *tokens = model_file_setting(model->file, "tokenizer.ggml.tokens");
    if (model->file->kind != MODEL_FILE_GGUF || tokens == NULL || tokens->type != SETTING_ARRAY ||
        tokens->value.array.n == (uint64_t)model->config.n_vocab) {
        return GEN_OK;
    }
    return error_set(err, GEN_BAD_FILE,
                     "%s: tokenizer.ggml.tokens has %llu entries, but token_embd.weight %d rows; "
                     "a GGUF has one for each",
                     model->file->where.text, (unsigned long long)tokens->value.array.n,
                     model->config.n_vocab);
}

/* Reading the tokenizer, beside packing. */
struct reading {
    struct model_file *file;
    enum gen_status status;
    struct gen_error err;
};

static void read_tokenizer(void *context) {
    struct reading *reading = context;
    reading->status = model_file_read_tokenizer(reading->file, &reading->err);
}

static enum gen_status make_weights(struct gen_model *model, int n_threads, struct gen_error *err) {
    struct reading reading = {.file = model->file};
    struct weights_beside beside = {read_tokenizer, &reading};
    struct thread_pool *pool = thread_pool_new(n_threads);
    if (pool == NULL) {
        return error_no_memory(err, "threads");
    }
    enum gen_status status =
        weights_init(&model->weights, &model->config, model->file, pool, &beside, err);
    thread_pool_free(pool);
    if (reading.status != GEN_OK) {
        status = reading.status;
        if (err != NULL) {
            *err = reading.err;
        }
    }
    return status;
}

static enum gen_status fill(struct gen_model *model, const struct gen_model_options *options,
                            struct gen_error *err) {
    enum gen_status status = threads_check(options->n_threads, err);
    if (status != GEN_OK || (status = config_read(&model->config, model->file, err)) != GEN_OK ||
        (status = check_gguf_tokens(model, err)) != GEN_OK ||
        (status = check_tokenizer(model, err)) != GEN_OK) {
        return status;
    }
    if (!options->metadata_only) {
        status = make_weights(model, options->n_threads, err);
    } else if ((status = model_file_read_tokenizer(model->file, err)) == GEN_OK) {
        status = weights_init(&model->weights, &model->config, model->file, NULL, NULL, err);
    }
    if (status == GEN_OK && options->metadata_only && !describe_settings(model)) {
        return error_no_memory(err, "metadata");
    }
    return status;
}

/* Make a model of an opened file, which from now on belongs to the model or is freed. */
static enum gen_status model_new(struct gen_model **out, struct model_file *file,
                                 const struct gen_model_options *options, struct gen_error *err) {
    struct gen_model *model = memory_new(1, sizeof *model);
    if (model == NULL) {
        model_file_free(file);
        return error_no_memory(err, "a model");
    }
    model->file = file;
    struct gen_model_options defaults = gen_model_options_default();
    enum gen_status status = fill(model, options != NULL ? options : &defaults, err);
    if (status != GEN_OK) {
        gen_model_free(model);
        return status;
    }
    model_file_stop_reading(file);
    *out = model;
    return GEN_OK;
}

enum gen_status gen_model_open(struct gen_model **out, const char *path,
                               const struct gen_model_options *options, struct gen_error *err) {
    *out = NULL;
    struct model_file *file;
    enum gen_status status = model_file_begin(&file, path, err);
    return status == GEN_OK ? model_new(out, file, options, err) : status;
}

enum gen_status gen_model_open_memory(struct gen_model **out, const char *name, const void *data,
                                      size_t size, const struct gen_model_options *options,
                                      struct gen_error *err) {
    *out = NULL;
    struct model_file *file;
    enum gen_status status = model_file_begin_memory(&file, name, data, size, err);
    return status == GEN_OK ? model_new(out, file, options, err) : status;
}

void gen_model_free(struct gen_model *model) {
    if (model == NULL) {
        return;
    }
    for (size_t i = 0; model->setting_texts != NULL && i < model->file->n_settings; i++) {
        memory_free(model->setting_texts[i]);
    }
    memory_free(model->setting_texts);
    weights_release(&model->weights);
    model_file_free(model->file);
    memory_free(model);
}

const struct gen_config *gen_model_config(const struct gen_model *model) {
    return &model->config;
}

const struct gen_tokenizer *gen_model_tokenizer(const struct gen_model *model) {
    return model->file->tokenizer;
}

size_t gen_model_n_notes(const struct gen_model *model) {
    const struct gen_tokenizer *tokenizer = model->file->tokenizer;
    return model->file->notes.n + (tokenizer != NULL ? gen_tokenizer_n_notes(tokenizer) : 0);
}

struct gen_note gen_model_note(const struct gen_model *model, size_t i) {
    const struct note_list *own = &model->file->notes;
    return i < own->n ? own->notes[i] : gen_tokenizer_note(model->file->tokenizer, i - own->n);
}
