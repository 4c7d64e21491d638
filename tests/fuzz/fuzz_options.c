/**
 * fuzz_options.c - libFuzzer entry: the first byte chooses a command, the others are its arguments,
 * each ended by a newline. The parser takes them, or says in one line what is wrong. It is given
 * the table that each command has (main.c, linked with its main() under another name).
 */
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"
#include "cmd/command.h"
#include "fuzz.h"

enum { ARGUMENTS = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *argv[ARGUMENTS];
    int argc = 0;
    size_t n_commands = 0;
    while (commands[n_commands] != NULL) {
        n_commands++;
    }
    if (size == 0) {
        return 0;
    }
    const struct command *command = commands[data[0] % n_commands];
    char *text = calloc(size, 1); /* the last byte ends the last one */
    memcpy(text, data + 1, size - 1);
    for (char *at = text; at < text + size && argc < ARGUMENTS; at += strlen(at) + 1) {
        char *end = strchr(at, '\n');
        argv[argc++] = at;
        if (end != NULL) {
            *end = '\0';
        }
    }
    void *settings = calloc(1, command->settings_size);
    struct options_parsed parsed;
    struct gen_error err = {0};
    command->set_defaults(settings);
    if (options_parse(settings, &parsed, command->spec, command->name, argc, argv, &err) ==
        OPTIONS_WRONG) {
        fuzz_check_error(&err);
    }
    options_release(settings, &parsed, command->spec);
    free(settings);
    free(text);
    return 0;
}
