/**
 * chat_options.c - the table of options of `gen chat`; the rows of sampling are those of `gen
 * generate`. /set takes the rows under two of its headings. What the engine gets is made of the
 * settings in chat_rules.c.
 */
#include "cmd/chat/chat_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/field.h"
#include "base/size.h"
#include "cli/alloc.h"
#include "cli/text_line.h"
#include "cli/text_out.h"
#include "cmd/generate/generate_rows.h"

#define AT(member)      GENERATE_AT(member)
#define CHAT_AT(member) offsetof(struct chat_settings, member)

/* The headings between which /set finds its options. */
static const char first_heading[] = "Answers";
static const char end_heading[] = "Input and output";

/* What a shell completes; other texts are templates, too. */
static const char *const template_names[] = {"plain",  "chatml",   "alpaca",   "llama2",
                                             "zephyr", "dialogpt", "instruct", NULL};

static const struct option table[] = {
    OPTION_ROW_HEADING("Model"),
    MODEL_ROWS(AT(model), MODEL_HELP_PLACES ", which tells tales and was never taught to talk"),
    GENERATE_ROW_DEFAULTS,
    MODEL_ROW_SANDBOX(AT(model)),
    OPTION_ROW_RANGE("batch", '\0', OPTION_INT, AT(options.batch), "N", 1, 1024,
                     "with --jsonl: most conversations to work on at once (default: 64, or what "
                     "fits into 512 MiB)"),
    MODEL_ROW_KV_TYPE(
        AT(model), "how keys and values of the text so far are stored: f16 takes half the memory "
                   "and is faster in long texts, but rounds them"),
    GENERATE_ROW_DRAFT_MODEL,
    OPTION_ROW_HEADING("Conversation"),
    OPTION_ROW_NAMES(
        "template", '\0', CHAT_AT(chat_template), "NAME|TEXT", template_names,
        "how the conversation becomes the text that the model reads: plain, chatml, alpaca, "
        "llama2, zephyr, dialogpt, instruct, or a pattern as `gen finetune` takes it, such "
        "as '{role}: {content}\\n' (default: the model's own, else plain)"),
    OPTION_ROW("system", '\0', OPTION_STRING, CHAT_AT(system), "TEXT",
               "the system message; it stays when the context is full"),
    OPTION_ROW("history", '\0', OPTION_STRING, CHAT_AT(history), "FILE",
               "keep the lines that are typed in FILE, for the next time"),
    OPTION_ROW_HEADING(first_heading),
    OPTION_ROW_RANGE("max-new-tokens", 'n', OPTION_INT, AT(options.max_new_tokens), "N", -1,
                     INT32_MAX,
                     "most tokens of an answer; -1: as many as the context has room for"),
    OPTION_ROW_RANGE("min-new-tokens", '\0', OPTION_INT, AT(options.sampling.min_new_tokens), "N",
                     1, INT32_MAX, "no end-of-text token before that many tokens of an answer"),
    OPTION_ROW("stop", '\0', OPTION_LIST, AT(stop), "TEXT",
               "end an answer before TEXT would appear, besides where the template ends it; \\n, "
               "\\t, \\r and \\\\ in it are newline, tab, carriage return and backslash; may be "
               "given several times"),
    GENERATE_ROWS_ENDS,
    OPTION_ROW("ignore-eos", '\0', OPTION_FLAG, AT(options.ignore_eos), NULL,
               "go on after an end-of-text token"),
    OPTION_ROW("seed", 's', OPTION_UINT64, AT(options.seed), "N",
               "the same seed gives the same answers; /retry adds 1 to it (default: a random one "
               "below 2^53; 0 with --greedy)"),
    GENERATE_ROWS_SAMPLING,
    OPTION_ROW_HEADING(end_heading),
    OPTION_ROW("jsonl", '\0', OPTION_FLAG, AT(jsonl), NULL,
               "each line of stdin or FILE is a conversation of its own to be answered: "
               "{\"messages\": [{\"role\": \"user\", \"content\": \"...\"}, ...]}, with options "
               "for this answer if there are any, \"max_new_tokens\": 20; with --json the other "
               "members come back in \"input\""),
    OPTION_ROW("file", 'f', OPTION_STRING, AT(file), "FILE",
               "read FILE in the place of stdin; - is stdin"),
    OPTION_ROW("json", '\0', OPTION_FLAG, AT(json), NULL,
               "print one JSON object a line for each answer"),
    OPTION_ROW("no-timings", '\0', OPTION_FLAG, AT(no_timings), NULL,
               "with --json: leave the timings out, so that the same run gives the same bytes"),
    OPTION_ROW("output", 'o', OPTION_STRING, AT(output), "FILE",
               "write answers to FILE, which stays as it is until all is done; - is stdout"),
    OPTION_ROW_CHOICE("color", '\0', AT(color), "WHEN", text_color_names,
                      "show the roles in color: auto, always or never; NO_COLOR is heeded"),
    OPTION_ROW("verbose", 'v', OPTION_FLAG, AT(verbose), NULL,
               "say model, and of each answer seed, tokens read and speed, on stderr"),
    OPTION_ROW("quiet", 'q', OPTION_FLAG, AT(quiet), NULL, "say nothing on stderr but errors"),
};

