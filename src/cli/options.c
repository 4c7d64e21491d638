/**
 * options.c - the option parser: long and short options from a table into a struct of settings,
 * aliases, near names for what was mistyped, options that exclude each other. A value is set by
 * options_value.c, the help text printed by options_help.c; what the values mean together is
 * checked by each command.
 */
#include "cli/options.h"

#include <stdlib.h>
#include <string.h>

#include "base/field.h"
#include "base/size.h"
#include "cli/alloc.h"
#include "cli/habits.h"
#include "cli/message.h"
#include "cli/suggest.h"

/* ---- one option ------------------------------------------------------------------------------*/

/* State of one run of the parser. */
struct parser {
    const struct options_spec *spec;
    const char *command;
    struct options_parsed *parsed;
    void *settings;
    int argc;
    char **argv;
    int at; /* next argument to look at */
    struct gen_error *err;
};

static const struct option *find_long(const struct options_spec *spec, const char *name, size_t n) {
    for (size_t i = 0; i < spec->n_table; i++) {
        const struct option *option = &spec->table[i];
        if (option->kind != OPTION_HEADING && habits_same(option->name, name, n)) {
            return option;
        }
    }
    return NULL;
}

/* What another program means by a name. */
static const struct habit *find_habit(const struct options_spec *spec, const char *name, size_t n) {
    const struct habit *habit = habits_find(spec->habits, name, n);
    return habit != NULL ? habit : habits_find(spec->more_habits, name, n);
}

/* The option of that name, or the one that a habit's name is an alias of. */
static const struct option *find_by_any_name(const struct options_spec *spec, const char *name,
                                             size_t n) {
    const struct option *option = find_long(spec, name, n);
    if (option != NULL) {
        return option;
    }
    const struct habit *habit = find_habit(spec, name, n);
    return habit != NULL && habit->alias != NULL
               ? find_long(spec, habit->alias, strlen(habit->alias))
               : NULL;
}

static const struct option *find_letter(const struct options_spec *spec, char letter) {
    for (size_t i = 0; i < spec->n_table; i++) {
        const struct option *option = &spec->table[i];
        if (option->kind != OPTION_HEADING && option->letter == letter) {
            return option;
        }
    }
    return NULL;
}

/* Whether a word that begins with a dash may well be text: -5 degrees, --- */
static bool may_be_text(const char *written) {
    const char *name = written + strspn(written, "-");
    const char *letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    return (*name >= '0' && *name <= '9') || *name == '\0' || name[strspn(name, letters)] != '\0';
}

/* The one option of [first, end) in the table that `name` may have been meant for, or NULL. */
static const char *settable_near(const struct options_spec *spec, size_t first, size_t end,
                                 const char *name) {
    const char **known = alloc_new(end - first + 1, sizeof *known);
    size_t n_known = 0;
    for (size_t i = first; i < end; i++) {
        if (spec->table[i].kind != OPTION_HEADING) {
            known[n_known++] = spec->table[i].name;
        }
    }
    const char *near = NULL;
    if (strlen(name) < 2 || suggest(&near, 1, name, known, n_known) != 1) {
        near = NULL;
    }
    free(known);
    return near;
}

/* The names of the table that name[n] may have been meant for, as " --a, --b or --c", or NULL. */
static char *name_near(const struct options_spec *spec, const char *name, size_t n) {
    const char **known = alloc_new(spec->n_table + 2, sizeof *known);
    size_t n_known = 0;
    for (size_t i = 0; i < spec->n_table; i++) {
        if (spec->table[i].kind != OPTION_HEADING) {
            known[n_known++] = spec->table[i].name;
        }
    }
    known[n_known++] = "help";
    known[n_known++] = "version";
    char *bare = alloc_printf("%.*s", (int)size_min(n, 60), name);
    const char *near[3];
    size_t n_near = n < 2 ? 0 : suggest(near, 3, bare, known, n_known);
    char *names = NULL;
    if (n_near > 0) {
        names = alloc_printf("--%s%s%s%s%s", near[0], n_near > 2 ? ", --" : "",
                             n_near > 2 ? near[1] : "", n_near > 1 ? " or --" : "",
                             n_near > 1 ? near[n_near - 1] : "");
    }
    free(bare);
    free(known);
    return names;
}

/*
 * Report an unknown option as it was written, with what another program means by it, or the names
 * it may have been meant for.
 */
