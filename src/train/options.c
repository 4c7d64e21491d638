/**
 * options.c - defaults, presets and ranges of a training's options, and the shape of the model that
 * they make or must fit. What files hold is checked where they are read.
 */
#include "train/options.h"

#include <math.h>
#include <string.h>

#include "arch/keys.h"
#include "base/error.h"
#include "base/size.h"
#include "base/threads.h"
#include "model/config.h"

struct gen_train_options gen_train_options_default(void) {
    return (struct gen_train_options){.field = "text",
                                      .n_steps = 1000,
                                      .learning_rate = 1e-3f,
                                      .schedule = GEN_SCHEDULE_COSINE,
                                      .n_warmup = 100,
                                      .decay_share = 0.2f,
                                      .momentum = 0.95f,
                                      .beta1 = 0.9f,
                                      .beta2 = 0.95f,
                                      .epsilon = 1e-8f,
                                      .weight_decay = 0.1f,
                                      .clip = 1,
                                      .valid_every = 250,
                                      .checkpoint_minutes = 10};
}

const char *gen_optimizer_name(enum gen_optimizer optimizer) {
    return optimizer == GEN_OPTIMIZER_ADAMW  ? "adamw"
           : optimizer == GEN_OPTIMIZER_MUON ? "muon"
                                             : "?";
}

/* ---- presets ---------------------------------------------------------------------------------*/

struct preset {
    const char *name;
    int32_t vocab_size; /* of a vocabulary that is learned */
    struct gen_train_shape shape;
};

/* ROW(name, vocab_size, n_layer, n_head, n_embd, n_ctx) of each; a new model is the first if
 * nothing is said. */
#define PRESETS(ROW)                                                                               \
    ROW("tiny", 4096, 6, 8, 256, 256)                                                              \
    ROW("small", 16384, 8, 8, 512, 512)                                                            \
    ROW("gpt2", 50257, 12, 12, 768, 1024)

#define PRESET_ENTRY(NAME, VOCAB_SIZE, ...) {NAME, VOCAB_SIZE, {__VA_ARGS__}},
#define PRESET_NAME(NAME, ...)              NAME,

static const struct preset presets[] = {PRESETS(PRESET_ENTRY)};
const char *const gen_train_presets[] = {PRESETS(PRESET_NAME) NULL};

/* NULL for a name that is none. */
static const struct preset *find_preset(const char *name) {
    for (size_t i = 0; name != NULL && i < N_OF(presets); i++) {
        if (strcmp(presets[i].name, name) == 0) {
            return &presets[i];
        }
    }
    return name == NULL ? &presets[0] : NULL;
}

/* ---- ranges ----------------------------------------------------------------------------------*/

struct range {
    const char *name;
    float value, low, high;
    bool below_high; /* high itself is too much */
};

static enum gen_status check_range(const struct range *range, struct gen_error *err) {
    bool above = range->below_high ? range->value >= range->high : range->value > range->high;
    if (range->value >= range->low && !above) {
        return GEN_OK;
    }
    return error_set(err, GEN_BAD_ARGUMENT, "%s is %g, but must be %g to %s%g", range->name,
                     (double)range->value, (double)range->low, range->below_high ? "below " : "",
                     (double)range->high);
}

static enum gen_status check_numbers(const struct gen_train_options *options,
                                     struct gen_error *err) {
    const struct range ranges[] = {
        {"valid_share", options->valid_share, 0, 1, true},
        {"learning_rate", options->learning_rate, 0, 1000, false},
        {"least_rate", options->least_rate, 0, options->learning_rate, false},
        {"decay_share", options->decay_share, 0, 1, false},
        {"momentum", options->momentum, 0, 1, true},
        {"beta1", options->beta1, 0, 1, true},
        {"beta2", options->beta2, 0, 1, true},
        {"epsilon", options->epsilon, 0, 1, false},
        {"weight_decay", options->weight_decay, 0, 1000, false},
        {"clip", options->clip, 0, INFINITY, false},
        {"dropout", options->dropout, 0, 1, true},
        {"checkpoint_minutes", options->checkpoint_minutes, 0, INFINITY, false},
    };
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < N_OF(ranges) && status == GEN_OK; i++) {
        status = check_range(&ranges[i], err);
    }
    return status;
}

