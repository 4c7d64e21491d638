/**
 * eval.c - `gen eval`: perplexity of a text, or accuracy on a data set. What is computed is the
 * library's (gen_eval.h), how it is printed eval_report.c's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "cli/alloc.h"
#include "cli/compute_options.h"
#include "cli/exit_code.h"
#include "cli/input.h"
#include "cli/message.h"
#include "cli/sandbox.h"
#include "cli/signals.h"
#include "cmd/command.h"
#include "cmd/eval/eval_job.h"
#include "cmd/eval/eval_report.h"
#include "text/lines.h"

/* Longest text in bytes; well before it the memory of the machine ends. */
#define TEXT_LIMIT ((size_t)1 << (sizeof(size_t) > 4 ? 36 : 30))

static const char *const conventions[] = {"windows", "llama.cpp", NULL};

struct eval_command_settings {
    struct eval_settings eval;
    const char *text, *task, *choices;
    int32_t convention;
};

#define AT(member) offsetof(struct eval_command_settings, member)

static const struct option table[] = {
    EVAL_ROWS_MODEL(AT(eval)),
    OPTION_ROW(
        "special", '\0', OPTION_FLAG, EVAL_AT(AT(eval), special), NULL,
        "<|endoftext|> and other special (control) tokens in the texts are these tokens, not "
        "ordinary text"),
    OPTION_ROW_HEADING("Perplexity"),
    OPTION_ROW("text", '\0', OPTION_STRING, AT(text), "FILE",
               "perplexity, bits per byte and per character of FILE; - is stdin"),
    OPTION_ROW_RANGE("ctx", '\0', OPTION_INT, EVAL_AT(AT(eval), n_ctx), "N", 1, INT32_MAX,
                     "tokens of a window (default: the model's context; 512, or less if the model "
                     "has less, with --convention llama.cpp)"),
    OPTION_ROW_RANGE("stride", '\0', OPTION_INT, EVAL_AT(AT(eval), stride), "N", 1, INT32_MAX,
                     "how far each window is from the one before: a window scores what none before "
                     "it has, as in Hugging Face's guide to perplexity (default: as --ctx, which "
                     "reads each token once; less takes longer and gives tokens more to see)"),
    OPTION_ROW_CHOICE("convention", '\0', AT(convention), "NAME", conventions,
                      "windows, or llama.cpp: as llama-perplexity, of each window the second half"),
    OPTION_ROW_HEADING("Multiple choice, as lm-evaluation-harness judges it without examples"),
    OPTION_ROW("task", '\0', OPTION_STRING, AT(task), "NAME",
               "hellaswag, lambada, blimp, piqa, arc or winogrande; the operand is a file of its "
               "records, a JSON object a line; - is stdin"),
    OPTION_ROW("choices", '\0', OPTION_STRING, AT(choices), "FILE",
               "records of your own: {\"context\":..., \"choices\":[...], \"label\":0}"),
    OPTION_ROW_HEADING("Output"),
    OPTION_ROW("json", '\0', OPTION_FLAG, EVAL_AT(AT(eval), json), NULL, "print one JSON object"),
    EVAL_ROWS_OUTPUT(AT(eval), "model, speed and sandbox"),
};

static const struct option_conflict conflicts[] = {
    {"text", "task"},      {"text", "choices"},    {"task", "choices"},       {"task", "stride"},
    {"choices", "stride"}, {"task", "convention"}, {"choices", "convention"}, {"verbose", "quiet"},
};

static const char *const once[] = {"text", "task", "choices", NULL};

static const struct options_spec spec = {
    .usage = "gen eval [OPTIONS] --text FILE\n"
             "       gen eval [OPTIONS] --task NAME FILE\n"
             "       gen eval [OPTIONS] --choices FILE",
    .intro =
        "Judge a model: by the perplexity of a text, or by how often it finds the right choice "
        "the likeliest. No data set is fetched; files are read as they are published.",
    .table = table,
    .n_table = N_OF(table),
    .conflicts = conflicts,
    .n_conflicts = N_OF(conflicts),
    .once = once,
    .once_hint = "",
    .habits = habits_eval,
    .examples = "  gen eval --text book.txt\n"
                "  gen eval -m gpt2.gguf --text book.txt --ctx 64 --stride 32 --json\n"
                "  gen eval -m gpt2.gguf --task hellaswag hellaswag_val.jsonl\n"
                "  gen eval --choices mine.jsonl\n"
                "\n"
                "Members of the JSON: model; of a text also text, convention, ctx, stride,\n"
                "n_tokens, n_scored, n_windows, n_bytes, n_chars, logprob, perplexity,\n"
                "perplexity_stderr, bits_per_byte, bits_per_char; of a data set task, file, n,\n"
                "n_failed, acc, acc_stderr, acc_norm, acc_norm_stderr, perplexity,\n"
                "perplexity_stderr.\n",
};

