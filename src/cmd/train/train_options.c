/**
 * train_options.c - the table of options of `gen train`, which `gen finetune` shares by
 * train_rows.h, and the checks of the files they name: what is read must be there, what is written
 * must replace nothing of the run. Numbers are checked by the library (train/options.c).
 */
#include "cmd/train/train_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/size.h"
#include "cli/alloc.h"
#include "cli/compute_options.h"
#include "cli/exit_code.h"
#include "cli/input.h"
#include "cli/message.h"
#include "cli/model_path.h"
#include "cmd/train/train_rows.h"
#include "text/lines.h"

#define AT TRAIN_AT

/* Learning rate for a model that exists: 1e-3, which suits random weights, makes it worse on text
 *  like that which it knows, and 3e-5 takes much longer on text of another kind. */
#define INIT_RATE 1e-4f

const char *const train_schedule_names[] = {"constant", "cosine", "wsd", NULL};
const char *const train_optimizer_names[] = {"adamw", "muon", NULL};

static const struct option table[] = {
    OPTION_ROW_HEADING("Output"),
    OPTION_ROW("output", 'o', OPTION_STRING, AT(output), "FILE.gguf",
               "the model, written at every checkpoint, with data to validate on that of the best "
               "validation so far; next to it FILE.gguf.state for --resume and "
               "FILE.gguf.tokens-*, the tokenized data, which may be deleted"),
    TRAIN_ROWS_OUTPUT,
    OPTION_ROW_HEADING("Data"),
    OPTION_ROW(
        "data", 'd', OPTION_LIST, AT(data), "FILE",
        "text to learn, as the operands are: UTF-8, documents divided by <|endoftext|> (a line "
        "end right before or after it belongs to neither; CR LF elsewhere is learned); or "
        "FILE.jsonl, .ndjson, .json, a JSON object a line; may be given several times"),
    OPTION_ROW("valid", '\0', OPTION_LIST, AT(valid), "FILE",
               "text to validate on, in the same forms; never learned"),
    OPTION_ROW_RANGE("valid-share", '\0', OPTION_FLOAT, AT(options.valid_share), "X", 0, 0.9,
                     "without --valid: hold the last share X of the data out (two tokens at "
                     "least)"),
    OPTION_ROW("field", '\0', OPTION_STRING, AT(options.field), "NAME",
               "the member of a JSON object that holds the document (default: text)"),
    OPTION_ROW("special", '\0', OPTION_FLAG, AT(options.special), NULL,
               "special tokens (control tokens such as <|user|>) spelled out in DATA are these "
               "tokens, not ordinary text; other added tokens always are"),
    OPTION_ROW(
        "vocab", '\0', OPTION_STRING, AT(vocab), "DIR|FILE",
        "the vocabulary: a directory with vocab.json and merges.txt, as gen vocab writes "
        "it, a tokenizer.json, or a model; default: that of --init, else one learned from DATA"),
    OPTION_ROW_RANGE("vocab-size", '\0', OPTION_INT, AT(options.vocab_size), "N", 257,
                     GEN_VOCAB_MAX,
                     "tokens of a vocabulary that is learned, so without --vocab and --init "
                     "(default: 4096 for the preset tiny, 16384 for small, 50257 for gpt2)"),
    OPTION_ROW_HEADING("Model"),
    OPTION_ROW("init", '\0', OPTION_STRING, AT(init), "PATH|NAME",
               "begin with the weights of this model, a GGUF file, a Hugging Face directory or a "
               "name; default: random ones"),
    OPTION_ROW("model", 'm', OPTION_STRING, AT(init), "PATH|NAME", "the same as --init"),
    OPTION_ROW_CHOICE("preset", '\0', AT(preset), "NAME", gen_train_presets,
                      "shape of a new model: tiny (6 layers, 8 heads, 256 wide, context 256), "
                      "small (8, 8, 512, 512), gpt2 (12, 12, 768, 1024)"),
    OPTION_ROW_RANGE("n-layer", '\0', OPTION_INT, AT(options.shape.n_layer), "N", 1, 10000,
                     "layers, instead of the preset's"),
    OPTION_ROW_RANGE("n-head", '\0', OPTION_INT, AT(options.shape.n_head), "N", 1, 131072,
                     "attention heads; they divide the width"),
    OPTION_ROW_RANGE("n-embd", '\0', OPTION_INT, AT(options.shape.n_embd), "N", 1, 131072, "width"),
    OPTION_ROW_RANGE("n-ctx", '\0', OPTION_INT, AT(options.shape.n_ctx), "N", 1, 16777216,
                     "context, and length of the sequences to learn; with --init it may be less "
                     "than the model's, for shorter sequences"),
    OPTION_ROW_HEADING("Steps"),
    OPTION_ROW("steps", 'n', OPTION_UINT64, AT(options.n_steps), "N",
               "steps in all, with those before a resumption"),
    OPTION_ROW_ABOVE("epochs", '\0', OPTION_FLOAT, AT(epochs), "X", 0, 1e9,
                     "instead: times the text is read, in whole steps, rounded up; each time from "
                     "a random offset in sequences of the context's length, so that what does not "
                     "fill one comes another time"),
    OPTION_ROW("batch-size", 'b', OPTION_UINT64, AT(options.batch_size), "N",
               "tokens a step, rounded up to whole sequences, no more than DATA have (0, the "
               "default: 4096, or all of them where that is less)"),
    TRAIN_ROWS_RATE,
    OPTION_ROW("valid-every", '\0', OPTION_UINT64, AT(options.valid_every), "N",
               "steps from one validation to the next; 0: only before the first and at the end"),
    OPTION_ROW("patience", '\0', OPTION_UINT64, AT(options.patience), "N",
               "stop after N validations without a better one; 0: never"),
    OPTION_ROW_HEADING("Checkpoints"),
    TRAIN_ROWS_RUN,
};

