/**
 * generate_options.c - the defaults of `gen generate`, and what its options must fulfil together.
 * The options themselves are rows of generate_table.c; ranges are checked there and, once more, by
 * the library; texts such as --stop are made ready in generate_rules.c.
 */
#include "cmd/generate/generate_options.h"

#include <string.h>

#include "cli/message.h"
#include "cli/text_out.h"

void generate_set_defaults(void *settings) {
    struct generate_settings *generate = settings;
    *generate = (struct generate_settings){
        .options = gen_generate_options_default(),
        .context = GENERATE_CONTEXT_STOP,
        .color = TEXT_COLOR_AUTO,
    };
}

bool generate_is_batch(const struct generate_settings *settings) {
    return settings->lines || settings->jsonl || settings->null || settings->csv;
}

bool generate_has_fields(const struct generate_settings *settings) {
    return settings->jsonl || settings->csv;
}

bool generate_is_group_of_texts(const char *heading) {
    return strcmp(heading, "Length") == 0 || strcmp(heading, "Sampling") == 0 ||
           strcmp(heading, "Search") == 0 || strcmp(heading, "Form of the new text") == 0;
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

static bool is_stdin(const char *path) {
    return path != NULL && strcmp(path, "-") == 0;
}

/* Two that are read from stdin: the second would find nothing. */
static enum gen_status check_stdin(const struct generate_settings *settings,
                                   const struct options_parsed *parsed, struct gen_error *err) {
    const struct {
        const char *path, *name;
    } files[] = {{settings->template, "--template -"},
                 {settings->bad_words, "--bad-words -"},
                 {settings->force_words, "--force-words -"}};
    const char *names[2] = {NULL}; /* of those that are read from stdin, the first two */
    size_t n = 0;
    for (size_t i = 0; i < sizeof files / sizeof *files && n < 2; i++) {
        if (is_stdin(files[i].path)) {
            names[n++] = files[i].name;
        }
    }
    const char *first = names[0], *second = names[1];
    if (generate_reads_stdin(settings, parsed)) {
        second = "the prompt";
    }
    if (first == NULL || second == NULL) {
        return GEN_OK;
    }
    message_set(err, GEN_BAD_ARGUMENT, "%s and %s are both read from stdin (give one as a file)",
                first, second);
    return GEN_BAD_ARGUMENT;
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
                        : settings->csv                ? "--csv"
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
                    "--shard needs many prompts: --lines, --jsonl, --csv or --null");
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
        missing = "many prompts: --lines, --jsonl, --csv or --null";
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

/* A form and the prompt cannot both be read from stdin. */
static enum gen_status check_form(const struct generate_settings *settings,
                                  const struct options_parsed *parsed, struct gen_error *err) {
    const char *const forms[] = {settings->grammar, settings->json_schema, settings->choices};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (forms[i] != NULL && strcmp(forms[i], "-") == 0 &&
            generate_reads_stdin(settings, parsed)) {
            message_set(err, GEN_BAD_ARGUMENT,
                        "the form of the text and the prompt are both read from stdin (give one "
                        "as a file)");
            return GEN_BAD_ARGUMENT;
        }
    }
    return GEN_OK;
}

/* What texts are searched or drawn, and how many at once. */
static void choose_search(struct generate_settings *settings, const struct options_parsed *parsed) {
    struct gen_generate_options *options = &settings->options;
    if (options->batch == 0 && options->num_return_sequences == 1 && settings->choices == NULL &&
        options->penalty_alpha <= 0 && !generate_is_batch(settings)) {
        /* There is one text only; candidates of a contrastive search, and texts that measure
           choices, are as many as there must be. */
        options->batch = options->guidance_scale != 1.0f ? 2 : options->num_beams;
    }
    options->early_stopping = (enum gen_early_stopping)settings->early_stopping;
    settings->temperature = options->sampling.temperature;
    settings->beams_draw =
        settings->do_sample || options_given(parsed, &generate_spec, "temperature");
    bool searches = options->num_beams > 1 || options->penalty_alpha > 0;
    if (settings->greedy || (searches && !settings->beams_draw)) {
        options->sampling.temperature = 0;
    }
}

enum gen_status generate_settings_complete(struct generate_settings *settings,
                                           const struct options_parsed *parsed,
                                           struct gen_error *err) {
    struct gen_generate_options *options = &settings->options;
    options->n_threads = settings->model.n_threads;
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
    if (settings->template != NULL && !generate_has_fields(settings)) {
        message_set(err, GEN_BAD_ARGUMENT,
                    "--template needs --jsonl or --csv, whose fields it names");
        return GEN_BAD_ARGUMENT;
    }
    if (settings->name != NULL && settings->output_dir == NULL) {
        message_set(err, GEN_BAD_ARGUMENT, "--name needs --output-dir DIR, where the files go");
        return GEN_BAD_ARGUMENT;
    }
    if (settings->name == NULL) {
        settings->name =
            options->num_return_sequences > 1 ? "{{index}}.{{sequence}}.txt" : "{{index}}.txt";
    }
    if (settings->no_timings && !settings->json) {
        message_set(err, GEN_BAD_ARGUMENT, "--no-timings needs --json, where timings are shown");
        return GEN_BAD_ARGUMENT;
    }
    if (check_stdin(settings, parsed, err) != GEN_OK) {
        return GEN_BAD_ARGUMENT;
    }
    if (check_form(settings, parsed, err) != GEN_OK) {
        return GEN_BAD_ARGUMENT;
    }
    options->kv_type = compute_kv_types[settings->model.kv_type];
    if (settings->speculate || settings->no_speculate) {
        options->speculate = settings->speculate;
    }
    options->stop_at_sentence = settings->stop_at == GENERATE_STOP_AT_SENTENCE;
    options->slide = settings->context == GENERATE_CONTEXT_SLIDE;
    choose_search(settings, parsed);
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
