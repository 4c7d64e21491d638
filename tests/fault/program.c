/**
 * program.c - running the program once, with a fault or without: its arguments, its environment,
 * what it says and leaves. Whether that is right is for judge.c to say.
 */
#include "program.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGUMENTS    64
#define SECONDS      120 /* no run takes one; what takes this long hangs */
#define SANITIZED    "exitcode=99:allocator_may_return_null=1:detect_leaks=1"
#define PATH_SIZE    4096
#define FIRST_BUFFER 65536

/* The arguments of a case: words, with the paths that @ and % stand for. They are never freed: it
 * is a child that will be another program. */
static void split(char **arguments, const struct places *places, const char *command) {
    int n = 0;
    arguments[n++] = strdup("gen");
    char *words = strdup(command);
    for (char *word = strtok(words, " "); word != NULL; word = strtok(NULL, " ")) {
        char path[PATH_SIZE];
        const char *top = *word == '@' ? places->golden : *word == '%' ? places->made : "";
        snprintf(path, sizeof path, "%s%s", top, word + (*top != '\0' ? 1 : 0));
        arguments[n++] = strdup(path);
        if (n == ARGUMENTS) {
            driver_failed(command);
        }
    }
    arguments[n] = NULL;
}

static void redirect(const char *directory, const char *name, int flags, int descriptor) {
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    int file = open(path, flags, 0666);
    if (file < 0 || dup2(file, descriptor) < 0) {
        driver_failed(path);
    }
    close(file);
}

/* The child: the environment holds nothing of the user's. */
static _Noreturn void become(const struct places *places, const struct fault_case *what,
                             const char *directory, const char *fault, int out) {
    char *arguments[ARGUMENTS + 1];
    char counts[PATH_SIZE];
    char inner[PATH_SIZE];
    split(arguments, places, what->command);
    snprintf(counts, sizeof counts, "GEN_FAULT_COUNTS=%s/counts", directory);
    snprintf(inner, sizeof inner, "%s/d", directory);
    char setting[128];
    snprintf(setting, sizeof setting, "GEN_FAULT=%s", fault != NULL ? fault : "");
    char asan[] = "ASAN_OPTIONS=" SANITIZED;
    char ubsan[] = "UBSAN_OPTIONS=exitcode=99:print_stacktrace=1";
    char lsan[] = "LSAN_OPTIONS=exitcode=99";
    char home[] = "HOME=/nonexistent";
    char *environment[] = {asan, ubsan, lsan, home, counts, fault != NULL ? setting : NULL, NULL};
    redirect(directory, "in", O_RDONLY, STDIN_FILENO);
    redirect(directory, "err", O_WRONLY | O_CREAT | O_TRUNC, STDERR_FILENO);
    if (dup2(out, STDOUT_FILENO) < 0 || chdir(inner) != 0) {
        driver_failed(inner);
    }
    alarm(SECONDS); /* stays over exec */
    execve(places->program, arguments, environment);
    driver_failed(places->program);
}

/* All that comes until the other end is closed. */
static char *drain(int descriptor, size_t *n) {
    size_t capacity = FIRST_BUFFER;
    char *bytes = malloc(capacity);
    ssize_t got;
    *n = 0;
    while (bytes != NULL && (got = read(descriptor, bytes + *n, capacity - *n - 1)) > 0) {
        *n += (size_t)got;
        if (capacity - *n < FIRST_BUFFER / 2) {
            capacity *= 2;
            bytes = realloc(bytes, capacity);
        }
    }
    if (bytes == NULL) {
        driver_failed("memory");
    }
    bytes[*n] = '\0';
    return bytes;
}

static int status_of(pid_t child) {
    int status;
    if (waitpid(child, &status, 0) != child) {
        driver_failed("waitpid");
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void program_run(struct outcome *outcome, const struct places *places,
                 const struct fault_case *what, const char *directory, const char *fault) {
    int ends[2];
    char path[PATH_SIZE];
    fflush(NULL);
    if (pipe(ends) != 0 || fcntl(ends[0], F_SETFD, FD_CLOEXEC) != 0 ||
        fcntl(ends[1], F_SETFD, FD_CLOEXEC) != 0) {
        driver_failed("pipe");
    }
    pid_t child = fork();
    if (child < 0) {
        driver_failed("fork");
    }
    if (child == 0) {
        become(places, what, directory, fault, ends[1]);
    }
    close(ends[1]);
    outcome->out = drain(ends[0], &outcome->n_out);
    close(ends[0]);
    outcome->status = status_of(child);
    snprintf(path, sizeof path, "%s/err", directory);
    outcome->err = tree_slurp(path, &outcome->n_err);
    snprintf(path, sizeof path, "%s/d", directory);
    tree_read(&outcome->files, path);
}

void outcome_free(struct outcome *outcome) {
    free(outcome->out);
    free(outcome->err);
    tree_free(&outcome->files);
}

void program_shell(const struct places *places, const char *directory, const char *commands) {
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        setenv("GEN", places->program, 1);
        setenv("GOLDEN", places->golden, 1);
        setenv("MADE", places->made, 1);
        unsetenv("GEN_FAULT");
        if (chdir(directory) == 0) {
            execl("/bin/sh", "sh", "-c", commands, (char *)NULL);
        }
        driver_failed(directory);
    }
    if (child < 0 || status_of(child) != 0) {
        driver_failed(commands);
    }
}