static bool unknown_option(struct parser *parser, const char *written, const char *name,
                           size_t n_name) {
    const struct habit *habit = find_habit(parser->spec, name, n_name);
    char *near = name_near(parser->spec, name, n_name);
    if (habit != NULL && habit->say != NULL) {
        message_set(parser->err, GEN_BAD_ARGUMENT, "no option %.80s: %s", written, habit->say);
    } else if (near != NULL) {
        message_set(parser->err, GEN_BAD_ARGUMENT, "unknown option %.80s (did you mean %s?)",
                    written, near);
    } else {
        message_set(parser->err, GEN_BAD_ARGUMENT, "unknown option %.80s (see gen help %s%s)",
                    written, parser->command,
                    may_be_text(written) ? "; `--` goes before text that begins with a dash" : "");
    }
    free(near);
    return false;
}

static bool is_once(const struct options_spec *spec, const char *name) {
    const char *const *once = spec->once;
    while (once != NULL && *once != NULL && strcmp(*once, name) != 0) {
        once++;
    }
    return once != NULL && *once != NULL;
}

/* Set an option; `text` is its value, NULL for a flag. */
static bool set_value(struct parser *parser, const struct option *option, const char *text) {
    bool *given = &parser->parsed->given[option - parser->spec->table];
    if (*given && is_once(parser->spec, option->name)) {
        message_set(parser->err, GEN_BAD_ARGUMENT,
                    "--%s is given twice, and only one could count%s", option->name,
                    parser->spec->once_hint);
        return false;
    }
    *given = true;
    return option_set(parser->settings, option, text, parser->err);
}

/* The value of an option: what is attached to it, else the next argument. */
static bool take_value(struct parser *parser, const struct option *option, const char *attached) {
    if (attached != NULL) {
        return set_value(parser, option, attached);
    }
    if (parser->at >= parser->argc) {
        message_set(parser->err, GEN_BAD_ARGUMENT, "--%s needs a value: --%s %s", option->name,
                    option->name, option->argument);
        return false;
    }
    return set_value(parser, option, parser->argv[parser->at++]);
}

/* ---- the command line ------------------------------------------------------------------------*/

/* Whether name[n] is an option of every command; those are in no table. */
static bool is_builtin(const char *name, size_t n) {
    return (n == 4 && memcmp(name, "help", n) == 0) || (n == 7 && memcmp(name, "version", n) == 0);
}

/* Python's "do_sample=True" on a command line: the word after a flag would go into the prompt. */
static bool refuse_truth(struct parser *parser, const struct option *option) {
    const char *next = parser->at < parser->argc ? parser->argv[parser->at] : "";
    bool is_true = strcmp(next, "True") == 0 || strcmp(next, "true") == 0;
    if (is_true || strcmp(next, "False") == 0 || strcmp(next, "false") == 0) {
        message_set(parser->err, GEN_BAD_ARGUMENT,
                    "--%s takes no value (leave %s%s out; `--` goes before it as text)",
                    option->name, is_true ? "" : "it and ", next);
        return true;
    }
    return false;
}

static bool parse_long(struct parser *parser, const char *argument) {
    const char *name = argument + 2;
    size_t n_name = strcspn(name, "=");
    const char *attached = name[n_name] == '=' ? name + n_name + 1 : NULL;
    const struct option *option = find_by_any_name(parser->spec, name, n_name);
    if (option == NULL && attached != NULL && is_builtin(name, n_name)) {
        message_set(parser->err, GEN_BAD_ARGUMENT, "--%.*s takes no value", (int)n_name, name);
        return false;
    }
    if (option == NULL) {
        char *written = alloc_printf("--%.*s", (int)size_min(n_name, 80), name);
        unknown_option(parser, written, name, n_name);
        free(written);
        return false;
    }
    if (option->kind != OPTION_FLAG) {
        return take_value(parser, option, attached);
    }
    if (attached != NULL) {
        message_set(parser->err, GEN_BAD_ARGUMENT, "--%s takes no value", option->name);
        return false;
    }
    return !refuse_truth(parser, option) && set_value(parser, option, NULL);
}

/* Short options: flags in a row, the last may take a value. */
static bool parse_short(struct parser *parser, const char *argument) {
    const char *name = argument + 1;
    size_t n_name = strcspn(name, "=");
    /* A whole word after one dash is not meant as its letters: -temperature; nor is what llama.cpp
       spells so: -ngl, -no-cnv. Other long ones may be a value: -predict is the prompt "redict". */
    if (n_name > 1 && (find_long(parser->spec, name, n_name) != NULL ||
                       ((n_name < 5 || strncmp(name, "no-", 3) == 0) &&
                        find_habit(parser->spec, name, n_name) != NULL))) {
        return unknown_option(parser, argument, name, n_name);
    }
    for (const char *letter = name; *letter != '\0'; letter++) {
        const struct option *option = find_letter(parser->spec, *letter);
        if (option == NULL) {
            bool first = letter == name && find_habit(parser->spec, name, 1) != NULL;
            return unknown_option(parser, argument, name, first ? 1 : strlen(name));
        }
        if (option->kind != OPTION_FLAG) {
            return take_value(parser, option, letter[1] != '\0' ? letter + 1 : NULL);
        }
        set_value(parser, option, NULL);
    }
    return true;
}

