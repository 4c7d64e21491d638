/*
 * Included before every source file under clang-tidy (see the Makefile), never in a build.
 *
 * The analyzer looks at one file at a time and so must assume that error_set() in another one
 * can return GEN_OK, and that what was not made is then used. These macros say that it returns
 * the status it was given.
 */
#define _GNU_SOURCE
#include "base/error.h"

#define error_set(err, status, ...) ((void)error_set((err), (status), __VA_ARGS__), (status))
#define error_no_memory(err, what)  ((void)error_no_memory((err), (what)), GEN_NO_MEMORY)
