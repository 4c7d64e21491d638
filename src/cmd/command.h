/**
 * command.h - what a command of gen is.
 *
 * main() finds the command, fills its settings with the defaults, has the parser change them by
 * its table of options, and runs it. A new command is a file here, its declaration below and a line
 * in the table of main.c.
 */
#ifndef CMD_COMMAND_H
#define CMD_COMMAND_H

#include <stddef.h>

#include "cli/options.h"

struct command {
    const char *name;
    const char *summary; /**< half a line for the list of commands */
    const struct options_spec *spec;
    size_t settings_size;
    void (*set_defaults)(void *settings);
    /** Do the work and return an exit code (cli/exit_code.h). NULL: main() calls help_run(), which
     *  alone must know all commands. */
    int (*run)(void *settings, const struct options_parsed *parsed);
};

/** All commands, NULL at the end; the first is the default. In main.c, which hands them on to the
 *  functions below: no command knows the table. */
extern const struct command *const commands[];

/** The command of that name, or NULL. */
const struct command *command_find(const struct command *const *all, const char *name);

/** The name of the command that `written` was probably meant for, or NULL. */
const char *command_suggest(const struct command *const *all, const char *written);

extern const struct command generate_command;
extern const struct command chat_command;
extern const struct command score_command;
extern const struct command eval_command;
extern const struct command compare_command;
extern const struct command tokenize_command;
extern const struct command explain_command;
extern const struct command inspect_command;
extern const struct command convert_command;
extern const struct command bench_command;
extern const struct command vocab_command;
extern const struct command train_command;
extern const struct command finetune_command;
extern const struct command help_command;

/** Print the help of one command; NULL: the overview. Returns an exit code. In help.c. */
int help_print(const struct command *const *all, const struct command *command);

/** `gen help`: that of the command that an operand names, or the overview. In help.c. */
int help_run(const struct command *const *all, const struct options_parsed *parsed);

#endif