static bool check_conflicts(struct parser *parser) {
    const struct options_spec *spec = parser->spec;
    for (size_t i = 0; i < spec->n_conflicts; i++) {
        const struct option_conflict *conflict = &spec->conflicts[i];
        if (options_given(parser->parsed, spec, conflict->a) &&
            options_given(parser->parsed, spec, conflict->b)) {
            message_set(parser->err, GEN_BAD_ARGUMENT, "--%s and --%s exclude each other",
                        conflict->a, conflict->b);
            return false;
        }
    }
    return true;
}

enum options_wish options_parse(void *settings, struct options_parsed *parsed,
                                const struct options_spec *spec, const char *command, int argc,
                                char **argv, struct gen_error *err) {
    *parsed = (struct options_parsed){
        .operands = alloc_new((size_t)argc, sizeof *parsed->operands),
        .given = alloc_new(spec->n_table, sizeof *parsed->given),
    };
    struct parser parser = {.spec = spec,
                            .command = command,
                            .parsed = parsed,
                            .settings = settings,
                            .argc = argc,
                            .argv = argv,
                            .err = err};
    bool options_end = false;
    while (parser.at < argc) {
        const char *argument = argv[parser.at++];
        bool good = true;
        if (options_end || argument[0] != '-' || argument[1] == '\0') {
            parsed->operands[parsed->n_operands++] = argument;
        } else if (strcmp(argument, "--") == 0) {
            options_end = true;
        } else if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0) {
            return OPTIONS_HELP;
        } else if (strcmp(argument, "--version") == 0) {
            return OPTIONS_VERSION;
        } else if (argument[1] == '-') {
            good = parse_long(&parser, argument);
        } else {
            good = parse_short(&parser, argument);
        }
        if (!good) {
            return OPTIONS_WRONG;
        }
    }
    return check_conflicts(&parser) ? OPTIONS_RUN : OPTIONS_WRONG;
}

const struct option *options_find(const struct options_spec *spec, const char *name) {
    return find_by_any_name(spec, name, strlen(name));
}

bool options_set(void *settings, const struct options_spec *spec, size_t first, size_t end,
                 const char *name, const char *value, struct gen_error *err) {
    const struct option *option = options_find(spec, name);
    if (option == NULL) {
        const char *near = settable_near(spec, first, end, name);
        message_set(err, GEN_BAD_ARGUMENT, "no option \"%.80s\"%s%s%s", name,
                    near != NULL ? " (did you mean " : "", near != NULL ? near : "",
                    near != NULL ? "?)" : "");
        return false;
    }
    if (option < spec->table + first || option >= spec->table + end) {
        message_set(err, GEN_BAD_ARGUMENT,
                    "while it runs nothing changes \"%.80s\" (give it on the command line)", name);
        return false;
    }
    if (option->kind == OPTION_FLAG) {
        bool off = value != NULL && strcmp(value, "off") == 0;
        if (value != NULL && !off && strcmp(value, "on") != 0) {
            message_set(err, GEN_BAD_ARGUMENT, "%s: \"%.80s\" must be on or off", option->name,
                        value);
            return false;
        }
        *(bool *)field_at(settings, option->offset) = !off;
        return true;
    }
    if (value == NULL) {
        message_set(err, GEN_BAD_ARGUMENT, "%s needs a value: %s %s", option->name, option->name,
                    option->argument);
        return false;
    }
    bool *given = alloc_new(spec->n_table, sizeof *given);
    struct options_parsed parsed = {.given = given};
    struct parser parser = {.spec = spec, .parsed = &parsed, .settings = settings, .err = err};
    bool good = set_value(&parser, option, value);
    free(given);
    return good;
}

void options_release(void *settings, struct options_parsed *parsed,
                     const struct options_spec *spec) {
    for (size_t i = 0; i < spec->n_table; i++) {
        if (spec->table[i].kind == OPTION_LIST) {
            struct option_list *list = field_at(settings, spec->table[i].offset);
            free(list->data);
            *list = (struct option_list){0};
        }
    }
    free(parsed->operands);
    free(parsed->given);
    *parsed = (struct options_parsed){0};
}

bool options_given(const struct options_parsed *parsed, const struct options_spec *spec,
                   const char *name) {
    const struct option *option = find_long(spec, name, strlen(name));
    return option != NULL && parsed->given[option - spec->table];
}
