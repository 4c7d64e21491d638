/**
 * explain.c - `gen explain`: a look inside a model on its way through a text. Options, the text,
 * and which form it is shown in; the numbers are gen_explain()'s, the forms are the other files
 * here.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/size.h"
#include "cli/exit_code.h"
#include "cli/ids.h"
#include "cli/input.h"
#include "cli/message.h"
#include "cli/model_load.h"
#include "cli/model_options.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "cli/wrap.h"
#include "cmd/command.h"
#include "cmd/explain/explain_view.h"
#include "cmd/generate/prompt_text.h"

struct explain_settings {
    struct model_settings model;
    const char *prompt, *file, *prompt_ids, *output;
    struct gen_explain_options options;
    bool special, json, verbose, quiet;
    int32_t color;
};

#define AT(member) offsetof(struct explain_settings, member)

static const struct option table[] = {
    OPTION_ROW_HEADING("Model"),
    MODEL_ROWS(AT(model), MODEL_HELP_PLACES),
    MODEL_ROW_SANDBOX(AT(model)),
    OPTION_ROW_HEADING("Text (default: all of stdin, without its last newline)"),
    OPTION_ROW("prompt", 'p', OPTION_STRING, AT(prompt), "TEXT", "the text"),
    OPTION_ROW("file", 'f', OPTION_STRING, AT(file), "FILE",
               "read the text from FILE; - is stdin; a byte order mark in front is no text"),
    OPTION_ROW("prompt-ids", '\0', OPTION_STRING, AT(prompt_ids), "\"ID ...\"",
               "the text as token ids"),
    OPTION_ROW("special", '\0', OPTION_FLAG, AT(special), NULL,
               "<|endoftext|> and other special (control) tokens in the text are these tokens, not "
               "ordinary text"),
    OPTION_ROW_HEADING("Output"),
    OPTION_ROW("output", 'o', OPTION_STRING, AT(output), "FILE",
               "write a page to FILE (HTML, to be opened in a browser; it needs no network and no "
               "other file), or with --json the JSON; FILE stays as it is until all is done; - is "
               "stdout"),
    OPTION_ROW("json", '\0', OPTION_FLAG, AT(json), NULL,
               "print one JSON object with all numbers of the page"),
    OPTION_ROW_RANGE("top", '\0', OPTION_INT, AT(options.n_top), "N", 0, 1000,
                     "likeliest tokens shown for each place"),
    OPTION_ROW_CHOICE("color", '\0', AT(color), "WHEN", text_color_names,
                      "show surprise in color, else by marks: auto, always or never; NO_COLOR is "
                      "heeded"),
    OPTION_ROW("verbose", 'v', OPTION_FLAG, AT(verbose), NULL,
               "say on stderr what was given up, and what of the model's files is not heeded"),
    OPTION_ROW("quiet", 'q', OPTION_FLAG, AT(quiet), NULL, "say nothing on stderr but errors"),
};

static const struct option_conflict conflicts[] = {
    {"prompt", "file"},        {"prompt", "prompt-ids"}, {"file", "prompt-ids"},
    {"prompt-ids", "special"}, {"verbose", "quiet"},
};

static const char *const once[] = {"prompt", "file", "prompt-ids", NULL};

static const struct options_spec spec = {
    .usage = "gen explain [OPTIONS] [TEXT...]",
    .intro =
        "Show what the model computes on its way through TEXT: how surprising each token is and "
        "what the model expected in its place; on the page also where each head of attention "
        "looks, what each layer would say if it were the last (the logit lens), and what "
        "attention and MLP of each layer add to the logit. Every number on the page has its "
        "formula next to it.",
    .table = table,
    .n_table = N_OF(table),
    .conflicts = conflicts,
    .n_conflicts = N_OF(conflicts),
    .once = once,
    .once_hint = "",
    .examples =
        "  gen explain 'Once upon a time there was a spreadsheet'\n"
        "  gen explain -m openai-community/gpt2 -o page.html 'The capital of France is Paris'\n"
        "  gen explain --json 'Once upon a time' | jq '.tokens[] | [.token, .bits]'\n"
        "\n"
        "Members of the JSON: model, n_tokens, bits, perplexity; tokens (id, token, bytes,\n"
        "logprob, bits, rank, alternatives), next (likeliest after the text); of each\n"
        "position targets (the next token, at the end the likeliest, and its logit), lens\n"
        "[layers][position], parts and contributions [position][part] to the target's\n"
        "logit, attention [layer][head][position]. Logarithms are natural but for bits.\n"
        "\n"
        "A page of 200 tokens takes 4 MB with a model of 12 layers and 12 heads, and four\n"
        "times as much for twice the tokens.\n"
        "\n"
        "Exit status: 0 done, 1 something failed, 2 wrong usage, 130 after Ctrl-C.\n",
};

static void set_defaults(void *opaque) {
    *(struct explain_settings *)opaque = (struct explain_settings){
        .options = gen_explain_options_default(), .color = TEXT_COLOR_AUTO};
}

/* ---- the text --------------------------------------------------------------------------------*/

static enum gen_status encode(struct gen_ids *ids, const struct explain_settings *settings,
                              const struct gen_bytes *text, const struct gen_model *model,
                              struct gen_error *err) {
    const struct gen_tokenizer *tokenizer = gen_model_tokenizer(model);
    if (tokenizer == NULL) {
        message_set(err, GEN_UNSUPPORTED,
                    "the model has no tokenizer (give the text with --prompt-ids)");
        return GEN_UNSUPPORTED;
    }
    size_t most = prompt_text_most_bytes(model);
    if (text->n > most) {
        message_set(err, GEN_CONTEXT_FULL,
                    "the text has %zu bytes, but the context of this model holds %zu at most "
                    "(shorten it)",
                    text->n, most);
        return GEN_CONTEXT_FULL;
    }
    return gen_tokenizer_encode(tokenizer, text->data, text->n, settings->special, ids, err);
}

