/**
 * sandbox.c - the sandbox as a whole: which of its two halves there are. sandbox_seccomp.c and
 * sandbox_landlock.c do the work.
 */
#include "cli/sandbox.h"

#include "cli/message.h"
#include "cli/sandbox_parts.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif

struct sandbox sandbox_enter(const char *const *outputs, size_t n_outputs, const char *makes_in) {
#ifdef HAS_SANITIZER
    (void)makes_in;
    (void)outputs;
    (void)n_outputs;
    static const char reason[] = "the program is built with a sanitizer";
    return (struct sandbox){.seccomp_missing = reason, .landlock_missing = reason};
#else
    struct sandbox sandbox = {0};
    /* Landlock first: to set it up takes calls that seccomp then forbids. */
    sandbox.landlock_missing = sandbox_enter_landlock(outputs, n_outputs, makes_in);
    sandbox.seccomp_missing =
        makes_in != NULL ? "files are still to be made" : sandbox_enter_seccomp(n_outputs > 0);
    sandbox.landlock = sandbox.landlock_missing == NULL;
    sandbox.seccomp = sandbox.seccomp_missing == NULL;
    return sandbox;
#endif
}

void sandbox_report(const struct sandbox *sandbox) {
    if (sandbox->seccomp && sandbox->landlock) {
        message("sandbox: seccomp and Landlock (no files, no network, no programs from here on)");
    } else if (sandbox->seccomp) {
        message("sandbox: seccomp, but not Landlock: %s", sandbox->landlock_missing);
    } else if (sandbox->landlock) {
        message("sandbox: Landlock, but not seccomp: %s", sandbox->seccomp_missing);
    } else {
        message("no sandbox: seccomp: %s; Landlock: %s", sandbox->seccomp_missing,
                sandbox->landlock_missing);
    }
}
