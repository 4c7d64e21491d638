/**
 * sandbox_seccomp.c - the half of the sandbox that limits system calls, by seccomp.
 *
 * The filter, with the lists of what is left, was made by libseccomp when the program was built:
 * scripts/seccomp_filter.c. Here it is handed to the kernel.
 */
#include "base/size.h"
#include "cli/sandbox_parts.h"

#ifdef HAVE_LIBSECCOMP
/* Empty where libseccomp could not make one. */
#include "cli/seccomp_filter.h"
#endif

#if defined(SECCOMP_FILTER) && defined(__linux__)

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Known from Linux 4.17 on. */
#ifndef SECCOMP_FILTER_FLAG_SPEC_ALLOW
#define SECCOMP_FILTER_FLAG_SPEC_ALLOW 4UL
#endif

static const char *load(struct sock_filter *instructions, size_t n) {
    struct sock_fprog filter = {.len = (unsigned short)n, .filter = instructions};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return "the kernel does not let this process restrict itself";
    }
    /* Unless told so, Linux before 5.16 has a processor with a filter wait at every load that could
     * overtake a store, against code of others in this process, of which there is none. */
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &filter) !=
            0 &&
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
        return "the kernel does not take its filter";
    }
    return NULL;
}

const char *sandbox_enter_seccomp(bool writes_files) {
    uint32_t own_pid = (uint32_t)getpid();
    struct sock_filter without[] = {SECCOMP_FILTER(own_pid)};
    struct sock_filter with_outputs[] = {SECCOMP_FILTER_WITH_OUTPUTS(own_pid)};
    return writes_files ? load(with_outputs, N_OF(with_outputs)) : load(without, N_OF(without));
}

#else

const char *sandbox_enter_seccomp(bool writes_files) {
    (void)writes_files;
    return "the program was built without libseccomp";
}

#endif
