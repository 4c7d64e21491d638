/**
 * help.c - `gen help`: the list of commands, or the help of one, which cli/options_help.c prints
 * from the command's table.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cli/alloc.h"
#include "cli/exit_code.h"
#include "cli/message.h"
#include "cmd/command.h"

static void print_commands(struct text_out *out, const struct command *const *all) {
    text_out_string(out, "gen generates text with GPT-2-style models.\n\nCommands:\n");
    for (size_t i = 0; all[i] != NULL; i++) {
        char line[100];
        snprintf(line, sizeof line, "  gen %-10s %s\n", all[i]->name, all[i]->summary);
        text_out_string(out, line);
    }
    text_out_string(out,
                    "`gen help COMMAND` says more of one. Without a command gen generates:\n\n");
}

int help_print(const struct command *const *all, const struct command *command) {
    struct text_out out;
    if (!text_out_open(&out, NULL)) {
        return EXIT_FAILED;
    }
    if (command == NULL) {
        print_commands(&out, all);
        command = all[0];
    }
    void *settings = alloc_new(1, command->settings_size);
    command->set_defaults(settings);
    options_help(&out, command->spec, settings);
    free(settings);
    return text_out_close(&out) ? EXIT_DONE : EXIT_FAILED;
}

static int unknown_command(const struct command *const *all, const char *name) {
    const char *near = command_suggest(all, name);
    if (near != NULL) {
        message("no command \"%.80s\" (did you mean %s?)", name, near);
    } else {
        message("no command \"%.80s\" (gen help lists them)", name);
    }
    return EXIT_USAGE;
}

int help_run(const struct command *const *all, const struct options_parsed *parsed) {
    if (parsed->n_operands > 1) {
        message("help takes one command, not %zu", parsed->n_operands);
        return EXIT_USAGE;
    }
    if (parsed->n_operands == 0) {
        return help_print(all, NULL);
    }
    const char *name = parsed->operands[0];
    const struct command *command = command_find(all, name);
    return command != NULL ? help_print(all, command) : unknown_command(all, name);
}

static void set_defaults(void *settings) {
    (void)settings;
}

static const struct options_spec spec = {
    .usage = "gen help [COMMAND]",
    .intro = "Say what gen can do, or how COMMAND is used.",
    .examples = "  gen help\n  gen help tokenize\n",
};

const struct command help_command = {
    .name = "help",
    .summary = "say how a command is used",
    .spec = &spec,
    .set_defaults = set_defaults,
};
