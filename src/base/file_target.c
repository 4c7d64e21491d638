/**
 * file_target.c - where a file that is to be written really lies: the symbolic links of its name,
 * which a rename would replace, are followed to their end. Opening and renaming is left to
 * file_writer.c.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

#ifndef PATH_MAX
#define PATH_MAX 4096
#endif

/* As many as Linux follows. */
#define MAX_LINKS 40

/* Length of the path up to and with its last slash. */
static size_t directory_length(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash == NULL ? 0 : (size_t)(slash - path) + 1;
}

/* Names of descriptors: what they lead to is open already, and is written through. */
static bool names_descriptor(const char *path) {
    return strncmp(path, "/proc/", 6) == 0 || strncmp(path, "/dev/fd/", 8) == 0;
}

/* Put what the link at *path says in the place of *path. Returns an errno value. */
static int follow(char **path) {
    char link[PATH_MAX];
    ssize_t n = readlink(*path, link, sizeof link);
    if (n < 0) {
        return errno;
    }
    if ((size_t)n == sizeof link) {
        return ENAMETOOLONG;
    }
    size_t kept = n > 0 && link[0] == '/' ? 0 : directory_length(*path);
    char *next = memory_new(kept + (size_t)n + 1, 1);
    if (next == NULL) {
        return ENOMEM;
    }
    memcpy(next, *path, kept);
    memcpy(next + kept, link, (size_t)n);
    memory_free(*path);
    *path = next;
    return 0;
}

/* Returns an errno value; where it is 0, what there is at the end of the links is in *status, which
 * is all 0 for nothing. */
static int find(char **path, struct stat *status) {
    for (int n_links = 0; n_links <= MAX_LINKS; n_links++) {
        bool last = names_descriptor(*path);
        int number = (last ? stat(*path, status) : lstat(*path, status)) == 0 ? 0 : errno;
        if (number != 0) {
            *status = (struct stat){0};
            return number == ENOENT ? 0 : number;
        }
        if (last || !S_ISLNK(status->st_mode)) {
            return 0;
        }
        number = follow(path);
        if (number != 0) {
            return number;
        }
    }
    return ELOOP;
}

enum gen_status file_target_find(struct file_target *target, const char *path,
                                 struct gen_error *err) {
    *target = (struct file_target){0};
    if (*path == '\0') {
        return error_set(err, GEN_IO_ERROR, "the name of the file to write is empty");
    }
    target->path = memory_copy_string(path, strlen(path));
    if (target->path == NULL) {
        return error_no_memory(err, "a path");
    }
    struct stat status;
    int number = find(&target->path, &status);
    if (number != 0) {
        memory_free(target->path);
        target->path = NULL;
        return file_error(err, path, "write", number);
    }
    mode_t mode = status.st_mode;
    target->kind = mode == 0                                          ? FILE_MISSING
                   : S_ISDIR(mode)                                    ? FILE_DIRECTORY
                   : S_ISREG(mode) && !names_descriptor(target->path) ? FILE_REGULAR
                                                                      : FILE_OTHER;
    target->mode = (uint32_t)(mode & 07777);
    target->owner = (uint32_t)status.st_uid;
    target->group = (uint32_t)status.st_gid;
    target->device = (uint64_t)status.st_dev;
    target->inode = (uint64_t)status.st_ino;
    return GEN_OK;
}

/* Whether two paths that lead to nothing would be one new file. */
static bool same_place(const char *a, const char *b) {
    struct stat in_a, in_b;
    const char *paths[] = {a, b};
    struct stat *found[] = {&in_a, &in_b};
    for (size_t i = 0; i < 2; i++) {
        size_t n = directory_length(paths[i]);
        char *directory = n == 0 ? memory_copy_string(".", 1) : memory_copy_string(paths[i], n);
        bool good = directory != NULL && stat(directory, found[i]) == 0;
        memory_free(directory);
        if (!good) {
            return false;
        }
    }
    return in_a.st_dev == in_b.st_dev && in_a.st_ino == in_b.st_ino &&
           strcmp(a + directory_length(a), b + directory_length(b)) == 0;
}

bool file_target_same(const char *a, const char *b) {
    struct file_target first, second;
    bool same = false;
    file_target_find(&first, a, NULL);
    file_target_find(&second, b, NULL);
    if (first.path != NULL && second.path != NULL) {
        bool one_is_there = first.kind != FILE_MISSING || second.kind != FILE_MISSING;
        same = one_is_there ? first.device == second.device && first.inode == second.inode
                            : same_place(first.path, second.path);
    }
    memory_free(first.path);
    memory_free(second.path);
    return same;
}
