/**
 * help.c - `gen help`: an overview on one screen, or the help of a command, which
 * cli/options_help.c makes of the command's table; what does not fit a terminal goes through a
 * pager.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/alloc.h"
#include "cli/exit_code.h"
#include "cli/message.h"
#include "cli/pager.h"
#include "cli/wrap.h"
#include "cmd/command.h"

static void put(struct gen_bytes *text, const char *more) {
    alloc_append(text, more, strlen(more));
}

/* What fits a screen of 24 lines: some examples, and the commands. */
static void put_overview(struct gen_bytes *text, const struct command *const *all, size_t width) {
    wrap_text(text, "gen generates text with GPT-2-style models:", 0, 0, width);
    alloc_append(text, all[0]->spec->examples, options_n_examples(all[0]->spec));
    put(text, "\nCommands:\n");
    size_t i = 0;
    do { /* there is one at least, the default */
        char *line = alloc_printf("  gen %-10s ", all[i]->name);
        put(text, line);
        wrap_text(text, all[i]->summary, strlen(line), strlen(line), width);
        free(line);
    } while (all[++i] != NULL);
    put(text, "\n");
    wrap_text(text, "`gen help COMMAND` says more of one, `gen help generate` all of generating.",
              0, 0, width);
}

int help_print(const struct command *const *all, const struct command *command) {
    size_t width = wrap_stdout_width();
    struct gen_bytes text = {0};
    if (command == NULL) {
        put_overview(&text, all, width);
    } else {
        void *settings = alloc_new(1, command->settings_size);
        command->set_defaults(settings);
        options_help(&text, command->spec, settings, width);
        free(settings);
    }
    int code = pager_show(text.data, text.n);
    gen_bytes_release(&text);
    return code;
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
