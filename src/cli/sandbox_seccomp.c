/**
 * sandbox_seccomp.c - the half of the sandbox that limits system calls, by libseccomp.
 *
 * The list holds what the program was seen to call after its first byte of output, and what libc
 * calls for it when memory is short, a thread starts, a signal comes or a write fails. A call that
 * is on no list, to open a file above all, fails with EPERM: libc looks into /sys and /proc now and
 * then and does without, and a libc to come may try new calls first.
 */
/* For syscall numbers and CLONE_THREAD. The macro is glibc's, so it must come before every header.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "cli/sandbox_parts.h"

#if defined(HAVE_LIBSECCOMP) && defined(__linux__)

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <termios.h>
#include <unistd.h>

#define COUNT(list) (sizeof(list) / sizeof(list)[0])

/** Memory, threads, time, signals, and reading and writing what is open. */
static const int allowed[] = {
    SCMP_SYS(read),
    SCMP_SYS(pread64),
    SCMP_SYS(readv),
    SCMP_SYS(write),
    SCMP_SYS(pwrite64),
    SCMP_SYS(writev),
    SCMP_SYS(lseek),
    SCMP_SYS(close),
    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(fstat64),
    SCMP_SYS(fstatat64),
    SCMP_SYS(statx),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(ppoll_time64),
    SCMP_SYS(select),
    SCMP_SYS(pselect6),
    SCMP_SYS(pselect6_time64),
    SCMP_SYS(_llseek),
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(futex),
    SCMP_SYS(futex_time64),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(membarrier),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(sysinfo),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_gettime64),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(clock_nanosleep_time64),
    SCMP_SYS(nanosleep),
    SCMP_SYS(getrandom),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigreturn),
    SCMP_SYS(rt_sigpending),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(sigaltstack),
};

/** What brings a finished file into its place, or removes it. */
static const int allowed_with_outputs[] = {
    SCMP_SYS(fsync),      SCMP_SYS(fdatasync),  SCMP_SYS(ftruncate), SCMP_SYS(ftruncate64),
    SCMP_SYS(flock),      SCMP_SYS(fchmod),     SCMP_SYS(fchown),    SCMP_SYS(rename),
    SCMP_SYS(renameat),   SCMP_SYS(renameat2),  SCMP_SYS(unlink),    SCMP_SYS(unlinkat),
    SCMP_SYS(faccessat),  SCMP_SYS(faccessat2), SCMP_SYS(access),    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
};

/** What no honest run does: other programs and processes, the network, ways around this filter. A
 *  short list, as every entry takes time to set up; what is on no list at all is refused as well.
 */
static const int fatal[] = {
    SCMP_SYS(execve),         SCMP_SYS(execveat), SCMP_SYS(fork),
    SCMP_SYS(vfork),          SCMP_SYS(socket),   SCMP_SYS(ptrace),
    SCMP_SYS(kill),           SCMP_SYS(tkill),    SCMP_SYS(process_vm_writev),
    SCMP_SYS(io_uring_setup), SCMP_SYS(bpf),
};

/** One rule for each call of a list; calls that this machine does not have are passed over. */
static int add_all(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t n) {
    int error = 0;
    for (size_t i = 0; i < n && error == 0; i++) {
        int result = calls[i] >= 0 ? seccomp_rule_add(filter, action, calls[i], 0) : 0;
        error = result == -EDOM || result == -EACCES ? 0 : result;
    }
    return error;
}

/** Calls that depend on what they are called with. */
static int add_conditional(scmp_filter_ctx filter, bool writes_files) {
    const scmp_datum_t sizes[] = {TCGETS, TIOCGWINSZ};
    int error = 0;
    for (size_t i = 0; i < COUNT(sizes) && error == 0; i++) {
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
                                 SCMP_A1(SCMP_CMP_EQ, sizes[i], 0));
    }
    const scmp_datum_t questions[] = {F_GETFL, F_GETFD};
    for (size_t i = 0; i < COUNT(questions) && error == 0; i++) {
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
                                 SCMP_A1(SCMP_CMP_EQ, questions[i], 0));
    }
    /* Memory, but no code. */
    const int mapping[] = {SCMP_SYS(mmap), SCMP_SYS(mprotect)};
    for (size_t i = 0; i < COUNT(mapping) && error == 0; i++) {
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, mapping[i], 1,
                                 SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    }
    /* Threads, but no processes. The flags of clone3 lie in memory, where no filter looks: libc
     * falls back to clone when it is told that there is no such call. */
    if (error == 0) {
        error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    }
    if (error == 0) {
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                                 SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    }
    if (error == 0) {
        error = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(clone), 1,
                                 SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
    }
    /* abort() signals itself; nobody else is signaled. */
    if (error == 0) {
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                                 SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
    }
    /* A directory may be opened, to flush a new name in it to the disk. */
    if (error == 0 && writes_files) {
        error = seccomp_rule_add(
            filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
            SCMP_A2(SCMP_CMP_MASKED_EQ, O_DIRECTORY | O_ACCMODE | O_CREAT, O_DIRECTORY));
    }
    /* Or an output itself, where it is a mount point, which cannot be renamed over. */
    if (error == 0 && writes_files) {
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
                                 SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT, O_WRONLY));
    }
    return error;
}

static int add_rules(scmp_filter_ctx filter, bool writes_files) {
    int error = add_all(filter, SCMP_ACT_ALLOW, allowed, COUNT(allowed));
    if (error == 0 && writes_files) {
        error = add_all(filter, SCMP_ACT_ALLOW, allowed_with_outputs, COUNT(allowed_with_outputs));
    }
    if (error == 0) {
        error = add_conditional(filter, writes_files);
    }
    return error == 0 ? add_all(filter, SCMP_ACT_KILL_PROCESS, fatal, COUNT(fatal)) : error;
}

const char *sandbox_enter_seccomp(bool writes_files) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (filter == NULL) {
        return "there is no memory for its filter";
    }
    /* Found in the filter by halving, not one after the other: the list is long. */
    seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    const char *missing = NULL;
    if (add_rules(filter, writes_files) != 0) {
        missing = "libseccomp cannot make its filter on this machine";
    } else if (seccomp_load(filter) != 0) {
        missing = "the kernel does not take its filter";
    }
    seccomp_release(filter);
    return missing;
}

#else

const char *sandbox_enter_seccomp(bool writes_files) {
    (void)writes_files;
    return "the program was built without libseccomp";
}

#endif
