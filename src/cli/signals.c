/**
 * signals.c - signals: what ends the program at once removes its temporary files first, what tells
 * it to stop (Ctrl-C) or to write a checkpoint is remembered. The jobs look for it, and decide how
 * they end.
 */
#include "cli/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/size.h"
#include "cli/exit_code.h"

static volatile sig_atomic_t caught;
/* A checkpoint was asked for and not yet written. */
static volatile sig_atomic_t asked;
/* The handler writes to the second, so that a wait for input on the first ends. */
static int wake_pipe[2] = {-1, -1};

/* End as the signal does by itself, but leave no temporary file. */
static void on_end(int number) {
    file_writer_remove_all();
    signal(number, SIG_DFL);
    raise(number);
}

/* A mapped file has no such page any more, or its disk failed. Nothing can be computed then. */
static void on_bus(int number, siginfo_t *info, void *context) {
    static const char line[] = "gen: a file became shorter while it was in use\n";
    static atomic_flag dies = ATOMIC_FLAG_INIT;
    (void)context;
    if (info->si_code != BUS_ADRERR) {
        on_end(number);
        return;
    }
    /* The threads of a product find it out together; one says so. */
    while (atomic_flag_test_and_set(&dies)) {
        pause();
    }
    file_writer_remove_all();
    if (write(STDERR_FILENO, line, sizeof line - 1) < 0) {
        /* Nobody hears it. */
    }
    _exit(EXIT_FAILED);
}

void signals_init(void) {
    /* Where one of the three is closed, the next file opened would take its place. What stands in
       for it fails as a closed one does: stdin cannot be read, the others cannot be written. */
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        int flags = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", flags) != fd) {
            exit(EXIT_FAILED);
        }
    }
    struct sigaction action = {.sa_handler = on_end};
    sigemptyset(&action.sa_mask);
    sigaction(SIGPIPE, &action, NULL);
    static const int ends[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXCPU};
    for (size_t i = 0; i < N_OF(ends); i++) {
        struct sigaction before;
        if (sigaction(ends[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) {
            sigaction(ends[i], &action, NULL);
        }
    }
    action = (struct sigaction){.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, NULL);
    /* A file that grows beyond ulimit -f is an error of its write, which cleans up, no death. */
    signal(SIGXFSZ, SIG_IGN);
}

static void on_signal(int number) {
    int saved = errno;
    caught = number;
    struct sigaction second = {.sa_handler = on_end};
    sigemptyset(&second.sa_mask);
    sigaction(number, &second, NULL);
    if (wake_pipe[1] >= 0 && write(wake_pipe[1], "", 1) < 0) {
        /* Full: then it is readable anyway. */
    }
    errno = saved;
}

/* What the signals do that ask a program to end. */
static void handle_ends(void (*handler)(int)) {
    struct sigaction action = {.sa_handler = handler};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    struct sigaction before;
    if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN) {
        sigaction(SIGHUP, &action, NULL);
    }
}

void signals_catch(void) {
    if (wake_pipe[0] < 0 && pipe(wake_pipe) != 0) {
        wake_pipe[0] = wake_pipe[1] = -1;
    }
    handle_ends(on_signal);
}

/* Like on_signal(), but a second one does no more than the first. */
static void on_interrupt(int number) {
    int saved = errno;
    if (caught == 0) {
        caught = number;
    }
    if (wake_pipe[1] >= 0 && write(wake_pipe[1], "", 1) < 0) {
        /* Full: then it is readable anyway. */
    }
    errno = saved;
}

void signals_keep_interrupt(void) {
    struct sigaction action = {.sa_handler = on_interrupt};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    /* What is read from the pipe must not be waited for, and its end not either. */
    for (int i = 0; i < 2; i++) {
        if (wake_pipe[i] >= 0) {
            fcntl(wake_pipe[i], F_SETFL, O_NONBLOCK);
        }
    }
}

bool signals_forget_interrupt(void) {
    char bytes[64];
    if (caught != SIGINT) {
        return false;
    }
    caught = 0;
    while (wake_pipe[0] >= 0 && read(wake_pipe[0], bytes, sizeof bytes) > 0) {
        /* Another signal has set `caught` before it wrote. */
    }
    return true;
}

void signals_remove_files(void) {
    handle_ends(on_end);
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
