/**
 * tokenize.c - `gen tokenize`: text to token ids and back, in several forms; what was read is
 * converted in the sandbox. The tokens themselves are the library's (src/tokenizer).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/size.h"
#include "cli/alloc.h"
#include "cli/exit_code.h"
#include "cli/ids.h"
#include "cli/input.h"
#include "cli/json_out.h"
#include "cli/message.h"
#include "cli/model_load.h"
#include "cli/sandbox.h"
#include "cli/signals.h"
#include "cli/terminal_text.h"
#include "cmd/command.h"

/* Longest input in bytes; well before it the memory of the machine ends. */
#define INPUT_LIMIT ((size_t)1 << (sizeof(size_t) > 4 ? 36 : 30))

struct tokenize_settings {
    const char *model;
    const char *prompt;
    bool ids, json, count, special, decode;
    const char *output;
    bool verbose, no_sandbox;
};

#define AT(member) offsetof(struct tokenize_settings, member)

static const struct option table[] = {
    OPTION_ROW(
        "model", 'm', OPTION_STRING, AT(model), "PATH|NAME",
        "whose tokenizer: a GGUF file, a Hugging Face directory (no weights needed), or a name; "
        "default: $GEN_MODEL, else the built-in model"),
    OPTION_ROW("prompt", 'p', OPTION_STRING, AT(prompt), "TEXT", "take TEXT instead of a file"),
    OPTION_ROW("ids", '\0', OPTION_FLAG, AT(ids), NULL,
               "print the ids on one line, divided by spaces; this is the default"),
    OPTION_ROW("json", '\0', OPTION_FLAG, AT(json), NULL,
               "print {\"ids\":[...], \"tokens\":[...], \"bytes\":[[...],...], \"count\":N}; bytes "
               "are those of "
               "each token, which may hold a part of a character only"),
    OPTION_ROW("count", '\0', OPTION_FLAG, AT(count), NULL, "print the number of tokens"),
    OPTION_ROW("special", '\0', OPTION_FLAG, AT(special), NULL,
               "<|endoftext|> and other special (control) tokens in the text are these tokens, not "
               "ordinary text; ordinary added tokens always are"),
    OPTION_ROW(
        "decode", 'd', OPTION_FLAG, AT(decode), NULL,
        "the other way: read ids (divided by blanks, newlines or commas, or a JSON array), write "
        "their bytes and nothing else; on a terminal control characters are shown as ^["),
    OPTION_ROW("output", 'o', OPTION_STRING, AT(output), "FILE",
               "write to FILE, which stays as it is until all is done; - is stdout"),
    OPTION_ROW("no-sandbox", '\0', OPTION_FLAG, AT(no_sandbox), NULL, SANDBOX_HELP),
    OPTION_ROW("verbose", 'v', OPTION_FLAG, AT(verbose), NULL,
               "say on stderr what was given up, and what of the model's files is not heeded"),
};

static const struct option_conflict conflicts[] = {
    {"ids", "json"},    {"ids", "count"},    {"json", "count"},     {"decode", "ids"},
    {"decode", "json"}, {"decode", "count"}, {"decode", "special"},
};

static const char *const once[] = {"prompt", NULL};

static const struct options_spec spec = {
    .usage = "gen tokenize [OPTIONS] [FILE|-]",
    .intro = "Turn text into token ids, or with --decode ids into text. The text is FILE, or stdin "
             "if there is none or it is -; it is taken byte for byte, but for a byte order mark in "
             "front, which is no text; with that of UTF-16 it is refused.",
    .table = table,
    .n_table = N_OF(table),
    .conflicts = conflicts,
    .n_conflicts = N_OF(conflicts),
    .once = once,
    .once_hint = " (put many into a file)",
    .examples = "  gen tokenize -p 'Hello, world'\n"
                "  gen tokenize --count book.txt\n"
                "  gen tokenize -p 'Hello' | gen tokenize --decode\n",
};

/* Ids of the text in the form that was asked for. */
static void format_ids(struct gen_bytes *out, const struct tokenize_settings *settings,
                       const struct gen_tokenizer *tokenizer, const struct gen_ids *ids) {
    if (settings->count) {
        char *count = alloc_printf("%zu", ids->n);
        alloc_append(out, count, strlen(count));
        free(count);
    } else if (settings->json) {
        struct json_out json = {0};
        json_out_open(&json, NULL, '{');
        json_out_ids(&json, "ids", ids->data, ids->n);
        json_out_open(&json, "tokens", '[');
        for (size_t i = 0; i < ids->n; i++) {
            size_t n;
            const char *piece = gen_tokenizer_piece(tokenizer, ids->data[i], &n);
            json_out_string(&json, NULL, piece, n);
        }
        json_out_close(&json, ']');
        /* A part of a character is U+FFFD above. */
        json_out_open(&json, "bytes", '[');
        for (size_t i = 0; i < ids->n; i++) {
            size_t n;
            const char *piece = gen_tokenizer_piece(tokenizer, ids->data[i], &n);
            json_out_bytes(&json, NULL, piece, n);
        }
        json_out_close(&json, ']');
        json_out_uint(&json, "count", ids->n);
        json_out_close(&json, '}');
        *out = json.text;
    } else {
        ids_format(out, ids->data, ids->n, ' ');
    }
    alloc_append(out, "\n", 1);
}

/* Say of what the text, or the ids, came from what is wrong with them. */
static void blame(const char *name, enum gen_status status, struct gen_error *err) {
    struct gen_error cause = *err;
    message_set(err, status, "%.300s: %s", name, cause.message);
}

