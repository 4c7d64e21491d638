#include "cmd/train_options.h"

#include <stdlib.h>
#include <string.h>

#include "cli/alloc.h"
#include "cli/compute_options.h"
#include "cli/exit_code.h"
#include "cli/message.h"
#include "cli/model_path.h"
#include "cmd/train_rows.h"

#define AT TRAIN_AT

static const char *const preset_names[] = {"tiny", "small", "gpt2", NULL};
const char *const train_schedule_names[] = {"constant", "cosine", "wsd", NULL};
const char *const train_optimizer_names[] = {"adamw", "muon", NULL};

static const struct option table[] = {
    OPTION_ROW_HEADING("Output"),
    OPTION_ROW("output", 'o', OPTION_STRING, AT(output), "FILE.gguf",
               "the model, written at every checkpoint; beside it FILE.gguf.state for --resume and "
               "FILE.gguf.tokens-*, the tokenized data, which may be deleted"),
    TRAIN_ROWS_OUTPUT,
    OPTION_ROW_HEADING("Data"),
    OPTION_ROW("data", 'd', OPTION_LIST, AT(data), "FILE",
               "text to learn, as the operands are: UTF-8, documents divided by a line "
               "<|endoftext|>; or FILE.jsonl, a JSON object a line; may be given several times"),
    OPTION_ROW("valid", '\0', OPTION_LIST, AT(valid), "FILE",
               "text to validate on, likewise; never learned"),
    OPTION_ROW_RANGE("valid-share", '\0', OPTION_FLOAT, AT(options.valid_share), "X", 0, 0.9,
                     "without --valid: hold the last share X of the data out"),
    OPTION_ROW("field", '\0', OPTION_STRING, AT(options.field), "NAME",
               "the member of a JSON object that holds the document (default: text)"),
    OPTION_ROW(
        "vocab", '\0', OPTION_STRING, AT(vocab), "DIR|FILE",
        "the vocabulary: a directory with vocab.json and merges.txt, as gen vocab writes "
        "it, a tokenizer.json, or a model; default: that of --init, else one learned from DATA"),
    OPTION_ROW_RANGE("vocab-size", '\0', OPTION_INT, AT(options.vocab_size), "N", 257,
                     GEN_VOCAB_MAX,
                     "tokens of a vocabulary that is learned (default: 4096 for the preset tiny, "
                     "16384 for small, 50257 for gpt2)"),
    OPTION_ROW_HEADING("Model"),
    OPTION_ROW("init", '\0', OPTION_STRING, AT(init), "PATH|NAME",
               "begin with the weights of this model, a GGUF file, a Hugging Face directory or a "
               "name; default: random ones"),
    OPTION_ROW_CHOICE("preset", '\0', AT(preset), "NAME", preset_names,
                      "shape of a new model: tiny (6 layers, 8 heads, 256 wide, context 256), "
                      "small (8, 8, 512, 512), gpt2 (12, 12, 768, 1024)"),
    OPTION_ROW_RANGE("n-layer", '\0', OPTION_INT, AT(options.shape.n_layer), "N", 1, 10000,
                     "layers, instead of the preset's"),
    OPTION_ROW_RANGE("n-head", '\0', OPTION_INT, AT(options.shape.n_head), "N", 1, 131072,
                     "attention heads; they divide the width"),
    OPTION_ROW_RANGE("n-embd", '\0', OPTION_INT, AT(options.shape.n_embd), "N", 1, 131072, "width"),
    OPTION_ROW_RANGE("n-ctx", '\0', OPTION_INT, AT(options.shape.n_ctx), "N", 1, 16777216,
                     "context, and length of the sequences to learn; with --init only less than "
                     "the model's, for shorter sequences"),
    OPTION_ROW_HEADING("Steps"),
    OPTION_ROW("steps", 'n', OPTION_UINT64, AT(options.n_steps), "N",
               "steps in all, with those before a resumption"),
    OPTION_ROW("batch-size", 'b', OPTION_UINT64, AT(options.batch_size), "N",
               "tokens a step, rounded up to whole sequences"),
    TRAIN_ROWS_RATE,
    OPTION_ROW("valid-every", '\0', OPTION_UINT64, AT(options.valid_every), "N",
               "steps from one validation to the next; 0: only at the end"),
    OPTION_ROW_HEADING("Checkpoints"),
    TRAIN_ROWS_RUN,
};

