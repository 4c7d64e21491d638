#ifndef TESTS_FAULT_JUDGE_H
#define TESTS_FAULT_JUDGE_H

#include <stddef.h>

#include "cases.h"
#include "program.h"

/** A run with a fault in it, and what there is to compare it with. */
struct trial {
    const struct fault_case *what;
    enum fault_kind kind;
    const char *way;             /* of fault_ways */
    const struct tree *before;   /* the files before the run */
    const struct outcome *whole; /* of the run without a fault */
    const struct outcome *now;
};

/** What is wrong with it, in words, in text[size]; NULL if nothing is. */
const char *judge(char *text, size_t size, const struct trial *trial);

#endif
