/**
 * compare.c - `gen compare`: models side by side. Its options, its outputs and the sandbox; loading
 * and speed are compare_job.c's, what models make of texts compare_quality.c's, what is printed
 * compare_report.c's.
 */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/size.h"
#include "cli/alloc.h"
#include "cli/compute_options.h"
#include "cli/exit_code.h"
#include "cli/input.h"
#include "cli/message.h"
#include "cli/sandbox.h"
#include "cli/signals.h"
#include "cmd/command.h"
#include "cmd/eval/compare_job.h"
#include "cmd/eval/compare_report.h"

static const char *const conventions[] = {"windows", "llama.cpp", NULL};

struct compare_settings {
    struct eval_settings eval;
    struct option_list models;
    const char *text, *task, *choices, *base, *save_base, *svg;
    int32_t convention;
    bool no_timings, svg_speed;
};

#define AT(member) offsetof(struct compare_settings, member)

static const struct option table[] = {
    OPTION_ROW(
        "model", 'm', OPTION_LIST, AT(models), "PATH|NAME",
        "a GGUF file, a Hugging Face directory, or a name; given several times, the first is "
        "the base that the others are held against"),
    MODEL_ROW_THREADS(MODEL_AT(EVAL_AT(AT(eval), model), n_threads)),
    MODEL_ROW_KV_TYPE(EVAL_AT(AT(eval), model), EVAL_HELP_KV_TYPE),
    MODEL_ROW_SANDBOX(EVAL_AT(AT(eval), model)),
    OPTION_ROW(
        "special", '\0', OPTION_FLAG, EVAL_AT(AT(eval), special), NULL,
        "<|endoftext|> and other special (control) tokens in the texts are these tokens, not "
        "ordinary text"),
    OPTION_ROW_HEADING("On a text"),
    OPTION_ROW("text", '\0', OPTION_STRING, AT(text), "FILE",
               "perplexity, bits per byte; against the base the divergence of probabilities (KL), "
               "how often the same token is the likeliest, the change of the text's "
               "probabilities; - is stdin"),
    OPTION_ROW_RANGE("ctx", '\0', OPTION_INT, EVAL_AT(AT(eval), n_ctx), "N", 1, INT32_MAX,
                     "tokens of a window (default: the least context of the models; at most 512 "
                     "with --convention llama.cpp)"),
    OPTION_ROW_RANGE("stride", '\0', OPTION_INT, EVAL_AT(AT(eval), stride), "N", 1, INT32_MAX,
                     "how far each window is from the one before (default: as --ctx)"),
    OPTION_ROW_CHOICE("convention", '\0', AT(convention), "NAME", conventions,
                      "windows, or llama.cpp: as llama-perplexity, of each window the second half"),
    OPTION_ROW("save-base", '\0', OPTION_STRING, AT(save_base), "FILE",
               "keep the base's probabilities of the text in FILE, 16 bits each, in the format of "
               "llama-perplexity's --kl-divergence-base; with --convention llama.cpp"),
    OPTION_ROW("base", '\0', OPTION_STRING, AT(base), "FILE",
               "the base is such a FILE, which brings the text as well; all models are held "
               "against it"),
    OPTION_ROW_HEADING("On a data set"),
    OPTION_ROW("task", '\0', OPTION_STRING, AT(task), "NAME",
               "hellaswag, lambada, blimp, piqa, arc or winogrande, with FILE as for gen eval"),
    OPTION_ROW("choices", '\0', OPTION_STRING, AT(choices), "FILE",
               "records of your own, as for gen eval"),
    OPTION_ROW_HEADING("Output"),
    OPTION_ROW("json", '\0', OPTION_FLAG, EVAL_AT(AT(eval), json), NULL, "print one JSON object"),
    OPTION_ROW("svg", '\0', OPTION_STRING, AT(svg), "FILE",
               "draw quality over the size of the models' files"),
    OPTION_ROW("svg-speed", '\0', OPTION_FLAG, AT(svg_speed), NULL,
               "over the speed of decoding instead"),
    OPTION_ROW("no-timings", '\0', OPTION_FLAG, AT(no_timings), NULL,
               "measure no times, so that the same run prints the same"),
    EVAL_ROWS_OUTPUT(AT(eval), "what of the models' files is not heeded"),
};