static const struct option_conflict conflicts[] = {
    {"greedy", "temperature"},
    {"verbose", "quiet"},
    {"jsonl", "history"},
};

static const char *const once[] = {"template", "system", "history", "file", NULL};

const struct options_spec chat_spec = {
    .usage = "gen chat [OPTIONS]",
    .intro = "Talk with a model: type a message, and it answers. What it has read it does not read "
             "again.\n"
             "At a terminal Ctrl-C ends an answer and Ctrl-D the program. A line that ends with a "
             "backslash goes on in the next one; \"\"\" begins and ends a message of several "
             "lines, and what is pasted at once is one message. A line that begins with / is a "
             "command, and /help tells them; // stands for a message that begins with /. Where "
             "stdin is no terminal each line is a message, "
             "too, and the answers are printed.\n"
             "A full context loses its oldest turns, each as a whole.",
    .table = table,
    .n_table = N_OF(table),
    .conflicts = conflicts,
    .n_conflicts = N_OF(conflicts),
    .once = once,
    .once_hint = "",
    .habits = habits_chat,
    .more_habits = habits_generate,
    .examples = "  gen chat\n"
                "  gen chat -m mine.gguf --system 'Answer in one sentence.'\n"
                "  printf 'Hello!\\nAnd then?\\n' | gen chat -q --seed 7\n"
                "  gen chat --jsonl --json < conversations.jsonl | jq -r .content\n"
                "\n"
                "Members of the JSON: index, content (the answer), messages (all, the answer at\n"
                "the end), finish_reason (length, eos, stop, context, time, canceled), seed,\n"
                "counts, timings; with --jsonl also input; of one that failed: index, error,\n"
                "input.\n"
                "\n"
                "Commands:\n"
                "  /help                 these lines\n"
                "  /clear                begin a new conversation; the system message stays\n"
                "  /undo                 take your last message and its answer back\n"
                "  /retry                another answer to your last message\n"
                "  /edit [TEXT]          your last message anew, in the editor or as TEXT\n"
                "  /save FILE            write the conversation to FILE, as JSON\n"
                "  /load FILE            go on with the conversation in FILE\n"
                "  /system [TEXT]        another system message, or none\n"
                "  /set [OPTION [VALUE]] change an option, or show all of them\n"
                "  /show                 the conversation so far\n"
                "  /stats                tokens read and drawn, and how full the context is\n"
                "  /exit                 end, as Ctrl-D does\n"
                "\n"
                "A file of /save is {\"messages\": [...]}, which `gen finetune` and --jsonl know;\n"
                "/load takes the array alone, too. /set stop TEXT adds a text, /set stop has none\n"
                "from then on; so with logit-bias.\n"
                "\n"
                "Exit status: 0 done, 1 something failed, 2 wrong usage, 130 after Ctrl-C.\n",
};

void chat_set_defaults(void *settings) {
    struct chat_settings *chat = settings;
    *chat = (struct chat_settings){
        .generate = {.options = gen_generate_options_default(), .color = TEXT_COLOR_AUTO}};
    chat->generate.options.max_new_tokens = 256;
    /* An answer is at least something. */
    chat->generate.options.sampling.min_new_tokens = 1;
}

