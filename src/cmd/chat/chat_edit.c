/**
 * chat_edit.c - libedit, as far as gen chat needs it. Signals are our own: libedit's handlers would
 * send them on to the whole process group. Its settings file is not read.
 */
#include "cmd/chat/chat_edit.h"

#include <stddef.h>

#ifdef HAVE_LIBEDIT

#include <errno.h>
#include <histedit.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "cli/alloc.h"

/* Lines that the arrow keys go back to. */
#define HISTORY_LINES 1000
/* Around what has no width in a prompt. */
#define INVISIBLE '\1'

const bool chat_edit_there = true;

struct chat_edit {
    EditLine *editor;
    History *history;
    int file;  /* of the history */
    int other; /* see the header */
    char prompt[80];
    bool gone;
};

static volatile sig_atomic_t interrupted, resized, continued;

static void on_signal(int number) {
    if (number == SIGINT) {
        interrupted = 1;
    } else if (number == SIGWINCH) {
        resized = 1;
    } else {
        continued = 1;
    }
}

static void catch_signals(void) {
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGWINCH, &action, NULL);
    sigaction(SIGCONT, &action, NULL);
}

/* ---- characters ------------------------------------------------------------------------------*/

static struct chat_edit *of(EditLine *editor) {
    struct chat_edit *edit = NULL;
    el_get(editor, EL_CLIENTDATA, (void *)&edit);
    return edit;
}

/* Wait for a byte; false: the line is given up. */
static bool wait_byte(struct chat_edit *edit) {
    struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = edit->other}};
    for (;;) {
        if (interrupted != 0) {
            return false;
        }
        if (resized != 0) {
            resized = 0;
            el_resize(edit->editor);
        }
        if (continued != 0) {
            continued = 0;
            el_set(edit->editor, EL_PREP_TERM, 1);
            el_set(edit->editor, EL_REFRESH);
        }
        int n = poll(fds, 2, -1);
        if (n > 0 && fds[1].revents != 0) {
            edit->gone = true;
            return false;
        }
        if (n > 0) {
            return true;
        }
    }
}

/* The next character, of as many bytes as it has; bytes that are none are passed over. */
static int next_character(EditLine *editor, wchar_t *character) {
    struct chat_edit *edit = of(editor);
    mbstate_t state = {0};
    for (;;) {
        char byte;
        if (!wait_byte(edit)) {
            return -1;
        }
        ssize_t n = read(STDIN_FILENO, &byte, 1);
        if (n == 0) {
            return 0;
        }
        if (n < 0) {
            if (errno == EINTR || errno == EAGAIN) {
                continue;
            }
            return -1;
        }
        size_t length = mbrtowc(character, &byte, 1, &state);
        if (length == (size_t)-1) {
            memset(&state, 0, sizeof state);
        } else if (length != (size_t)-2) {
            return 1;
        }
    }
}

static char *prompt_of(EditLine *editor) {
    return of(editor)->prompt;
}

/* ---- history ---------------------------------------------------------------------------------*/

static void remember(struct chat_edit *edit, const char *line) {
    HistEvent event;
    if (line[strspn(line, " \t")] != '\0') {
        history(edit->history, &event, H_ENTER, line);
    }
}

static void read_history(struct chat_edit *edit) {
    FILE *file = edit->file >= 0 ? fdopen(dup(edit->file), "r") : NULL;
    char *line = NULL;
    size_t size = 0;
    while (file != NULL && getline(&line, &size, file) > 0) {
        line[strcspn(line, "\n")] = '\0';
        remember(edit, line);
    }
    free(line);
    if (file != NULL) {
        fclose(file);
    }
}

static void append_history(const struct chat_edit *edit, const struct gen_bytes *line) {
    struct gen_bytes whole = {0};
    alloc_append(&whole, line->data, line->n);
    alloc_append(&whole, "\n", 1);
    if (edit->file >= 0 && write(edit->file, whole.data, whole.n) < 0) {
        /* The line is sent all the same. */
    }
    gen_bytes_release(&whole);
}

