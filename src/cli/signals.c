#include "cli/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/exit_code.h"

static volatile sig_atomic_t caught;
/** A checkpoint was asked for and not yet written. */
static volatile sig_atomic_t asked;
/** The handler writes to the second, so that a wait for input on the first ends. */
static int wake_pipe[2] = {-1, -1};

void signals_init(void) {
    /* Where one of the three is closed, the next file opened would take its place. What stands in
       for it fails as a closed one does: stdin cannot be read, the others cannot be written. */
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        int flags = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", flags) != fd) {
            exit(EXIT_FAILED);
        }
    }
    signal(SIGPIPE, SIG_DFL);
    /* A file that grows beyond ulimit -f is an error of its write, which cleans up, no death. */
    signal(SIGXFSZ, SIG_IGN);
}

static void on_signal(int number) {
    int saved = errno;
    caught = number;
    if (wake_pipe[1] >= 0 && write(wake_pipe[1], "", 1) < 0) {
        /* Full: then it is readable anyway. */
    }
    errno = saved;
}

void signals_catch(void) {
    if (wake_pipe[0] < 0 && pipe(wake_pipe) != 0) {
        wake_pipe[0] = wake_pipe[1] = -1;
    }
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    /* The second one finds the default again. */
    action.sa_flags = (int)SA_RESETHAND;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    struct sigaction before;
    if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN) {
        sigaction(SIGHUP, &action, NULL);
    }
}

static void on_ask(int number) {
    asked = number;
}

void signals_catch_checkpoint(void) {
    struct sigaction action = {.sa_handler = on_ask, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGUSR1, &action, NULL);
}

bool signals_checkpoint_asked(void) {
    bool was = asked != 0;
    asked = 0;
    return was;
}

void signals_ignore_pipe(void) {
    signal(SIGPIPE, SIG_IGN);
}

int signals_caught(void) {
    return caught;
}

int signals_fd(void) {
    return wake_pipe[0];
}
