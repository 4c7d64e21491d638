/**
 * memory.h - the one place that allocates.
 *
 * Sizes are given as count and element size and their product is checked, so a size read from a
 * file cannot wrap around. Every function returns NULL on failure; memory_free() takes NULL.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/** Alignment of memory_new_aligned: a cache line, and the widest vector. */
#define MEMORY_ALIGNMENT 64

/** `count` elements of `size` bytes, zeroed. A count of 0 gives a unique pointer. */
void *memory_new(size_t count, size_t size);
/** The same, aligned to MEMORY_ALIGNMENT; zeroed lazily by the system when large. */
void *memory_new_aligned(size_t count, size_t size);
/**
 * Say that the n bytes at `pointer`, from memory_new_aligned, will be filled whole and then read
 * over and over: the system may use huge pages for them, which weights are read faster from
 * (scripts/SPEED.md).
 */
void memory_will_fill(void *pointer, size_t n);
/**
 * Have the whole pages within n bytes at `pointer`, any memory from here, made at once, for tables
 * that are written here and there. Else each page costs a fault of its own, and two where it is
 * read before it is written, as in hash tables: at the second all other threads are interrupted.
 * The contents do not change. Does nothing where the system cannot (before Linux 5.14).
 */
void memory_touch(void *pointer, size_t n);
/** Free memory of memory_new and memory_grow. */
void memory_free(void *pointer);
/** Free memory of memory_new_aligned; count and size as they were given. */
void memory_free_aligned(void *pointer, size_t count, size_t size);

/**
 * Make room for at least `needed` elements of `size` bytes in the array *pointer, whose capacity
 * in elements is *capacity; grows by half, so that appending is linear. New elements are not
 * zeroed. Returns false and changes nothing on failure.
 */
bool memory_grow(void *pointer, size_t *capacity, size_t needed, size_t size);

/** A copy of n bytes with a NUL after them. */
char *memory_copy_string(const char *bytes, size_t n);

/** *product = a * b, *sum = a + b; false where the result does not fit. */
bool memory_multiply(size_t a, size_t b, size_t *product);
bool memory_add(size_t a, size_t b, size_t *sum);

#endif
