/**
 * chat_batch.h - `gen chat --jsonl`: many conversations, each with one answer, in one run.
 */
#ifndef CMD_CHAT_CHAT_BATCH_H
#define CMD_CHAT_CHAT_BATCH_H

#include "cli/input.h"
#include "cmd/chat/chat_commands.h"

/** The lines of the input that is open; returns an exit code, and in *whole whether all was done.
 */
int chat_batch_run(struct chat *chat, struct input *input, bool *whole);

#endif
