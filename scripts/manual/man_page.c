/**
 * man_page.c - man pages in roff's man macros: gen(1) with what all commands share, and a page for
 * each command from its table of options and the texts of its help.
 */
#include <stdlib.h>
#include <string.h>

#include "base/field.h"
#include "cli/alloc.h"
#include "manual.h"
#include "roff.h"

static void put_title(const char *page) {
    printf(".\\\" Made by scripts/manual from gen's tables of options; changes belong there.\n");
    printf(".TH %s 1 %s \"gen %s\" \"User Commands\"\n", page, MANUAL_DATE, GEN_VERSION);
}

/* A tagged paragraph of a name and what it is. */
static void put_item(const char *name, const char *text) {
    roff_request(".TP");
    printf(".B ");
    roff_column = 3;
    roff_exactly(name, strlen(name));
    roff_end_line();
    roff_text(text);
    roff_end_line();
}

/* ---- what has no table -----------------------------------------------------------------------*/

static bool has_option(const struct command *command, const char *name) {
    for (size_t i = 0; i < command->spec->n_table; i++) {
        const struct option *option = &command->spec->table[i];
        if (option->kind != OPTION_HEADING && strcmp(option->name, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool looks_up_models(const struct command *command) {
    return value_of_operands(command).kind == VALUE_MODEL || has_option(command, "model");
}

/* Whether the help of an option says so. */
static bool has_default_model(const struct command *command) {
    for (size_t i = 0; i < command->spec->n_table; i++) {
        const struct option *option = &command->spec->table[i];
        if (option->help != NULL && strstr(option->help, "default: $GEN_MODEL,") != NULL) {
            return true;
        }
    }
    return false;
}

static bool has_color(const struct command *command) {
    return has_option(command, "color");
}

static bool computes(const struct command *command) {
    return looks_up_models(command) && has_option(command, "threads");
}

/* Variables of the environment, and whether a command heeds one. */
static const struct variable {
    const char *name;
    bool (*is_of)(const struct command *command);
    const char *text;
} variables[] = {
    {"GEN_MODEL", has_default_model, "the model where --model is not given: a path or a name"},
    {"GEN_MODEL_PATH", looks_up_models,
     "directories in which a model's name is looked up first, divided by colons"},
    {"XDG_DATA_HOME", looks_up_models,
     "in its gen/models names are looked up next; where it is not set, in "
     "$HOME/.local/share/gen/models"},
    {"HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME, XDG_CACHE_HOME", looks_up_models,
     "where Hugging Face's cache is, in which names are looked up last; where none is set, in "
     "$HOME/.cache/huggingface/hub"},
    {"NO_COLOR", has_color,
     "if set and not empty, no color is used unless --color always is given"},
    {"GEN_KERNELS", computes,
     "the kernel set to compute with, such as generic or avx2, in the place of the fastest; what "
     "is "
     "computed is the same with any, so it is for tests and measurements"},
};

/* command: NULL for all variables. */
static void put_environment(const struct command *command) {
    bool headed = false;
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const struct variable *variable = &variables[i];
        if (command != NULL && !variable->is_of(command)) {
            continue;
        }
        if (!headed) {
            roff_section("ENVIRONMENT");
            headed = true;
        }
        put_item(variable->name, variable->text);
    }
}

static void put_exit_status(void) {
    roff_section("EXIT STATUS");
    put_item("0", "All is done.");
    put_item("1", "Something failed; a line on stderr says what.");
    put_item("2", "Wrong usage: a line on stderr says what is wrong.");
    put_item("130", "Interrupted by Ctrl-C.");
}

/* ---- parts of a page -------------------------------------------------------------------------*/

/* The words of a usage: what is typed in bold, what stands for something else in italics. */
static void put_usage(const char *usage) {
    roff_section("SYNOPSIS");
    for (const char *word = usage; *word != '\0'; word += strspn(word, " ")) {
        size_t n = strcspn(word, " ");
        bool stands = false;
        for (size_t i = 0; i < n; i++) {
            stands = stands || (word[i] >= 'A' && word[i] <= 'Z');
        }
        fputs(word > usage ? " " : "", stdout);
        fputs(stands ? "\\fI" : "\\fB", stdout);
        roff_column = 1;
        roff_exactly(word, n);
        fputs("\\fR", stdout);
        word += n;
    }
    roff_end_line();
}

static void put_choices(const struct option *option) {
    roff_text("One of");
    for (size_t i = 0; option->choices[i] != NULL; i++) {
        char *word = alloc_printf("%s%s", option->choices[i], option->choices[i + 1] ? "," : ".");
        roff_text(word);
        free(word);
    }
}

static void put_option(const struct option *option, const void *settings) {
    roff_request(".TP");
    if (option->letter != '\0') {
        printf("\\fB\\-%c\\fR, ", option->letter);
    }
    printf("\\fB");
    roff_column = 1;
    roff_exactly("--", 2);
    roff_exactly(option->name, strlen(option->name));
    printf("\\fR");
    if (option->argument != NULL) {
        printf(" \\fI");
        roff_exactly(option->argument, strlen(option->argument));
        printf("\\fR");
    }
    roff_end_line();
    char default_text[OPTIONS_DEFAULT_SIZE] = "";
    if (settings != NULL) {
        options_describe_default(default_text, option, settings);
    }
    roff_text(option->help);
    roff_text(default_text);
    roff_end_line();
    if (option->kind == OPTION_CHOICE) {
        put_choices(option);
        roff_end_line();
    }
}

static void put_options(const struct command *command) {
    void *settings = alloc_new(1, command->settings_size);
    command->set_defaults(settings);
    roff_section("OPTIONS");
    for (size_t i = 0; i < command->spec->n_table; i++) {
        const struct option *option = &command->spec->table[i];
        if (option->kind == OPTION_HEADING) {
            printf(".SS ");
            roff_column = 4;
            roff_exactly(option->name, strlen(option->name));
            roff_end_line();
        } else {
            put_option(option, settings);
        }
    }
    if (command->spec->n_table > 0 && command->spec->table[0].kind == OPTION_HEADING) {
        printf(".SS Help\n");
    }
    for (const struct option *option = common_options; option->name != NULL; option++) {
        put_option(option, NULL);
    }
    free(settings);
}

/* Whether the line begins a paragraph that the page has a section of its own for. */
static bool is_exit_status(const char *line) {
    return strncmp(line, "Exit status:", 12) == 0;
}

/* The last part of a help: indented lines are what they are, others are running text. `all`: with
 *  what is said after the examples. */
static void put_examples(const char *text, bool all) {
    roff_section("EXAMPLES");
    bool exact = false;     /* within lines that are what they are */
    bool paragraph = false; /* a new one begins with the next line */
    bool first = true;
    while (*text != '\0' && (all || *text != '\n')) {
        size_t n = strcspn(text, "\n");
        if (n == 0 || is_exit_status(text)) {
            paragraph = !first;
        } else {
            bool was_exact = exact;
            exact = *text == ' ';
            if (was_exact && !exact) {
                roff_request(".EE");
            }
            if (paragraph || (was_exact && !exact)) {
                roff_request(".PP");
            }
            if (exact && !was_exact) {
                roff_request(".EX");
            }
            if (exact) {
                roff_exactly(text, n + 1);
            } else {
                char *line = alloc_printf("%.*s", (int)n, text);
                roff_text(line);
                free(line);
            }
            paragraph = false;
            first = false;
        }
        text += n + (text[n] == '\n' ? 1 : 0);
    }
    if (exact) {
        roff_request(".EE");
    }
    roff_end_line();
}

static void put_see_also(const struct command *than) {
    roff_section("SEE ALSO");
    bool first = true;
    if (than != NULL) {
        printf(".BR gen (1)");
        first = false;
    }
    for (size_t i = 0; commands[i] != NULL; i++) {
        if (commands[i] != than) {
            printf("%s.BR gen\\-%s (1)", first ? "" : ",\n", commands[i]->name);
            first = false;
        }
    }
    printf(",\n.BR gen\\-guide (7)\n");
}

void put_page(const struct command *command) {
    char *title = alloc_printf("GEN\\-%s", command->name);
    for (char *c = title; *c != '\0'; c++) {
        *c = (char)(*c >= 'a' && *c <= 'z' && c > title + 4 ? *c - 'a' + 'A' : *c);
    }
    put_title(title);
    free(title);
    roff_section("NAME");
    printf("gen\\-%s \\- %s\n", command->name, command->summary);
    put_usage(command->spec->usage);
    roff_section("DESCRIPTION");
    roff_text(command->spec->intro);
    roff_end_line();
    put_options(command);
    put_exit_status();
    put_environment(command);
    put_examples(command->spec->examples, true);
    put_see_also(command);
}

void put_page_of_gen(void) {
    put_title("GEN");
    roff_section("NAME");
    printf("gen \\- generate text with GPT\\-2\\-style models on a CPU, and train them\n");
    put_usage("gen [COMMAND] [OPTIONS] [ARGUMENTS...]");
    roff_section("DESCRIPTION");
    roff_text("gen reads models of the GPT-2 family in GGUF files and Hugging Face directories, "
              "continues prompts with them, trains them and converts them. Text and data go to "
              "stdout and nothing else does; errors are one line each on stderr. gen uses no "
              "network, and writes no file but those named on its command line.");
    roff_request(".PP");
    roff_text(
        "Without a command gen generates: its arguments are the prompt. The same seed gives the "
        "same text on every machine, with any number of threads, alone or in a batch.");
    roff_section("COMMANDS");
    for (size_t i = 0; commands[i] != NULL; i++) {
        put_item(commands[i]->name, commands[i]->summary);
    }
    roff_section("OPTIONS");
    roff_text("Each command has its own, on its own page. They are written as in --top-p 0.9, "
              "--top-p=0.9, -n 5 or -n5; flags of one letter may stand together; options and "
              "arguments may be mixed, -- ends the options. An underscore in a long name is a "
              "dash, and names of transformers and llama.cpp work where gen has the same thing.");
    roff_end_line();
    for (const struct option *option = common_options; option->name != NULL; option++) {
        put_option(option, NULL);
    }
    put_exit_status();
    put_environment(NULL);
    roff_section("FILES");
    put_item("$XDG_DATA_HOME/gen/models, ~/.local/share/gen/models",
             "models of the user: NAME is a file NAME or NAME.gguf there, or a directory.");
    put_item("~/.cache/huggingface/hub", "models that Hugging Face's hf download fetched.");
    put_examples(commands[0]->spec->examples, false);
    put_see_also(NULL);
}
