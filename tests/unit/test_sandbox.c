/**
 * test_sandbox.c - what is left of a process after sandbox_enter(), tried from inside: each attempt
 * in a process of its own, which has to die, to be refused or to succeed.
 */
/* For fork, sockets and the like under -std=c17 with everything they need. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/sandbox.h"

/** A directory for each test program, with a finished file to be renamed. */
static char directory[] = "/tmp/gen-sandbox-XXXXXX";
static char temporary[64], target[64];

enum outcome { WORKS, REFUSED, DIES };

static bool has_seccomp, has_landlock;

/** What becomes of a process that enters the sandbox and then makes the attempt. */
static enum outcome outcome_of(bool (*attempt)(void), bool with_output) {
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const char *outputs[] = {NULL, directory};
        sandbox_enter(outputs, with_output ? 2 : 0, NULL);
        _exit(attempt() ? 0 : 7);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status)) {
        assert_int_equal(WTERMSIG(status), SIGSYS);
        return DIES;
    }
    assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 7);
    return WEXITSTATUS(status) == 0 ? WORKS : REFUSED;
}

static bool start_program(void) {
    char *const arguments[] = {"/bin/true", NULL};
    execv("/bin/true", arguments);
    return false;
}

static bool start_process(void) {
    return fork() >= 0;
}

static bool open_socket(void) {
    return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

static bool trace_parent(void) {
    return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0;
}

static bool signal_parent(void) {
    return kill(getppid(), 0) == 0;
}

static bool signal_parent_thread(void) {
    return syscall(SYS_tgkill, getppid(), getppid(), 0) == 0;
}

/** As abort() does. */
static bool signal_self(void) {
    return syscall(SYS_tgkill, getpid(), getpid(), 0) == 0;
}

static bool open_file(void) {
    return open("/etc/passwd", O_RDONLY) >= 0;
}

static bool create_file(void) {
    return open(target, O_WRONLY | O_CREAT, 0600) >= 0;
}

static bool list_root(void) {
    return open("/", O_RDONLY | O_DIRECTORY) >= 0;
}

static bool make_code(void) {
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                0) != MAP_FAILED;
}

static bool type_into_terminal(void) {
    return ioctl(STDIN_FILENO, TIOCSTI, "x") == 0;
}

static void *double_it(void *number) {
    *(int *)number *= 2;
    return number;
}

static bool compute_in_thread(void) {
    int number = 21;
    pthread_t thread;
    return pthread_create(&thread, NULL, double_it, &number) == 0 &&
           pthread_join(thread, NULL) == 0 && number == 42;
}

static bool open_file_in_thread(void);
static void *open_it(void *opened) {
    *(int *)opened = open_file() ? 1 : 0;
    return opened;
}

static bool open_file_in_thread(void) {
    int opened = 1;
    pthread_t thread;
    return pthread_create(&thread, NULL, open_it, &opened) == 0 &&
           pthread_join(thread, NULL) == 0 && opened == 1;
}

static bool take_memory(void) {
    char *large = malloc((size_t)64 << 20);
    if (large == NULL) {
        return false;
    }
    memset(large, 1, (size_t)64 << 20);
    large = realloc(large, (size_t)96 << 20);
    free(large);
    return large != NULL;
}

static bool write_to_pipe(void) {
    return write(STDERR_FILENO, "", 0) == 0;
}

/** An output and its directory, which are open by then. */
static int output = -1, output_directory = -1;

static bool rename_output(void) {
    return rename(temporary, target) == 0 && fsync(output_directory) == 0;
}

static bool overwrite_output(void) {
    return pwrite(output, "x", 1, 0) == 1 && ftruncate(output, 0) == 0 && fsync(output) == 0;
}

static bool open_output(void) {
    return open(temporary, O_WRONLY) >= 0;
}

static bool list_directory(void) {
    return open(directory, O_RDONLY | O_DIRECTORY) >= 0;
}

static bool remove_elsewhere(void) {
    /* Not there, so nothing is lost where the sandbox fails: ENOENT would be its answer then. */
    return rename("/tmp", "/usr/gen-sandbox") == 0 || unlink("/tmp/gen-sandbox-not-there") == 0;
}

static void test_what_dies(void **state) {
    (void)state;
    if (!has_seccomp) {
        print_message("skipped: no seccomp here\n");
        skip();
    }
    assert_int_equal(outcome_of(start_program, false), DIES);
    assert_int_equal(outcome_of(start_process, false), DIES);
    assert_int_equal(outcome_of(open_socket, false), DIES);
    assert_int_equal(outcome_of(trace_parent, false), DIES);
    assert_int_equal(outcome_of(signal_parent, false), DIES);
    assert_int_equal(outcome_of(start_program, true), DIES);
    assert_int_equal(outcome_of(open_socket, true), DIES);
}

