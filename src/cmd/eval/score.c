/**
 * score.c - `gen score`: what a model thinks of given texts. Where texts come from is
 * score_input.c's, how scores look score_output.c's; the scores are the library's (gen_eval.h).
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/size.h"
#include "cli/alloc.h"
#include "cli/compute_options.h"
#include "cli/exit_code.h"
#include "cli/message.h"
#include "cli/sandbox.h"
#include "cmd/command.h"
#include "cmd/eval/eval_job.h"
#include "cmd/eval/score_input.h"
#include "cmd/eval/score_output.h"

struct score_settings {
    struct eval_settings eval;
    const char *prompt, *file;
    bool lines, jsonl, tokens;
    int32_t n_best;
};

#define AT(member) offsetof(struct score_settings, member)

static const struct option table[] = {
    EVAL_ROWS_MODEL(AT(eval)),
    OPTION_ROW_HEADING("Texts (default: each line of stdin is one)"),
    OPTION_ROW("prompt", 'p', OPTION_STRING, AT(prompt), "TEXT", "one text"),
    OPTION_ROW("file", 'f', OPTION_STRING, AT(file), "FILE", "read FILE; - is stdin"),
    OPTION_ROW("lines", '\0', OPTION_FLAG, AT(lines), NULL,
               "each line of stdin or FILE is a text; this is the default"),
    OPTION_ROW(
        "jsonl", '\0', OPTION_FLAG, AT(jsonl), NULL,
        "each line is a JSON object: {\"text\":...}, {\"ids\":[...]}, or {\"context\":..., "
        "\"continuation\":...}, of which the continuation alone is scored; blanks at the end "
        "of a context belong to the continuation, as lm-evaluation-harness has it. With "
        "--json other members come back in \"input\""),
    OPTION_ROW("special", '\0', OPTION_FLAG, EVAL_AT(AT(eval), special), NULL,
               "<|endoftext|> and other special (control) tokens in a text are these tokens, not "
               "ordinary text; for texts that you trust"),
    OPTION_ROW_RANGE("ctx", '\0', OPTION_INT, EVAL_AT(AT(eval), n_ctx), "N", 1, INT32_MAX,
                     "most tokens that are seen at once (default: the model's context)"),
    OPTION_ROW_RANGE("stride", '\0', OPTION_INT, EVAL_AT(AT(eval), stride), "N", 1, INT32_MAX,
                     "texts longer than that are scored in windows, each N tokens further than the "
                     "one before (default: half of it)"),
    OPTION_ROW_HEADING("Output"),
    OPTION_ROW("tokens", '\0', OPTION_FLAG, AT(tokens), NULL,
               "each token's log probability and rank, too: how many tokens are likelier, and one"),
    OPTION_ROW_RANGE("logprobs", '\0', OPTION_INT, AT(n_best), "N", 0, GEN_SCORE_BEST_MOST,
                     "and the N likeliest tokens in its place"),
    OPTION_ROW("json", '\0', OPTION_FLAG, EVAL_AT(AT(eval), json), NULL,
               "print one JSON object a line for each text"),
    EVAL_ROWS_OUTPUT(AT(eval), "model, speed and sandbox"),
};

static const struct option_conflict conflicts[] = {
    {"prompt", "file"}, {"prompt", "lines"},  {"prompt", "jsonl"},
    {"lines", "jsonl"}, {"verbose", "quiet"},
};

static const char *const once[] = {"prompt", "file", NULL};

static const struct options_spec spec = {
    .usage = "gen score [OPTIONS] [TEXT...]",
    .intro = "Tell how likely a model finds TEXT, or each line of stdin or a file: its log "
             "probability (natural logarithm), its perplexity, bits per byte. The first token has "
             "nothing before it and is not scored.",
    .table = table,
    .n_table = N_OF(table),
    .conflicts = conflicts,
    .n_conflicts = N_OF(conflicts),
    .once = once,
    .once_hint = " (put many into a file)",
    .habits = habits_eval,
    .examples = "  gen score 'The cat sat on the mat.'\n"
                "  gen score --tokens --logprobs 3 'The cat sat on the mat.'\n"
                "  gen score -f stories.txt\n"
                "  gen score --jsonl --tokens --json < records.jsonl\n"
                "\n"
                "In a table a part of a character is shown as its bytes: <F0 9F>.\n"
                "\n"
                "Members of the JSON: index, logprob, n_tokens (those that are scored),\n"
                "perplexity, bits_per_byte, is_greedy (each token is the likeliest), input; with\n"
                "--tokens ids, tokens, token_logprobs, token_ranks; with --logprobs top; of a\n"
                "record that failed: index, error, input. null: nothing to tell, as of a first\n"
                "token.\n",
};

struct score {
    const struct score_settings *settings;
    struct eval_job job;
    struct score_input input;
    char *text; /* operands, joined */
    uint64_t n; /* results so far */
    struct gen_bytes line;
};

