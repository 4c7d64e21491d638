/**
 * seccomp_filter.c - make the filter of system calls that src/cli/sandbox_seccomp.c puts in force.
 *
 *   build/seccomp_filter >build/generated/cli/seccomp_filter.h       (by make)
 *
 * libseccomp works when gen is built: in every run it would take a third of a millisecond, 4 % of a
 * short one. What comes out are two lists of instructions of <linux/filter.h>, for a run that
 * writes files and for one that does not, as macros; their argument is the process's own number.
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

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <termios.h>
#include <unistd.h>

/** Stands for the number of the process, which only a run knows. No other instruction has it. */
#define OWN_PID 0x6f776e20U

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
static int add_conditional(scmp_filter_ctx filter) {
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
                                 SCMP_A0(SCMP_CMP_EQ, OWN_PID, 0));
    }
    return error;
}

static int add_rules(scmp_filter_ctx filter, bool writes_files) {
    int error = add_all(filter, SCMP_ACT_ALLOW, allowed, COUNT(allowed));
    if (error == 0 && writes_files) {
        error = add_all(filter, SCMP_ACT_ALLOW, allowed_with_outputs, COUNT(allowed_with_outputs));
    }
    if (error == 0) {
        error = add_conditional(filter);
    }
    return error == 0 ? add_all(filter, SCMP_ACT_KILL_PROCESS, fatal, COUNT(fatal)) : error;
}

/** The finished filter into `file`. */
static int write_filter(FILE *file, bool writes_files) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (filter == NULL) {
        return -ENOMEM;
    }
    /* Found in the filter by halving, not one after the other: the list is long. */
    seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    int error = add_rules(filter, writes_files);
    if (error == 0) {
        error = seccomp_export_bpf(filter, fileno(file));
    }
    seccomp_release(filter);
    return error;
}

/** Print it as a macro. Returns whether all went well. */
static bool print_filter(const char *name, bool writes_files) {
    FILE *file = tmpfile();
    if (file == NULL || write_filter(file, writes_files) != 0) {
        return false;
    }
    rewind(file);
    struct sock_filter instruction;
    int n_own_pid = 0;
    printf("#define %s(own_pid)", name);
    for (int n = 0; fread(&instruction, sizeof instruction, 1, file) == 1; n++) {
        printf("%s \\\n    {0x%02x, %d, %d, ", n > 0 ? "," : "", (unsigned)instruction.code,
               instruction.jt, instruction.jf);
        if (instruction.k == OWN_PID) {
            printf("own_pid}");
            n_own_pid++;
        } else {
            printf("0x%08xU}", (unsigned)instruction.k);
        }
    }
    printf("\n");
    fclose(file);
    return n_own_pid == 1;
}

int main(void) {
    /* What a process may be killed with is no question to the kernel of this machine. */
    seccomp_api_set(3);
    printf("/* Made by scripts/seccomp_filter.c. */\n");
    if (!print_filter("SECCOMP_FILTER", false) ||
        !print_filter("SECCOMP_FILTER_WITH_OUTPUTS", true) || fflush(stdout) != 0) {
        fprintf(stderr, "seccomp_filter: libseccomp cannot make the filter\n");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
