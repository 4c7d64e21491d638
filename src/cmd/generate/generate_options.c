/**
 * generate_options.c - the table of options of `gen generate`, their defaults, and what they must
 * fulfil together. Ranges are checked here and, once more, by the library; texts such as --stop are
 * made ready in generate_rules.c.
 */
#include "cmd/generate/generate_options.h"

#include <string.h>

#include "base/size.h"
#include "cli/compute_options.h"
#include "cli/message.h"
#include "cli/sandbox.h"
#include "cli/text_out.h"

#define AT(member) offsetof(struct generate_settings, member)

static const char *const context_names[] = {"stop", "slide", NULL};

static const struct option table[] = {
    OPTION_ROW_HEADING("Model"),
    OPTION_ROW(
        "model", 'm', OPTION_STRING, AT(model), "PATH|NAME",
        "a GGUF file, a Hugging Face directory, or a name looked up in $GEN_MODEL_PATH, "
        "$XDG_DATA_HOME/gen/models and the Hugging Face cache; default: $GEN_MODEL, else the "
        "built-in model"),
    OPTION_ROW_RANGE("threads", 't', OPTION_INT, AT(options.n_threads), "N", 1, 1024,
                     "threads to use (default: the physical cores this process may use)"),
    OPTION_ROW("no-sandbox", '\0', OPTION_FLAG, AT(no_sandbox), NULL, SANDBOX_HELP),
    OPTION_ROW_RANGE("batch", '\0', OPTION_INT, AT(options.batch), "N", 1, 1024,
                     "most texts to work on at once; more are faster in all and take more memory "
                     "(default: 64, or what fits into 512 MiB)"),
    OPTION_ROW_CHOICE(
        "kv-type", '\0', AT(kv_type), "TYPE", compute_kv_types,
        "how keys and values of the text so far are stored: f16 takes half the memory "
        "and is faster in long texts and large batches, but rounds them"),
    OPTION_ROW("speculate", '\0', OPTION_FLAG, AT(speculate), NULL,
               "guess the next tokens where a text repeats itself, and check them together: the "
               "same text, sooner, above all with --greedy; drawn texts, which repeat "
               "themselves little, are hardly guessed at (default)"),
    OPTION_ROW("no-speculate", '\0', OPTION_FLAG, AT(no_speculate), NULL, "do not"),
    OPTION_ROW_HEADING("Prompt (default: all of stdin, without its last newline)"),
    OPTION_ROW("prompt", 'p', OPTION_STRING, AT(prompt), "TEXT", "the prompt, may be empty"),
    OPTION_ROW("file", 'f', OPTION_STRING, AT(file), "FILE",
               "read the prompt from FILE; - is stdin; a byte order mark in front is no text"),
    OPTION_ROW("prompt-ids", '\0', OPTION_STRING, AT(prompt_ids), "\"ID ...\"",
               "the prompt as token ids"),
    OPTION_ROW(
        "lines", '\0', OPTION_FLAG, AT(lines), NULL,
        "each line of stdin or FILE is a prompt, also an empty one; answers come in the same "
        "order"),
    OPTION_ROW(
        "jsonl", '\0', OPTION_FLAG, AT(jsonl), NULL,
        "each line is a JSON object with the member \"prompt\", and options for this prompt "
        "if there are any: those of Length and Sampling, \"max_new_tokens\": 20; with --json "
        "the other members come back in \"input\""),
    OPTION_ROW_RANGE(
        "first-index", '\0', OPTION_INT, AT(first_index), "N", 0, INT32_MAX,
        "the first prompt is number N of a longer list: its texts are those that it has "
        "there"),
    OPTION_ROW(
        "null", '0', OPTION_FLAG, AT(null), NULL,
        "prompts end with a NUL byte; so do the answers, which may then hold newlines (for lines: "
        "tr '\\n' '\\0' < FILE | gen -0)"),
    OPTION_ROW("shard", '\0', OPTION_STRING, AT(shard_text), "I/N",
               "answer every Nth prompt, from the Ith on: N runs with I = 1 ... N, on as many "
               "machines, answer all, with the texts and the index that one run gives them"),
    OPTION_ROW("special", '\0', OPTION_FLAG, AT(special), NULL,
               "<|endoftext|> and other special (control) tokens in a prompt are these tokens, not "
               "ordinary text; for prompts that you trust"),
    OPTION_ROW_HEADING("Length"),
    OPTION_ROW_RANGE("max-new-tokens", 'n', OPTION_INT, AT(options.max_new_tokens), "N", -1,
                     INT32_MAX,
                     "most tokens to add; -1: as many as the context has room for, as with "
                     "--max-length alone (with --context slide that has no end: until an "
                     "end-of-text token, --stop or Ctrl-C)"),
    OPTION_ROW_RANGE("max-length", '\0', OPTION_INT, AT(options.max_length), "N", 1, INT32_MAX,
                     "most tokens in all, prompt and new"),
    OPTION_ROW_RANGE("min-new-tokens", '\0', OPTION_INT, AT(options.sampling.min_new_tokens), "N",
                     0, INT32_MAX,
                     "no end-of-text token before that many new tokens; --stop still ends it"),
    OPTION_ROW_RANGE("min-length", '\0', OPTION_INT, AT(options.sampling.min_length), "N", 0,
                     INT32_MAX, "the same, counting the prompt too"),
    OPTION_ROW("stop", '\0', OPTION_LIST, AT(stop), "TEXT",
               "end before TEXT would appear; \\n, \\t, \\r and \\\\ in it are newline, tab, "
               "carriage return "
               "and backslash; may be given several times"),
    OPTION_ROW("ignore-eos", '\0', OPTION_FLAG, AT(options.ignore_eos), NULL,
               "go on after an end-of-text token, whichever of the model's it is (never draw one: "
               "--logit-bias ID=-inf)"),
    OPTION_ROW_CHOICE(
        "context", '\0', AT(context), "WHAT", context_names,
        "when the context is full: stop, or slide: go on over its last half, read again"),
    OPTION_ROW_HEADING("Sampling"),
    OPTION_ROW("seed", 's', OPTION_UINT64, AT(options.seed), "N",
               "the same seed gives the same text. That of the first text; JSON tells the one of "
               "each, which gives it alone (default: a random one below 2^53, so that jq does not "
               "round it; 0 with --greedy, which draws nothing)"),
    OPTION_ROW("greedy", '\0', OPTION_FLAG, AT(greedy), NULL,
               "always take the likeliest token; the same as --temperature 0"),
    OPTION_ROW_RANGE("temperature", '\0', OPTION_FLOAT, AT(options.sampling.temperature), "X", 0,
                     1000, "below 1 safer, above 1 wilder"),
    OPTION_ROW_RANGE("top-k", '\0', OPTION_INT, AT(options.sampling.top_k), "N", 0, INT32_MAX,
                     "choose among the N likeliest tokens; 0: all"),
    OPTION_ROW_ABOVE("top-p", '\0', OPTION_FLOAT, AT(options.sampling.top_p), "P", 0, 1,
                     "choose among the likeliest tokens that together have probability P; 1: all"),
    OPTION_ROW_RANGE("min-p", '\0', OPTION_FLOAT, AT(options.sampling.min_p), "P", 0, 1,
                     "drop tokens less likely than P times the likeliest"),
    OPTION_ROW_ABOVE("typical-p", '\0', OPTION_FLOAT, AT(options.sampling.typical_p), "P", 0, 1,
                     "locally typical sampling with mass P; 1: off"),
    OPTION_ROW_RANGE("top-n-sigma", '\0', OPTION_FLOAT, AT(options.sampling.top_n_sigma), "N", 0,
                     1000,
                     "drop tokens whose logit is more than N standard deviations below the "
                     "highest; 0: off"),
    OPTION_ROW_ABOVE("repetition-penalty", '\0', OPTION_FLOAT,
                     AT(options.sampling.repetition_penalty), "X", 0, 1000,
                     "above 1: tokens that were there already are less likely"),
    OPTION_ROW_RANGE("presence-penalty", '\0', OPTION_FLOAT, AT(options.sampling.presence_penalty),
                     "X", -2, 2, "taken off the logit of tokens added before"),
    OPTION_ROW_RANGE("frequency-penalty", '\0', OPTION_FLOAT,
                     AT(options.sampling.frequency_penalty), "X", -2, 2,
                     "the same, for each time they were added"),
    OPTION_ROW_RANGE("no-repeat-ngram-size", '\0', OPTION_INT,
                     AT(options.sampling.no_repeat_ngram_size), "N", 0, INT32_MAX,
                     "no N tokens in a row come twice; 0: off"),
    OPTION_ROW(
        "bad-words", '\0', OPTION_STRING, AT(bad_words), "FILE",
        "never write what a line of FILE says; taken literally, so inside a sentence a word begins "
        "with a blank"),
    OPTION_ROW(
        "logit-bias", '\0', OPTION_LIST, AT(logit_bias), "ID=X",
        "add X to the logit of the token ID (see gen tokenize), -inf forbids it; ID=X,ID=X... or "
        "several times"),
    OPTION_ROW_RANGE("num-return-sequences", '\0', OPTION_INT, AT(options.num_return_sequences),
                     "N", 1, INT32_MAX, "texts for each prompt"),
    OPTION_ROW_HEADING("Output"),
    OPTION_ROW("no-echo", '\0', OPTION_FLAG, AT(no_echo), NULL,
               "print the new text only, not the prompt"),
    OPTION_ROW("json", '\0', OPTION_FLAG, AT(json), NULL,
               "print one JSON object a line for each text"),
    OPTION_ROW("no-timings", '\0', OPTION_FLAG, AT(no_timings), NULL,
               "with --json: leave the timings out, so that the same run gives the same bytes"),
    OPTION_ROW_RANGE("logprobs", '\0', OPTION_INT, AT(options.n_logprobs), "N", 0, 1000,
                     "with --json: the N likeliest tokens of each step"),
    OPTION_ROW("save-logits", '\0', OPTION_STRING, AT(save_logits), "FILE",
               "write logits as float32, little-endian: a row for each prompt position and step"),
    OPTION_ROW(
        "separator", '\0', OPTION_STRING, AT(separator), "TEXT",
        "put between texts, with escapes as in --stop (default: a newline, with --null a NUL)"),
    OPTION_ROW("output", 'o', OPTION_STRING, AT(output), "FILE",
               "write to FILE, which stays as it is until all is done; - is stdout. With --lines, "
               "--jsonl, --null the texts so far are in FILE.partial, which is left if the run is "
               "interrupted; else nothing is"),
    OPTION_ROW(
        "resume", '\0', OPTION_FLAG, AT(resume), NULL,
        "with --json and -o FILE: go on where an earlier run with the same options ended, be "
        "it killed; prompts that it has answered are passed over"),
    OPTION_ROW_CHOICE("color", '\0', AT(color), "WHEN", text_color_names,
                      "show the prompt in bold: auto, always or never; NO_COLOR is heeded"),
    OPTION_ROW("verbose", 'v', OPTION_FLAG, AT(verbose), NULL,
               "say model, seed and speed on stderr"),
    OPTION_ROW("quiet", 'q', OPTION_FLAG, AT(quiet), NULL, "say nothing on stderr but errors"),
};