bool chat_is_group_of_answers(const char *heading) {
    return strcmp(heading, first_heading) == 0;
}

static enum gen_status wrong(struct gen_error *err, const char *sentence) {
    message_set(err, GEN_BAD_ARGUMENT, "%s", sentence);
    return GEN_BAD_ARGUMENT;
}

/* One option against the other, on the command line and after /set. */
static enum gen_status check_values(const struct generate_settings *settings,
                                    struct gen_error *err) {
    const struct gen_generate_options *options = &settings->options;
    if (options->max_new_tokens == 0) {
        return wrong(err, "--max-new-tokens 0: an answer has at least one token");
    }
    if (options->max_new_tokens > 0 && options->sampling.min_new_tokens > options->max_new_tokens) {
        message_set(err, GEN_BAD_ARGUMENT, "--min-new-tokens %d is more than --max-new-tokens %d",
                    (int)options->sampling.min_new_tokens, (int)options->max_new_tokens);
        return GEN_BAD_ARGUMENT;
    }
    for (size_t i = 0; i < settings->stop.n; i++) {
        if (*settings->stop.data[i] == '\0') {
            return wrong(err, "--stop: an empty text would stop every answer");
        }
    }
    return GEN_OK;
}

enum gen_status chat_settings_complete(struct chat_settings *settings,
                                       const struct options_parsed *parsed, struct gen_error *err) {
    struct generate_settings *generate = &settings->generate;
    if (parsed->n_operands > 0) {
        message_set(err, GEN_BAD_ARGUMENT,
                    "gen chat takes no argument \"%.80s\" (messages are typed, or come on stdin; a "
                    "file of them is given with --file)",
                    parsed->operands[0]);
        return GEN_BAD_ARGUMENT;
    }
    if (generate->no_timings && !generate->json) {
        return wrong(err, "--no-timings needs --json, where timings are shown");
    }
    if (settings->system != NULL && generate->jsonl) {
        return wrong(err, "--system is of one conversation; with --jsonl each has its own "
                          "{\"role\": \"system\", ...}");
    }
    const char *stdin_twice = generate->bad_words;
    if (stdin_twice != NULL && strcmp(stdin_twice, "-") == 0) {
        return wrong(err, "--bad-words - and the messages are both read from stdin (give a file)");
    }
    generate->options.n_threads = generate->model.n_threads;
    generate->options.kv_type = compute_kv_types[generate->model.kv_type];
    generate->options.kernels = compute_kernels();
    if (!generate->jsonl) {
        generate->options.batch = 1;
    }
    bool greedy = generate->greedy || !(generate->options.sampling.temperature > 0);
    if (!options_given(parsed, &chat_spec, "seed")) {
        generate->options.seed = greedy ? 0 : gen_random_seed() >> 11;
    }
    settings->own_length = options_given(parsed, &chat_spec, "max-new-tokens");
    return check_values(generate, err);
}

/* ---- while it runs ---------------------------------------------------------------------------*/

static size_t heading(const char *name) {
    size_t i = 0;
    while (table[i].name != name) {
        i++;
    }
    return i;
}

static char *keep(struct chat_kept *kept, const char *text) {
    alloc_grow(&kept->texts, &kept->capacity, kept->n + 1, sizeof *kept->texts);
    return kept->texts[kept->n++] = alloc_printf("%s", text);
}

void chat_kept_release(struct chat_kept *kept) {
    for (size_t i = 0; i < kept->n; i++) {
        free(kept->texts[i]);
    }
    free(kept->texts);
    *kept = (struct chat_kept){0};
}

/* The list of row i, or NULL if it is of another kind. */
static struct option_list *list_at(struct chat_settings *settings, size_t i) {
    return table[i].kind == OPTION_LIST ? field_at(settings, table[i].offset) : NULL;
}

void chat_settings_own_lists(struct chat_settings *settings) {
    for (size_t i = heading(first_heading); i < heading(end_heading); i++) {
        struct option_list *list = list_at(settings, i);
        if (list != NULL) {
            struct option_list copy = {0};
            alloc_grow(&copy.data, &copy.capacity, list->n + 1, sizeof *copy.data);
            for (; copy.n < list->n; copy.n++) {
                copy.data[copy.n] = list->data[copy.n];
            }
            *list = copy;
        }
    }
}

