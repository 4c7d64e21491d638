/**
 * chat_commands.c - the commands of a conversation. /help is made of the table.
 */
#include "cmd/chat/chat_commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "cli/alloc.h"
#include "cli/message.h"
#include "cli/suggest.h"
#include "cli/text_line.h"

struct chat_command {
    const char *name, *argument;
    const char *help;
    bool needs_argument, takes_none;
    void (*run)(struct chat *chat, const char *argument);
};

static void help(struct chat *chat, const char *argument);

static void refuse(struct chat *chat, const char *sentence) {
    message("%s", sentence);
    chat->failed = true;
}

static void refuse_by(struct chat *chat, const struct gen_error *err) {
    refuse(chat, err->message);
}

/* Whether there is an answer at the end. */
static bool has_answer(const struct chat *chat) {
    const struct chat_messages *messages = &chat->talk.messages;
    return messages->n > 0 && messages->data[messages->n - 1].role == CHAT_ASSISTANT &&
           messages->n >= chat_messages_first(messages) + 2;
}

/* ---- the conversation ------------------------------------------------------------------------*/

static void undo(struct chat *chat, const char *argument) {
    (void)argument;
    if (!chat_talk_undo(&chat->talk)) {
        refuse(chat, "/undo: there is no message of yours to take back");
    }
}

static void retry(struct chat *chat, const char *argument) {
    (void)argument;
    if (!has_answer(chat)) {
        refuse(chat, "/retry: there is no answer yet");
        return;
    }
    chat_retry(chat);
}

/* The last message anew: what is given, else in the editor. */
static void edit(struct chat *chat, const char *argument) {
    struct gen_bytes *old = &chat->talk.refused;
    bool given = *argument != '\0';
    if (!given && !chat->reader.edits) {
        refuse(chat, "/edit needs the new text, as there is no editor of lines here: /edit TEXT");
        return;
    }
    /* A message that was refused is in no conversation any more. */
    if (old->n == 0 && !chat_talk_undo(&chat->talk)) {
        refuse(chat, "/edit: there is no message of yours yet");
        return;
    }
    if (given) {
        chat_say(chat, argument, strlen(argument));
        return;
    }
    if (memchr(old->data, '\n', old->n) != NULL) {
        chat_say(chat, old->data, old->n);
        refuse(chat, "/edit: a message of several lines does not fit the editor: /edit TEXT");
        return;
    }
    chat->beginning.n = 0;
    alloc_append(&chat->beginning, old->data, old->n);
}

static void set_system(struct chat *chat, const char *argument) {
    chat_talk_set_system(&chat->talk, argument, strlen(argument));
}

static void show(struct chat *chat, const char *argument) {
    (void)argument;
    for (size_t i = 0; i < chat->talk.messages.n; i++) {
        chat_screen_show(&chat->screen, &chat->talk.messages.data[i]);
    }
}

/* ---- files -----------------------------------------------------------------------------------*/

static void save(struct chat *chat, const char *argument) {
    struct json_out json = {0};
    struct gen_error err;
    (void)argument; /* the process that writes it knows it from the line */
    json_out_open(&json, NULL, '{');
    chat_messages_json(&json, &chat->talk.messages);
    json_out_close(&json, '}');
    alloc_append(&json.text, "\n", 1);
    if (!chat_reader_save(&chat->reader, &json.text, &err)) {
        refuse_by(chat, &err);
    }
    gen_bytes_release(&json.text);
}

static void load(struct chat *chat, const char *argument) {
    struct gen_bytes bytes = {0};
    struct chat_messages messages = {0};
    struct gen_error err;
    char where[320];
    snprintf(where, sizeof where, "%.300s", argument);
    if (!chat_reader_load(&chat->reader, &bytes, &err) ||
        chat_messages_parse(&messages, bytes.data, bytes.n, where, &err) != GEN_OK) {
        refuse_by(chat, &err);
    } else {
        chat_talk_replace(&chat->talk, &messages);
        show(chat, "");
    }
    gen_bytes_release(&bytes);
}

/* ---- options and numbers ---------------------------------------------------------------------*/

static void set(struct chat *chat, const char *argument) {
    struct gen_error err;
    if (*argument == '\0') {
        struct gen_bytes list = {0};
        chat_settings_list(&list, chat->settings);
        chat_screen_say(&chat->screen, list.data, list.n);
        gen_bytes_release(&list);
        return;
    }
    size_t n_name = strcspn(argument, " \t=");
    const char *value = argument + n_name;
    value += strspn(value, " \t");
    value += *value == '=' ? 1 : 0;
    value += strspn(value, " \t");
    const char *bare = argument + (n_name > 2 && strncmp(argument, "--", 2) == 0 ? 2 : 0);
    char *name = alloc_printf("%.*s", (int)(argument + n_name - bare), bare);
    /* The rules show whether the engine takes it; a copy keeps what was. */
    struct chat_settings before = *chat->settings;
    chat_settings_own_lists(&before);
    bool good =
        chat_settings_set(chat->settings, &chat->kept, name, *value != '\0' ? value : NULL, &err);
    if (good && chat_rules_make(&chat->rules, chat->settings, chat->load.model, chat->chat_template,
                                chat->engine, &err) != GEN_OK) {
        struct chat_settings wrong = *chat->settings;
        *chat->settings = before;
        before = wrong;
        good = false;
    }
    chat_settings_free_lists(&before);
    if (!good) {
        refuse_by(chat, &err);
    }
    free(name);
}

