/**
 * tokenize.c - `gen tokenize`: text to token ids and back, options and files. What was read is
 * converted in the sandbox, by tokenize_record.c, many texts through tokenize_batch.c. The tokens
 * themselves are the library's (src/tokenizer).
 */
#include "cmd/tokenize/tokenize.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/size.h"
#include "cli/alloc.h"
#include "cli/exit_code.h"
#include "cli/input.h"
#include "cli/message.h"
#include "cli/model_load.h"
#include "cli/sandbox.h"
#include "cli/signals.h"
#include "cli/terminal_size.h"
#include "cli/terminal_text.h"
#include "cli/wrap.h"
#include "cmd/command.h"
#include "cmd/tokenize/tokenize_batch.h"
#include "cmd/tokenize/tokenize_record.h"

/* Longest input in bytes that is one text; well before it the memory of the machine ends. */
#define INPUT_LIMIT ((size_t)1 << (sizeof(size_t) > 4 ? 36 : 30))

/* Least width of --show's lines. */
#define LEAST_WIDTH 16

#define AT(member) offsetof(struct tokenize_settings, member)

static const struct option table[] = {
    OPTION_ROW(
        "model", 'm', OPTION_STRING, AT(model), "PATH|NAME",
        "whose tokenizer: a GGUF file, a Hugging Face directory (no weights needed), or a name; "
        "default: $GEN_MODEL, else the built-in model"),
    OPTION_ROW_HEADING("Input (default: all of it is one text)"),
    OPTION_ROW("prompt", 'p', OPTION_STRING, AT(prompt), "TEXT", "take TEXT instead of a file"),
    OPTION_ROW("lines", '\0', OPTION_FLAG, AT(lines), NULL,
               "each line is a text, also an empty one, and gets a line of output; one that fails "
               "gets an empty line, a message, and exit status 1 at the end"),
    OPTION_ROW("jsonl", '\0', OPTION_FLAG, AT(jsonl), NULL,
               "each line is a JSON object with the member \"text\" (with --decode \"ids\"); with "
               "--json the other members come back in \"input\""),
    OPTION_ROW("field", '\0', OPTION_STRING, AT(field), "NAME",
               "with --jsonl: the member that is meant, in the place of these"),
    OPTION_ROW("null", '0', OPTION_FLAG, AT(null), NULL,
               "texts end with a NUL byte, and may then hold newlines; so does what is printed for "
               "each, but lines of --json and --show"),
    OPTION_ROW_RANGE("threads", 't', OPTION_INT, AT(n_threads), "N", 1, 1024,
                     "threads for --lines, --jsonl and --null (default: the physical cores this "
                     "process may use); the output does not depend on it"),
    OPTION_ROW("special", '\0', OPTION_FLAG, AT(special), NULL,
               "<|endoftext|> and other special (control) tokens in the text are these tokens, not "
               "ordinary text; ordinary added tokens always are"),
    OPTION_ROW(
        "decode", 'd', OPTION_FLAG, AT(decode), NULL,
        "the other way: read ids (divided by blanks, newlines or commas, or a JSON array), write "
        "their bytes and nothing else, with --json {\"text\":\"...\"}; on a terminal control "
        "characters are shown as ^["),
    OPTION_ROW_HEADING("Output"),
    OPTION_ROW("ids", '\0', OPTION_FLAG, AT(ids), NULL,
               "print the ids on one line, divided by spaces; this is the default"),
    OPTION_ROW("json", '\0', OPTION_FLAG, AT(json), NULL,
               "print {\"ids\":[...], \"tokens\":[...], \"bytes\":[[...],...], \"count\":N}; bytes "
               "are those of each token, which may hold a part of a character only. Of many texts "
               "each has a line {\"index\":I, \"ids\":[...], \"n_tokens\":N}, or {\"index\":I, "
               "\"error\":\"...\"}"),
    OPTION_ROW("offsets", '\0', OPTION_FLAG, AT(offsets), NULL,
               "with --json: also \"offsets\":[[begin,end],...], where in the text each token is, "
               "in characters (code points) as Hugging Face's tokenizers count them: a part of a "
               "character has the place of all of it; and \"byte_offsets\", the same in bytes, "
               "which are exact. The end is the place after the token, and what a token takes of "
               "the white space around it counts"),
    OPTION_ROW("count", '\0', OPTION_FLAG, AT(count), NULL, "print the number of tokens"),
    OPTION_ROW("show", '\0', OPTION_FLAG, AT(show), NULL,
               "show the text's tokens, on a terminal in two colors by turns and special ones in a "
               "third, else with | after each and brackets around special ones; \\n is a newline, "
               "\\xF0 a byte of a character that was cut, \\u200D a character that is not seen"),
    OPTION_ROW_CHOICE("color", '\0', AT(color), "WHEN", text_color_names,
                      "colors of --show: auto, always or never; NO_COLOR is heeded"),
    OPTION_ROW("output", 'o', OPTION_STRING, AT(output), "FILE",
               "write to FILE, which stays as it is until all is done; - is stdout"),
    OPTION_ROW("no-sandbox", '\0', OPTION_FLAG, AT(no_sandbox), NULL, SANDBOX_HELP),
    OPTION_ROW("verbose", 'v', OPTION_FLAG, AT(verbose), NULL,
               "say on stderr what was given up, and what of the model's files is not heeded"),
};