/* A step must not be so large that counting its tokens wraps around. */
#define MAX_BATCH_SIZE ((uint64_t)1 << 32)

enum gen_status train_options_check(const struct gen_train_options *options,
                                    struct gen_error *err) {
    enum gen_status status = threads_check(options->n_threads, err);
    if (status != GEN_OK || (status = check_numbers(options, err)) != GEN_OK) {
        return status;
    }
    if (options->n_data == 0) {
        return error_set(err, GEN_BAD_ARGUMENT, "there is no data to train on");
    }
    if (options->n_steps == 0 && !(options->n_epochs > 0)) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "0 steps teach nothing: the number of steps must be at least 1");
    }
    if (options->batch_size > MAX_BATCH_SIZE) {
        return error_set(err, GEN_BAD_ARGUMENT, "the batch is %llu, but must be at most 2^32",
                         (unsigned long long)options->batch_size);
    }
    if (options->micro_batch < 0) {
        return error_set(err, GEN_BAD_ARGUMENT, "micro_batch is %d, but must be 0 or more",
                         options->micro_batch);
    }
    if (!(options->n_epochs >= 0 && options->n_epochs <= 1e9)) {
        return error_set(err, GEN_BAD_ARGUMENT, "n_epochs is %g, but must be 0 to 1e9",
                         options->n_epochs);
    }
    if (options->patience > 0 && options->n_valid == 0 && options->valid_share == 0) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "stopping early needs data to validate with: files, or a share of the "
                         "data");
    }
    if (options->optimizer != GEN_OPTIMIZER_ADAMW && options->optimizer != GEN_OPTIMIZER_MUON) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "optimizer %d is unknown; known are 0 (adamw) and 1 (muon)",
                         (int)options->optimizer);
    }
    if (find_preset(options->preset) == NULL) {
        struct error_quoted quoted;
        return error_set(err, GEN_BAD_ARGUMENT,
                         "preset \"%s\" is unknown; known are tiny, small and gpt2",
                         error_quote(&quoted, options->preset, strlen(options->preset)));
    }
    if (options->vocab_size != 0 && (options->vocab != NULL || options->init != NULL)) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "vocab_size is %d, but %s brings a vocabulary, so none is learned (leave "
                         "one of the two out)",
                         options->vocab_size, options->vocab != NULL ? "vocab" : "init");
    }
    if (options->n_valid > 0 && options->valid_share > 0) {
        return error_set(
            err, GEN_BAD_ARGUMENT,
            "both files and a share of the data for validation: it must be one of them");
    }
    return GEN_OK;
}

/* ---- shapes ----------------------------------------------------------------------------------*/

int32_t train_options_vocab_size(const struct gen_train_options *options) {
    const struct preset *preset = find_preset(options->preset);
    return options->vocab_size != 0 ? options->vocab_size : preset != NULL ? preset->vocab_size : 0;
}

/* What an option says, or the preset where it says nothing; one of several checked in turn. */
static enum gen_status take_size(int32_t *size, const char *name, int32_t option, int32_t preset,
                                 int32_t high, struct gen_error *err) {
    *size = option != 0 ? option : preset;
    if (*size >= 1 && *size <= high) {
        return GEN_OK;
    }
    return error_set(err, GEN_BAD_ARGUMENT, "%s is %d, but must be 1 to %d", name, *size, high);
}

