/**
 * chat_front.c - lines as they are typed or piped, and files by the name that a line has. Editing
 * of lines is chat_edit.c's; where that cannot be had, the terminal's own is used.
 */
#include "cmd/chat/chat_front.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "cli/alloc.h"
#include "cli/input.h"
#include "cli/message.h"
#include "cmd/chat/chat_commands.h"
#include "cmd/chat/chat_edit.h"
#include "cmd/chat/chat_frames.h"

/* Most bytes of a conversation in a file. */
#define FILE_LIMIT ((size_t)64 << 20)

#define GREEN  "\033[1;32m"
#define NORMAL "\033[0m"

struct state {
    const struct chat_front *front;
    struct chat_edit *edit; /* NULL: none */
    struct gen_bytes line;  /* the last one */
    struct gen_error err;
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number) {
    interrupted = number;
}

/* ---- lines without an editor -----------------------------------------------------------------*/

static void prompt(const char *text) {
    int fd = isatty(STDOUT_FILENO) ? STDOUT_FILENO : STDERR_FILENO;
    if (write(fd, text, strlen(text)) < 0) {
        /* What is typed may be read all the same. */
    }
}

/* Wait for a line; false if Ctrl-C dropped it. */
static bool wait_line(struct state *state) {
    while (!input_ready(state->front->input, &state->line, '\n', INPUT_PROMPT_LIMIT)) {
        struct pollfd fds[2] = {{.fd = state->front->input->fd, .events = POLLIN},
                                {.fd = state->front->asked, .events = 0}};
        int n = poll(fds, 2, -1);
        if (n > 0 && fds[1].revents != 0) {
            _exit(0); /* the other process is gone */
        }
        if (n < 0 && interrupted != 0) {
            interrupted = 0; /* the terminal has dropped what was typed */
            prompt("\n");
            return false;
        }
    }
    return true;
}

static enum chat_frame plain_line(struct state *state, const char *text) {
    if (state->front->interactive) {
        prompt(text);
    }
    if (!wait_line(state)) {
        return CHAT_DROPPED;
    }
    switch (input_next(state->front->input, &state->line, '\n', INPUT_PROMPT_LIMIT, &state->err)) {
    case INPUT_RECORD:
        return CHAT_LINE;
    case INPUT_END:
        return CHAT_END;
    default:
        return CHAT_FAILED;
    }
}

static enum chat_frame next_line(struct state *state, enum chat_prompt which,
                                 const char *beginning) {
    bool color = state->front->color;
    char text[60];
    snprintf(text, sizeof text, "%s%s%s ", color ? GREEN : "",
             which == CHAT_PROMPT_USER ? "User:" : "...", color ? NORMAL : "");
    if (state->edit == NULL) {
        return plain_line(state, text);
    }
    switch (chat_edit_line(state->edit, text, beginning, &state->line)) {
    case CHAT_EDIT_LINE:
        return CHAT_LINE;
    case CHAT_EDIT_DROPPED:
        return CHAT_DROPPED;
    case CHAT_EDIT_END:
        return CHAT_END;
    case CHAT_EDIT_GONE:
        break;
    }
    _exit(0);
}

/* ---- files -----------------------------------------------------------------------------------*/

/* The FILE of the last line, if that is the command; to be freed. */
static char *file_of(struct state *state, const char *command) {
    alloc_append(&state->line, "", 1);
    const char *argument = chat_command_argument(state->line.data, command);
    state->line.n--;
    if (argument == NULL || *argument == '\0') {
        message_set(&state->err, GEN_BAD_ARGUMENT, "%s needs a file", command);
        return NULL;
    }
    return alloc_printf("%s", argument);
}

static bool save(struct state *state, const struct gen_bytes *bytes) {
    char *path = file_of(state, "/save");
    struct file_writer writer = {0};
    bool good = path != NULL && file_writer_open(&writer, path, &state->err) == GEN_OK;
    good = good && file_writer_put(&writer, bytes->data, bytes->n, &state->err) == GEN_OK &&
           file_writer_commit(&writer, &state->err) == GEN_OK;
    file_writer_close(&writer);
    free(path);
    return good;
}

static bool load(struct state *state, struct gen_bytes *bytes) {
    char *path = file_of(state, "/load"), *text = NULL;
    size_t n = 0;
    bool good = path != NULL && file_read(&text, &n, path, FILE_LIMIT, &state->err) == GEN_OK;
    bytes->n = 0;
    if (good) {
        alloc_append(bytes, text, n);
    }
    memory_free(text);
    free(path);
    return good;
}

/* ---- the process -----------------------------------------------------------------------------*/

static void set_signals(bool interactive) {
    struct sigaction action = {.sa_handler = interactive ? on_interrupt : SIG_IGN};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    /* The other process ends, and with it this one, which leaves the terminal as it was. */
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
}

/* Whoever reads the answers hears of their end by the other process alone. */
static void let_go_of_stdout(void) {
    int null = open("/dev/null", O_WRONLY);
    if (null >= 0) {
        dup2(null, STDOUT_FILENO);
        close(null);
    }
}

static enum chat_frame answer(struct state *state, enum chat_frame asked, struct gen_bytes *bytes) {
    enum chat_frame frame = CHAT_FAILED;
    switch (asked) {
    case CHAT_ASK:
        alloc_append(bytes, "", 1);
        frame = next_line(state, (enum chat_prompt)bytes->data[0], bytes->data + 1);
        bytes->n = 0;
        if (frame == CHAT_LINE) {
            alloc_append(bytes, state->line.data, state->line.n);
        }
        break;
    case CHAT_SAVE:
        frame = save(state, bytes) ? CHAT_DONE : CHAT_FAILED;
        break;
    default:
        frame = load(state, bytes) ? CHAT_LINE : CHAT_FAILED;
        break;
    }
    if (frame == CHAT_FAILED) {
        bytes->n = 0;
        alloc_append(bytes, state->err.message, strlen(state->err.message));
    }
    return frame;
}

_Noreturn void chat_front_run(const struct chat_front *front) {
    struct state state = {.front = front};
    struct gen_bytes bytes = {0};
    enum chat_frame asked;
    message_silence(true); /* what happens is said by the other process */
    set_signals(front->interactive);
    if (front->interactive) {
        state.edit = chat_edit_new(front->history, front->asked);
    } else {
        let_go_of_stdout();
    }
    while (chat_frame_receive(front->asked, &asked, &bytes)) {
        enum chat_frame frame = answer(&state, asked, &bytes);
        if (!chat_frame_send(front->answers, frame, bytes.data, bytes.n)) {
            break;
        }
    }
    chat_edit_free(state.edit);
    _exit(0);
}
