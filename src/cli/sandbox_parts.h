/**
 * sandbox_parts.h - the two halves of the sandbox, for sandbox.c. Each returns NULL when it is in
 * force, else why it is not, as half a sentence of static text; the process is then as it was.
 */
#ifndef CLI_SANDBOX_PARTS_H
#define CLI_SANDBOX_PARTS_H

#include <stdbool.h>
#include <stddef.h>

/** writes_files: whether files will still be renamed, removed and flushed to the disk. */
const char *sandbox_enter_seccomp(bool writes_files);

/** outputs: directories in which files will still be renamed and removed; NULLs are passed over.
 *  makes_in: one in which files are made, or NULL. */
const char *sandbox_enter_landlock(const char *const *outputs, size_t n_outputs,
                                   const char *makes_in);

#endif
