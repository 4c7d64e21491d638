/**
 * completion_zsh.c - the completion for zsh: specs of its _arguments for the options of each
 * command. The file is to be called _gen, in a directory of $fpath.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/embedded.h"
#include "manual.h"

/* Inside single quotes, and inside the parts of a spec that `special` divides. */
static void put_quoted(const char *text, const char *special) {
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            fputs("'\\''", stdout);
        } else if (strchr(special, *text) != NULL) {
            printf("\\%c", *text);
        } else {
            putchar(*text);
        }
    }
}

/* What completes a value, with the message before it: ":FILE:_files". */
static void put_action(const struct value *value, const char *called) {
    putchar(':');
    put_quoted(called, ":\\");
    putchar(':');
    switch (value->kind) {
    case VALUE_CHOICE:
        putchar('(');
        for (size_t i = 0; value->choices[i] != NULL; i++) {
            printf("%s%s", i > 0 ? " " : "", value->choices[i]);
        }
        putchar(')');
        break;
    case VALUE_FILE:
        printf(value->suffix[0] != '\0' ? "_files -g \"*%s\"" : "_files", value->suffix);
        break;
    case VALUE_DIRECTORY:
        printf("_files -/");
        break;
    case VALUE_MODEL:
        printf("_gen_models");
        break;
    case VALUE_COMMAND:
        printf("_gen_commands");
        break;
    default:
        putchar(' ');
    }
}

static void put_spec(const struct command *command, const struct option *option) {
    (void)command;
    struct value value = value_of_option(option);
    bool takes = value.kind != VALUE_NONE;
    bool many = option->kind == OPTION_LIST;
    printf("            ");
    if (option->letter != '\0') {
        if (many) {
            printf("\\*");
        } else {
            printf("'(-%c --%s)'", option->letter, option->name);
        }
        printf("{-%c%s,--%s%s}'", option->letter, takes ? "+" : "", option->name, takes ? "=" : "");
    } else {
        printf("'%s--%s%s", many ? "*" : "", option->name, takes ? "=" : "");
    }
    char *help = short_help(option);
    putchar('[');
    put_quoted(help, "[]\\");
    putchar(']');
    free(help);
    if (takes) {
        put_action(&value, option->argument);
    }
    puts("' \\");
}

static void put_command(const struct command *command) {
    struct value operands = value_of_operands(command);
    printf("    %s)\n        _arguments -s -S \\\n", command->name);
    each_option(command, put_spec);
    printf("            '*");
    if (operands.kind == VALUE_ANY || operands.kind == VALUE_NONE) {
        /* Nobody can guess the arguments; an empty list, as a mention of them holds options up. */
        printf(": :()");
    } else {
        put_action(&operands, operands.kind == VALUE_COMMAND ? "command" : "argument");
    }
    puts("'\n        ;;");
}

void put_zsh(void) {
    printf("#compdef gen\n"
           "# zsh completion for gen. Made by scripts/manual from gen's tables of options.\n"
           "\n"
           "_gen_commands() {\n"
           "    local -a commands=(\n");
    for (size_t i = 0; commands[i] != NULL; i++) {
        printf("        '%s:", commands[i]->name);
        put_quoted(commands[i]->summary, ":\\");
        puts("'");
    }
    printf("    )\n"
           "    _describe command commands\n"
           "}\n"
           "\n"
           "_gen_models() {\n"
           "    local -a names=(${(f)\"$(echo '%s'; sh -c '%s' 2>/dev/null)\"})\n"
           "    _alternative 'names:name of a model:compadd -a names' \\\n"
           "        'files:file or directory:_files -g \"*.gguf\"'\n"
           "}\n"
           "\n"
           "_gen() {\n"
           "    local command=generate\n"
           "    if (( CURRENT == 2 )) && [[ $PREFIX != -* ]]; then\n"
           "        _gen_commands\n"
           "        return\n"
           "    fi\n"
           "    case $words[2] in\n"
           "    ",
           embedded_model_name(), list_of_models);
    for (size_t i = 0; commands[i] != NULL; i++) {
        printf("%s%s", i > 0 ? "|" : "", commands[i]->name);
    }
    printf(")\n"
           "        if (( CURRENT > 2 )); then\n"
           "            command=$words[2]\n"
           "            shift words\n"
           "            (( CURRENT-- ))\n"
           "        fi\n"
           "        ;;\n"
           "    esac\n"
           "    case $command in\n");
    for (size_t i = 0; commands[i] != NULL; i++) {
        put_command(commands[i]);
    }
    printf("    esac\n"
           "}\n"
           "\n"
           "_gen \"$@\"\n");
}
