/**
 * model.c - opening a model: file, configuration, weights and tokenizer, the last two at the same
 * time, and freeing it. Each part is made in its own file (config.c, weights.c, src/format); what
 * else gen_model_*() tells is in describe.c.
 */
#include "model/model.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/threads.h"
#include "model/config.h"
#include "model/eos_ids.h"
#include "model/generation.h"
#include "model/kind.h"

struct gen_model_options gen_model_options_default(void) {
    return (struct gen_model_options){0};
}

/* A tokenizer may have more tokens than the embedding has rows, e.g. one for padding that no model
 * is fed: only a text that holds such a token is refused. A GGUF lists one token per row. */
static void limit_tokenizer(const struct gen_model *model) {
    if (model->source->tokenizer != NULL) {
        tokenizer_limit(model->source->tokenizer, model->config.n_vocab);
    }
}

static enum gen_status check_gguf_tokens(const struct gen_model *model, struct gen_error *err) {
    const struct setting *tokens = model_file_setting(model->source, "tokenizer.ggml.tokens");
    if (model->source->naming != NAMES_GGUF || tokens == NULL || tokens->type != SETTING_ARRAY ||
        tokens->value.array.n == (uint64_t)model->config.n_vocab) {
        return GEN_OK;
    }
    return error_set(err, GEN_BAD_FILE,
                     "%s: tokenizer.ggml.tokens has %llu entries, but token_embd.weight %d rows; "
                     "a GGUF has one for each",
                     model->where.text, (unsigned long long)tokens->value.array.n,
                     model->config.n_vocab);
}

/* Reading the tokenizer while weights are packed. */
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
    struct reading reading = {.file = model->source};
    struct weights_meanwhile meanwhile = {read_tokenizer, &reading};
    struct thread_pool *pool = thread_pool_new(n_threads);
    if (pool == NULL) {
        return error_no_memory(err, "threads");
    }
    enum gen_status status =
        weights_init(&model->weights, &model->config, model->source, pool, &meanwhile, err);
    thread_pool_free(pool);
    if (reading.status != GEN_OK) {
        status = reading.status;
        if (err != NULL) {
            *err = reading.err;
        }
    }
    return status;
}

/* A file that is no model has metadata, tensors of any names, and perhaps a tokenizer. */
static enum gen_status fill_other(struct gen_model *model, struct gen_error *err) {
    enum gen_status status = model_file_read_tokenizer(model->source, err);
    return status != GEN_OK || describe_settings(model) ? status : error_no_memory(err, "metadata");
}

static enum gen_status fill(struct gen_model *model, const struct gen_model_options *options,
                            struct gen_error *err) {
    if (options->any_kind && options->metadata_only) {
        model->kind = kind_of(model->source);
    }
    if (model->kind != GEN_KIND_MODEL) {
        return fill_other(model, err);
    }
    enum gen_status status = threads_check(options->n_threads, err);
    if (status != GEN_OK || (status = config_read(&model->config, model->source, err)) != GEN_OK ||
        (status = check_gguf_tokens(model, err)) != GEN_OK) {
        return status;
    }
    limit_tokenizer(model);
    if (!options->metadata_only) {
        status = make_weights(model, options->n_threads, err);
    } else if ((status = model_file_read_tokenizer(model->source, err)) == GEN_OK) {
        status = weights_init(&model->weights, &model->config, model->source, NULL, NULL, err);
    }
    if (status == GEN_OK) {
        status =
            eos_ids_read(&model->eos, &model->config, model->source->tokenizer, model->source, err);
    }
    if (status == GEN_OK) {
        status = generation_read(model->source, err);
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
    model->source = file;
    model->where = file->where;
    struct gen_model_options defaults = gen_model_options_default();
    enum gen_status status = fill(model, options != NULL ? options : &defaults, err);
    if (status != GEN_OK) {
        gen_model_free(model);
        return status;
    }
    model->tokenizer = file->tokenizer;
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
    for (size_t i = 0; i < model->n_setting_texts; i++) {
        memory_free(model->setting_texts[i]);
    }
    memory_free(model->setting_texts);
    gen_ids_release(&model->eos);
    weights_release(&model->weights);
    model_file_free(model->source);
    memory_free(model);
}

struct gen_model model_view(const struct gen_config *config, const struct weights *weights,
                            const struct gen_tokenizer *tokenizer, const char *path) {
    struct gen_model model = {.config = *config, .weights = *weights, .tokenizer = tokenizer};
    error_path(&model.where, path);
    return model;
}

const struct gen_config *gen_model_config(const struct gen_model *model) {
    return &model->config;
}

const char *gen_model_unheeded(const struct gen_model *model) {
    return model->source != NULL ? model->source->unheeded : NULL;
}

const char *gen_model_generation(const struct gen_model *model) {
    return model->source != NULL ? model->source->generation : NULL;
}

enum gen_kind gen_model_kind(const struct gen_model *model) {
    return model->kind;
}

struct gen_adapter gen_model_adapter(const struct gen_model *model) {
    return model->kind == GEN_KIND_ADAPTER ? kind_adapter(model->source) : (struct gen_adapter){0};
}

const int32_t *gen_model_eos_ids(const struct gen_model *model, size_t *n) {
    *n = model->eos.n;
    return model->eos.data;
}

const struct gen_tokenizer *gen_model_tokenizer(const struct gen_model *model) {
    return model->tokenizer;
}

size_t gen_model_n_notes(const struct gen_model *model) {
    size_t own = model->source != NULL ? model->source->notes.n : 0;
    return own + (model->tokenizer != NULL ? gen_tokenizer_n_notes(model->tokenizer) : 0);
}

struct gen_note gen_model_note(const struct gen_model *model, size_t i) {
    size_t own = model->source != NULL ? model->source->notes.n : 0;
    return i < own ? model->source->notes.notes[i] : gen_tokenizer_note(model->tokenizer, i - own);
}
