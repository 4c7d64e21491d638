#ifndef TESTS_FAULT_CASES_H
#define TESTS_FAULT_CASES_H

#include <stdbool.h>

#include "fault.h"

/** A run of the program in which calls are made to fail. In its directory nothing lies but what
    `before` puts there. */
struct fault_case {
    const char *name;
    const char *before;  /* shell commands; $GEN is the program, $MADE as % below; or NULL */
    const char *command; /* arguments; @ begins a path in tests/golden, % one among what was made */
    const char *input;   /* its stdin; NULL: empty */
    bool again;          /* the same command, run again, must come to the same end: what it
                            leaves may be of a step in between, and it has --resume */
    bool warns;          /* a file that is not written costs a line, and not the exit status */
};

extern const struct fault_case fault_cases[];
extern const int n_fault_cases;

/** What is made once for all cases, by shell commands. */
extern const char fault_cases_fixtures[];

/** What can befall the calls of a kind, ended by NULL: fault.h says how it is written. */
extern const char *const fault_ways[FAULT_KINDS][6];

#endif