static const struct option_conflict conflicts[] = {
    {"ids", "json"},     {"ids", "count"},      {"ids", "show"},       {"json", "count"},
    {"json", "show"},    {"count", "show"},     {"decode", "ids"},     {"decode", "count"},
    {"decode", "show"},  {"decode", "special"}, {"decode", "offsets"}, {"prompt", "lines"},
    {"prompt", "jsonl"}, {"prompt", "null"},    {"lines", "jsonl"},    {"lines", "null"},
    {"jsonl", "null"},
};

static const char *const once[] = {"prompt", NULL};

static const struct options_spec spec = {
    .usage = "gen tokenize [OPTIONS] [FILE|-]",
    .intro = "Turn text into token ids, or with --decode ids into text. The text is FILE, or stdin "
             "if there is none or it is -; it is taken byte for byte, but for a byte order mark in "
             "front, which is no text; with that of UTF-16 it is refused. With --lines, --jsonl or "
             "--null it is many texts, which are converted on all cores while they are read.",
    .table = table,
    .n_table = N_OF(table),
    .conflicts = conflicts,
    .n_conflicts = N_OF(conflicts),
    .once = once,
    .once_hint = " (put many into a file)",
    .habits = habits_tokenize,
    .examples = "  gen tokenize -p 'Hello, world'\n"
                "  gen tokenize --count book.txt\n"
                "  gen tokenize -p 'Hello' | gen tokenize --decode\n"
                "  gen tokenize --show -p 'Hello, world'\n"
                "  gen tokenize --lines --json --offsets tales.txt >ids.jsonl\n",
};

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

/* Options that mean nothing without another. */
static bool check_settings(const struct tokenize_settings *settings) {
    if (settings->offsets && !settings->json) {
        message("--offsets needs --json, where they are shown");
    } else if (settings->field != NULL && !settings->jsonl) {
        message("--field needs --jsonl, whose member it names");
    } else {
        return true;
    }
    return false;
}

/* How records look in this place. */
static struct tokenize_form choose_form(const struct tokenize_settings *settings,
                                        const struct gen_tokenizer *tokenizer, const char *name,
                                        const struct text_out *out) {
    size_t columns = out->fd >= 0 ? terminal_columns(out->fd) : 0;
    struct tokenize_form form = {.settings = settings,
                                 .tokenizer = tokenizer,
                                 .name = name,
                                 .on_terminal = terminal_text_needed(out),
                                 .color = text_out_color(out, (enum text_color)settings->color)};
    /* Some terminals break a line that is full. */
    form.width = columns > 0 ? size_max(columns - 1, LEAST_WIDTH) : WRAP_WIDTH;
    return form;
}

