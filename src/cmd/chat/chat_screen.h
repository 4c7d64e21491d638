/**
 * chat_screen.h - answers on their way out: on a terminal wrapped at words, else as they are or as
 * JSON; and what commands have to say.
 */
#ifndef CMD_CHAT_CHAT_SCREEN_H
#define CMD_CHAT_CHAT_SCREEN_H

#include "cli/message.h"
#include "cli/text_out.h"
#include "cmd/chat/chat_messages.h"
#include "cmd/chat/chat_options.h"

/** Text that is broken between words as it comes; start from {0}. Public for its test. */
struct chat_wrap {
    size_t column;         /**< where the cursor is */
    size_t n_blanks;       /**< after the last word; shown when the next one is */
    struct gen_bytes word; /**< what came of the current word */
    size_t word_columns;
};

/** Append to `out` what can be shown of n bytes, characters for a terminal of `width` columns. */
void chat_wrap_put(struct chat_wrap *wrap, struct gen_bytes *out, const char *text, size_t n,
                   size_t width);
/** The same for what still waits. */
void chat_wrap_end(struct chat_wrap *wrap, struct gen_bytes *out, size_t width);

struct chat_screen {
    const struct generate_settings *settings;
    struct text_out out;
    bool on_terminal, color;
    struct chat_wrap wrap;
    struct gen_bytes scratch, shown;
    bool in_answer;
    uint64_t index; /**< of the next answer */
    /** Of a conversation among many: an object for the "input" of its record; NULL: none. */
    const struct gen_bytes *input;
};

/** Open where answers go; false after a message. Close in any case. */
bool chat_screen_open(struct chat_screen *screen, const struct generate_settings *settings);
/** `whole`: all was done. False if a write failed, after a message. */
bool chat_screen_close(struct chat_screen *screen, bool whole);

/** An answer of a conversation: pieces of text, then its end. */
void chat_screen_text(struct chat_screen *screen, const char *bytes, size_t n);
void chat_screen_end(struct chat_screen *screen, const struct gen_result *result,
                     const struct chat_messages *messages);
/** The answer that failed: its line, or its record. The sentence is said on stderr, too. */
void chat_screen_error(struct chat_screen *screen, const struct gen_error *err);

/** Lines for the user: on the terminal where the answers are, else on stderr. */
void chat_screen_say(struct chat_screen *screen, const char *text, size_t n);
/** A sentence that says what a command did, to whom sees it on a terminal; not with --quiet. */
void chat_screen_note(struct chat_screen *screen, const char *format, ...) MESSAGE_PRINTF(2, 3);
/** A sentence on stderr, as message() has it; on a terminal broken between words. */
void chat_screen_warn(const struct chat_screen *screen, const char *sentence);
/** Columns that a line of either may have. */
size_t chat_screen_width(const struct chat_screen *screen);
/** A message as it stands in a conversation, with its role. */
void chat_screen_show(struct chat_screen *screen, const struct chat_message *message);

#endif