static enum gen_status read_ids(struct gen_ids *ids, const struct explain_settings *settings,
                                const struct options_parsed *parsed, const struct gen_model *model,
                                struct gen_error *err) {
    if (settings->prompt_ids != NULL) {
        const char *list = settings->prompt_ids;
        enum gen_status status = ids_parse(ids, list, strlen(list), "--prompt-ids", err);
        return status == GEN_BAD_FILE ? GEN_BAD_ARGUMENT : status;
    }
    struct gen_bytes text = {0};
    enum gen_status status = prompt_text_read(&text, settings->prompt, settings->file, parsed, err);
    if (status == GEN_OK) {
        status = encode(ids, settings, &text, model, err);
    }
    gen_bytes_release(&text);
    return status;
}

/* Whether the text is given once, and not to be typed blindly. */
static bool check_usage(const struct explain_settings *settings,
                        const struct options_parsed *parsed) {
    const char *other = settings->prompt != NULL       ? "--prompt"
                        : settings->file != NULL       ? "--file"
                        : settings->prompt_ids != NULL ? "--prompt-ids"
                                                       : NULL;
    if (other != NULL && parsed->n_operands > 0) {
        message("%s and the argument \"%.80s\" are two texts", other, parsed->operands[0]);
        return false;
    }
    if (other == NULL && parsed->n_operands == 0 && isatty(STDIN_FILENO)) {
        message("no text: try gen explain 'Once upon a time', or gen explain --help");
        return false;
    }
    return true;
}

/* ---- the work --------------------------------------------------------------------------------*/

static bool on_progress(void *context, uint64_t done, uint64_t total) {
    progress_update(context, done, total);
    return signals_caught() == 0;
}

/* Everything is read and the output is open: give up the rest. How many threads there will be is
 * read from files of the system, so before. */
static void enter_sandbox(struct explain_settings *settings, const struct text_out *out) {
    if (settings->model.no_sandbox) {
        return;
    }
    if (settings->options.n_threads == 0) {
        settings->options.n_threads = gen_default_threads();
    }
    char *output = text_out_directory(out);
    struct sandbox sandbox =
        sandbox_enter((const char *const *)&output, output != NULL ? 1 : 0, NULL);
    free(output);
    if (settings->verbose) {
        sandbox_report(&sandbox);
    }
}

static bool write_view(struct text_out *out, const struct explain_settings *settings,
                       const struct explain_view *view) {
    if (settings->json) {
        return explain_write_json(out, view);
    }
    if (settings->output != NULL) {
        return explain_write_page(out, view);
    }
    return explain_write_terminal(out, view, text_out_color(out, (enum text_color)settings->color),
                                  wrap_stdout_width());
}

/* Explain the ids and write that; returns an exit code. */
static int explain(struct explain_settings *settings, const struct model_load *load,
                   const struct gen_ids *ids) {
    struct text_out out;
    struct gen_error err = {0};
    if (input_spoiled_by(load->path, settings->output) || !text_out_open(&out, settings->output)) {
        return EXIT_FAILED;
    }
    enter_sandbox(settings, &out);
    struct progress progress;
    progress_begin(&progress, "explaining", settings->quiet);
    bool is_short = !settings->json && settings->output == NULL;
    settings->options.attention = settings->options.lens = settings->options.contributions =
        !is_short;
    settings->options.kernels = compute_kernels();
    settings->options.context = &progress;
    settings->options.progress = on_progress;
    struct gen_explanation *explanation = NULL;
    enum gen_status status =
        gen_explain(&explanation, load->model, ids->data, ids->n, &settings->options, &err);
    progress_end(&progress);
    int code = message_exit_code(status);
    if (status == GEN_OK) {
        struct explain_view view = {explanation, load->tokenizer, load->name};
        code = write_view(&out, settings, &view) && text_out_close(&out) ? EXIT_DONE : EXIT_FAILED;
    } else if (status != GEN_CANCELED) {
        message("%s", err.message);
    }
    if (code != EXIT_DONE) {
        text_out_give_up(&out);
    }
    gen_explanation_free(explanation);
    return code;
}

static int run(void *opaque, const struct options_parsed *parsed) {
    struct explain_settings *settings = opaque;
    if (!check_usage(settings, parsed)) {
        return EXIT_USAGE;
    }
    if (!text_out_check(settings->output)) {
        return EXIT_FAILED;
    }
    struct gen_error err = {0};
    struct model_load load;
    struct gen_ids ids = {0};
    struct gen_model_options options = gen_model_options_default();
    settings->options.n_threads = settings->model.n_threads;
    options.n_threads = settings->model.n_threads;
    enum gen_status status = model_load_open(&load, settings->model.name, &options, &err);
    signals_catch();
    if (status == GEN_OK) {
        model_load_say_notes(&load, settings->verbose);
        status = read_ids(&ids, settings, parsed, load.model, &err);
    }
    int code = message_exit_code(status);
    if (status == GEN_OK) {
        code = explain(settings, &load, &ids);
    } else if (signals_caught() == 0) {
        message("%s", err.message);
    }
    gen_ids_release(&ids);
    model_load_close(&load);
    return signals_caught() != 0 ? EXIT_SIGNAL + signals_caught() : code;
}

const struct command explain_command = {
    .name = "explain",
    .summary = "show what a model computes on its way through a text",
    .spec = &spec,
    .settings_size = sizeof(struct explain_settings),
    .set_defaults = set_defaults,
    .run = run,
};