/* Everything is open: convert it and write it, with nothing else left to this process. `input`
 * NULL: it is text[n]. */
static int convert(const struct tokenize_settings *settings, const struct tokenize_form *form,
                   struct input *input, const struct gen_bytes *text, struct text_out *out) {
    /* How many there will be is read from files of the system. */
    int n_threads = settings->n_threads > 0 ? settings->n_threads : gen_default_threads();
    bool good;
    enter_sandbox(settings, out);
    if (input != NULL) {
        const struct tokenize_outcome outcome = tokenize_batch(form, input, out, n_threads);
        if (!outcome.whole) {
            text_out_give_up(out);
        }
        good = text_out_close(out) && outcome.whole && !outcome.record_failed;
        return good ? EXIT_DONE : EXIT_FAILED;
    }
    struct tokenize_worker worker = {0};
    struct gen_bytes result = {0};
    struct gen_error err;
    const struct tokenize_record record = {.bytes = text->n > 0 ? text->data : "", .n = text->n};
    if (tokenize_record(&result, &worker, form, &record, &err) == GEN_OK) {
        text_out_write(out, result.data, result.n);
        good = text_out_close(out);
    } else {
        good = false;
        message("%s", err.message);
        text_out_give_up(out);
    }
    gen_bytes_release(&result);
    tokenize_worker_release(&worker);
    /* An id out of range comes from the data: that is no wrong usage. */
    return good ? EXIT_DONE : EXIT_FAILED;
}

static int open_and_convert(const struct tokenize_settings *settings,
                            const struct gen_tokenizer *tokenizer, struct input *input,
                            const struct gen_bytes *text, const char *name) {
    struct text_out out;
    /* A large text takes a while, and has no place at which to stop. */
    signals_remove_files();
    if (!text_out_open(&out, settings->output)) {
        return EXIT_FAILED;
    }
    const struct tokenize_form form = choose_form(settings, tokenizer, name, &out);
    return convert(settings, &form, input, text, &out);
}

/* Whether what should be a file is rather the text itself. */
static bool name_is_text(const struct tokenize_settings *settings, const char *path) {
    return settings->prompt == NULL && !tokenize_is_batch(settings) && path != NULL &&
           strcmp(path, "-") != 0 && access(path, F_OK) != 0 && errno == ENOENT &&
           !settings->decode;
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
    if (!check_settings(settings)) {
        return EXIT_USAGE;
    }
    /* One text is read before anything is written; of many the ids would be read as text, for
     * ever. */
    if (tokenize_is_batch(settings) && input_same_file(path, settings->output)) {
        message("%.400s: would be overwritten while it is read (give another file)",
                settings->output != NULL ? message_name(settings->output) : "stdout");
        return EXIT_FAILED;
    }
    if (!text_out_check(settings->output)) {
        return EXIT_FAILED;
    }
    struct gen_error err = {0};
    struct model_load load;
    struct gen_bytes text = {0};
    struct input input = {0};
    enum gen_status status = model_load_tokenizer(&load, settings->model, &err);
    if (status == GEN_OK) {
        model_load_say_notes(&load, settings->verbose);
    }
    if (status == GEN_OK && settings->prompt != NULL) {
        alloc_append(&text, settings->prompt, strlen(settings->prompt));
    } else if (status == GEN_OK && tokenize_is_batch(settings)) {
        status = input_open(&input, path, &err);
    } else if (status == GEN_OK) {
        status = input_read_file(&text, path, INPUT_LIMIT, &err);
    }
    int code = EXIT_FAILED;
    if (status != GEN_OK) {
        message("%s", err.message);
    } else {
        code = open_and_convert(settings, load.tokenizer,
                                tokenize_is_batch(settings) ? &input : NULL, &text, name);
    }
    input_close(&input);
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
