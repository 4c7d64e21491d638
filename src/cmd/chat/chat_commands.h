/**
 * chat_commands.h - what a line that begins with / does: one table.
 */
#ifndef CMD_CHAT_CHAT_COMMANDS_H
#define CMD_CHAT_CHAT_COMMANDS_H

#include "cli/model_load.h"
#include "cmd/chat/chat_options.h"
#include "cmd/chat/chat_reader.h"
#include "cmd/chat/chat_screen.h"
#include "cmd/chat/chat_talk.h"
#include "cmd/generate/generate_draft.h"
#include "cmd/generate/model_defaults.h"

/** All that a conversation has. */
struct chat {
    struct chat_settings *settings;
    struct model_defaults defaults; /**< what they have of the model's */
    struct model_load load;
    struct generate_draft draft;
    struct gen_chat_template *chat_template;
    struct gen_engine *engine;
    struct chat_rules rules;
    struct chat_kept kept; /**< texts of /set */
    struct chat_reader reader;
    struct chat_screen screen;
    struct chat_talk talk;
    struct gen_bytes beginning; /**< of the next message, for the editor; with a NUL after it */
    bool replaces;              /**< and this is in the place of the last one */
    bool failed;                /**< some answer could not be given, some command was wrong */
    bool ends;                  /**< /exit */
};

/** What comes after `command` in a line, without blanks around it, if the line is that command;
 *  else NULL. */
const char *chat_command_argument(char *line, const char *command);

/** Do what a line says. What is wrong with it is said, and changes nothing. */
void chat_command_run(struct chat *chat, char *line);

/** A message, `replaces` heeded, and its answer; in chat.c. */
void chat_say(struct chat *chat, const char *message, size_t n);
/** The last answer once more, in chat.c. */
void chat_retry(struct chat *chat);

#endif