struct eval {
    const struct eval_command_settings *settings;
    struct eval_job job;
    struct eval_subject subject;
    struct input input; /* of a data set */
    struct gen_bytes line;
    char where[340];
    struct gen_error error; /* of the line */
    bool failed;            /* reading failed; the message is out */
    struct gen_ids ids;     /* of a text */
    struct gen_bytes out;
};

static bool go_on(void *context) {
    struct eval *eval = context;
    return eval_job_go_on(&eval->job);
}

/* After a run of the library that was not well: the exit code. */
static int failure(struct eval *eval, enum gen_status status, const struct gen_error *err) {
    progress_end(&eval->job.progress);
    if (status == GEN_CANCELED) {
        return EXIT_FAILED; /* by a signal or a failed write; both are dealt with at the end */
    }
    message("%s", err->message);
    return message_exit_code(status);
}

/* ---- a text ----------------------------------------------------------------------------------*/

static int read_text(struct eval *eval) {
    const struct eval_command_settings *settings = eval->settings;
    const struct gen_tokenizer *tokenizer = eval->job.load.tokenizer;
    struct gen_bytes text = {0};
    struct gen_error err;
    enum gen_status status = input_read_file(&text, settings->text, TEXT_LIMIT, &err);
    if (status == GEN_OK && tokenizer == NULL) {
        message_set(&err, GEN_UNSUPPORTED, "%.300s: the model has no tokenizer",
                    eval->job.load.name);
        status = GEN_UNSUPPORTED;
    }
    if (status == GEN_OK) {
        status = gen_tokenizer_encode(tokenizer, text.data, text.n, settings->eval.special,
                                      &eval->ids, &err);
    }
    gen_bytes_release(&text);
    return status == GEN_OK ? EXIT_DONE : failure(eval, status, &err);
}

static bool on_progress(void *context, uint64_t done, uint64_t total) {
    struct eval *eval = context;
    progress_update(&eval->job.progress, done, total);
    return eval_job_go_on(&eval->job);
}

static int eval_text(struct eval *eval) {
    const struct gen_eval_text_options options = {
        .convention = (enum gen_convention)eval->settings->convention,
        .stride = eval->settings->eval.stride,
        .context = eval,
        .progress = on_progress,
        .go_on = go_on,
    };
    struct gen_eval_text result;
    struct gen_error err;
    enum gen_status status = gen_eval_text(&result, eval->job.scorer, eval->job.load.tokenizer,
                                           eval->ids.data, eval->ids.n, &options, &err);
    if (status != GEN_OK) {
        struct gen_error cause = err;
        message_set(&err, cause.status, "%.200s: %s", message_name(eval->settings->text),
                    cause.message);
        failure(eval, status, &err);
        return EXIT_FAILED; /* what is wrong with the text is no wrong usage */
    }
    eval->subject.n_ctx = gen_scorer_n_ctx(eval->job.scorer);
    eval->subject.stride = options.stride > 0 ? options.stride : eval->subject.n_ctx;
    eval_job_say_speed(&eval->job, "tokens", result.n_ids);
    eval_report_text(&eval->out, &eval->subject, &result, eval->settings->eval.json);
    return EXIT_DONE;
}

/* ---- a data set ------------------------------------------------------------------------------*/

static bool next_line(void *context, const char **line, size_t *n, const char **where,
                      const struct gen_error **error) {
    struct eval *eval = context;
    enum input_result result;
    *error = NULL;
    do {
        result = input_next(&eval->input, &eval->line, '\n', INPUT_PROMPT_LIMIT, &eval->error);
    } while (result == INPUT_RECORD && text_is_blank(eval->line.data, eval->line.n));
    if (result == INPUT_FAILED && signals_caught() == 0) {
        eval->failed = true;
        message("%s", eval->error.message);
    }
    if (result == INPUT_END || result == INPUT_FAILED) {
        return false;
    }
    *error = result == INPUT_TOO_LONG ? &eval->error : NULL;
    snprintf(eval->where, sizeof eval->where, "%.300s: line %llu", eval->input.name,
             (unsigned long long)eval->input.n_records);
    *line = eval->line.data;
    *n = eval->line.n;
    *where = eval->where;
    return true;
}

static bool on_answer(void *context, const struct gen_eval_answer *answer) {
    struct eval *eval = context;
    double share = input_share(&eval->input);
    if (answer->error != NULL) {
        progress_end(&eval->job.progress);
        message("record with index %llu: %s", (unsigned long long)answer->index,
                answer->error->message);
    }
    if (share >= 0) {
        progress_update(&eval->job.progress, (uint64_t)(share * 1000), 1000);
    } else {
        progress_count(&eval->job.progress, "%llu records", (unsigned long long)answer->index + 1);
    }
    return eval_job_go_on(&eval->job);
}

