/**
 * bench.c - `gen bench`: its options, then measuring and reporting. What is measured is in
 * bench_figures.c, how in bench_measure.c, the printed results in bench_report.c.
 */
#include <stdlib.h>

#include "base/size.h"
#include "cli/alloc.h"
#include "cli/compute_options.h"
#include "cli/exit_code.h"
#include "cli/message.h"
#include "cli/signals.h"
#include "cli/text_out.h"
#include "cmd/bench/bench_constraint.h"
#include "cmd/bench/bench_figures.h"
#include "cmd/bench/bench_measure.h"
#include "cmd/bench/bench_report.h"
#include "cmd/command.h"

#define AT(member) offsetof(struct bench_settings, member)

static const struct option table[] = {
    MODEL_ROWS(AT(model), MODEL_HELP),
    MODEL_ROW_KV_TYPE(AT(model), "how the KV cache stores keys and values"),
    OPTION_ROW_RANGE("repeat", '\0', OPTION_INT, AT(repeat), "N", 1, BENCH_MAX_REPEAT,
                     "measure all N times, in turns, and show medians (default: 5; with --quick "
                     "1)"),
    OPTION_ROW("prompt-lengths", '\0', OPTION_STRING, AT(prompt_lengths), "N,...",
               "prompts to read (default: 32,128,512... and the whole context)"),
    OPTION_ROW("decode-lengths", '\0', OPTION_STRING, AT(decode_lengths), "N,...",
               "how long a sequence is when one more token is added (default: the same)"),
    OPTION_ROW("batch", '\0', OPTION_STRING, AT(batch), "N,...",
               "how many sequences to decode together (default: 1,2,4,16,64, as far as they take "
               "at most 2 GiB)"),
    OPTION_ROW_RANGE("batch-length", '\0', OPTION_INT, AT(batch_length), "N", 1, INT32_MAX,
                     "how long each of them then is (default: 128 and the steps)"),
    OPTION_ROW_RANGE("steps", '\0', OPTION_INT, AT(steps), "N", 1, INT32_MAX,
                     "tokens to decode in one measurement (default: 16; with --quick 4)"),
    OPTION_ROW("quick", '\0', OPTION_FLAG, AT(quick), NULL,
               "a first look: everything once, nothing long"),
    OPTION_ROW("constraint", '\0', OPTION_STRING, AT(constraint), "FILE",
               "measure another thing instead: how long the tokens take that may come next under "
               "the JSON schema in FILE, on one thread; of the model the vocabulary alone is read"),
    OPTION_ROW("json", '\0', OPTION_FLAG, AT(json), NULL, "print one JSON object"),
    OPTION_ROW("quiet", 'q', OPTION_FLAG, AT(quiet), NULL, "show no progress bar"),
};

static const struct options_spec spec = {
    .usage = "gen bench [OPTIONS]",
    .intro = "Measure how fast a model reads prompts, adds tokens and starts on this machine, and "
             "how near that is to what the machine can do at all: its memory bandwidth and its "
             "peaks of fused multiply-adds and of int8 products, measured in the same run. Other "
             "work on the machine "
             "spoils the figures; a wide spread tells.",
    .table = table,
    .n_table = N_OF(table),
    .habits = habits_bench,
    .examples =
        "  gen bench --quick\n"
        "  gen bench -m gpt2.gguf --prompt-lengths 512 --batch 1,16,64\n"
        "  gen bench -t 1 --json | jq '.decode[] | .tokens_per_second.median'\n"
        "\n"
        "Members of the JSON: version, model, embedded, format, parameters,\n"
        "weight_bytes, n_ctx, kv_type, kernels, threads, repeat, limits, prompt, decode,\n"
        "batch (arrays with tokens_per_second, gb_per_second, gflop_per_second,\n"
        "share_of_limit; prompts also first_token_seconds), first_token. With --constraint:\n"
        "n_vocab, tree_us, compile_us, masks, mean_us, p50_us, p99_us, max_us.\n",
};

static bool print_report(const struct bench_settings *settings, const struct bench_results *results,
                         const struct model_load *load) {
    struct gen_bytes text = {0};
    struct text_out out;
    if (settings->json) {
        bench_report_json(&text, results, load);
    } else {
        bench_report_text(&text, results, load);
    }
    text_out_open(&out, NULL);
    text_out_write(&out, text.data, text.n);
    gen_bytes_release(&text);
    return text_out_close(&out);
}

/* What --constraint would leave unheeded. */
static const char *unheeded(const struct options_parsed *parsed) {
    static const char *const names[] = {"threads",        "kv-type",        "repeat",
                                        "prompt-lengths", "decode-lengths", "batch",
                                        "batch-length",   "steps",          "quick"};
    for (size_t i = 0; i < N_OF(names); i++) {
        if (options_given(parsed, &spec, names[i])) {
            return names[i];
        }
    }
    return NULL;
}

static int run(void *opaque, const struct options_parsed *parsed) {
    const struct bench_settings *settings = opaque;
    if (parsed->n_operands > 0) {
        message("bench takes no \"%.80s\" (a model is given with --model)", parsed->operands[0]);
        return EXIT_USAGE;
    }
    struct gen_error err = {0};
    if (settings->constraint != NULL && unheeded(parsed) != NULL) {
        message(
            "--constraint and --%s exclude each other: all that counts is the model's vocabulary",
            unheeded(parsed));
        return EXIT_USAGE;
    }
    if (settings->constraint != NULL) {
        enum gen_status found =
            bench_constraint(settings->model.name, settings->constraint, settings->json, &err);
        if (found != GEN_OK && found != GEN_CANCELED) {
            message("%s", err.message);
        }
        return message_exit_code(found);
    }
    struct model_load load = {0};
    struct bench_results *results = alloc_new(1, sizeof *results);
    enum gen_status status = bench_settings_check(settings, &err);
    if (status == GEN_OK) {
        status = bench_measure(results, &load, settings, compute_kernels(), &err);
    }
    int code = message_exit_code(status);
    if (status == GEN_OK) {
        code = print_report(settings, results, &load) ? EXIT_DONE : EXIT_FAILED;
    } else if (status != GEN_CANCELED) {
        message("%s", err.message);
    }
    free(results);
    model_load_close(&load);
    return signals_caught() != 0 ? EXIT_SIGNAL + signals_caught() : code;
}

static void set_defaults(void *settings) {
    *(struct bench_settings *)settings = (struct bench_settings){0};
}

const struct command bench_command = {
    .name = "bench",
    .summary = "measure speed on this machine",
    .spec = &spec,
    .settings_size = sizeof(struct bench_settings),
    .set_defaults = set_defaults,
    .run = run,
};
