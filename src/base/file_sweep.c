/**
 * file_sweep.c - temporary files that processes left which are gone: found by their names, removed
 * where nobody has them locked. They are made by file_writer.c.
 */
#include "base/file_sweep.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

/* Where the name in a path begins. */
static size_t name_at(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash == NULL ? 0 : (size_t)(slash - path) + 1;
}

/* Whether it is a name as create_hidden() gives them. */
static bool is_temporary(const char *name) {
    static const char pattern[] = ".gen-0123456789abcdef.tmp";
    return strlen(name) == sizeof pattern - 1 && strncmp(name, pattern, 5) == 0 &&
           strspn(name + 5, "0123456789abcdef") == 16 && strcmp(name + 21, ".tmp") == 0;
}

void file_sweep_one(int directory, const char *name) {
    int descriptor = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0) {
        return;
    }
    /* Between its opening and its lock another process may have put its own in the place of a
     * left-over: only what bears the name while it is locked is removed. */
    struct stat status, named;
    if (fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) &&
        flock(descriptor, LOCK_EX | LOCK_NB) == 0 &&
        fstatat(directory, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
        named.st_dev == status.st_dev && named.st_ino == status.st_ino) {
        unlinkat(directory, name, 0);
    }
    close(descriptor);
}

void file_sweep(int descriptor) {
    int copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    DIR *directory = copy >= 0 ? fdopendir(copy) : NULL;
    if (directory == NULL) {
        if (copy >= 0) {
            close(copy);
        }
        return;
    }
    rewinddir(directory);
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        if (is_temporary(entry->d_name)) {
            file_sweep_one(dirfd(directory), entry->d_name);
        }
    }
    closedir(directory);
}

void file_writer_remove_all(void) {
    /* Nothing but what a signal's handler may do: so no snprintf(). */
    for (int descriptor = 3; descriptor < 1024; descriptor++) {
        char entry[] = "/proc/self/fd/0000";
        char found[4096];
        for (int digit = 0, rest = descriptor; digit < 4; digit++, rest /= 10) {
            entry[sizeof entry - 2 - (size_t)digit] = (char)('0' + rest % 10);
        }
        /* Numbers there have no zeros in front. */
        size_t zeros = strspn(entry + 14, "0");
        memmove(entry + 14, entry + 14 + zeros, 5 - zeros);
        ssize_t n = readlink(entry, found, sizeof found - 1);
        if (n > 0) {
            found[n] = '\0';
            if (is_temporary(found + name_at(found))) {
                unlink(found);
            }
        }
    }
}
