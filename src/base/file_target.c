/**
 * file_target.c - what a path to be written leads to: links, rights, mode. file_writer.c writes the
 * new file next to it and renames it over the old.
 */
/* For faccessat with AT_EACCESS, and realpath. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "base/file_target.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

/** Most links in a row, as Linux has it. */
#define MAX_LINKS 40

/** `directory`/`name` where `path` is `something/name`; NULL and errno at a failure. */
static char *with_real_directory(const char *path, char **directory) {
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    char *above = slash == NULL ? memory_copy_string(".", 1)
                                : memory_copy_string(path, (size_t)(slash - path) + 1);
    char real[PATH_MAX];
    char *joined = NULL;
    if (above == NULL) {
        errno = ENOMEM;
    } else if (realpath(above, real) != NULL) {
        joined = file_join(real, name);
        *directory = memory_copy_string(real, strlen(real));
        errno = ENOMEM; /* where one of them is NULL */
    }
    memory_free(above);
    if (joined == NULL || *directory == NULL) {
        memory_free(joined);
        memory_free(*directory);
        *directory = NULL;
        return NULL;
    }
    return joined;
}

/** Where a link at `path` leads, as a path from here; NULL and errno at a failure. */
static char *link_target(const char *path, const char *directory) {
    char text[PATH_MAX];
    ssize_t n = readlink(path, text, sizeof text - 1);
    if (n < 0) {
        return NULL;
    }
    text[n] = '\0';
    char *result = *text == '/' ? memory_copy_string(text, (size_t)n) : file_join(directory, text);
    if (result == NULL) {
        errno = ENOMEM;
    }
    return result;
}

/** Follow the last name of `path` through all links; false and errno at a failure. */
static bool follow(struct file_target *target, const char *path) {
    char *next = memory_copy_string(path, strlen(path));
    struct stat status;
    for (int i = 0; i <= MAX_LINKS; i++) {
        char *directory = NULL;
        char *real = next != NULL ? with_real_directory(next, &directory) : NULL;
        memory_free(next);
        if (real == NULL) {
            return false;
        }
        if (lstat(real, &status) != 0 || !S_ISLNK(status.st_mode)) {
            target->path = real;
            target->directory = directory;
            return true;
        }
        /* The links of /proc are no names: /dev/stdout may lead to a file that others have open,
         * or to none that has a name. */
        bool is_name = strncmp(directory, "/proc/", 6) != 0;
        next = is_name ? link_target(real, directory) : NULL;
        if (!is_name) {
            errno = ENXIO;
        }
        int number = errno;
        memory_free(real);
        memory_free(directory);
        errno = number;
        if (next == NULL) {
            return false;
        }
    }
    memory_free(next);
    errno = ELOOP;
    return false;
}

enum gen_status file_target_find(struct file_target *target, const char *path,
                                 struct gen_error *err) {
    *target = (struct file_target){0};
    struct error_quoted quoted;
    if (*path == '\0') {
        return error_set(err, GEN_IO_ERROR, "the name of the file to write is empty");
    }
    if (!follow(target, path)) {
        return file_error(err, path, "create", errno);
    }
    struct stat status;
    if (stat(target->path, &status) != 0) {
        if (errno != ENOENT) {
            return file_error(err, path, "look at", errno);
        }
        size_t n = strlen(target->path);
        return target->path[n - 1] != '/' ? GEN_OK : file_error(err, path, "create", EISDIR);
    }
    if (!S_ISREG(status.st_mode)) {
        return error_set(err, GEN_IO_ERROR,
                         "%s: exists and is not a regular file (choose another name)",
                         error_path(&quoted, path));
    }
    if (faccessat(AT_FDCWD, target->path, W_OK, AT_EACCESS) != 0) {
        return file_error(err, path, "write", errno);
    }
    target->exists = true;
    target->mode = status.st_mode & 0777;
    target->owner = status.st_uid;
    target->group = status.st_gid;
    return GEN_OK;
}

void file_target_release(struct file_target *target) {
    memory_free(target->path);
    memory_free(target->directory);
    *target = (struct file_target){0};
}

void file_target_apply(const struct file_target *target, int descriptor) {
    if (!target->exists) {
        return;
    }
    mode_t mode = target->mode;
    /* Only root may give a file away; anybody may give it to a group of theirs. What was for a
     * group that it cannot have is for no other: that one gets the rights of all others. */
    if (fchown(descriptor, target->owner, target->group) != 0 &&
        fchown(descriptor, (uid_t)-1, target->group) != 0) {
        mode = (mode & (mode_t)~070) | (mode & 07) << 3;
    }
    (void)!fchmod(descriptor, mode);
}

enum gen_status file_check_name(const char *path, const char *suffix, struct gen_error *err) {
    struct file_target target;
    enum gen_status status = file_target_find(&target, path, err);
    if (status == GEN_OK) {
        const char *name = strrchr(target.path, '/') + 1;
        size_t n = strlen(name) + strlen(suffix);
        long most = pathconf(target.directory, _PC_NAME_MAX);
        if (most > 0 && n > (size_t)most) {
            struct error_quoted quoted;
            status = error_set(err, GEN_IO_ERROR,
                               "%s%s: the name has %zu bytes, %ld are the most here (choose a "
                               "shorter name)",
                               error_path(&quoted, path), suffix, n, most);
        }
    }
    file_target_release(&target);
    return status;
}