void chat_settings_free_lists(struct chat_settings *settings) {
    for (size_t i = heading(first_heading); i < heading(end_heading); i++) {
        struct option_list *list = list_at(settings, i);
        if (list != NULL) {
            free(list->data);
        }
    }
}

/* The list that an option of that name is; NULL: it is none. */
static struct option_list *list_of(struct chat_settings *settings, const char *name) {
    const struct option *option = options_find(&chat_spec, name);
    return option != NULL && option->kind == OPTION_LIST ? field_at(settings, option->offset)
                                                         : NULL;
}

bool chat_settings_set(struct chat_settings *settings, struct chat_kept *kept, const char *name,
                       const char *value, struct gen_error *err) {
    struct chat_settings changed = *settings;
    struct generate_settings *generate = &changed.generate;
    const char *old_words = generate->bad_words;
    const char *copy = value != NULL ? keep(kept, value) : NULL;
    chat_settings_own_lists(&changed);
    struct option_list *list = list_of(&changed, name);
    bool good = list != NULL && value == NULL;
    if (good) {
        list->n = 0;
    } else {
        good = options_set(&changed, &chat_spec, heading(first_heading), heading(end_heading), name,
                           copy, err);
    }
    if (good && generate->bad_words != old_words) {
        message_set(err, GEN_BAD_ARGUMENT,
                    "--bad-words can only be given on the command line, where its file is read");
        good = false;
    }
    float old_temperature = settings->generate.options.sampling.temperature;
    float temperature = generate->options.sampling.temperature;
    if (good && (temperature < old_temperature || temperature > old_temperature)) {
        generate->greedy = false; /* the last word counts */
    }
    if (good && check_values(generate, err) == GEN_OK) {
        chat_settings_free_lists(settings);
        *settings = changed;
        return true;
    }
    chat_settings_free_lists(&changed);
    return false;
}

/* The value of an option as it would be typed. */
static void put_value(struct gen_bytes *line, const struct option *option, const void *value) {
    char number[40] = "";
    const char *text = number;
    switch (option->kind) {
    case OPTION_FLAG:
        text = *(const bool *)value ? "on" : "off";
        break;
    case OPTION_INT:
        snprintf(number, sizeof number, "%d", (int)*(const int32_t *)value);
        break;
    case OPTION_FLOAT:
        snprintf(number, sizeof number, "%.6g", (double)*(const float *)value);
        break;
    case OPTION_UINT64:
        snprintf(number, sizeof number, "%llu", (unsigned long long)*(const uint64_t *)value);
        break;
    case OPTION_CHOICE:
        text = option->choices[*(const int32_t *)value];
        break;
    case OPTION_STRING:
        text = *(const char *const *)value != NULL ? *(const char *const *)value : "";
        break;
    case OPTION_LIST: {
        const struct option_list *list = value;
        for (size_t i = 0; i < list->n; i++) {
            alloc_append(line, " ", i > 0 ? 1 : 0);
            alloc_append(line, list->data[i], strlen(list->data[i]));
        }
        return;
    }
    default:
        break;
    }
    alloc_append(line, text, strlen(text));
}

static void put_option(struct gen_bytes *out, const struct option *option,
                       const struct chat_settings *settings, int width) {
    struct gen_bytes value = {0};
    put_value(&value, option, field_at_const(settings, option->offset));
    text_line(out, "%-*s %.*s", width, option->name, (int)size_min(value.n, 200),
              value.n > 0 ? value.data : "");
    gen_bytes_release(&value);
}

void chat_settings_show(struct gen_bytes *out, const struct chat_settings *settings,
                        const char *name) {
    const struct option *option = options_find(&chat_spec, name);
    if (option != NULL) {
        put_option(out, option, settings, 0);
    }
}

void chat_settings_list(struct gen_bytes *out, const struct chat_settings *settings) {
    for (size_t i = heading(first_heading) + 1; i < heading(end_heading); i++) {
        put_option(out, &table[i], settings, 22);
    }
}