static const struct option_conflict conflicts[] = {
    {"text", "task"},         {"text", "choices"},       {"text", "base"},
    {"task", "choices"},      {"task", "base"},          {"choices", "base"},
    {"save-base", "base"},    {"save-base", "task"},     {"task", "stride"},
    {"choices", "stride"},    {"base", "stride"},        {"base", "ctx"},
    {"task", "convention"},   {"choices", "convention"}, {"svg-speed", "no-timings"},
    {"save-base", "choices"}, {"verbose", "quiet"},
};

static const char *const once[] = {"text", "task", "choices", "base", NULL};

static const struct options_spec spec = {
    .usage = "gen compare -m A -m B [-m C ...] [OPTIONS] --text FILE\n"
             "       gen compare -m A -m B [-m C ...] [OPTIONS] --task NAME FILE",
    .intro =
        "Hold models against each other on the same text or data set: what a quantized or "
        "fine-tuned one has lost or won against its parent, and what it costs. Differences come "
        "with the standard error of pairs (by windows of a text, by records), and where chance "
        "could have made one that is said. Models of other vocabularies are compared by bits "
        "per byte alone.",
    .table = table,
    .n_table = N_OF(table),
    .conflicts = conflicts,
    .n_conflicts = N_OF(conflicts),
    .once = once,
    .once_hint = "",
    .habits = habits_eval,
    .examples = "  gen compare -m gpt2.gguf -m mine.gguf --text book.txt\n"
                "  gen compare -m gpt2.gguf -m mine.gguf --task hellaswag hellaswag_val.jsonl\n"
                "  gen compare -m gpt2.gguf --text book.txt --convention llama.cpp \\\n"
                "      --save-base gpt2.kld\n"
                "  gen compare --base gpt2.kld -m mine.gguf --json\n"
                "\n"
                "Rows of the table; +- is a standard error:\n"
                "  perplexity       of the text; less is better\n"
                "  bits/byte        the same without regard to tokens: less is better\n"
                "  log p - base's   for each token, on average, natural logarithms; below 0 the\n"
                "                   model finds the text less likely than the base does\n"
                "  same top, %      how often both find the same token the likeliest\n"
                "  KL               divergence of the probabilities from the base's at each\n"
                "                   token: 0 is none; its mean, its median, what 99 % are\n"
                "                   below, the largest\n"
                "  RMS change p, %  how much the probability of the text's token changes: root\n"
                "                   of the mean square\n"
                "  acc, acc_norm    as gen eval has them, each with its difference to the base's\n"
                "  file, weights    size of the file, memory that the weights take\n"
                "  load             time to open the model\n"
                "  prompt, decode   speed of reading 256 tokens at once, and of 16 one after the\n"
                "                   other: medians of 5 turns of all models\n"
                "\n"
                "Members of the JSON: text (or base, or task and file), convention, ctx, models;\n"
                "of each model, base, file_bytes, weight_bytes, parameters, load_seconds,\n"
                "prompt_tokens_per_second, decode_tokens_per_second; of a text n_scored, logprob,\n"
                "perplexity, perplexity_stderr, bits_per_byte, same_vocabulary, and against the\n"
                "base n_windows, difference, difference_stderr (of log p for each token),\n"
                "same_top, same_top_stderr, kl (mean, stderr, median, p99, greatest), change\n"
                "(mean, stderr, rms, rms_stderr, greatest; of a token's probability, 0 to 1); of\n"
                "a data set n, n_failed, acc, acc_stderr, acc_norm, acc_norm_stderr, perplexity,\n"
                "perplexity_stderr, acc_difference, acc_difference_stderr, acc_norm_difference,\n"
                "acc_norm_difference_stderr.\n",
};

/* False after a message. */
static bool known_task(const char *task) {
    for (size_t i = 0; gen_eval_tasks[i] != NULL; i++) {
        if (task == NULL || strcmp(gen_eval_tasks[i], task) == 0) {
            return true;
        }
    }
    message("--task: \"%.80s\" is none of hellaswag, lambada, blimp, piqa, arc, winogrande", task);
    return false;
}

