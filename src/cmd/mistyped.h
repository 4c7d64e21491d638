/**
 * mistyped.h - a first word that is no command, but was meant for one.
 */
#ifndef CMD_MISTYPED_H
#define CMD_MISTYPED_H

#include <stdbool.h>

#include "cmd/command.h"

/**
 * Whether `first`, the first argument, was rather meant for a command than for a prompt: it is
 * nearly the name of one, or is what another program calls one, and too little follows it to be a
 * sentence. The message is out then. Always false where `first` is no operand.
 */
bool mistyped_command(const struct command *const *all, const char *first,
                      const struct options_parsed *parsed);

#endif
