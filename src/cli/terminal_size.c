/**
 * terminal_size.c - the size of a terminal, as its driver has it at the moment.
 */
#include "cli/terminal_size.h"

#include <sys/ioctl.h>

size_t terminal_columns(int fd) {
    struct winsize size;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

size_t terminal_rows(int fd) {
    struct winsize size;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_row : 0;
}
