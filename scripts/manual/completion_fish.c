/**
 * completion_fish.c - the completion for fish: a `complete` for each option of each command.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/embedded.h"
#include "manual.h"

/* fish knows \' and \\ inside single quotes. */
static void put_quoted(const char *text) {
    putchar('\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'' || *text == '\\') {
            putchar('\\');
        }
        putchar(*text);
    }
    putchar('\'');
}

/* The flags that say what can stand there: -x alone, or files too. */
static void put_action(const struct value *value, bool of_option) {
    switch (value->kind) {
    case VALUE_CHOICE:
        printf(" -x -a '");
        for (size_t i = 0; value->choices[i] != NULL; i++) {
            printf("%s%s", i > 0 ? " " : "", value->choices[i]);
        }
        putchar('\'');
        break;
    case VALUE_FILE:
        printf(of_option ? " -r -F" : " -F");
        if (value->suffix[0] != '\0') {
            /* The files of the suffix come first; directories lead to others. */
            printf(" -a '(__fish_complete_suffix %s)'", value->suffix);
        }
        break;
    case VALUE_DIRECTORY:
        printf(" -x -a '(__fish_complete_directories (commandline -ct))'");
        break;
    case VALUE_MODEL:
        printf("%s -F -a '(__gen_models; __fish_complete_suffix .gguf)'", of_option ? " -r" : "");
        break;
    case VALUE_COMMAND:
        printf(" -a '");
        for (size_t i = 0; commands[i] != NULL; i++) {
            printf("%s%s", i > 0 ? " " : "", commands[i]->name);
        }
        putchar('\'');
        break;
    case VALUE_ANY:
        printf(of_option ? " -x" : "");
        break;
    case VALUE_NONE:
        break;
    }
}

static void put_option(const struct command *command, const struct option *option) {
    struct value value = value_of_option(option);
    printf("complete -c gen -n '__gen_is %s' -l %s", command->name, option->name);
    if (option->letter != '\0') {
        printf(" -s %c", option->letter);
    }
    put_action(&value, true);
    char *help = short_help(option);
    printf(" -d ");
    put_quoted(help);
    free(help);
    putchar('\n');
}

void put_fish(void) {
    printf("# fish completion for gen. Made by scripts/manual from gen's tables of options.\n"
           "\n"
           "function __gen_models\n"
           "    echo '%s'\n"
           "    sh -c '%s' 2>/dev/null\n"
           "end\n"
           "\n"
           "# Whether the line is one of the command $argv[1]; without a command gen generates.\n"
           "function __gen_is\n"
           "    set -l words (commandline -opc)\n"
           "    set -l command generate\n"
           "    if set -q words[2]; and contains -- $words[2]",
           embedded_model_name(), list_of_models);
    for (size_t i = 0; commands[i] != NULL; i++) {
        printf(" %s", commands[i]->name);
    }
    printf("\n"
           "        set command $words[2]\n"
           "    end\n"
           "    test $command = $argv[1]\n"
           "end\n"
           "\n"
           "function __gen_first\n"
           "    test (count (commandline -opc)) -eq 1\n"
           "end\n"
           "\n"
           "complete -c gen -f\n");
    for (size_t i = 0; commands[i] != NULL; i++) {
        printf("complete -c gen -n __gen_first -a %s -d ", commands[i]->name);
        put_quoted(commands[i]->summary);
        putchar('\n');
    }
    for (size_t i = 0; commands[i] != NULL; i++) {
        struct value operands = value_of_operands(commands[i]);
        each_option(commands[i], put_option);
        if (operands.kind != VALUE_NONE && operands.kind != VALUE_ANY) {
            printf("complete -c gen -n '__gen_is %s'", commands[i]->name);
            put_action(&operands, false);
            putchar('\n');
        }
    }
}