static const struct option_conflict conflicts[] = {
    {"valid", "valid-share"}, {"vocab-size", "vocab"}, {"vocab-size", "init"},
    {"vocab-size", "model"},  {"init", "model"},       {"epochs", "steps"}};

const struct options_spec train_spec = {
    .usage = "gen train [OPTIONS] -o FILE.gguf DATA...",
    .intro = "Train a model on the text of the files DATA and write it to FILE.gguf. Ctrl-C writes "
             "a checkpoint and ends; --resume goes on. SIGUSR1 writes one and training goes on. "
             "The model of any checkpoint can be used while training goes on. With --init "
             "--lr is 1e-4 unless it is given, and with --init or --epochs --warmup is a tenth of "
             "the steps, at most 100. --resume needs -o FILE.gguf alone: options that are not "
             "given are as they were, but for files to write that do not lie next to FILE.gguf.",
    .table = table,
    .n_table = N_OF(table),
    .conflicts = conflicts,
    .n_conflicts = N_OF(conflicts),
    .habits = habits_train,
    .examples = "  gen train -o tales.gguf --valid tales-valid.txt --steps 5000 tales.txt\n"
                "  gen train --resume -o tales.gguf --steps 9000\n"
                "  gen train -o mine.gguf --init openai-community/gpt2 --n-ctx 256 --lr 3e-5 \\\n"
                "    diary.txt\n"
                "\n"
                "Recipes, with what they came to on two cores that others used too:\n"
                "  Your own text, here 300 KB of C source, which the model had never seen:\n"
                "    gen train -o mine.gguf --init tales-6m --n-ctx 128 --valid-share 0.05 \\\n"
                "      --epochs 1 my.txt\n"
                "  43 steps, 79 s, validation loss from 6.84 to 3.61. Text like that which a\n"
                "  model knows gains little: 300 KB of novels and a smaller model, tales-2m,\n"
                "  120 steps: from 4.33 to 4.34, with --lr 3e-5 to 4.33, with 1e-3 to 4.56. For\n"
                "  1 MB give --epochs 2 --patience 3.\n"
                "  From nothing, 190 KB of stories:\n"
                "    gen train -o new.gguf --vocab-size 1024 --n-layer 3 --n-head 4 \\\n"
                "      --n-embd 96 --n-ctx 64 --valid-share 0.05 --epochs 5 --lr 3e-3 \\\n"
                "      stories.txt\n"
                "  73 steps, 13 s, from 6.92 to 4.47.\n"
                "  Questions and answers are for gen finetune: gen help finetune.\n"
                "\n"
                "Built with make MPI=1, several processes train one model; -b is the batch of\n"
                "all:\n"
                "  mpirun -n 4 gen train -o tales.gguf --steps 5000 tales.txt\n"
                "\n"
                "Members of the metrics: step, loss (nats a token), lr, grad_norm, tokens,\n"
                "epoch, tokens_per_second; after a validation valid_loss, valid_perplexity,\n"
                "valid_bits_per_byte. The line of step 0 has a validation alone.\n"
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

/* ---- files -----------------------------------------------------------------------------------*/

/* Whether all are files that can be read again; if not, after a message. */
static bool are_files(const struct option_list *files, const char *command) {
    for (size_t i = 0; i < files->n; i++) {
        const char *path = files->data[i];
        struct stat status;
        bool is_stdin = strcmp(path, "-") == 0;
        if (is_stdin ||
            (stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))) {
            message("%.300s: %s, but %s reads its data again when it is resumed: save them to a "
                    "file first",
                    message_name(path), is_stdin ? "is stdin" : "is a pipe or a device", command);
            return false;
        }
    }
    return true;
}

