/**
 * chat_talk.h - a conversation with a model: what it reads for an answer, and the answer.
 *
 * A turn goes on from the ids that the model has read, so that it reads only its own tokens. When
 * the context is full the oldest turns are left out, each as a whole, but never the system message;
 * they come back where undoing or editing makes room again.
 */
#ifndef CMD_CHAT_CHAT_TALK_H
#define CMD_CHAT_CHAT_TALK_H

#include "cmd/chat/chat_messages.h"
#include "gen.h"

struct chat_totals {
    uint64_t answers, read, cached, drawn; /**< tokens but the first */
    double prompt_seconds, decode_seconds;
};

/** Start from {0} with the first four set; they are the caller's. */
struct chat_talk {
    const struct gen_model *model;
    const struct gen_chat_template *chat_template;
    struct gen_engine *engine;
    const struct gen_generate_options *options;
    struct chat_messages messages;
    size_t n_left_out;        /**< oldest messages after the system's that the model does not see */
    bool said_full;           /**< the user knows it */
    uint64_t n_retries;       /**< of the last answer */
    size_t n_context;         /**< ids that the model has read so far */
    struct gen_bytes refused; /**< the last message, if it had no answer and so is in no messages */
    bool refused_edit;        /**< it was to replace the last one of those */
    struct chat_totals totals;
};

/** Where an answer goes while it comes; any may be NULL. */
struct chat_listener {
    void *context;
    /** Pieces of the answer, without the white space around it. */
    void (*text)(void *context, const char *bytes, size_t n);
    /** Whether to go on. */
    bool (*go_on)(void *context);
    /** The oldest turns are left out from now on; called once in a talk. */
    void (*full)(void *context);
    /** The answer is there, and in the messages. */
    void (*end)(void *context, const struct gen_result *result);
};

/**
 * Append the ids that the model must read to answer a conversation, of which it does not see the
 * n_left_out messages after the system's. `goes_on`: those that it had read when it gave the last
 * answer are taken from there, if they are known.
 */
enum gen_status chat_talk_encode(const struct gen_model *model,
                                 const struct gen_chat_template *chat_template,
                                 const struct chat_messages *messages, size_t n_left_out,
                                 bool goes_on, struct gen_ids *ids, struct gen_error *err);

/** Content of n bytes of an answer: without the white space around it. */
const char *chat_talk_trim(const char *text, size_t *n);

/**
 * A message of the user, and its answer. GEN_CANCELED: go_on() said no; what there is of the answer
 * is kept. After another failure the conversation is as it was, and the message in `refused`.
 */
enum gen_status chat_talk_say(struct chat_talk *talk, const char *message, size_t n,
                              const struct chat_listener *listener, struct gen_error *err);

/** The same with a message in the place of the user's last one and of what came after it, which
 *  after a failure is there again. There must be one. */
enum gen_status chat_talk_edit(struct chat_talk *talk, const char *message, size_t n,
                               const struct chat_listener *listener, struct gen_error *err);

/** The last answer once more, by the next seed; of a message that had none, as above, a first one.
 *  There must be a message. */
enum gen_status chat_talk_retry(struct chat_talk *talk, const struct chat_listener *listener,
                                struct gen_error *err);

/** The user's last message, be it refused; NULL: there is none. */
const struct gen_bytes *chat_talk_last(const struct chat_talk *talk);

/** Take the user's last message and what came after it back; false if there is none. One that was
 *  refused is forgotten. */
bool chat_talk_undo(struct chat_talk *talk);

/** Another system message; of no bytes: none. */
void chat_talk_set_system(struct chat_talk *talk, const char *text, size_t n);
/** Another conversation, whose messages move here. */
void chat_talk_replace(struct chat_talk *talk, struct chat_messages *messages);

void chat_talk_release(struct chat_talk *talk);

#endif
