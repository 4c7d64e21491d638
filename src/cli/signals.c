#include "cli/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/exit_code.h"

static volatile sig_atomic_t caught;
/** The handler writes to the second, so that a wait for input on the first ends. */
static int wake_pipe[2] = {-1, -1};

void signals_init(void) {
    /* Where one of the three is closed, the next file opened would take its place. Opened for
       reading alone, so that a write to it fails as it would to a closed one. */
    int fd;
    do {
        fd = open("/dev/null", O_RDONLY);
        if (fd < 0) {
            exit(EXIT_FAILED);
        }
    } while (fd <= STDERR_FILENO);
    close(fd);
    signal(SIGPIPE, SIG_DFL);
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
}

int signals_caught(void) {
    return caught;
}

int signals_fd(void) {
    return wake_pipe[0];
}
