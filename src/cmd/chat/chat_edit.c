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

/* ---- what is pasted --------------------------------------------------------------------------*/

/* A terminal that knows bracketed paste puts these around it, if it is asked to. */
#define PASTE_BEGIN "\033[200~"
#define PASTE_END   "\033[201~"

static void ask_for_brackets(bool on) {
    const char *terminal = getenv("TERM"), *text = on ? "\033[?2004h" : "\033[?2004l";
    int fd = isatty(STDOUT_FILENO) ? STDOUT_FILENO : STDERR_FILENO;
    if (terminal == NULL || strcmp(terminal, "dumb") == 0) {
        return;
    }
    if (write(fd, text, strlen(text)) < 0) {
        /* Then each line of what is pasted is a message. */
    }
}

/* Insert all up to PASTE_END: newlines and tabs are text here, and what else controls is dropped.
 */
static unsigned char paste(EditLine *editor, int key) {
    static const wchar_t end[] = L"" PASTE_END;
    size_t n_end = 0;
    wchar_t text[2] = {0}, character, last = L'\0';
    (void)key;
    while (el_wgetc(editor, &character) == 1) {
        n_end = character == end[n_end] ? n_end + 1 : character == end[0] ? 1 : 0;
        if (end[n_end] == L'\0') {
            return CC_REFRESH;
        }
        bool second_half = character == L'\n' && last == L'\r';
        last = character;
        text[0] = character == L'\r' ? L'\n' : character;
        bool is_text = (*text >= L' ' && *text != L'\177') || *text == L'\n' || *text == L'\t';
        if (n_end == 0 && is_text && !second_half) {
            el_winsertstr(editor, text);
        }
    }
    return CC_REFRESH; /* what the matter is, the editor sees */
}

/* Let the text be there, as if it were pasted. */
static void push(struct chat_edit *edit, const char *text) {
    struct gen_bytes keys = {0};
    alloc_append(&keys, PASTE_BEGIN, strlen(PASTE_BEGIN));
    for (; *text != '\0'; text++) {
        alloc_append(&keys, text, *text == '\033' ? 0 : 1);
    }
    alloc_append(&keys, PASTE_END, sizeof PASTE_END);
    el_push(edit->editor, keys.data);
    gen_bytes_release(&keys);
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
    struct gen_bytes whole = {0};
    char *line = NULL;
    size_t size = 0;
    while (file != NULL && getline(&line, &size, file) > 0) {
        size_t n = strcspn(line, "\n");
        bool goes_on = n > 0 && line[n - 1] == '\\';
        line[goes_on ? n - 1 : n] = goes_on ? '\n' : '\0';
        alloc_append(&whole, line, goes_on ? n : n + 1);
        if (!goes_on) {
            remember(edit, whole.data);
            whole.n = 0;
        }
    }
    gen_bytes_release(&whole);
    free(line);
    if (file != NULL) {
        fclose(file);
    }
}

static void append_history(const struct chat_edit *edit, const struct gen_bytes *line) {
    struct gen_bytes whole = {0};
    for (size_t i = 0; i < line->n; i++) {
        alloc_append(&whole, "\\", line->data[i] == '\n' ? 1 : 0);
        alloc_append(&whole, &line->data[i], 1);
    }
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
    /* Wide, as libedit keeps copies of others and forgets them. */
    el_wset(edit->editor, EL_ADDFN, L"gen-paste", L"insert what is pasted", paste);
    el_set(edit->editor, EL_BIND, PASTE_BEGIN, "gen-paste", NULL);
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

static enum chat_edit_result get_line(struct chat_edit *edit, struct gen_bytes *line) {
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
    return interrupted != 0 ? CHAT_EDIT_DROPPED : CHAT_EDIT_END;
}

enum chat_edit_result chat_edit_line(struct chat_edit *edit, const char *prompt,
                                     const char *beginning, struct gen_bytes *line) {
    set_prompt(edit, prompt);
    interrupted = 0;
    if (*beginning != '\0') {
        push(edit, beginning);
    }
    ask_for_brackets(true);
    enum chat_edit_result result = get_line(edit, line);
    ask_for_brackets(false);
    if (result == CHAT_EDIT_DROPPED && write(STDOUT_FILENO, "\n", 1) < 0) {
        /* The next read says what the matter is. */
    }
    return result;
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
