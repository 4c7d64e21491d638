/**
 * embedded.h - the model compiled into the program, so that gen works with no file at hand.
 *
 * The Makefile names the GGUF file; its bytes lie in the program's read-only data, aligned for
 * gen_model_open_memory() and paged in only when they are used. A program built before the model
 * existed (it is `gen convert` that makes it) has none.
 */
#ifndef CLI_EMBEDDED_H
#define CLI_EMBEDDED_H

#include <stddef.h>

/** The image and its size; NULL and 0 if the program was built without one. */
const unsigned char *embedded_model(size_t *size);

/** The model's name, such as "tales-6m"; "" if there is none. */
const char *embedded_model_name(void);

#endif
