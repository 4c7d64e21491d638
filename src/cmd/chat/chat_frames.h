/**
 * chat_frames.h - what the two processes of `gen chat` say to each other, through pipes: a letter
 * and some bytes. Both are the same program, so numbers are as the machine has them.
 */
#ifndef CMD_CHAT_CHAT_FRAMES_H
#define CMD_CHAT_CHAT_FRAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "gen.h"

enum chat_frame {
    /* to the front */
    CHAT_ASK = 'A',  /**< give a line; a byte of enum chat_prompt, then text to begin with */
    CHAT_SAVE = 'S', /**< write these bytes to the file that the last line, /save FILE, names */
    CHAT_LOAD = 'R', /**< read the one of /load FILE */
    /* from it */
    CHAT_LINE = 'L',    /**< a line, or the bytes of a file */
    CHAT_DROPPED = 'C', /**< what was typed is dropped, by Ctrl-C */
    CHAT_END = 'E',     /**< there are no more lines */
    CHAT_DONE = 'D',
    CHAT_FAILED = 'X' /**< a sentence */
};

enum chat_prompt { CHAT_PROMPT_USER, CHAT_PROMPT_MORE };

/** False if the other side is gone. */
bool chat_frame_send(int fd, enum chat_frame frame, const char *bytes, size_t n);
/** Replace `bytes` by what comes; false if the other side is gone. It waits, whatever signals. */
bool chat_frame_receive(int fd, enum chat_frame *frame, struct gen_bytes *bytes);

#endif