enum gen_status train_options_config(struct gen_config *config,
                                     const struct gen_train_options *options,
                                     const struct gen_tokenizer *tokenizer, struct gen_error *err) {
    const struct preset *preset = find_preset(options->preset);
    const struct gen_train_shape *from = &preset->shape;
    const struct gen_train_shape *shape = &options->shape;
    int32_t eos = gen_tokenizer_eos(tokenizer);
    *config = (struct gen_config){.n_vocab = gen_tokenizer_n_vocab(tokenizer),
                                  .activation = GEN_GELU_NEW,
                                  .layer_norm_epsilon = 1e-5f,
                                  .scale_attn_weights = true,
                                  .tie_word_embeddings = true,
                                  .bos_token_id = eos,
                                  .eos_token_id = eos};
    enum gen_status status = take_size(&config->n_layer, "n_layer", shape->n_layer, from->n_layer,
                                       CONFIG_MAX_LAYER, err);
    if (status != GEN_OK ||
        (status = take_size(&config->n_head, "n_head", shape->n_head, from->n_head, CONFIG_MAX_EMBD,
                            err)) != GEN_OK ||
        (status = take_size(&config->n_embd, "n_embd", shape->n_embd, from->n_embd, CONFIG_MAX_EMBD,
                            err)) != GEN_OK ||
        (status = take_size(&config->n_ctx, "n_ctx", shape->n_ctx, from->n_ctx, CONFIG_MAX_CTX,
                            err)) != GEN_OK) {
        return status;
    }
    config->n_inner = 4 * config->n_embd;
    if (config->n_embd % config->n_head != 0) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "n_head %d does not divide n_embd %d, so there is no head size",
                         config->n_head, config->n_embd);
    }
    return GEN_OK;
}

/* What a model that exists has, and what the options say of it: 0 for nothing. */
struct wish {
    const char *name;
    int32_t found, option, preset;
    const char *hint; /* after what can be done */
};

static enum gen_status check_wish(const struct wish *wish, const struct gen_train_options *options,
                                  const char *name, struct gen_error *err) {
    if (wish->option != 0 && wish->option != wish->found) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "%s: its %s is %d, the options ask for %d (leave it out to go on with "
                         "this model%s)",
                         name, wish->name, wish->found, wish->option, wish->hint);
    }
    if (wish->option == 0 && wish->preset != 0 && wish->preset != wish->found) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "%s: its %s is %d, the preset %s has %d (leave it out to go on with this "
                         "model)",
                         name, wish->name, wish->found, options->preset, wish->preset);
    }
    return GEN_OK;
}

enum gen_status train_options_fit(const struct gen_train_options *options,
                                  const struct gen_config *config, const char *name,
                                  struct gen_error *err) {
    static const struct gen_train_shape any = {0};
    const struct gen_train_shape *shape = &options->shape;
    const struct gen_train_shape *preset =
        options->preset != NULL ? &find_preset(options->preset)->shape : &any;
    bool shorter = shape->n_ctx > 0 && shape->n_ctx < config->n_ctx;
    int32_t n_ctx = shorter && options->init != NULL ? config->n_ctx : shape->n_ctx;
    const struct wish wishes[] = {
        {"n_layer", config->n_layer, shape->n_layer, preset->n_layer, ""},
        {"n_head", config->n_head, shape->n_head, preset->n_head, ""},
        {"n_embd", config->n_embd, shape->n_embd, preset->n_embd, ""},
        {"n_ctx", config->n_ctx, n_ctx, preset->n_ctx,
         shorter ? "; if it was begun with a model, for shorter sequences name that one, too" : ""},
    };
    enum gen_status status = GEN_OK;
    for (size_t i = 0; status == GEN_OK && i < N_OF(wishes); i++) {
        status = check_wish(&wishes[i], options, name, err);
    }
    /* One that was learned may have come out smaller, where the text had no more to give. */
    if (status == GEN_OK && options->vocab_size != 0 && config->n_vocab > options->vocab_size) {
        status = error_set(err, GEN_BAD_ARGUMENT,
                           "%s: its vocabulary has %d tokens, the options ask for %d (leave it "
                           "out to go on with this model)",
                           name, config->n_vocab, options->vocab_size);
    }
    return status;
}