static void stats(struct chat *chat, const char *argument) {
    const struct chat_totals *totals = &chat->talk.totals;
    struct gen_bytes text = {0};
    (void)argument;
    text_line(&text,
              "%llu answers: %llu tokens read in %.3f s, %llu were there already, %llu drawn "
              "in %.3f s (%.1f/s)",
              (unsigned long long)totals->answers, (unsigned long long)totals->read,
              totals->prompt_seconds, (unsigned long long)totals->cached,
              (unsigned long long)totals->drawn, totals->decode_seconds,
              totals->decode_seconds > 0 ? (double)totals->drawn / totals->decode_seconds : 0);
    text_line(&text, "context: %zu of %d tokens, %zu messages, %zu of them left out",
              chat->talk.n_context, (int)gen_model_config(chat->load.model)->n_ctx,
              chat->talk.messages.n, chat->talk.n_left_out);
    text_line(&text, "template %s", gen_chat_template_name(chat->chat_template));
    chat_screen_say(&chat->screen, text.data, text.n);
    gen_bytes_release(&text);
}

static void leave(struct chat *chat, const char *argument) {
    (void)argument;
    chat->ends = true;
}

/* ---- the table -------------------------------------------------------------------------------*/

static const struct chat_command table[] = {
    {"/help", "", "these lines", false, true, help},
    {"/undo", "", "take your last message and its answer back", false, true, undo},
    {"/retry", "", "another answer to your last message", false, true, retry},
    {"/edit", "[TEXT]", "your last message anew, in the editor or as TEXT", false, false, edit},
    {"/save", "FILE", "write the conversation to FILE, as JSON", true, false, save},
    {"/load", "FILE", "go on with the conversation in FILE", true, false, load},
    {"/system", "[TEXT]", "another system message, or none", false, false, set_system},
    {"/set", "[OPTION [VALUE]]", "change an option, or show all; names are the command line's",
     false, false, set},
    {"/show", "", "the conversation so far", false, true, show},
    {"/stats", "", "how many tokens were read and drawn, and how full the context is", false, true,
     stats},
    {"/exit", "", "end, as Ctrl-D does", false, true, leave},
};

static void help(struct chat *chat, const char *argument) {
    struct gen_bytes text = {0};
    (void)argument;
    for (size_t i = 0; i < N_OF(table); i++) {
        char *left = alloc_printf("%s %s", table[i].name, table[i].argument);
        text_line(&text, "%-23s %s", left, table[i].help);
        free(left);
    }
    text_line(&text, "Ctrl-C ends an answer; a backslash at the end of a line, or \"\"\" around "
                     "several, makes a message of more lines; // begins one with /.");
    chat_screen_say(&chat->screen, text.data, text.n);
    gen_bytes_release(&text);
}

const char *chat_command_argument(char *line, const char *command) {
    size_t n = strlen(command);
    if (strncmp(line, command, n) != 0 || (line[n] != '\0' && line[n] != ' ' && line[n] != '\t')) {
        return NULL;
    }
    char *argument = line + n + strspn(line + n, " \t");
    size_t length = strlen(argument);
    while (length > 0 && strchr(" \t\r", argument[length - 1]) != NULL) {
        argument[--length] = '\0';
    }
    return argument;
}

void chat_command_run(struct chat *chat, char *line) {
    const char *names[N_OF(table)];
    for (size_t i = 0; i < N_OF(table); i++) {
        const struct chat_command *command = &table[i];
        const char *argument = chat_command_argument(line, command->name);
        names[i] = command->name;
        if (argument == NULL) {
            continue;
        }
        bool given = *argument != '\0';
        if ((command->needs_argument && !given) || (command->takes_none && given)) {
            message("%s %s: %s", command->name, given ? "takes no argument" : "needs one",
                    given ? argument : command->argument);
            chat->failed = true;
            return;
        }
        command->run(chat, argument);
        return;
    }
    line[strcspn(line, " \t")] = '\0';
    const char *near;
    if (suggest(&near, 1, line, names, N_OF(table)) == 1) {
        message("no command %.60s (did you mean %s?)", line, near);
    } else {
        message("no command %.60s (/help lists them; // begins a message with /)", line);
    }
    chat->failed = true;
}
