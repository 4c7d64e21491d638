/**
 * write_fd.h - write to a terminal, a pipe or a socket, whose reader may have stopped reading.
 */
#ifndef CLI_WRITE_FD_H
#define CLI_WRITE_FD_H

#include <stddef.h>

/**
 * Write all n bytes. Returns 0, an errno value, or ECANCELED: a signal asked to stop (signals.h),
 * and for half a second nobody took anything; then there is nothing to say.
 */
int write_fd(int fd, const char *bytes, size_t n);

#endif
