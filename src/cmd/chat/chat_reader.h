/**
 * chat_reader.h - messages and commands as they are typed or piped, and the files of /save and
 * /load: the other end of chat_front.h.
 */
#ifndef CMD_CHAT_CHAT_READER_H
#define CMD_CHAT_CHAT_READER_H

#include "cmd/chat/chat_options.h"
#include "gen.h"

struct chat_reader {
    int ask, answers;      /**< pipes; -1: not open */
    bool interactive;      /**< stdin is a terminal */
    bool edits;            /**< with an editor of lines */
    bool gone;             /**< the other process is, which was said */
    struct gen_bytes line; /**< the last one */
};

enum chat_got {
    CHAT_GOT_MESSAGE,
    CHAT_GOT_COMMAND, /**< it begins with / */
    CHAT_GOT_NOTHING, /**< a blank line, or what was typed was dropped with Ctrl-C */
    CHAT_GOT_END,     /**< there is no more, or a signal asked to stop */
    CHAT_GOT_ERROR    /**< err says what; there is no more */
};

/** Open the history and start the other process; to be called while there is one thread. Stop it in
 *  any case. */
enum gen_status chat_reader_start(struct chat_reader *reader, const struct chat_settings *settings,
                                  bool color, struct gen_error *err);
void chat_reader_stop(struct chat_reader *reader);

/**
 * Replace `text` by the next message or command, with a NUL after it: one line, or several that are
 * joined by backslashes or between """. `beginning`: text to begin with, in an editor.
 */
enum chat_got chat_reader_next(struct chat_reader *reader, const char *beginning,
                               struct gen_bytes *text, struct gen_error *err);

/** Write to, or read, the file of the command that was read last. */
bool chat_reader_save(struct chat_reader *reader, const struct gen_bytes *bytes,
                      struct gen_error *err);
bool chat_reader_load(struct chat_reader *reader, struct gen_bytes *bytes, struct gen_error *err);

#endif
