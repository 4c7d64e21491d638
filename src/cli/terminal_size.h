/**
 * terminal_size.h - how large a terminal is.
 */
#ifndef CLI_TERMINAL_SIZE_H
#define CLI_TERMINAL_SIZE_H

#include <stddef.h>

/** Columns, and rows, of the terminal that `fd` is; 0 where it is none or does not say. */
size_t terminal_columns(int fd);
size_t terminal_rows(int fd);

#endif
