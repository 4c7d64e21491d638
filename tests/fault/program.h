#ifndef TESTS_FAULT_PROGRAM_H
#define TESTS_FAULT_PROGRAM_H

#include <stddef.h>

#include "cases.h"
#include "tree.h"

/** Where everything is. */
struct places {
    const char *program; /* with the injector in it */
    const char *golden;
    const char *made;
};

/** What a run left. */
struct outcome {
    int status; /* of exit(), or 128 and the number of the signal */
    char *out;
    size_t n_out;
    char *err;
    size_t n_err;
    struct tree files;
};

/**
 * Run the case in directory/d, with stderr in directory/err and the input in directory/in. `fault`
 * as in $GEN_FAULT, or NULL. Counts are kept in the file directory/counts, where it exists.
 */
void program_run(struct outcome *outcome, const struct places *places,
                 const struct fault_case *what, const char *directory, const char *fault);

void outcome_free(struct outcome *outcome);

/** Run shell commands in a directory, with $GEN, $GOLDEN and $MADE; they must succeed. */
void program_shell(const struct places *places, const char *directory, const char *commands);

#endif
