/**
 * alloc.h - memory for the program: a failed allocation ends it with one line and status 1.
 *
 * The library reports a lack of memory as a value; the program, which has nothing to save, does
 * not. Free with free().
 */
#ifndef CLI_ALLOC_H
#define CLI_ALLOC_H

#include <stddef.h>
#include <stdint.h>

#include "cli/message.h"
#include "gen.h"

/** End the program as the others do: for memory that a library did not get. Any thread may. */
_Noreturn void alloc_failed(void);

/** `count` zeroed elements of `size` bytes. */
void *alloc_new(size_t count, size_t size);

/**
 * Make room for `needed` elements of `size` bytes in the array *pointer of *capacity elements;
 * grows by half, so that appending is linear.
 */
void alloc_grow(void *pointer, size_t *capacity, size_t needed, size_t size);

/** A formatted string of its own. */
char *alloc_printf(const char *format, ...) MESSAGE_PRINTF(1, 2);

/** Append n bytes. */
void alloc_append(struct gen_bytes *bytes, const char *more, size_t n);

/** Append n ids. */
void alloc_append_ids(struct gen_ids *ids, const int32_t *more, size_t n);

/** Append the text of n ids of this tokenizer, which are in range. */
void alloc_decode(struct gen_bytes *text, const struct gen_tokenizer *tokenizer, const int32_t *ids,
                  size_t n);

#endif