static const struct option_conflict conflicts[] = {
    {"prompt", "file"},
    {"prompt", "prompt-ids"},
    {"file", "prompt-ids"},
    {"prompt", "lines"},
    {"prompt", "jsonl"},
    {"prompt", "null"},
    {"prompt-ids", "lines"},
    {"prompt-ids", "jsonl"},
    {"prompt-ids", "null"},
    {"prompt-ids", "special"},
    {"lines", "jsonl"},
    {"lines", "null"},
    {"jsonl", "null"},
    {"greedy", "temperature"},
    {"json", "separator"},
    {"verbose", "quiet"},
    {"speculate", "no-speculate"},
};

/* The first of two would be dropped, and nobody would know. */
static const char *const once[] = {"prompt", "file", "prompt-ids", NULL};

const struct options_spec generate_spec = {
    .usage = "gen [generate] [OPTIONS] [PROMPT...]",
    .intro = "Continue PROMPT, and print prompt and continuation as they come.",
    .table = table,
    .n_table = N_OF(table),
    .conflicts = conflicts,
    .n_conflicts = N_OF(conflicts),
    .once = once,
    .once_hint = " (--lines takes many prompts)",
    .habits = habits_generate,
    .examples =
        "  gen 'Once upon a time'\n"
        "  gen -m openai-community/gpt2 -n 50 --seed 7 'The capital of France is'\n"
        "  echo 'Dear diary,' | gen --no-echo > diary.txt\n"
        "  gen --lines --json < prompts.txt | jq -r .new_text\n"
        "\n"
        "Members of the JSON: index, sequence, prompt, text, new_text, ids (prompt and\n"
        "new), new_ids, finish_reason (length, eos, stop, context, canceled), seed,\n"
        "counts, timings, logprobs; of many prompts also run (a hash of model, options and\n"
        "seed) and input (with --jsonl); of a prompt that failed: index, error, run,\n"
        "input.\n"
        "\n"
        "Exit status: 0 done, 1 something failed, 2 wrong usage, 130 after Ctrl-C.\n",
};

