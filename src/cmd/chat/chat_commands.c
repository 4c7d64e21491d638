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
#include "cli/wrap.h"

struct chat_command {
    const char *name, *argument;
    const char *help;
    bool needs_argument, takes_none;
    void (*run)(struct chat *chat, const char *argument);
};

static void help(struct chat *chat, const char *argument);

static void refuse(struct chat *chat, const char *sentence) {
    chat_screen_warn(&chat->screen, sentence);
    chat->failed = true;
}

static void refuse_by(struct chat *chat, const struct gen_error *err) {
    refuse(chat, err->message);
}

/* ---- the conversation ------------------------------------------------------------------------*/

static void undo(struct chat *chat, const char *argument) {
    (void)argument;
    const struct gen_bytes *last = chat_talk_last(&chat->talk);
    struct gen_bytes text = {0};
    if (last == NULL) {
        refuse(chat, "/undo: there is no message of yours to take back");
        return;
    }
    alloc_append(&text, last->data, last->n);
    alloc_append(&text, "", 1);
    text.data[strcspn(text.data, "\n")] = '\0';
    chat_talk_undo(&chat->talk);
    chat_screen_note(&chat->screen, "taken back: %.60s", text.data);
    gen_bytes_release(&text);
}

static void retry(struct chat *chat, const char *argument) {
    (void)argument;
    if (chat_talk_last(&chat->talk) == NULL) {
        refuse(chat, "/retry: there is no message of yours yet");
        return;
    }
    chat_retry(chat);
}

/* The last message anew: what is given, else in the editor. Until it is sent, nothing changes. */
static void edit(struct chat *chat, const char *argument) {
    const struct gen_bytes *last = chat_talk_last(&chat->talk);
    bool given = *argument != '\0';
    if (!given && !chat->reader.edits) {
        refuse(chat, "/edit needs the new text, as there is no editor of lines here: /edit TEXT");
        return;
    }
    if (last == NULL) {
        refuse(chat, "/edit: there is no message of yours yet");
        return;
    }
    /* A message that was refused is in no conversation. */
    chat->replaces = chat->talk.refused.n == 0 || chat->talk.refused_edit;
    if (given) {
        chat_say(chat, argument, strlen(argument));
        return;
    }
    chat->beginning.n = 0;
    /* As it was typed. */
    alloc_append(&chat->beginning, "/", last->n > 0 && last->data[0] == '/' ? 1 : 0);
    alloc_append(&chat->beginning, last->data, last->n);
}

static void clear(struct chat *chat, const char *argument) {
    struct chat_messages none = {0};
    struct gen_bytes system = {0};
    (void)argument;
    if (chat_messages_first(&chat->talk.messages) > 0) {
        const struct gen_bytes *content = &chat->talk.messages.data[0].content;
        alloc_append(&system, content->data, content->n);
    }
    chat_talk_replace(&chat->talk, &none);
    chat_talk_set_system(&chat->talk, system.data, system.n);
    chat_screen_note(&chat->screen, "a new conversation%s",
                     system.n > 0 ? ", with the same system message" : "");
    gen_bytes_release(&system);
}