static bool has_state(const struct train_settings *settings) {
    char *state = alloc_printf("%s.state", settings->output);
    bool found = access(state, F_OK) == 0;
    free(state);
    return found;
}

bool train_settings_files(struct train_settings *settings, const struct options_parsed *parsed,
                          const char *command, const char *usage) {
    if (settings->output == NULL || strcmp(settings->output, "-") == 0) {
        message("%s writes %s: name it with -o FILE.gguf", command,
                settings->output == NULL ? "a model" : "several files, which stdout may not be");
        return false;
    }
    struct option_list *data = &settings->data;
    for (size_t i = 0; i < parsed->n_operands; i++) {
        alloc_grow(&data->data, &data->capacity, data->n + 1, sizeof *data->data);
        data->data[data->n++] = parsed->operands[i];
    }
    if (data->n == 0 && settings->options.resume && !has_state(settings)) {
        message("%.300s.state: is missing, so there is no run to resume (-o must name the model "
                "that the run writes)",
                message_name(settings->output));
        return false;
    }
    if (data->n == 0) {
        message("%s needs %s", command, usage);
        return false;
    }
    if (!are_files(data, command) || !are_files(&settings->valid, command)) {
        return false;
    }
    struct gen_train_options *options = &settings->options;
    options->data = data->data;
    options->n_data = data->n;
    options->valid = settings->valid.data;
    options->n_valid = settings->valid.n;
    options->schedule = (enum gen_schedule)settings->schedule;
    options->optimizer = (enum gen_optimizer)settings->optimizer;
    options->kernels = compute_kernels();
    return true;
}

static bool is_file(const char *path, const char *other) {
    return other != NULL && (strcmp(path, other) == 0 || input_same_file(other, path) ||
                             file_target_same(other, path));
}

static bool is_one_of(const char *path, const struct option_list *files) {
    bool found = false;
    for (size_t i = 0; i < files->n && !found; i++) {
        found = is_file(path, files->data[i]);
    }
    return found;
}

/* Whether it is the model's or vocabulary's file, or would be among those of its directory. */
static bool is_of_model(const char *path, const char *model) {
    static const char *const ends[] = {".json", ".txt", ".safetensors"};
    const char *slash = strrchr(path, '/');
    char *directory = alloc_printf("%.*s", slash != NULL ? (int)(slash - path) + 1 : 1,
                                   slash != NULL ? path : ".");
    struct stat own, theirs;
    bool found = false;
    if (model != NULL && stat(model, &theirs) == 0 && S_ISDIR(theirs.st_mode) &&
        stat(directory, &own) == 0 && own.st_dev == theirs.st_dev && own.st_ino == theirs.st_ino) {
        for (size_t i = 0; i < N_OF(ends); i++) {
            found = found || (*path != '\0' && text_ends_with(path + 1, ends[i]));
        }
    }
    free(directory);
    return found || is_file(path, model);
}

/* Whether `path`, of the option `name`, is free to be written; if not, after a message. */
static bool check_output(const struct train_settings *settings, const char *name,
                         const char *path) {
    if (is_one_of(path, &settings->data) || is_one_of(path, &settings->valid) ||
        is_of_model(path, settings->vocab_path) || is_of_model(path, settings->begin.path)) {
        message("--%s: %.300s is read by this run and cannot be written (choose another name)",
                name, message_name(path));
        return false;
    }
    return true;
}

/* The same for one of the files besides the model. */
static bool check_extra(const struct train_settings *settings, const char *name, const char *path) {
    if (path == NULL) {
        return true;
    }
    char *state = alloc_printf("%s.state", settings->output);
    bool taken = is_file(path, settings->output) || is_file(path, state);
    free(state);
    if (taken) {
        message("--%s: %.300s is the model or its state (choose another name)", name,
                message_name(path));
        return false;
    }
    return check_output(settings, name, path);
}

