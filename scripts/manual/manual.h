/**
 * manual.h - the program that writes gen's man pages and completions while gen is built.
 *
 * All that they say of commands and options is read from the tables that gen itself parses and
 * prints its help with (cmd/command.h, cli/options.h); only what has no table stands here.
 */
#ifndef MANUAL_H
#define MANUAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "cmd/command.h"

/** When what the pages say was last changed: their date. */
#define MANUAL_DATE "2026-11-30"

/** What a shell can offer for the value of an option, or for the arguments of a command. */
enum value_kind {
    VALUE_NONE,   /**< a flag: there is none */
    VALUE_ANY,    /**< a number or a text, which nobody can guess */
    VALUE_CHOICE, /**< one of option->choices */
    VALUE_FILE,   /**< a file, with the suffix if there is one, or a directory on the way to it */
    VALUE_DIRECTORY, /**< a directory */
    VALUE_MODEL,     /**< a GGUF file, a directory, or a name that gen looks up */
    VALUE_COMMAND,   /**< a command of gen */
};

struct value {
    enum value_kind kind;
    char suffix[16];            /**< of the files, ".gguf"; "" for any */
    const char *const *choices; /**< NULL-terminated; only of a choice */
};

/** What the option takes: told by what its value is called in the help. */
struct value value_of_option(const struct option *option);
/** What the arguments of a command are that are no options: told by the command's usage. */
struct value value_of_operands(const struct command *command);

/** The options that are in no table, since every command has them; ends with a name that is NULL.
 */
extern const struct option common_options[];

/** Call `each` for every option of a command, the common ones at the end. */
void each_option(const struct command *command,
                 void (*each)(const struct command *command, const struct option *option));

/** The beginning of an option's help, for lists where it has half a line; to be freed. */
char *short_help(const struct option *option);

/** A command in sh that prints the names of the models that gen would find, without the built-in
 *  one; no single quote is in it. */
extern const char list_of_models[];

void put_page_of_gen(void);
void put_page(const struct command *command);
/** The page of guide.md, or what is at that path; false: it cannot be read. */
bool put_guide(const char *path);
void put_bash(void);
void put_zsh(void);
void put_fish(void);

#endif
