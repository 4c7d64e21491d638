/**
 * chat_reader.c - starting the process that reads, asking it for lines, and messages made of lines.
 */
#include "cmd/chat/chat_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "cli/alloc.h"
#include "cli/message.h"
#include "cli/signals.h"
#include "cmd/chat/chat_edit.h"
#include "cmd/chat/chat_frames.h"
#include "cmd/chat/chat_front.h"
#include "text/lines.h"

#define QUOTES "\"\"\""

/* ---- the other process -----------------------------------------------------------------------*/

static void shut(int *fd) {
    if (*fd >= 0) {
        close(*fd);
    }
    *fd = -1;
}

static enum gen_status open_history(int *history, const struct chat_settings *settings,
                                    bool interactive, struct gen_error *err) {
    *history = -1;
    if (settings->history == NULL) {
        return GEN_OK;
    }
    if (interactive && !chat_edit_there) {
        message_set(err, GEN_UNSUPPORTED,
                    "--history needs the editor of lines, without which this gen was built "
                    "(install libedit's development package and run make again)");
        return GEN_UNSUPPORTED;
    }
    *history = open(settings->history, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (*history < 0) {
        message_set(err, GEN_IO_ERROR, "%.300s: cannot open the history: %s", settings->history,
                    strerror(errno));
        return GEN_IO_ERROR;
    }
    return GEN_OK;
}

enum gen_status chat_reader_start(struct chat_reader *reader, const struct chat_settings *settings,
                                  bool color, struct gen_error *err) {
    const char *file = settings->generate.file;
    bool from_stdin = file == NULL || strcmp(file, "-") == 0;
    int asked[2] = {-1, -1}, answers[2] = {-1, -1}, history = -1;
    *reader = (struct chat_reader){
        .ask = -1, .answers = -1, .interactive = from_stdin && isatty(STDIN_FILENO) == 1};
    reader->edits = reader->interactive && chat_edit_there;
    struct input input;
    enum gen_status status = open_history(&history, settings, reader->interactive, err);
    if (status == GEN_OK) {
        status = input_open(&input, file, err);
    }
    if (status != GEN_OK) {
        shut(&history);
        return status;
    }
    pid_t child = pipe(asked) == 0 && pipe(answers) == 0 ? fork() : -1;
    if (child < 0) {
        message_set(err, GEN_IO_ERROR, "cannot start a process that reads what is typed: %s",
                    strerror(errno));
        status = GEN_IO_ERROR;
    }
    if (child == 0) {
        shut(&asked[1]);
        shut(&answers[0]);
        const struct chat_front front = {.asked = asked[0],
                                         .answers = answers[1],
                                         .input = &input,
                                         .history = history,
                                         .interactive = reader->interactive,
                                         .color = color};
        chat_front_run(&front);
    }
    shut(&asked[0]);
    shut(&answers[1]);
    shut(&history);
    input_close(&input);
    reader->ask = asked[1];
    reader->answers = answers[0];
    return status;
}

void chat_reader_stop(struct chat_reader *reader) {
    shut(&reader->ask);
    shut(&reader->answers);
    gen_bytes_release(&reader->line);
    *reader = (struct chat_reader){.ask = -1, .answers = -1};
}

/* ---- questions -------------------------------------------------------------------------------*/

/* Wait for an answer; false if a signal asks to stop. Ctrl-C at a prompt is the other's. */
static bool wait_answer(struct chat_reader *reader) {
    for (;;) {
        if (signals_caught() != 0 && !(reader->interactive && signals_forget_interrupt())) {
            return false;
        }
        struct pollfd fds[2] = {{.fd = reader->answers, .events = POLLIN},
                                {.fd = signals_fd(), .events = POLLIN}};
        int n = poll(fds, 2, -1);
        if (n > 0 && fds[0].revents != 0) {
            return true;
        }
    }
}

static enum chat_frame ask(struct chat_reader *reader, enum chat_frame question, const char *bytes,
                           size_t n, struct gen_bytes *answer, struct gen_error *err) {
    enum chat_frame frame;
    if (reader->gone) {
        return CHAT_END;
    }
    if (!chat_frame_send(reader->ask, question, bytes, n) || !wait_answer(reader) ||
        !chat_frame_receive(reader->answers, &frame, answer)) {
        reader->gone = true; /* what comes now may be the rest of something */
        message_set(err, GEN_IO_ERROR,
                    "the process that reads lines and files is gone (too little memory?)");
        return signals_caught() != 0 ? CHAT_END : CHAT_FAILED;
    }
    if (frame == CHAT_FAILED) {
        message_set(err, GEN_IO_ERROR, "%.*s", (int)answer->n, answer->n > 0 ? answer->data : "");
    }
    return frame;
}

bool chat_reader_save(struct chat_reader *reader, const struct gen_bytes *bytes,
                      struct gen_error *err) {
    return ask(reader, CHAT_SAVE, bytes->data, bytes->n, &reader->line, err) == CHAT_DONE;
}

bool chat_reader_load(struct chat_reader *reader, struct gen_bytes *bytes, struct gen_error *err) {
    return ask(reader, CHAT_LOAD, NULL, 0, bytes, err) == CHAT_LINE;
}

/* ---- messages --------------------------------------------------------------------------------*/

static enum chat_frame next_line(struct chat_reader *reader, enum chat_prompt prompt,
                                 const char *beginning, struct gen_error *err) {
    struct gen_bytes question = {0};
    char which = (char)prompt;
    alloc_append(&question, &which, 1);
    alloc_append(&question, beginning, strlen(beginning));
    enum chat_frame frame = ask(reader, CHAT_ASK, question.data, question.n, &reader->line, err);
    gen_bytes_release(&question);
    if (frame == CHAT_LINE) {
        reader->line.n = text_without_cr(reader->line.data, reader->line.n);
    }
    return frame;
}

static bool begins_with(const struct gen_bytes *line, const char *text) {
    return line->n >= strlen(text) && memcmp(line->data, text, strlen(text)) == 0;
}

static bool ends_with(const struct gen_bytes *line, const char *text) {
    size_t n = strlen(text);
    return line->n >= n && memcmp(line->data + line->n - n, text, n) == 0;
}

/* The lines from one """ to the next. */
static enum chat_frame quoted(struct chat_reader *reader, struct gen_bytes *text,
                              struct gen_error *err) {
    size_t n = strlen(QUOTES);
    struct gen_bytes *line = &reader->line;
    line->n -= n;
    memmove(line->data, line->data + n, line->n);
    if (begins_with(line, "\n")) { /* pasted at once */
        memmove(line->data, line->data + 1, --line->n);
    }
    for (bool first = true;; first = false) {
        bool last = ends_with(line, QUOTES);
        size_t n_line = line->n - (last ? n : 0);
        n_line -= first && last && n_line > 0 && line->data[n_line - 1] == '\n' ? 1 : 0;
        if (!first && (n_line > 0 || !last) && text->n > 0) {
            alloc_append(text, "\n", 1);
        }
        alloc_append(text, line->data, n_line);
        if (last) {
            return CHAT_LINE;
        }
        enum chat_frame frame = next_line(reader, CHAT_PROMPT_MORE, "", err);
        if (frame != CHAT_LINE) {
            return frame;
        }
    }
}

/* A line, and those that it goes on in. */
static enum chat_frame joined(struct chat_reader *reader, struct gen_bytes *text,
                              struct gen_error *err) {
    while (ends_with(&reader->line, "\\")) {
        alloc_append(text, reader->line.data, reader->line.n - 1);
        alloc_append(text, "\n", 1);
        enum chat_frame frame = next_line(reader, CHAT_PROMPT_MORE, "", err);
        if (frame != CHAT_LINE) {
            return frame;
        }
    }
    alloc_append(text, reader->line.data, reader->line.n);
    return CHAT_LINE;
}

enum chat_got chat_reader_next(struct chat_reader *reader, const char *beginning,
                               struct gen_bytes *text, struct gen_error *err) {
    bool is_command = false;
    text->n = 0;
    enum chat_frame frame = next_line(reader, CHAT_PROMPT_USER, beginning, err);
    if (frame == CHAT_LINE && text_is_blank(reader->line.data, reader->line.n)) {
        frame = CHAT_DROPPED;
    }
    if (frame == CHAT_LINE && begins_with(&reader->line, QUOTES)) {
        frame = quoted(reader, text, err);
    } else if (frame == CHAT_LINE) {
        is_command = begins_with(&reader->line, "/") && !begins_with(&reader->line, "//");
        if (begins_with(&reader->line, "//")) {
            memmove(reader->line.data, reader->line.data + 1, --reader->line.n);
        }
        frame = is_command ? CHAT_LINE : joined(reader, text, err);
        if (is_command) {
            alloc_append(text, reader->line.data, reader->line.n);
        }
    }
    alloc_append(text, "", 1);
    text->n--;
    if (frame == CHAT_FAILED || frame == CHAT_DROPPED) {
        return frame == CHAT_FAILED ? CHAT_GOT_ERROR : CHAT_GOT_NOTHING;
    }
    /* The input may end within a message. */
    bool some = frame == CHAT_LINE || (text->n > 0 && signals_caught() == 0);
    return !some ? CHAT_GOT_END : is_command ? CHAT_GOT_COMMAND : CHAT_GOT_MESSAGE;
}
