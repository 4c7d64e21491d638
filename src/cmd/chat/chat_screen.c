/**
 * chat_screen.c - what the user sees, and what a script reads: answers as text or JSON, notes of
 * commands. Buffers and files are text_out.c's, lines are broken by chat_wrap.c.
 */
#include "cmd/chat/chat_screen.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/alloc.h"
#include "cli/input.h"
#include "cli/json_out.h"
#include "cli/message.h"
#include "cli/terminal_size.h"
#include "cli/terminal_text.h"
#include "cli/wrap.h"
#include "cmd/generate/generate_draft.h"

#define CYAN   "\033[1;36m"
#define GREEN  "\033[1;32m"
#define YELLOW "\033[1;33m"
#define NORMAL "\033[0m"

#define TIME_DIGITS 6

bool chat_screen_open(struct chat_screen *screen, const struct generate_settings *settings) {
    *screen = (struct chat_screen){.settings = settings};
    /* Also what the shell opened: else answers would be read as messages, for ever. */
    if (input_same_file(settings->file, settings->output)) {
        message("%.400s: would be overwritten while it is read (give another file)",
                settings->output != NULL ? settings->output : "stdout");
        return false;
    }
    if (!text_out_open_many(&screen->out, settings->output)) {
        return false;
    }
    screen->on_terminal = terminal_text_needed(&screen->out);
    screen->color = text_out_color(&screen->out, (enum text_color)settings->color);
    return true;
}

bool chat_screen_close(struct chat_screen *screen, bool whole) {
    gen_bytes_release(&screen->scratch);
    gen_bytes_release(&screen->shown);
    gen_bytes_release(&screen->wrap.word);
    bool good = !screen->out.failed;
    if (screen->out.buffer == NULL) {
        return good;
    }
    good = text_out_flush(&screen->out) && good;
    if (!whole || !good) {
        text_out_give_up(&screen->out);
        return good;
    }
    return text_out_close(&screen->out);
}

/* ---- text ------------------------------------------------------------------------------------*/

/* One less than the terminal has, as some break a full line. */
size_t chat_screen_width(const struct chat_screen *screen) {
    size_t columns = terminal_columns(screen->out.fd);
    return columns > 1 ? columns - 1 : WRAP_WIDTH;
}

static void begin_role(struct chat_screen *screen, enum chat_role role) {
    static const char *const colors[] = {YELLOW, GREEN, CYAN};
    static const char *const names[] = {"System:", "User:", "Assistant:"};
    if (screen->color) {
        text_out_string(&screen->out, colors[role]);
    }
    text_out_string(&screen->out, names[role]);
    text_out_string(&screen->out, screen->color ? NORMAL " " : " ");
    screen->wrap.column = strlen(names[role]) + 1;
}

/* Text on a terminal: nothing in it is obeyed, and it is broken between words. */
static void put_wrapped(struct chat_screen *screen, const char *bytes, size_t n, bool end) {
    size_t width = chat_screen_width(screen);
    screen->shown.n = screen->scratch.n = 0;
    terminal_text_append(&screen->shown, bytes, n);
    chat_wrap_put(&screen->wrap, &screen->scratch, screen->shown.data, screen->shown.n, width);
    if (end) {
        chat_wrap_end(&screen->wrap, &screen->scratch, width);
    }
    text_out_write(&screen->out, screen->scratch.data, screen->scratch.n);
}

static void begin_answer(struct chat_screen *screen) {
    if (!screen->in_answer && screen->on_terminal) {
        begin_role(screen, CHAT_ASSISTANT);
    }
    screen->in_answer = true;
}

void chat_screen_text(struct chat_screen *screen, const char *bytes, size_t n) {
    if (screen->settings->json) {
        return;
    }
    begin_answer(screen);
    if (screen->on_terminal) {
        put_wrapped(screen, bytes, n, false);
    } else {
        text_out_write(&screen->out, bytes, n);
    }
    text_out_show(&screen->out);
}

/* The line of an answer ends, also of one that is empty. */
static void end_answer(struct chat_screen *screen) {
    begin_answer(screen);
    if (screen->on_terminal) {
        put_wrapped(screen, "", 0, true);
    }
    text_out_write(&screen->out, "\n", 1);
    screen->in_answer = false;
    screen->wrap.column = 0;
}

/* ---- JSON ------------------------------------------------------------------------------------*/

static void put_input(const struct chat_screen *screen, struct json_out *json) {
    if (screen->input != NULL) {
        json_out_raw(json, "input", screen->input->data, screen->input->n);
    }
}

static void put_json(struct chat_screen *screen, struct json_out *json) {
    json_out_close(json, '}');
    alloc_append(&json->text, "\n", 1);
    text_out_write(&screen->out, json->text.data, json->text.n);
    gen_bytes_release(&json->text);
}