void generate_set_defaults(void *settings) {
    struct generate_settings *generate = settings;
    *generate = (struct generate_settings){
        .options = gen_generate_options_default(),
        .context = GENERATE_CONTEXT_STOP,
        .color = TEXT_COLOR_AUTO,
    };
}

bool generate_is_batch(const struct generate_settings *settings) {
    return settings->lines || settings->jsonl || settings->null;
}

bool generate_has_fields(const struct generate_settings *settings) {
    return settings->jsonl;
}

bool generate_is_group_of_texts(const char *heading) {
    return strcmp(heading, "Length") == 0 || strcmp(heading, "Sampling") == 0;
}

bool generate_reads_stdin(const struct generate_settings *settings,
                          const struct options_parsed *parsed) {
    if (settings->prompt != NULL || settings->prompt_ids != NULL) {
        return false;
    }
    const char *only = settings->file       ? settings->file
                       : parsed->n_operands ? parsed->operands[0]
                                            : "-";
    return parsed->n_operands <= 1 && strcmp(only, "-") == 0;
}

static enum gen_status check_prompt(const struct generate_settings *settings,
                                    const struct options_parsed *parsed, struct gen_error *err) {
    bool only_stdin = parsed->n_operands == 1 && strcmp(parsed->operands[0], "-") == 0;
    if (parsed->n_operands == 0 || (only_stdin && generate_is_batch(settings) && !settings->file)) {
        return GEN_OK;
    }
    const char *other = settings->prompt != NULL       ? "--prompt"
                        : settings->file != NULL       ? "--file"
                        : settings->prompt_ids != NULL ? "--prompt-ids"
                        : settings->lines              ? "--lines"
                        : settings->jsonl              ? "--jsonl"
                        : settings->null               ? "--null"
                                                       : NULL;
    if (other == NULL) {
        return GEN_OK;
    }
    message_set(err, GEN_BAD_ARGUMENT, "%s and the argument \"%.80s\" are two prompts%s", other,
                parsed->operands[0],
                generate_is_batch(settings) ? " (a file of prompts is given with --file)" : "");
    return GEN_BAD_ARGUMENT;
}