/* What is printed for text[n] (or, to be decoded, ids) that come from `name`. */
static enum gen_status convert(struct gen_bytes *out, const struct tokenize_settings *settings,
                               const struct gen_tokenizer *tokenizer, const char *text, size_t n,
                               const char *name, struct gen_error *err) {
    struct gen_ids ids = {0};
    enum gen_status status;
    if (settings->decode) {
        status = ids_parse(&ids, text, n, name, err);
        if (status == GEN_OK &&
            (status = gen_tokenizer_decode(tokenizer, ids.data, ids.n, out, err)) != GEN_OK) {
            blame(name, status, err);
        }
    } else {
        status = gen_tokenizer_encode(tokenizer, text, n, settings->special, &ids, err);
        if (status == GEN_OK) {
            format_ids(out, settings, tokenizer, &ids);
        } else {
            blame(name, status, err);
        }
    }
    gen_ids_release(&ids);
    return status;
}

/* Everything is read and the output is open: give up the rest. */
static void enter_sandbox(const struct tokenize_settings *settings, const struct text_out *out) {
    if (settings->no_sandbox) {
        return;
    }
    char *output = text_out_directory(out);
    struct sandbox sandbox =
        sandbox_enter((const char *const *)&output, output != NULL ? 1 : 0, NULL);
    free(output);
    if (settings->verbose) {
        sandbox_report(&sandbox);
    }
}

static bool write_result(struct text_out *out, const struct gen_bytes *result, bool on_terminal) {
    struct gen_bytes shown = {0};
    if (on_terminal) {
        terminal_text_append(&shown, result->data, result->n);
        result = &shown;
    }
    text_out_write(out, result->data, result->n);
    gen_bytes_release(&shown);
    return text_out_close(out);
}

/* Convert what was read and write it, with nothing else left to this process. */
static int convert_and_write(const struct tokenize_settings *settings,
                             const struct gen_tokenizer *tokenizer, const struct gen_bytes *text,
                             const char *name) {
    struct text_out out;
    struct gen_error err;
    /* A large text takes a while, and has no place at which to stop. */
    signals_remove_files();
    if (!text_out_open(&out, settings->output)) {
        return EXIT_FAILED;
    }
    bool on_terminal = terminal_text_needed(&out);
    enter_sandbox(settings, &out);
    struct gen_bytes result = {0};
    bool good = convert(&result, settings, tokenizer, text->data, text->n, name, &err) == GEN_OK;
    if (good) {
        good = write_result(&out, &result, on_terminal);
    } else {
        message("%s", err.message);
        text_out_give_up(&out);
    }
    gen_bytes_release(&result);
    /* An id out of range comes from the data: that is no wrong usage. */
    return good ? EXIT_DONE : EXIT_FAILED;
}

/* Whether what should be a file is rather the text itself. */
static bool name_is_text(const struct tokenize_settings *settings, const char *path) {
    return settings->prompt == NULL && path != NULL && strcmp(path, "-") != 0 &&
           access(path, F_OK) != 0 && errno == ENOENT && !settings->decode;
}

static int run(void *opaque, const struct options_parsed *parsed) {
    const struct tokenize_settings *settings = opaque;
    if (parsed->n_operands > (settings->prompt != NULL ? 0U : 1U)) {
        message("tokenize takes one FILE, or --prompt TEXT; \"%.80s\" is too much",
                parsed->operands[parsed->n_operands - 1]);
        return EXIT_USAGE;
    }
    const char *path = parsed->n_operands > 0 ? parsed->operands[0] : NULL;
    const char *name = settings->prompt != NULL ? "--prompt" : path != NULL ? path : "stdin";
    if (name_is_text(settings, path)) {
        message(
            "%.80s: No such file or directory (text itself goes after -p: gen tokenize -p TEXT)",
            message_name(path));
        return EXIT_FAILED;
    }
    if (settings->prompt == NULL && (path == NULL || strcmp(path, "-") == 0) &&
        isatty(STDIN_FILENO)) {
        message("reads %s from the terminal, to its end with Ctrl-D (or give a FILE%s)",
                settings->decode ? "ids" : "text", settings->decode ? "" : ", or -p TEXT");
    }
    if (!text_out_check(settings->output)) {
        return EXIT_FAILED;
    }
    struct gen_error err = {0};
    struct model_load load;
    struct gen_bytes text = {0};
    enum gen_status status = model_load_tokenizer(&load, settings->model, &err);
    if (status == GEN_OK) {
        model_load_say_notes(&load, settings->verbose);
    }
    if (status == GEN_OK && settings->prompt != NULL) {
        alloc_append(&text, settings->prompt, strlen(settings->prompt));
    } else if (status == GEN_OK) {
        status = input_read_file(&text, path, INPUT_LIMIT, &err);
    }
    int code = EXIT_FAILED;
    if (status != GEN_OK) {
        message("%s", err.message);
    } else {
        code = convert_and_write(settings, load.tokenizer, &text, name);
    }
    gen_bytes_release(&text);
    model_load_close(&load);
    return code;
}

static void set_defaults(void *settings) {
    *(struct tokenize_settings *)settings = (struct tokenize_settings){0};
}

const struct command tokenize_command = {
    .name = "tokenize",
    .summary = "turn text into token ids, and back",
    .spec = &spec,
    .settings_size = sizeof(struct tokenize_settings),
    .set_defaults = set_defaults,
    .run = run,
};
