/**
 * sandbox_landlock.c - the half of the sandbox that gives up files and TCP, by Landlock.
 *
 * libc has no functions for its three system calls. Numbers and rights are those of the kernel's
 * interface (Documentation/userspace-api/landlock.rst); rights that a kernel does not know are left
 * out, by the version it tells.
 */
/* For O_PATH. The macro is glibc's, so it must come before every header. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "cli/sandbox_parts.h"

#ifdef __linux__

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The same on all machines. */
#define CREATE_RULESET 444
#define ADD_RULE       445
#define RESTRICT_SELF  446

#define WANT_VERSION      1U
#define RULE_PATH_BENEATH 1

/* Rights on files are bits 0 (execute) to 15; those that an output's directory keeps, and one in
 * which files are made: */
#define RIGHT_REMOVE_FILE ((uint64_t)1 << 5)
#define RIGHT_MAKE_FILE   ((uint64_t)1 << 8)
#define RIGHTS_RENAME     (RIGHT_REMOVE_FILE | RIGHT_MAKE_FILE)
/* and to write and read a file, to look for what runs that were killed have left, to cut a file */
#define RIGHTS_MAKE (RIGHTS_RENAME | (uint64_t)7 << 1 | (uint64_t)1 << 14)

struct ruleset {
    uint64_t files;
    uint64_t network; /* known from version 4 on */
    uint64_t scope;   /* known from version 6 on */
};

/* The kernel's layout has no padding after the descriptor. */
struct path_rule {
    uint64_t rights;
    int32_t directory;
} __attribute__((packed));

/* All rights on files that a kernel of that version knows. */
static uint64_t all_rights(long version) {
    int n = version >= 5 ? 16 : version >= 3 ? 15 : version == 2 ? 14 : 13;
    return ((uint64_t)1 << n) - 1;
}

/* Keep rights in `directory`. What is open by now may still be written. */
static int allow(int ruleset, const char *directory, uint64_t rights) {
    struct path_rule rule = {.rights = rights,
                             .directory = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC)};
    if (rule.directory < 0) {
        return -1;
    }
    long result = syscall(ADD_RULE, ruleset, RULE_PATH_BENEATH, &rule, 0);
    close(rule.directory);
    return (int)result;
}

const char *sandbox_enter_landlock(const char *const *outputs, size_t n_outputs,
                                   const char *makes_in) {
    long version = syscall(CREATE_RULESET, NULL, (size_t)0, WANT_VERSION);
    if (version < 1) {
        return errno == EOPNOTSUPP ? "it is switched off in this kernel"
                                   : "the kernel does not have it";
    }
    struct ruleset rules = {.files = all_rights(version)};
    rules.network = version >= 4 ? 3 : 0; /* to bind and to connect TCP */
    rules.scope = version >= 6 ? 3 : 0;   /* abstract UNIX sockets, signals to others */
    size_t size = version >= 6 ? 24 : version >= 4 ? 16 : 8;
    int ruleset = (int)syscall(CREATE_RULESET, &rules, size, 0U);
    if (ruleset < 0) {
        return "the kernel does not take its rules";
    }
    const char *missing = NULL;
    for (size_t i = 0; i < n_outputs && missing == NULL; i++) {
        if (outputs[i] != NULL && allow(ruleset, outputs[i], RIGHTS_RENAME) != 0) {
            missing = "the directory of an output cannot be named to it";
        }
    }
    if (missing == NULL && makes_in != NULL &&
        allow(ruleset, makes_in, RIGHTS_MAKE & rules.files) != 0) {
        missing = "the directory of the outputs cannot be named to it";
    }
    if (missing == NULL &&
        (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || syscall(RESTRICT_SELF, ruleset, 0U) != 0)) {
        missing = "the kernel does not let this process restrict itself";
    }
    close(ruleset);
    return missing;
}

#else

const char *sandbox_enter_landlock(const char *const *outputs, size_t n_outputs,
                                   const char *makes_in) {
    (void)makes_in;
    (void)outputs;
    (void)n_outputs;
    return "it is a part of Linux, which this is not";
}

#endif
