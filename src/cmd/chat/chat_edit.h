/**
 * chat_edit.h - a line typed at a terminal, with libedit: UTF-8, history, a terminal that changes
 * its size. Without libedit there is no editor, and the terminal's own editing is used.
 */
#ifndef CMD_CHAT_CHAT_EDIT_H
#define CMD_CHAT_CHAT_EDIT_H

#include <stdbool.h>

#include "gen.h"

struct chat_edit;

enum chat_edit_result {
    CHAT_EDIT_LINE,
    CHAT_EDIT_DROPPED, /**< Ctrl-C */
    CHAT_EDIT_END,     /**< Ctrl-D, or the terminal is closed */
    CHAT_EDIT_GONE     /**< nobody waits for a line any more */
};

/** Whether gen was built with libedit. */
extern const bool chat_edit_there;

/**
 * `history`: a file of lines to begin with, to which lines are appended, those of several lines
 * with a backslash before each newline but the last; -1: none. `other`: a descriptor whose end is
 * the end of waiting. NULL: none can be had.
 */
struct chat_edit *chat_edit_new(int history, int other);
void chat_edit_free(struct chat_edit *edit);

/**
 * Replace `line` by what is typed, without its last newline; there are others in it where several
 * lines were pasted at once. `beginning` is there as if it had been pasted.
 */
enum chat_edit_result chat_edit_line(struct chat_edit *edit, const char *prompt,
                                     const char *beginning, struct gen_bytes *line);

#endif
