/**
 * chat_messages.h - the messages of a conversation, and their JSON: {"messages": [{"role": "user",
 * "content": "..."}, ...]}, as OpenAI's interface and `gen finetune` have it.
 */
#ifndef CMD_CHAT_CHAT_MESSAGES_H
#define CMD_CHAT_CHAT_MESSAGES_H

#include <cjson/cJSON.h>

#include "cli/json_out.h"
#include "gen.h"

enum chat_role { CHAT_SYSTEM, CHAT_USER, CHAT_ASSISTANT };
/** "system", "user", "assistant" */
extern const char *const chat_role_names[];

struct chat_message {
    enum chat_role role;
    struct gen_bytes content;
    /** Of an answer that was drawn here: the ids that the model had read when it was said, itself
     *  included, so that the next turn goes on from them. Empty: not known. */
    struct gen_ids read;
};

/** Start from {0}. A system message is the first, or there is none. */
struct chat_messages {
    struct chat_message *data;
    size_t n, capacity;
};

void chat_messages_add(struct chat_messages *messages, enum chat_role role, const char *content,
                       size_t n);
/** Set the system message; of no bytes: there is none. */
void chat_messages_set_system(struct chat_messages *messages, const char *content, size_t n);
/** 1 if there is a system message, else 0: where the turns begin. */
size_t chat_messages_first(const struct chat_messages *messages);
/** Drop all but the first n messages. */
void chat_messages_cut(struct chat_messages *messages, size_t n);
/** Forget what the model had read: something before has changed. */
void chat_messages_forget(struct chat_messages *messages);
void chat_messages_release(struct chat_messages *messages);

/**
 * Parse an object, or its array alone, of n bytes into `messages`, which must be {0}; `where`
 * begins messages. The roles are those of chat_role_names; only the first message may be the
 * system's. GEN_BAD_FILE else.
 */
enum gen_status chat_messages_parse(struct chat_messages *messages, const char *json, size_t n,
                                    const char *where, struct gen_error *err);

/** The same of what was parsed. */
enum gen_status chat_messages_take(struct chat_messages *messages, const cJSON *value,
                                   const char *where, struct gen_error *err);

/** The member "messages" of an object that is being written. */
void chat_messages_json(struct json_out *json, const struct chat_messages *messages);

#endif