/* Whether the file of --last is no other one of the run; if so, after a message. */
static bool check_last(const struct train_settings *settings) {
    const char *last = settings->options.last;
    if (last == NULL) {
        return true;
    }
    if ((settings->svg != NULL && is_file(last, settings->svg)) ||
        (settings->metrics != NULL && is_file(last, settings->metrics))) {
        message("--last: %.300s is the file of --metrics or --svg (choose another name)",
                message_name(last));
        return false;
    }
    return check_extra(settings, "last", last);
}

bool train_settings_check_outputs(const struct train_settings *settings) {
    const char *svg = settings->svg;
    if (svg != NULL && strcmp(svg, "-") == 0) {
        message("--svg: the curve is drawn again at every checkpoint, which stdout may not be "
                "(name a file)");
        return false;
    }
    if (svg != NULL && settings->metrics != NULL && is_file(svg, settings->metrics)) {
        message("--svg and --metrics are one file (choose another name)");
        return false;
    }
    return check_output(settings, "output", settings->output) && check_last(settings) &&
           check_extra(settings, "metrics", settings->metrics) && check_extra(settings, "svg", svg);
}

/* ---- all of them -----------------------------------------------------------------------------*/

bool train_settings_begin(struct train_settings *settings, const char *name) {
    struct gen_error err;
    if (model_load_find(&settings->begin, name, &err) != GEN_OK) {
        message("%s", err.message);
        return false;
    }
    settings->options.init = settings->begin.name;
    settings->options.init_image = settings->begin.image;
    settings->options.init_size = settings->begin.image_size;
    return true;
}

/* Whether what a state names is no longer there. */
static bool is_gone(const char *path) {
    return path != NULL && path[0] == '/' && access(path, F_OK) != 0;
}

static bool find_vocabulary(struct train_settings *settings) {
    struct gen_error err;
    if (settings->vocab == NULL || (settings->vocab_restored && is_gone(settings->vocab))) {
        return true;
    }
    settings->vocab_path = model_path_find(settings->vocab, &err);
    if (settings->vocab_path == NULL) {
        message("%s", err.message);
    }
    settings->options.vocab = settings->vocab_path;
    return settings->vocab_path != NULL;
}

/* Whether all files are there; if not, after a message. Said before some of them are read, which
 *  may take long. Of processes that train together one that left here would leave the others
 *  waiting: they are told together, when the files are opened. */
static bool are_there(const struct train_settings *settings, const struct option_list *files) {
    if (settings->options.ranks != NULL) {
        return true;
    }
    for (size_t i = 0; i < files->n; i++) {
        if (access(files->data[i], R_OK) != 0) {
            message("%.300s: cannot open: %s", message_name(files->data[i]), strerror(errno));
            return false;
        }
    }
    return true;
}

bool train_settings_complete(void *opaque, const struct options_parsed *parsed, int *code) {
    struct train_settings *settings = opaque;
    *code = EXIT_USAGE;
    if (!train_settings_files(settings, parsed, "train",
                              "a text to learn: gen train [OPTIONS] -o FILE.gguf DATA...")) {
        return false;
    }
    /* The default is for a new model alone; one that exists is held against what was asked for. */
    if (options_given(parsed, &train_spec, "preset")) {
        settings->options.preset = gen_train_presets[settings->preset];
    }
    /* A model that is named when a run is resumed changes nothing, be it the one that the run was
     * begun with or, of a run that was begun without, any. */
    bool resumes = settings->options.resume && has_state(settings);
    settings->begins = resumes ? settings->init_noted : settings->init != NULL;
    settings->options.n_epochs = (double)settings->epochs;
    /* The state does without what a run was begun with, should that be gone; that it was begun with
     * it stays known, for resumptions to come. */
    bool opens = settings->init != NULL && !(settings->init_restored && is_gone(settings->init));
    if (settings->begins && !options_given(parsed, &train_spec, "lr")) {
        settings->options.learning_rate = INIT_RATE;
    }
    if ((settings->begins || settings->epochs > 0) &&
        !options_given(parsed, &train_spec, "warmup")) {
        settings->options.n_warmup = GEN_WARMUP_SHARE;
    }
    *code = EXIT_FAILED;
    if (!are_there(settings, &settings->data) || !are_there(settings, &settings->valid) ||
        !find_vocabulary(settings) || (opens && !train_settings_begin(settings, settings->init))) {
        return false;
    }
    *code = EXIT_USAGE;
    return train_settings_check_outputs(settings);
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
    model_load_close(&settings->begin);
}
