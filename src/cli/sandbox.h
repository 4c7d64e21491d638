/**
 * sandbox.h - what a run gives up once its inputs are read and its outputs are open.
 *
 * For `gen generate`, `gen chat`, `gen explain`, `gen tokenize`, `gen score`, `gen eval` and
 * `gen compare`. A model file is not trusted. Should one ever find a hole in the code that computes
 * with it, there is nothing to be had: from sandbox_enter() on the process opens no file, reaches
 * no network and starts no program. Threads started afterwards are bound by the same. What `gen
 * chat` reads and writes later is another process's (cmd/chat/).
 *
 * Two mechanisms of Linux, each used where it can be had:
 *  - seccomp, with a filter that libseccomp makes when gen is built (scripts/seccomp_filter.c): of
 *    some 350 system calls about 40 are left, and those for outputs where there are any. To open a
 *    file, or to ask for anything that is on no list, fails with EACCES or EPERM, as libc itself
 *    tries some of these now and then and does without; a socket, another program, another process
 *    or a debugger's call ends this process (SIGSYS), as no honest run has a use for them.
 *  - Landlock, by its system calls: no file system, and from Linux 6.7 on no TCP, but for what
 *    renames an output into its place.
 * Not in programs built with sanitizers, which open and start things themselves.
 */
#ifndef CLI_SANDBOX_H
#define CLI_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

/** What --no-sandbox does, for the help of the commands that have it. */
#define SANDBOX_HELP                                                                               \
    "keep what is otherwise given up once the model is read and all files are open (to open more " \
    "files, the network, other programs; on Linux, see --verbose): for debuggers and profilers"

/** What could be had of it. */
struct sandbox {
    bool seccomp, landlock;
    const char
        *seccomp_missing; /**< why not, as half a sentence; static text, NULL if it is there */
    const char *landlock_missing; /**< the same */
};

/**
 * Give up what a run no longer needs. `outputs`: n_outputs directories (NULLs are passed over) in
 * which a finished file will still be renamed into its place, or removed. `makes_in`: a directory
 * in which files are still made and written, or NULL; with one there is only Landlock, as seccomp
 * cannot tell which file is opened. To be called by the only thread of the process, with everything
 * else open that will be read or written.
 */
struct sandbox sandbox_enter(const char *const *outputs, size_t n_outputs, const char *makes_in);

/** Say on stderr, in one line, what there is and what could not be had. */
void sandbox_report(const struct sandbox *sandbox);

#endif