static int eval_choices(struct eval *eval) {
    const struct gen_eval_lines lines = {.context = eval, .next = next_line};
    const struct gen_eval_choices_options options = {
        .task = eval->subject.task,
        .special = eval->settings->eval.special,
        .context = eval,
        .answer = on_answer,
        .go_on = go_on,
    };
    struct gen_eval_choices result;
    struct gen_error err;
    enum gen_status status =
        gen_eval_choices(&result, eval->job.scorer, eval->job.load.model, &lines, &options, &err);
    if (status != GEN_OK) {
        return failure(eval, status, &err);
    }
    if (result.n + result.n_failed == 0 && !eval->failed) {
        message("%.300s: there are no records in it", message_name(eval->subject.file));
        eval->failed = true;
    }
    eval_job_say_speed(&eval->job, "records", result.n + result.n_failed);
    if (result.n > 0) {
        eval_report_choices(&eval->out, &eval->subject, &result, eval->settings->eval.json);
    }
    return result.n_failed > 0 || eval->failed ? EXIT_FAILED : EXIT_DONE;
}

/* ---- the command -----------------------------------------------------------------------------*/

/* Check what the options leave open. False after a message. */
static bool complete(struct eval_command_settings *settings, const struct options_parsed *parsed) {
    size_t n_operands = settings->task != NULL ? 1 : 0;
    if (settings->text == NULL && settings->task == NULL && settings->choices == NULL) {
        message("eval needs --text FILE, --task NAME FILE or --choices FILE");
        return false;
    }
    if (settings->convention == GEN_CONVENTION_LLAMA_CPP && settings->eval.stride > 0) {
        message("--stride is not for --convention llama.cpp, whose windows do not overlap");
        return false;
    }
    bool known = settings->task == NULL;
    for (size_t i = 0; gen_eval_tasks[i] != NULL; i++) {
        known = known || strcmp(gen_eval_tasks[i], settings->task) == 0;
    }
    if (!known) {
        message("--task: \"%.80s\" is none of hellaswag, lambada, blimp, piqa, arc, winogrande",
                settings->task);
        return false;
    }
    if (parsed->n_operands > n_operands) {
        message("\"%.80s\" is too much: eval takes %s", parsed->operands[parsed->n_operands - 1],
                n_operands == 1 ? "one FILE with --task" : "no operand without --task");
        return false;
    }
    if (parsed->n_operands < n_operands) {
        message("--task needs a FILE with its records; - is stdin");
        return false;
    }
    return true;
}

/* Where the context is not said, llama-perplexity's is 512. */
static void choose_ctx(struct eval_command_settings *settings, const struct gen_model *model) {
    int32_t n_ctx = gen_model_config(model)->n_ctx;
    if (settings->eval.n_ctx == 0 && settings->convention == GEN_CONVENTION_LLAMA_CPP) {
        settings->eval.n_ctx = n_ctx < LLAMA_CTX ? n_ctx : LLAMA_CTX;
    }
}

static int open_subject(struct eval *eval, const struct options_parsed *parsed) {
    const struct eval_command_settings *settings = eval->settings;
    struct gen_error err;
    eval->subject = (struct eval_subject){
        .model = eval->job.load.name,
        .file = settings->text != NULL      ? settings->text
                : settings->choices != NULL ? settings->choices
                                            : parsed->operands[0],
        .task = settings->text != NULL   ? NULL
                : settings->task != NULL ? settings->task
                                         : "choices",
        .convention = conventions[settings->convention],
    };
    if (settings->text != NULL) {
        return read_text(eval);
    }
    if (input_open(&eval->input, eval->subject.file, &err) != GEN_OK) {
        message("%s", err.message);
        return EXIT_FAILED;
    }
    return EXIT_DONE;
}

static int run(void *opaque, const struct options_parsed *parsed) {
    struct eval_command_settings *settings = opaque;
    struct eval eval = {.settings = settings, .job = {.settings = &settings->eval}};
    if (!complete(settings, parsed)) {
        return EXIT_USAGE;
    }
    int code = eval_job_load(&eval.job);
    if (code == EXIT_DONE) {
        choose_ctx(settings, eval.job.load.model);
        code = open_subject(&eval, parsed);
    }
    if (code == EXIT_DONE) {
        const char *reads = settings->text == NULL ? eval.subject.file : NULL;
        code = eval_job_begin(&eval.job, reads, false, 0);
    }
    bool begun = code == EXIT_DONE;
    if (begun) {
        code = settings->text != NULL ? eval_text(&eval) : eval_choices(&eval);
        progress_end(&eval.job.progress);
        text_out_write(&eval.job.out, eval.out.data, eval.out.n);
    }
    code = eval_job_end(&eval.job, begun && (code == EXIT_DONE || eval.out.n > 0), code);
    input_close(&eval.input);
    gen_bytes_release(&eval.line);
    gen_bytes_release(&eval.out);
    gen_ids_release(&eval.ids);
    return code;
}

static void set_defaults(void *settings) {
    *(struct eval_command_settings *)settings = (struct eval_command_settings){0};
}

const struct command eval_command = {
    .name = "eval",
    .summary = "judge a model by a text or a data set",
    .spec = &spec,
    .settings_size = sizeof(struct eval_command_settings),
    .set_defaults = set_defaults,
    .run = run,
};