static void set_system(struct chat *chat, const char *argument) {
    chat_talk_set_system(&chat->talk, argument, strlen(argument));
    chat_screen_note(&chat->screen, "%s",
                     *argument != '\0' ? "the system message is set" : "no system message now");
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
    /* The process that writes the file knows it from the line. */
    json_out_open(&json, NULL, '{');
    chat_messages_json(&json, &chat->talk.messages);
    json_out_close(&json, '}');
    alloc_append(&json.text, "\n", 1);
    if (!chat_reader_save(&chat->reader, &json.text, &err)) {
        refuse_by(chat, &err);
    } else {
        size_t n = chat->talk.messages.n;
        chat_screen_note(&chat->screen, "saved %zu message%s in %.300s", n, n == 1 ? "" : "s",
                         argument);
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
    if (good) {
        struct gen_bytes line = {0};
        chat_settings_show(&line, chat->settings, name);
        chat_screen_note(&chat->screen, "%.*s", (int)line.n - 1, line.data);
        gen_bytes_release(&line);
    } else {
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
    {"/clear", "", "begin a new conversation; the system message stays", false, true, clear},
    {"/undo", "", "take your last message and its answer back", false, true, undo},
    {"/retry", "", "another answer to your last message", false, true, retry},
    {"/edit", "[TEXT]", "your last message anew, in the editor or as TEXT", false, false, edit},
    {"/save", "FILE", "write the conversation to FILE, as JSON", true, false, save},
    {"/load", "FILE", "go on with the conversation in FILE", true, false, load},
    {"/system", "[TEXT]", "another system message, or none", false, false, set_system},
    {"/set", "[OPTION [VALUE]]", "change an option, or show all of them", false, false, set},
    {"/show", "", "the conversation so far", false, true, show},
    {"/stats", "", "tokens read and drawn, and how full the context is", false, true, stats},
    {"/exit", "", "end, as Ctrl-D does", false, true, leave},
};

/* Names that other programs have for the same (ollama, llama-cli). */
static const struct {
    const char *theirs, *ours;
} habits[] = {
    {"/bye", "/exit"},    {"/quit", "/exit"},         {"/q", "/exit"},
    {"/?", "/help"},      {"/new", "/clear"},         {"/reset", "/clear"},
    {"/regen", "/retry"}, {"/set system", "/system"}, {"/set parameter", "/set"},
};

static void help(struct chat *chat, const char *argument) {
    struct gen_bytes text = {0};
    size_t width = chat_screen_width(&chat->screen);
    bool narrow = width < 60;
    (void)argument;
    for (size_t i = 0; i < N_OF(table); i++) {
        char *left = alloc_printf("%s %s", table[i].name, table[i].argument);
        alloc_append(&text, left, strlen(left));
        alloc_append(&text, "\n", narrow ? 1 : 0);
        wrap_text(&text, table[i].help, narrow ? 0 : strlen(left), narrow ? 4 : 22, width);
        free(left);
    }
    wrap_text(&text,
              "Ctrl-C ends an answer; a backslash at the end of a line, or \"\"\" around several, "
              "makes a message of more lines; // begins one with /.",
              0, 0, width);
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

/* Run the command of a line, or say what is wrong with the line. */
static bool run_command(struct chat *chat, char *line, struct gen_error *err) {
    const char *names[N_OF(table)], *near;
    for (size_t i = 0; i < N_OF(table); i++) {
        const struct chat_command *command = &table[i];
        const char *argument = chat_command_argument(line, command->name);
        names[i] = command->name;
        if (argument == NULL) {
            continue;
        }
        if (command->takes_none && *argument != '\0') {
            message_set(err, GEN_BAD_ARGUMENT, "%s takes no argument, but has \"%.60s\"",
                        command->name, argument);
            return false;
        }
        if (command->needs_argument && *argument == '\0') {
            message_set(err, GEN_BAD_ARGUMENT, "%s must name a file: %s %s", command->name,
                        command->name, command->argument);
            return false;
        }
        command->run(chat, argument);
        return true;
    }
    line[strcspn(line, " \t\n")] = '\0';
    if (suggest(&near, 1, line, names, N_OF(table)) == 1) {
        message_set(err, GEN_BAD_ARGUMENT, "no command %.60s (did you mean %s?)", line, near);
    } else {
        message_set(err, GEN_BAD_ARGUMENT,
                    "no command %.60s (/help lists them; // begins a message with /)", line);
    }
    return false;
}

void chat_command_run(struct chat *chat, char *line) {
    struct gen_error err;
    char *ours = NULL;
    for (size_t i = 0; i < N_OF(habits) && ours == NULL; i++) {
        const char *argument = chat_command_argument(line, habits[i].theirs);
        if (argument != NULL) {
            ours = alloc_printf("%s %s", habits[i].ours, argument);
        }
    }
    if (!run_command(chat, ours != NULL ? ours : line, &err)) {
        refuse_by(chat, &err);
    }
    free(ours);
}
