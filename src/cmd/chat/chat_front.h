/**
 * chat_front.h - the process of `gen chat` that reads what is typed, and the files that /save and
 * /load name.
 *
 * The one that computes gives up files, and most of the terminal, before it reads the first message
 * (cli/sandbox.h). So there are two: this one never sees what the model's file made of the program,
 * and all that the other can have of it is the next line, and the file that this line, as it was
 * typed, names after /save or /load.
 */
#ifndef CMD_CHAT_CHAT_FRONT_H
#define CMD_CHAT_CHAT_FRONT_H

#include <stdbool.h>

#include "cli/input.h"

/** What is handed to it; descriptors are -1 where there is none. */
struct chat_front {
    int asked;           /**< frames come here; gone when the other process is */
    int answers;         /**< and go here */
    struct input *input; /**< where lines come from; a terminal has its own editor */
    int history;         /**< of --history, open to read and append */
    bool interactive;    /**< stdin is a terminal, to be prompted */
    bool color;
};

/** Answer frames until the other process is gone. It does not return. */
_Noreturn void chat_front_run(const struct chat_front *front);

#endif