/* Check what the options leave open. False after a message. */
static bool complete(const struct compare_settings *settings, const struct options_parsed *parsed) {
    size_t n_operands = settings->task != NULL ? 1 : 0;
    bool alone = settings->base != NULL || settings->save_base != NULL;
    if (!known_task(settings->task)) {
        return false;
    }
    if (settings->text == NULL && settings->task == NULL && settings->choices == NULL &&
        settings->base == NULL) {
        message("compare needs --text FILE, --task NAME FILE, --choices FILE or --base FILE");
    } else if (settings->models.n < (alone ? 1 : 2)) {
        message("compare needs %s", alone ? "a model: -m PATH" : "two models: -m A -m B");
    } else if (parsed->n_operands > n_operands) {
        message("\"%.80s\" is too much: compare takes %s", parsed->operands[n_operands],
                n_operands == 1 ? "one FILE with --task" : "no operand without --task");
    } else if (parsed->n_operands < n_operands) {
        message("--task needs a FILE with its records; - is stdin");
    } else if (settings->save_base != NULL && settings->convention != GEN_CONVENTION_LLAMA_CPP) {
        message("--save-base needs --convention llama.cpp, whose format it is");
    } else if (settings->save_base != NULL && strcmp(settings->save_base, "-") == 0) {
        message("--save-base needs a FILE, it cannot be stdout");
    } else if (settings->convention == GEN_CONVENTION_LLAMA_CPP && settings->eval.stride > 0) {
        message("--stride is not for --convention llama.cpp, whose windows do not overlap");
    } else if (settings->svg_speed && settings->svg == NULL) {
        message("--svg-speed needs --svg FILE, the drawing");
    } else {
        return true;
    }
    return false;
}

/* ---- outputs ---------------------------------------------------------------------------------*/

/* What is written: the report, and where it is asked for a drawing and a base. */
struct outputs {
    struct text_out report, svg;
    bool report_is_open, svg_is_open;
};

/* Whether two outputs are one file, or both are stdout. */
static bool are_one(const char *a, const char *b) {
    if (a == NULL || b == NULL) {
        return false;
    }
    bool a_is_stdout = strcmp(a, "-") == 0, b_is_stdout = strcmp(b, "-") == 0;
    return a_is_stdout || b_is_stdout ? a_is_stdout && b_is_stdout : file_target_same(a, b);
}

/* What can be known of the outputs before hours of work. False after a message. */
static bool check_outputs(const struct compare_settings *settings) {
    const char *paths[] = {settings->eval.output != NULL ? settings->eval.output : "-",
                           settings->svg, settings->save_base};
    for (size_t i = 0; i < N_OF(paths); i++) {
        if (paths[i] != NULL && !text_out_check(paths[i])) {
            return false;
        }
        if (are_one(paths[i], paths[(i + 1) % N_OF(paths)])) {
            message("%.400s: is given for two outputs (give two files)",
                    strcmp(paths[i], "-") == 0 ? "stdout" : message_name(paths[i]));
            return false;
        }
    }
    return true;
}

/* Whether an output is what models or the base are read from. True after a message. */
static bool spoils(const char *path, const struct compare_job *job) {
    bool found = path != NULL && input_spoiled_by(job->base_file, path);
    for (size_t i = 0; i < job->n && path != NULL && !found; i++) {
        found = input_spoiled_by(job->models[i].load.path, path);
    }
    return found;
}

/* False after a message. */
static bool open_outputs(struct outputs *outputs, struct compare_job *job,
                         const struct compare_settings *settings) {
    struct gen_error err;
    if (spoils(settings->eval.output, job) || spoils(settings->svg, job) ||
        spoils(settings->save_base, job)) {
        return false;
    }
    if (settings->save_base != NULL &&
        gen_base_writer_open(&job->save_base, settings->save_base, &err) != GEN_OK) {
        message("%s", err.message);
        return false;
    }
    outputs->svg_is_open = settings->svg != NULL && text_out_open(&outputs->svg, settings->svg);
    if (settings->svg != NULL && !outputs->svg_is_open) {
        return false;
    }
    outputs->report_is_open = text_out_open(&outputs->report, settings->eval.output);
    return outputs->report_is_open;
}

/* What did not get its name leaves no trace. */
static void give_up_outputs(struct outputs *outputs) {
    if (outputs->svg_is_open) {
        text_out_give_up(&outputs->svg);
    }
    if (outputs->report_is_open) {
        text_out_give_up(&outputs->report);
    }
}

