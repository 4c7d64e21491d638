/**
 * command.c - finding a command by its name, or the one that was probably meant. The table of all
 * is main.c's.
 */
#include "cmd/command.h"

#include <string.h>

#include "cli/suggest.h"

/* Most commands that are looked at for one that was meant. */
#define MAX_COMMANDS 32

const struct command *command_find(const struct command *const *all, const char *name) {
    for (size_t i = 0; all[i] != NULL; i++) {
        if (strcmp(all[i]->name, name) == 0) {
            return all[i];
        }
    }
    return NULL;
}

const char *command_suggest(const struct command *const *all, const char *written) {
    const char *names[MAX_COMMANDS];
    size_t n = 0;
    for (; n < MAX_COMMANDS && all[n] != NULL; n++) {
        names[n] = all[n]->name;
    }
    const char *near;
    return suggest(&near, 1, written, names, n) == 1 ? near : NULL;
}
