/**
 * options.h - the one option parser.
 *
 * A command describes its options in a table; the parser fills the command's settings struct from
 * it, and the help text is printed from it. The settings hold the defaults when parsing begins.
 *
 * Spellings: --top-p 0.9, --top-p=0.9, -n 5, -n5, several flags in one (-0q), `--` ends the
 * options, options and operands may be mixed; `_` in a long name is `-`. An option given twice: the
 * last one counts, except OPTION_LIST, which collects, and those that a command says must not be.
 * Every command also has -h, --help and --version.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/habits.h"
#include "cli/text_out.h"
#include "gen.h"

enum option_kind {
    OPTION_HEADING, /**< not an option: `name` heads the group of options that follow */
    OPTION_FLAG,    /**< bool, set to true */
    OPTION_INT,     /**< int32_t in the range */
    OPTION_FLOAT,   /**< float in the range */
    OPTION_UINT64,  /**< uint64_t */
    OPTION_STRING,  /**< const char *, points into argv */
    OPTION_LIST,    /**< struct option_list, one entry each time the option is given */
    OPTION_CHOICE,  /**< int32_t, index of one of the choices */
};

/** What a number must be. */
struct option_range {
    double min, max;
    bool above_min; /**< min itself is too small */
};

struct option {
    const char *name; /**< long name without its dashes */
    char letter;      /**< short name, or '\0' */
    enum option_kind kind;
    size_t offset;        /**< of the value in the settings */
    const char *argument; /**< what the value is called in the help; NULL for a flag */
    const char *help;     /**< what it does; the default of a number or choice is added */
    struct option_range range;
    const char *const
        *choices; /**< NULL-terminated names; of a text those that are offered, or NULL */
};

/**
 * Rows of a table: a heading, an option, a number from min to max or above min, a choice, a text
 * for which shells offer names.
 */
#define OPTION_ROW_HEADING(heading)                                                                \
    { heading, '\0', OPTION_HEADING, 0, NULL, NULL, {0, 0, false}, NULL }
#define OPTION_ROW(name, letter, kind, at, argument, help)                                         \
    { name, letter, kind, at, argument, help, {0, 0, false}, NULL }
#define OPTION_ROW_RANGE(name, letter, kind, at, argument, min, max, help)                         \
    { name, letter, kind, at, argument, help, {min, max, false}, NULL }
#define OPTION_ROW_ABOVE(name, letter, kind, at, argument, min, max, help)                         \
    { name, letter, kind, at, argument, help, {min, max, true}, NULL }
#define OPTION_ROW_CHOICE(name, letter, at, argument, names, help)                                 \
    { name, letter, OPTION_CHOICE, at, argument, help, {0, 0, false}, names }
#define OPTION_ROW_NAMES(name, letter, at, argument, names, help)                                  \
    { name, letter, OPTION_STRING, at, argument, help, {0, 0, false}, names }

/** Values of an option that may be given several times. */
struct option_list {
    const char **data;
    size_t n;
    size_t capacity;
};

/** Two options that contradict each other. */
struct option_conflict {
    const char *a, *b;
};

/** All that parser and help know of a command. */
struct options_spec {
    const char *usage; /**< lines after "usage: " */
    const char *intro; /**< what the command does */
    const struct option *table;
    size_t n_table;
    const struct option_conflict *conflicts;
    size_t n_conflicts;
    const char *const *once;    /**< options refused when given twice, NULL-terminated; or NULL */
    const char *once_hint;      /**< what to do instead, " (...)" */
    const struct habit *habits; /**< names of other programs that are known (cli/habits.h) */
    const struct habit *more_habits; /**< and those that are looked up after them; or NULL */
    const char *examples;            /**< last part of the help */
};

/** What parsing left over. */
struct options_parsed {
    const char **operands; /**< arguments that are no options, in their order */
    size_t n_operands;
    bool *given; /**< for each entry of the table, whether it was on the command line */
};

enum options_wish {
    OPTIONS_RUN,     /**< go on */
    OPTIONS_HELP,    /**< --help was given; nothing after it was looked at */
    OPTIONS_VERSION, /**< the same of --version */
    OPTIONS_WRONG,   /**< err says what is wrong */
};

/**
 * Parse argv[0 ... argc-1] (without program and command name) into `settings`. `command` is whose
 * help messages name as the place that says more. Whatever it returns, release with
 * options_release.
 */
enum options_wish options_parse(void *settings, struct options_parsed *parsed,
                                const struct options_spec *spec, const char *command, int argc,
                                char **argv, struct gen_error *err);
void options_release(void *settings, struct options_parsed *parsed,
                     const struct options_spec *spec);

/** The option of that name, or of another program's name for it; NULL: there is none. */
const struct option *options_find(const struct options_spec *spec, const char *name);

/**
 * Set one option of a running program: what `--name value` does. value NULL: none was given. A flag
 * takes "on", "off" or nothing, which is on. Only options of the table from `first` to before `end`
 * are known. `settings` is as it was where this fails; text and lists keep the pointer `value`.
 */
bool options_set(void *settings, const struct options_spec *spec, size_t first, size_t end,
                 const char *name, const char *value, struct gen_error *err);

/**
 * Set one option from the text of its value; NULL for a flag, which becomes true. Text is kept, not
 * copied. False if it is none of the values that the option can have; `settings` are as they were.
 */
bool option_set(void *settings, const struct option *option, const char *text,
                struct gen_error *err);

/** Whether the option of that long name was on the command line. */
bool options_given(const struct options_parsed *parsed, const struct options_spec *spec,
                   const char *name);

/**
 * Read one number that fills `text`; false if it is none or too large. No blanks, no "nan",
 * "inf" or hexadecimal.
 */
bool options_parse_int(int64_t *value, const char *text);
bool options_parse_double(double *value, const char *text);

/** How long a default may be, as text. */
#define OPTIONS_DEFAULT_SIZE 60

/** The default of a number or a choice as " (default: X)"; "" where there is none to tell. */
void options_describe_default(char text[OPTIONS_DEFAULT_SIZE], const struct option *option,
                              const void *settings);

/** Append the help, with the defaults in `settings`, in lines of that width (cli/wrap.h). */
void options_help(struct gen_bytes *out, const struct options_spec *spec, const void *settings,
                  size_t width);

/** The first of a help's examples, up to an empty line. */
size_t options_n_examples(const struct options_spec *spec);

#endif
