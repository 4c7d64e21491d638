/**
 * pager.h - what is longer than the screen goes through a pager.
 */
#ifndef CLI_PAGER_H
#define CLI_PAGER_H

#include <stddef.h>

/**
 * Show text[n] on stdout: through $PAGER where stdout is a terminal that the text does not fit on,
 * else as it is. Without $PAGER it is less, if there is one; PAGER= and PAGER=cat want none.
 * Returns an exit code, after a message if the text could not be written.
 */
int pager_show(const char *text, size_t n);

#endif
