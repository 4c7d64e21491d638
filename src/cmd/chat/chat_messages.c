/**
 * chat_messages.c - a list of messages, from JSON and to it. What the model makes of them is
 * chat_talk.c's.
 */
#include "cmd/chat/chat_messages.h"

#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "cli/alloc.h"
#include "cli/message.h"
#include "text/json_line.h"

const char *const chat_role_names[] = {"system", "user", "assistant"};

/* ---- the list --------------------------------------------------------------------------------*/

void chat_messages_add(struct chat_messages *messages, enum chat_role role, const char *content,
                       size_t n) {
    alloc_grow(&messages->data, &messages->capacity, messages->n + 1, sizeof *messages->data);
    struct chat_message *message = &messages->data[messages->n++];
    *message = (struct chat_message){.role = role};
    alloc_append(&message->content, content, n);
}

size_t chat_messages_first(const struct chat_messages *messages) {
    return messages->n > 0 && messages->data[0].role == CHAT_SYSTEM ? 1 : 0;
}

static void message_release(struct chat_message *message) {
    gen_bytes_release(&message->content);
    gen_ids_release(&message->read);
}

void chat_messages_set_system(struct chat_messages *messages, const char *content, size_t n) {
    if (chat_messages_first(messages) > 0) {
        message_release(&messages->data[0]);
        memmove(messages->data, messages->data + 1, --messages->n * sizeof *messages->data);
    }
    if (n > 0) {
        chat_messages_add(messages, CHAT_SYSTEM, content, n);
        struct chat_message added = messages->data[messages->n - 1];
        memmove(messages->data + 1, messages->data, (messages->n - 1) * sizeof *messages->data);
        messages->data[0] = added;
    }
    chat_messages_forget(messages);
}

void chat_messages_cut(struct chat_messages *messages, size_t n) {
    while (messages->n > n) {
        message_release(&messages->data[--messages->n]);
    }
}

void chat_messages_forget(struct chat_messages *messages) {
    for (size_t i = 0; i < messages->n; i++) {
        messages->data[i].read.n = 0;
    }
}

void chat_messages_release(struct chat_messages *messages) {
    chat_messages_cut(messages, 0);
    free(messages->data);
    *messages = (struct chat_messages){0};
}

/* ---- JSON ------------------------------------------------------------------------------------*/

/* Take message number i; NULL, or what is wrong with it. */
static const char *take(struct chat_messages *messages, const cJSON *item) {
    const cJSON *role = json_member(item, "role"), *content = json_member(item, "content");
    if (!cJSON_IsString(role) || !cJSON_IsString(content)) {
        return "must be {\"role\": \"...\", \"content\": \"...\"}, both text";
    }
    size_t which = 0;
    while (which < N_OF(chat_role_names) &&
           strcmp(chat_role_names[which], role->valuestring) != 0) {
        which++;
    }
    if (which == N_OF(chat_role_names)) {
        return "must have the role system, user or assistant";
    }
    if (which == CHAT_SYSTEM && messages->n > 0) {
        return "has the role system, which only the first may have";
    }
    chat_messages_add(messages, (enum chat_role)which, content->valuestring,
                      strlen(content->valuestring));
    return NULL;
}

enum gen_status chat_messages_parse(struct chat_messages *messages, const char *json, size_t n,
                                    const char *where, struct gen_error *err) {
    cJSON *object = NULL;
    enum gen_status status = json_parse_line(&object, json, n, where, err);
    const cJSON *list = json_member(object, "messages");
    if (status == GEN_OK && !cJSON_IsArray(list)) {
        char names[200];
        json_list_members(names, sizeof names, object);
        message_set(err, GEN_BAD_FILE,
                    "%s has no member \"messages\" that is an array, but %s (it must be "
                    "{\"messages\": [{\"role\": \"user\", \"content\": \"...\"}]})",
                    where, names);
        status = GEN_BAD_FILE;
    }
    const cJSON *item = status == GEN_OK ? list->child : NULL;
    for (size_t i = 0; item != NULL && status == GEN_OK; i++, item = item->next) {
        const char *wrong = take(messages, item);
        if (wrong != NULL) {
            message_set(err, GEN_BAD_FILE, "%s: messages[%zu] %s", where, i, wrong);
            status = GEN_BAD_FILE;
        }
    }
    cJSON_Delete(object);
    if (status != GEN_OK) {
        chat_messages_release(messages);
    }
    return status;
}

void chat_messages_json(struct json_out *json, const struct chat_messages *messages) {
    json_out_open(json, "messages", '[');
    for (size_t i = 0; i < messages->n; i++) {
        const struct chat_message *message = &messages->data[i];
        const char *role = chat_role_names[message->role];
        json_out_open(json, NULL, '{');
        json_out_string(json, "role", role, strlen(role));
        json_out_string(json, "content", message->content.data, message->content.n);
        json_out_close(json, '}');
    }
    json_out_close(json, ']');
}