enum gen_status generate_options_check(const struct gen_generate_options *options,
                                       struct gen_error *err) {
    if (options->max_new_tokens >= 0 &&
        options->sampling.min_new_tokens > options->max_new_tokens) {
        message_set(err, GEN_BAD_ARGUMENT, "--min-new-tokens %d is more than --max-new-tokens %d",
                    (int)options->sampling.min_new_tokens, (int)options->max_new_tokens);
        return GEN_BAD_ARGUMENT;
    }
    if (options->max_length >= 0 && options->sampling.min_length > options->max_length) {
        message_set(err, GEN_BAD_ARGUMENT, "--min-length %d is more than --max-length %d",
                    (int)options->sampling.min_length, (int)options->max_length);
        return GEN_BAD_ARGUMENT;
    }
    for (size_t i = 0; i < options->n_stop; i++) {
        if (*options->stop[i] == '\0') {
            message_set(err, GEN_BAD_ARGUMENT, "--stop: an empty text would stop every text");
            return GEN_BAD_ARGUMENT;
        }
    }
    return GEN_OK;
}

/* "2/5" */
static enum gen_status parse_shard(struct generate_settings *settings, struct gen_error *err) {
    const char *text = settings->shard_text;
    const char *slash = text != NULL ? strchr(text, '/') : NULL;
    int64_t shard = 0, n_shards = 0;
    char first[12] = "";
    if (text == NULL) {
        return GEN_OK;
    }
    if (slash != NULL && (size_t)(slash - text) < sizeof first) {
        memcpy(first, text, (size_t)(slash - text));
    }
    if (!options_parse_int(&shard, first) || !options_parse_int(&n_shards, slash + 1) ||
        n_shards < 1 || n_shards > 1000000 || shard < 1 || shard > n_shards) {
        message_set(err, GEN_BAD_ARGUMENT,
                    "--shard: \"%.80s\" is not I/N, N from 1 to 1000000, I from 1 to N", text);
        return GEN_BAD_ARGUMENT;
    }
    if (!generate_is_batch(settings)) {
        message_set(err, GEN_BAD_ARGUMENT,
                    "--shard needs many prompts: --lines, --jsonl or --null");
        return GEN_BAD_ARGUMENT;
    }
    settings->shard = (int32_t)shard;
    settings->n_shards = (int32_t)n_shards;
    return GEN_OK;
}