/* The directory of a file that the library writes, to be freed with free(). */
static char *directory_of(const char *path) {
    struct file_target target = {0};
    char *directory = NULL;
    if (path != NULL && file_target_find(&target, path, NULL) == GEN_OK) {
        const char *slash = strrchr(target.path, '/');
        directory = slash == NULL
                        ? alloc_printf(".")
                        : alloc_printf("%.*s", (int)(slash - target.path) + 1, target.path);
    }
    memory_free(target.path);
    return directory;
}

/* All is read and open: give up the rest. */
static void enter_sandbox(const struct compare_settings *settings, const struct outputs *outputs) {
    if (settings->eval.model.no_sandbox) {
        return;
    }
    char *directories[] = {text_out_directory(&outputs->report),
                           outputs->svg_is_open ? text_out_directory(&outputs->svg) : NULL,
                           directory_of(settings->save_base)};
    bool any = directories[0] != NULL || directories[1] != NULL || directories[2] != NULL;
    struct sandbox sandbox =
        sandbox_enter((const char *const *)directories, any ? N_OF(directories) : 0, NULL);
    for (size_t i = 0; i < N_OF(directories); i++) {
        free(directories[i]);
    }
    if (settings->eval.verbose) {
        sandbox_report(&sandbox);
    }
}

/* ---- the command -----------------------------------------------------------------------------*/

/* Write the drawing and the report; both get their names. */
static bool write_all(const struct compare_settings *settings, const struct compare_job *job,
                      struct outputs *outputs) {
    struct gen_bytes text = {0};
    if (outputs->svg_is_open) {
        compare_chart_write(&outputs->svg, job, settings->svg_speed);
        outputs->svg_is_open = false;
        if (!text_out_close(&outputs->svg)) {
            return false;
        }
    }
    if (settings->eval.json) {
        compare_report_json(&text, job);
    } else {
        compare_report_text(&text, job);
    }
    text_out_write(&outputs->report, text.data, text.n);
    gen_bytes_release(&text);
    outputs->report_is_open = false;
    return text_out_close(&outputs->report);
}

static int compare(const struct compare_settings *settings, struct compare_job *job) {
    struct outputs outputs = {.svg_is_open = false};
    if (!open_outputs(&outputs, job, settings)) {
        give_up_outputs(&outputs);
        return EXIT_FAILED;
    }
    enter_sandbox(settings, &outputs);
    int code = job->task != NULL ? compare_job_task(job) : compare_job_text(job);
    if (code == EXIT_DONE && !settings->no_timings) {
        code = compare_job_speed(job);
    }
    if (code == EXIT_DONE && !write_all(settings, job, &outputs)) {
        code = EXIT_FAILED;
    }
    give_up_outputs(&outputs);
    return code == EXIT_DONE && job->some_failed ? EXIT_FAILED : code;
}

static int run(void *opaque, const struct options_parsed *parsed) {
    const struct compare_settings *settings = opaque;
    struct compare_job job = {.settings = &settings->eval,
                              .text = settings->text,
                              .task = settings->choices != NULL ? "choices" : settings->task,
                              .file = settings->choices,
                              .base_file = settings->base,
                              .convention = (enum gen_convention)settings->convention};
    if (!complete(settings, parsed)) {
        return EXIT_USAGE;
    }
    if (settings->task != NULL) {
        job.file = parsed->operands[0];
    }
    if (!check_outputs(settings)) {
        return EXIT_FAILED;
    }
    int code = compare_job_load(&job, &settings->models);
    if (code == EXIT_DONE) {
        code = compare_job_read(&job);
    }
    if (code == EXIT_DONE) {
        code = compare(settings, &job);
    }
    compare_job_release(&job);
    return signals_caught() != 0 ? EXIT_SIGNAL + signals_caught() : code;
}

static void set_defaults(void *settings) {
    *(struct compare_settings *)settings = (struct compare_settings){0};
}

const struct command compare_command = {
    .name = "compare",
    .summary = "hold models against each other",
    .spec = &spec,
    .settings_size = sizeof(struct compare_settings),
    .set_defaults = set_defaults,
    .run = run,
};