static void test_what_is_refused(void **state) {
    (void)state;
    if (!has_seccomp && !has_landlock) {
        print_message("skipped: neither seccomp nor Landlock here\n");
        skip();
    }
    assert_int_equal(outcome_of(open_file, false), REFUSED);
    assert_int_equal(outcome_of(open_file, true), REFUSED);
    assert_int_equal(outcome_of(open_file_in_thread, false), REFUSED);
    assert_int_equal(outcome_of(create_file, false), REFUSED);
    assert_int_equal(outcome_of(create_file, true), REFUSED);
    assert_int_equal(outcome_of(open_output, true), REFUSED);
    assert_int_equal(outcome_of(list_root, false), REFUSED);
    assert_int_equal(outcome_of(list_root, true), REFUSED);
    assert_int_equal(outcome_of(list_directory, true), REFUSED);
    assert_int_equal(outcome_of(rename_output, false), REFUSED);
    if (has_seccomp) {
        assert_int_equal(outcome_of(make_code, false), REFUSED);
        assert_int_equal(outcome_of(type_into_terminal, false), REFUSED);
        assert_int_equal(outcome_of(signal_parent_thread, false), REFUSED);
        assert_int_equal(outcome_of(signal_parent_thread, true), REFUSED);
    }
    if (has_landlock) {
        assert_int_equal(outcome_of(remove_elsewhere, true), REFUSED);
    }
}

static void test_what_works(void **state) {
    (void)state;
    assert_int_equal(outcome_of(compute_in_thread, false), WORKS);
    assert_int_equal(outcome_of(take_memory, false), WORKS);
    assert_int_equal(outcome_of(write_to_pipe, false), WORKS);
    assert_int_equal(outcome_of(signal_self, false), WORKS);
    assert_int_equal(outcome_of(signal_self, true), WORKS);
    assert_int_equal(outcome_of(overwrite_output, true), WORKS);
    assert_int_equal(outcome_of(rename_output, true), WORKS);
    struct stat found;
    assert_int_equal(stat(target, &found), 0);
    assert_int_equal(rename(target, temporary), 0);
}

/** What the kernel itself says of this process: that line of its status, or NULL. */
static const char *status_line(int status, const char *name) {
    static char text[8192];
    ssize_t n = pread(status, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    return strstr(text, name);
}

/** Of one that has entered. The status was opened before. */
static bool tells_the_truth(void) {
    static const char in_force[] = "\nSeccomp:\t2\n";
    int status = open("/proc/self/status", O_RDONLY);
    /* A container has a filter of its own. */
    bool filtered_before = status >= 0 && status_line(status, in_force) != NULL;
    long landlock = syscall(444, NULL, (size_t)0, 1U);
    struct sandbox sandbox = sandbox_enter(NULL, 0, NULL);
    if (sandbox.seccomp != (sandbox.seccomp_missing == NULL) ||
        sandbox.landlock != (sandbox.landlock_missing == NULL)) {
        return false;
    }
    if (sandbox.landlock != (landlock >= 1) &&
        strstr(sandbox.landlock_missing, "sanitizer") == NULL) {
        return false;
    }
    if (filtered_before || status < 0 || status_line(status, "\nSeccomp:\t") == NULL) {
        return true; /* there is no telling */
    }
    return sandbox.seccomp == (status_line(status, in_force) != NULL) &&
           (sandbox.seccomp || strstr(sandbox.seccomp_missing, "program") != NULL);
}

static bool enter_again(void) {
    /* A second time everything is forbidden, to enter included; what was forbidden stays so. */
    sandbox_enter(NULL, 0, NULL);
    return !open_file();
}

/* Where the kernel has the two they are there, but for a program that was built without. */
static void test_what_is_told(void **state) {
    (void)state;
    assert_int_equal(outcome_of(enter_again, false), has_seccomp || has_landlock ? WORKS : REFUSED);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(tells_the_truth() ? 0 : 7);
    }
    int status = 0;
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/** Whether there are the two, found in a process that may be spoiled. */
static int set_up(void **state) {
    (void)state;
    if (mkdtemp(directory) == NULL) {
        return -1;
    }
    snprintf(temporary, sizeof temporary, "%s/temporary", directory);
    snprintf(target, sizeof target, "%s/target", directory);
    output = open(temporary, O_WRONLY | O_CREAT, 0600);
    output_directory = open(directory, O_RDONLY | O_DIRECTORY);
    if (output < 0 || output_directory < 0) {
        return -1;
    }
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct sandbox sandbox = sandbox_enter(NULL, 0, NULL);
        _exit((sandbox.seccomp ? 1 : 0) + (sandbox.landlock ? 2 : 0));
    }
    int status = 0;
    waitpid(child, &status, 0);
    has_seccomp = (WEXITSTATUS(status) & 1) != 0;
    has_landlock = (WEXITSTATUS(status) & 2) != 0;
    return WIFEXITED(status) ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    close(output);
    close(output_directory);
    unlink(temporary);
    unlink(target);
    rmdir(directory);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_dies),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_what_works),
        cmocka_unit_test(test_what_is_told),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