static const struct option_conflict conflicts[] = {{"valid", "valid-share"}};

const struct options_spec train_spec = {
    .usage = "gen train [OPTIONS] -o FILE.gguf DATA...",
    .intro = "Train a model on the text of the files DATA and write it to FILE.gguf. Ctrl-C writes "
             "a checkpoint and ends; --resume goes on. The model of any checkpoint can be used "
             "while training goes on.",
    .table = table,
    .n_table = sizeof table / sizeof table[0],
    .conflicts = conflicts,
    .n_conflicts = sizeof conflicts / sizeof conflicts[0],
    .examples =
        "  gen train -o tales.gguf --valid tales-valid.txt --steps 5000 tales.txt\n"
        "  gen train -o tales.gguf --valid tales-valid.txt --steps 9000 --resume tales.txt\n"
        "  gen train -o mine.gguf --init openai-community/gpt2 --n-ctx 256 --lr 3e-5 diary.txt\n"
        "\n"
        "Built with make MPI=1, several processes train one model; -b is the batch of all:\n"
        "  mpirun -n 4 gen train -o tales.gguf --steps 5000 tales.txt\n"
        "\n"
        "Members of the metrics: step, loss (nats a token), lr, grad_norm, tokens, epoch,\n"
        "tokens_per_second; after a validation valid_loss, valid_perplexity,\n"
        "valid_bits_per_byte.\n"
        "\n"
        "Exit status: 0 done, 1 something failed, 2 wrong usage, 130 after Ctrl-C.\n",
};

void train_set_defaults(void *settings) {
    struct train_settings *train = settings;
    *train = (struct train_settings){.options = gen_train_options_default(),
                                     .sample_prompt = "",
                                     .sample_tokens = 60,
                                     .log_every = 10};
    train->schedule = (int32_t)train->options.schedule;
    train->optimizer = (int32_t)train->options.optimizer;
}

static bool find_model(char **path, const char *name) {
    struct gen_error err;
    if (name == NULL) {
        return true;
    }
    *path = model_path_find(name, &err);
    if (*path == NULL) {
        message("%s", err.message);
    }
    return *path != NULL;
}

bool train_settings_output(const struct train_settings *settings, const char *command) {
    if (settings->output == NULL) {
        message("%s writes a model: name it with -o FILE.gguf", command);
        return false;
    }
    if (strcmp(settings->output, "-") == 0) {
        message("%s writes several files, which stdout may not be: -o FILE.gguf", command);
        return false;
    }
    return true;
}

void train_settings_data(struct train_settings *settings, const struct options_parsed *parsed) {
    struct option_list *data = &settings->data;
    for (size_t i = 0; i < parsed->n_operands; i++) {
        alloc_grow(&data->data, &data->capacity, data->n + 1, sizeof *data->data);
        data->data[data->n++] = parsed->operands[i];
    }
    struct gen_train_options *options = &settings->options;
    options->data = data->data;
    options->n_data = data->n;
    options->valid = settings->valid.data;
    options->n_valid = settings->valid.n;
    options->schedule = (enum gen_schedule)settings->schedule;
    options->optimizer = (enum gen_optimizer)settings->optimizer;
    options->kernels = compute_kernels();
}

bool train_settings_complete(struct train_settings *settings, const struct options_parsed *parsed,
                             int *code) {
    *code = EXIT_USAGE;
    if (!train_settings_output(settings, "train")) {
        return false;
    }
    train_settings_data(settings, parsed);
    struct gen_train_options *options = &settings->options;
    if (options->n_data == 0) {
        message("train needs a text to learn: gen train [OPTIONS] -o FILE.gguf DATA...");
        return false;
    }
    options->preset = preset_names[settings->preset];
    *code = EXIT_FAILED;
    if (!find_model(&settings->vocab_path, settings->vocab) ||
        !find_model(&settings->init_path, settings->init)) {
        return false;
    }
    options->vocab = settings->vocab_path;
    options->init = settings->init_path;
    return true;
}

void train_settings_share(struct train_settings *settings, const struct gen_ranks *ranks) {
    settings->options.ranks = ranks->n > 1 ? ranks : NULL;
    if (ranks->rank > 0) {
        settings->quiet = true;
        settings->metrics = NULL;
        settings->svg = NULL;
    }
}

void train_settings_release(struct train_settings *settings) {
    free(settings->vocab_path);
    free(settings->init_path);
}