static void write_json(struct chat_screen *screen, const struct gen_result *result,
                       const struct chat_messages *messages) {
    const struct gen_bytes *content = &messages->data[messages->n - 1].content;
    const char *finish = gen_finish_name(result->finish);
    struct json_out json = {0};
    json_out_open(&json, NULL, '{');
    json_out_uint(&json, "index", screen->index);
    json_out_string(&json, "content", content->data, content->n);
    chat_messages_json(&json, messages);
    json_out_string(&json, "finish_reason", finish, strlen(finish));
    json_out_uint(&json, "seed", result->seed);
    json_out_open(&json, "counts", '{');
    json_out_uint(&json, "prompt_tokens", result->n_prompt_ids);
    if (!screen->settings->jsonl) { /* else it depends on the batch */
        json_out_uint(&json, "cached_tokens", result->n_cached);
    }
    json_out_uint(&json, "new_tokens", result->n_new_ids);
    json_out_close(&json, '}');
    if (!screen->settings->no_timings) {
        json_out_open(&json, "timings", '{');
        json_out_double(&json, "prompt_seconds", result->prompt_seconds, TIME_DIGITS);
        json_out_double(&json, "decode_seconds", result->decode_seconds, TIME_DIGITS);
        if (screen->settings->draft_model != NULL) {
            generate_draft_json(&json, result);
        }
        json_out_close(&json, '}');
    }
    put_input(screen, &json);
    put_json(screen, &json);
}

static double per_second(size_t n, double seconds) {
    return seconds > 0 ? (double)n / seconds : 0;
}

void chat_screen_end(struct chat_screen *screen, const struct gen_result *result,
                     const struct chat_messages *messages) {
    if (screen->settings->json) {
        write_json(screen, result, messages);
    } else {
        end_answer(screen);
    }
    screen->index++;
    text_out_mark(&screen->out);
    if (screen->settings->verbose) {
        size_t n_read = result->n_prompt_ids - result->n_cached;
        char *line = alloc_printf(
            "answer %llu: seed %llu, %zu tokens before it, of which %zu were read now in "
            "%.3f s (%.1f/s), %zu new tokens in %.3f s (%.1f/s), finish %s",
            (unsigned long long)screen->index - 1, (unsigned long long)result->seed,
            result->n_prompt_ids, n_read, result->prompt_seconds,
            per_second(n_read, result->prompt_seconds), result->n_new_ids, result->decode_seconds,
            per_second(result->n_new_ids, result->decode_seconds), gen_finish_name(result->finish));
        chat_screen_warn(screen, line);
        free(line);
    }
}

void chat_screen_error(struct chat_screen *screen, const struct gen_error *err) {
    if (screen->in_answer) {
        end_answer(screen);
        text_out_show(&screen->out);
    }
    bool has_place = screen->settings->json || screen->settings->jsonl;
    if (screen->on_terminal && !has_place) {
        chat_screen_warn(screen, err->message);
        return;
    }
    message("answer %llu: %s", (unsigned long long)screen->index, err->message);
    if (screen->settings->json) {
        struct json_out json = {0};
        json_out_open(&json, NULL, '{');
        json_out_uint(&json, "index", screen->index);
        json_out_string(&json, "error", err->message, strlen(err->message));
        put_input(screen, &json);
        put_json(screen, &json);
    } else {
        text_out_write(&screen->out, "\n", 1);
    }
    screen->index++;
    text_out_mark(&screen->out);
}

/* ---- notes -----------------------------------------------------------------------------------*/

void chat_screen_say(struct chat_screen *screen, const char *text, size_t n) {
    if (!screen->on_terminal) {
        message_raw(text, n);
        return;
    }
    put_wrapped(screen, text, n, true);
    if (screen->wrap.column > 0) {
        text_out_write(&screen->out, "\n", 1);
        screen->wrap.column = 0;
    }
    text_out_show(&screen->out);
}

void chat_screen_note(struct chat_screen *screen, const char *format, ...) {
    char sentence[MESSAGE_SIZE];
    va_list arguments;
    if (!screen->on_terminal || screen->settings->quiet) {
        return;
    }
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    message_clean(sentence);
    chat_screen_say(screen, sentence, strlen(sentence));
}

void chat_screen_warn(const struct chat_screen *screen, const char *sentence) {
    struct gen_bytes line = {0};
    if (!screen->on_terminal || !isatty(STDERR_FILENO)) {
        message("%s", sentence);
        return;
    }
    char *whole = alloc_printf("gen: %s", sentence);
    message_clean(whole);
    wrap_text(&line, whole, 0, 0, chat_screen_width(screen));
    message_raw(line.data, line.n);
    gen_bytes_release(&line);
    free(whole);
}

void chat_screen_show(struct chat_screen *screen, const struct chat_message *message) {
    const struct gen_bytes *content = &message->content;
    if (screen->on_terminal) {
        begin_role(screen, message->role);
        put_wrapped(screen, content->data, content->n, true);
        text_out_write(&screen->out, "\n", 1);
        screen->wrap.column = 0;
        text_out_show(&screen->out);
        return;
    }
    const char *role = chat_role_names[message->role];
    screen->shown.n = 0;
    alloc_append(&screen->shown, role, strlen(role));
    alloc_append(&screen->shown, ": ", 2);
    terminal_text_append(&screen->shown, content->data, content->n);
    alloc_append(&screen->shown, "\n", 1);
    message_raw(screen->shown.data, screen->shown.n);
}
