#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "gen.h"

/** What the fuzzers share. They run in the top directory of the repository. */

/** A tiny model: 512 tokens, 64 positions, 64 wide, 2 layers. */
#define FUZZ_MODEL "tests/golden/models/base"

/** What libFuzzer calls, again and again; anything it must not do is an abort(). */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** A directory of this process's own, in memory where the system has it, removed at its end. */
const char *fuzz_directory(void);

/** The path of a file in it. The text stays valid for some further calls. */
const char *fuzz_path(const char *name);

/** Write a file there, or remove it where data is NULL; the path as above. */
const char *fuzz_write(const char *name, const void *data, size_t size);

/** Copy a file there under its own name. */
void fuzz_copy(const char *directory, const char *name);

/** Abort unless an error has a message of one line that is not empty. */
void fuzz_check_error(const struct gen_error *err);

/** Bytes that are used up, as choices and numbers; zeros when none are left. */
struct fuzz_bytes {
    const uint8_t *data;
    size_t n;
};
unsigned fuzz_byte(struct fuzz_bytes *bytes);

#endif