static bool take(void *context, const struct gen_score *result) {
    struct score *score = context;
    const struct score_settings *settings = score->settings;
    const struct record_rest *rest = record_rests_of(&score->input.rests, result->index);
    struct score_output with = {
        .tokenizer = score->job.load.tokenizer,
        .tokens = settings->tokens || settings->n_best > 0,
        .input = rest != NULL && rest->object.n > 0 ? &rest->object : NULL,
    };
    score->line.n = 0;
    score->n++;
    if (result->error != NULL) {
        progress_end(&score->job.progress);
        message("text with index %llu: %s", (unsigned long long)result->index,
                result->error->message);
    }
    if (settings->eval.json) {
        score_output_json(&score->line, result, &with);
    } else {
        if (result->index == 0) {
            score_output_head(&score->line, with.tokens);
        }
        score_output_text(&score->line, result, &with);
    }
    text_out_write(&score->job.out, score->line.data, score->line.n);
    text_out_mark(&score->job.out);
    progress_count(&score->job.progress, "%llu texts", (unsigned long long)result->index + 1);
    return eval_job_go_on(&score->job);
}

static bool go_on(void *context) {
    struct score *score = context;
    return eval_job_go_on(&score->job);
}

/* Score all; the exit code, and whether it came to its end. */
static int work(struct score *score, bool *whole) {
    const struct gen_score_source source = {
        .context = &score->input, .next = score_input_next, .ready = score_input_ready};
    const struct gen_score_sink sink = {.context = score, .score = take, .go_on = go_on};
    struct gen_error err;
    uint64_t n_failed = 0;
    enum gen_status status = gen_scorer_run(score->job.scorer, &source, &sink, &n_failed, &err);
    progress_end(&score->job.progress);
    if (status == GEN_CANCELED) {
        return EXIT_FAILED; /* by a signal or a failed write; both are dealt with at the end */
    }
    if (status != GEN_OK) {
        message("%s", err.message);
        return message_exit_code(status);
    }
    eval_job_say_speed(&score->job, "texts", score->n);
    *whole = !score->input.failed;
    return n_failed > 0 || score->input.failed ? EXIT_FAILED : EXIT_DONE;
}

/* What is to be scored: the text of the command line, or what is read. */
static enum gen_status open_input(struct score *score, const struct options_parsed *parsed,
                                  struct gen_error *err) {
    const struct score_settings *settings = score->settings;
    score->input.model = score->job.load.model;
    score->input.jsonl = settings->jsonl;
    score->input.special = settings->eval.special;
    score->input.keeps_rests = settings->eval.json;
    score->input.text = settings->prompt;
    if (parsed->n_operands > 0) {
        struct gen_bytes text = {0};
        for (size_t i = 0; i < parsed->n_operands; i++) {
            alloc_append(&text, " ", i > 0 ? 1 : 0);
            alloc_append(&text, parsed->operands[i], strlen(parsed->operands[i]));
        }
        alloc_append(&text, "", 1);
        score->text = text.data;
        score->input.text = score->text;
    }
    return score->input.text != NULL ? GEN_OK
                                     : input_open(&score->input.input, settings->file, err);
}

static int run(void *opaque, const struct options_parsed *parsed) {
    struct score_settings *settings = opaque;
    struct score score = {.settings = settings, .job = {.settings = &settings->eval}};
    struct gen_error err = {0};
    const char *source = settings->prompt != NULL ? "--prompt"
                         : settings->file != NULL ? "--file"
                         : settings->jsonl        ? "--jsonl"
                         : settings->lines        ? "--lines"
                                                  : NULL;
    if (parsed->n_operands > 0 && source != NULL) {
        message("%s and the text \"%.80s\" exclude each other", source, parsed->operands[0]);
        return EXIT_USAGE;
    }
    bool reads_stdin = parsed->n_operands == 0 && settings->prompt == NULL &&
                       (settings->file == NULL || strcmp(settings->file, "-") == 0);
    if (reads_stdin && isatty(STDIN_FILENO) && !settings->eval.quiet) {
        message("reads texts from the terminal, a line each, to the end with Ctrl-D");
    }
    bool whole = false;
    int code = eval_job_load(&score.job);
    if (code == EXIT_DONE && open_input(&score, parsed, &err) != GEN_OK) {
        message("%s", err.message);
        code = EXIT_FAILED;
    }
    if (code == EXIT_DONE) {
        bool many = score.input.text == NULL;
        const char *file = settings->file != NULL ? settings->file : "-";
        code = eval_job_begin(&score.job, many ? file : NULL, many, settings->n_best);
    }
    if (code == EXIT_DONE) {
        code = work(&score, &whole);
    }
    code = eval_job_end(&score.job, whole, code);
    score_input_release(&score.input);
    gen_bytes_release(&score.line);
    free(score.text);
    return code;
}

static void set_defaults(void *settings) {
    *(struct score_settings *)settings = (struct score_settings){0};
}

const struct command score_command = {
    .name = "score",
    .summary = "tell how likely a model finds texts",
    .spec = &spec,
    .settings_size = sizeof(struct score_settings),
    .set_defaults = set_defaults,
    .run = run,
};
