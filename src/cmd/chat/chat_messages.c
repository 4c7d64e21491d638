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
#include "text/lines.h"

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

enum gen_status chat_messages_take(struct chat_messages *messages, const cJSON *value,
                                   const char *where, struct gen_error *err) {
    enum gen_status status = GEN_OK;
    const cJSON *list = cJSON_IsArray(value) ? value : json_member(value, "messages");
    if (!cJSON_IsArray(list)) {
        char names[200];
        json_list_members(names, sizeof names, value);
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
    if (status != GEN_OK) {
        chat_messages_release(messages);
    }
    return status;
}

enum gen_status chat_messages_parse(struct chat_messages *messages, const char *json, size_t n,
                                    const char *where, struct gen_error *err) {
    cJSON *value = NULL;
    enum gen_status status = text_is_array(json, n) ? json_parse(&value, json, n, where, err)
                                                    : json_parse_line(&value, json, n, where, err);
    if (status == GEN_OK) {
        status = chat_messages_take(messages, value, where, err);
    }
    cJSON_Delete(value);
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
