/**
 * pager.c - $PAGER, or less. It gets the text through a pipe and the terminal for itself until its
 * user has read enough.
 */
#include "cli/pager.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/exit_code.h"
#include "cli/terminal_size.h"
#include "cli/text_out.h"
#include "cli/write_fd.h"

/* What a shell gives as its status for a command that is not there, or is no program. */
enum { NOT_FOUND = 127, NOT_RUN = 126 };

static int show_plainly(const char *text, size_t n) {
    struct text_out out;
    if (!text_out_open(&out, NULL)) {
        return EXIT_FAILED;
    }
    text_out_write(&out, text, n);
    return text_out_close(&out) ? EXIT_DONE : EXIT_FAILED;
}

/* Whether the text has fewer lines than stdout's terminal; also where stdout is none. */
static bool fits(const char *text, size_t n) {
    size_t rows = terminal_rows(STDOUT_FILENO);
    size_t lines = 0;
    for (size_t i = 0; i < n; i++) {
        lines += text[i] == '\n' ? 1 : 0;
    }
    return isatty(STDOUT_FILENO) != 1 || (rows > 0 && lines < rows);
}

/* The command of the pager, or NULL: the text is shown without one. */
static const char *find_pager(void) {
    const char *pager = getenv("PAGER");
    const char *terminal = getenv("TERM");
    if (pager == NULL) {
        bool is_dumb = terminal == NULL || strcmp(terminal, "dumb") == 0;
        return is_dumb ? NULL : "less";
    }
    return *pager != '\0' && strcmp(pager, "cat") != 0 ? pager : NULL;
}

/* In the child: become the pager, which reads from `fd`. */
static void become(const char *pager, int fd) {
    dup2(fd, STDIN_FILENO);
    close(fd);
    /* What a user of less has not decided otherwise: colours as they are, the text stays. */
    setenv("LESS", "RX", 0);
    execl("/bin/sh", "sh", "-c", pager, (char *)NULL);
    _exit(NOT_RUN);
}

/* Have the pager show the text; false if it could not be started. */
static bool page(const char *pager, const char *text, size_t n) {
    int ends[2];
    if (pipe(ends) != 0) {
        return false;
    }
    pid_t child = fork();
    if (child == 0) {
        close(ends[1]);
        become(pager, ends[0]);
    }
    close(ends[0]);
    int status = 0;
    if (child > 0) {
        /* Ctrl-C is the pager's while it has the terminal; and it may end before it has read all.
         */
        signal(SIGINT, SIG_IGN);
        signal(SIGQUIT, SIG_IGN);
        signal(SIGPIPE, SIG_IGN);
        write_fd(ends[1], text, n);
    }
    close(ends[1]);
    if (child < 0 || waitpid(child, &status, 0) != child) {
        return false;
    }
    return !WIFEXITED(status) ||
           (WEXITSTATUS(status) != NOT_FOUND && WEXITSTATUS(status) != NOT_RUN);
}

int pager_show(const char *text, size_t n) {
    const char *pager = fits(text, n) ? NULL : find_pager();
    if (pager != NULL && page(pager, text, n)) {
        return EXIT_DONE;
    }
    return show_plainly(text, n);
}