/* ---- the editor ------------------------------------------------------------------------------*/

struct chat_edit *chat_edit_new(int history_file, int other) {
    struct chat_edit *edit = alloc_new(1, sizeof *edit);
    HistEvent event;
    /* Text is UTF-8, whatever the locale is. */
    setlocale(LC_CTYPE, "");
    if (MB_CUR_MAX == 1) {
        setlocale(LC_CTYPE, "C.UTF-8");
    }
    edit->file = history_file;
    edit->other = other;
    edit->history = history_init();
    edit->editor = el_init("gen", stdin, isatty(STDOUT_FILENO) ? stdout : stderr, stderr);
    if (edit->editor == NULL || edit->history == NULL) {
        chat_edit_free(edit);
        return NULL;
    }
    history(edit->history, &event, H_SETSIZE, HISTORY_LINES);
    history(edit->history, &event, H_SETUNIQUE, 1);
    el_set(edit->editor, EL_CLIENTDATA, edit);
    el_set(edit->editor, EL_SIGNAL, 0);
    el_set(edit->editor, EL_EDITOR, "emacs");
    el_set(edit->editor, EL_PROMPT_ESC, prompt_of, INVISIBLE);
    el_set(edit->editor, EL_HIST, history, edit->history);
    el_set(edit->editor, EL_GETCFN, next_character);
    catch_signals();
    read_history(edit);
    return edit;
}

void chat_edit_free(struct chat_edit *edit) {
    if (edit == NULL) {
        return;
    }
    if (edit->editor != NULL) {
        el_end(edit->editor);
    }
    if (edit->history != NULL) {
        history_end(edit->history);
    }
    free(edit);
}

/* Put the marks of INVISIBLE around the colors. */
static void set_prompt(struct chat_edit *edit, const char *text) {
    size_t n = 0;
    bool in_escape = false;
    for (const char *at = text; *at != '\0' && n + 3 < sizeof edit->prompt; at++) {
        if (*at == '\033') {
            edit->prompt[n++] = INVISIBLE;
            in_escape = true;
        }
        edit->prompt[n++] = *at;
        if (in_escape && *at == 'm') {
            edit->prompt[n++] = INVISIBLE;
            in_escape = false;
        }
    }
    edit->prompt[n] = '\0';
}

enum chat_edit_result chat_edit_line(struct chat_edit *edit, const char *prompt,
                                     const char *beginning, struct gen_bytes *line) {
    set_prompt(edit, prompt);
    interrupted = 0;
    if (*beginning != '\0') {
        el_push(edit->editor, beginning);
    }
    for (;;) {
        int n = 0;
        const char *typed = el_gets(edit->editor, &n);
        if (typed != NULL && n > 0) {
            line->n = 0;
            alloc_append(line, typed, (size_t)n - (typed[n - 1] == '\n' ? 1 : 0));
            alloc_append(line, "", 1);
            line->n--;
            remember(edit, line->data);
            append_history(edit, line);
            return CHAT_EDIT_LINE;
        }
        if (edit->gone) {
            el_set(edit->editor, EL_PREP_TERM, 0);
            return CHAT_EDIT_GONE;
        }
        if (interrupted == 0) {
            return CHAT_EDIT_END;
        }
        interrupted = 0;
        if (write(STDOUT_FILENO, "\n", 1) < 0) {
            /* The next read says what the matter is. */
        }
    }
}

#else

const bool chat_edit_there = false;

struct chat_edit *chat_edit_new(int history, int other) {
    (void)history;
    (void)other;
    return NULL;
}

void chat_edit_free(struct chat_edit *edit) {
    (void)edit;
}

enum chat_edit_result chat_edit_line(struct chat_edit *edit, const char *prompt,
                                     const char *beginning, struct gen_bytes *line) {
    (void)edit;
    (void)prompt;
    (void)beginning;
    (void)line;
    return CHAT_EDIT_END;
}

#endif
