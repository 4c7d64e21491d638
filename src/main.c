/**
 * main.c - gen: generate text with GPT-2-style models on a CPU. Here are the table of commands and
 * what happens before one runs; each command is a file in src/cmd.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cli/alloc.h"
#include "cli/exit_code.h"
#include "cli/message.h"
#include "cli/signals.h"
#include "cmd/command.h"
#include "cmd/mistyped.h"

const struct command *const commands[] = {
    /* clang-format off */
    &generate_command,
    &chat_command,
    &score_command,
    &eval_command,
    &compare_command,
    &explain_command,
    &tokenize_command,
    &inspect_command,
    &convert_command,
    &bench_command,
    &vocab_command,
    &train_command,
    &finetune_command,
    &help_command,
    NULL,
    /* clang-format on */
};

static int print_version(void) {
    struct text_out out;
    if (!text_out_open(&out, NULL)) {
        return EXIT_FAILED;
    }
    text_out_string(&out, "gen " GEN_VERSION "\nMIT licence; comes without any warranty.\n");
    return text_out_close(&out) ? EXIT_DONE : EXIT_FAILED;
}

/*
 * Report a wrong command line. Where `first`, which was taken for the beginning of a prompt, is
 * nearly the name of a command, that is said too: `gen tokenise --count`.
 */
static int wrong_usage(const char *sentence, const char *first) {
    const char *near = first != NULL && first[0] != '-' ? command_suggest(commands, first) : NULL;
    if (near != NULL) {
        message("%s; or is \"%.40s\" the command %s?", sentence, first, near);
    } else {
        message("%s", sentence);
    }
    return EXIT_USAGE;
}

static int run_command(const struct command *command, const char *first, int argc, char **argv) {
    struct options_parsed parsed;
    struct gen_error err;
    void *settings = alloc_new(1, command->settings_size);
    command->set_defaults(settings);
    int code = EXIT_USAGE;
    switch (options_parse(settings, &parsed, command->spec, command->name, argc, argv, &err)) {
    case OPTIONS_RUN:
        if (!mistyped_command(commands, first, &parsed)) {
            code = command->run != NULL ? command->run(settings, &parsed)
                                        : help_run(commands, &parsed);
        }
        break;
    case OPTIONS_HELP:
        /* `gen --help` asks for the overview, `gen generate --help` for the command. */
        code = help_print(commands, first != NULL && first[0] == '-' ? NULL : command);
        break;
    case OPTIONS_VERSION:
        code = print_version();
        break;
    case OPTIONS_WRONG:
        code = wrong_usage(err.message, first);
        break;
    }
    options_release(settings, &parsed, command->spec);
    free(settings);
    return code;
}

int main(int argc, char **argv) {
    signals_init();
    const struct command *command = argc > 1 ? command_find(commands, argv[1]) : NULL;
    if (command != NULL) {
        return run_command(command, NULL, argc - 2, argv + 2);
    }
    return run_command(commands[0], argc > 1 ? argv[1] : NULL, argc > 1 ? argc - 1 : 0, argv + 1);
}