static enum gen_status check_resume(const struct generate_settings *settings,
                                    const struct options_parsed *parsed, struct gen_error *err) {
    const char *missing = NULL;
    if (!settings->resume) {
        return GEN_OK;
    }
    if (!generate_is_batch(settings)) {
        missing = "many prompts: --lines, --jsonl or --null";
    } else if (!settings->json) {
        missing = "--json, whose records say what is answered";
    } else if (settings->output == NULL || strcmp(settings->output, "-") == 0) {
        missing = "-o FILE, where the answers are";
    } else if (settings->save_logits != NULL) {
        missing = "a run without --save-logits, whose file says of no row whose it is";
    } else if (!options_given(parsed, &generate_spec, "seed") &&
               settings->options.sampling.temperature > 0) {
        missing = "--seed N, the same each time";
    }
    if (missing == NULL) {
        return GEN_OK;
    }
    message_set(err, GEN_BAD_ARGUMENT, "--resume needs %s", missing);
    return GEN_BAD_ARGUMENT;
}

enum gen_status generate_settings_complete(struct generate_settings *settings,
                                           const struct options_parsed *parsed,
                                           struct gen_error *err) {
    struct gen_generate_options *options = &settings->options;
    options->stop = settings->stop.data;
    options->n_stop = settings->stop.n;
    if (options_given(parsed, &generate_spec, "max-length") &&
        !options_given(parsed, &generate_spec, "max-new-tokens")) {
        options->max_new_tokens = -1;
    }
    if (check_prompt(settings, parsed, err) != GEN_OK ||
        generate_options_check(options, err) != GEN_OK) {
        return GEN_BAD_ARGUMENT;
    }
    if (options->n_logprobs > 0 && !settings->json) {
        message_set(err, GEN_BAD_ARGUMENT, "--logprobs needs --json, where they are shown");
        return GEN_BAD_ARGUMENT;
    }
    if (settings->no_timings && !settings->json) {
        message_set(err, GEN_BAD_ARGUMENT, "--no-timings needs --json, where timings are shown");
        return GEN_BAD_ARGUMENT;
    }
    if (settings->bad_words != NULL && strcmp(settings->bad_words, "-") == 0 &&
        generate_reads_stdin(settings, parsed)) {
        message_set(err, GEN_BAD_ARGUMENT,
                    "--bad-words - and the prompt are both read from stdin (give one as a file)");
        return GEN_BAD_ARGUMENT;
    }
    options->kv_type = compute_kv_types[settings->kv_type];
    if (settings->speculate || settings->no_speculate) {
        options->speculate = settings->speculate;
    }
    if (options->batch == 0 && options->num_return_sequences == 1 && !generate_is_batch(settings)) {
        options->batch = 1; /* there is one text only */
    }
    options->slide = settings->context == GENERATE_CONTEXT_SLIDE;
    if (settings->greedy) {
        options->sampling.temperature = 0;
    }
    if (parse_shard(settings, err) != GEN_OK || check_resume(settings, parsed, err) != GEN_OK) {
        return GEN_BAD_ARGUMENT;
    }
    if (!options_given(parsed, &generate_spec, "seed")) {
        /* 53 bits: jq and JavaScript, which know numbers as doubles, give it back exactly. Where
           nothing is drawn it is always the same, so that so is the JSON. */
        options->seed = options->sampling.temperature > 0 ? gen_random_seed() >> 11 : 0;
    }
    return GEN_OK;
}
