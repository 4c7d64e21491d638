/**
 * file.c - regular files for reading: mapped, read in pieces (pread) or whole, and told apart from
 * one another. Also the sentences for errno values. Writing is in file_writer.c.
 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/size.h"

enum file_kind file_kind_of(const char *path) {
    struct stat status;
    if (stat(path, &status) != 0) {
        return lstat(path, &status) == 0 ? FILE_OTHER : FILE_MISSING;
    }
    return S_ISREG(status.st_mode)   ? FILE_REGULAR
           : S_ISDIR(status.st_mode) ? FILE_DIRECTORY
                                     : FILE_OTHER;
}

enum gen_status file_error(struct gen_error *err, const char *path, const char *doing, int number) {
    struct error_quoted quoted;
    char reason[128];
    if (strerror_r(number, reason, sizeof reason) != 0) {
        snprintf(reason, sizeof reason, "error %d", number);
    }
    return error_set(err, GEN_IO_ERROR, "%s: cannot %s: %s", error_path(&quoted, path), doing,
                     reason);
}

enum gen_status file_read_error(struct gen_error *err, const char *path, int number) {
    struct error_quoted quoted;
    return number != ENODATA ? file_error(err, path, "read", number)
                             : error_set(err, GEN_IO_ERROR, "%s: became shorter while it was read",
                                         error_path(&quoted, path));
}

/* Open a regular file for reading; the descriptor, or -1 and the error. O_NONBLOCK: opening a
 * FIFO without a writer must not wait; on regular files it has no effect. */
static int open_regular(const char *path, struct stat *status, struct gen_error *err) {
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (descriptor < 0) {
        file_error(err, path, "open", errno);
        return -1;
    }
    struct error_quoted quoted;
    if (fstat(descriptor, status) != 0) {
        file_error(err, path, "look at", errno);
    } else if (S_ISDIR(status->st_mode)) {
        error_set(err, GEN_IO_ERROR, "%s: is a directory, but must be a file",
                  error_path(&quoted, path));
    } else if (!S_ISREG(status->st_mode)) {
        error_set(err, GEN_IO_ERROR,
                  "%s: is not a regular file (pipes, sockets and devices are not read; save it "
                  "to a file first)",
                  error_path(&quoted, path));
    } else if (status->st_size < 0 || (uintmax_t)status->st_size > SIZE_MAX / 2) {
        error_set(err, GEN_IO_ERROR, "%s: is too large for this machine's address space",
                  error_path(&quoted, path));
    } else {
        return descriptor;
    }
    close(descriptor);
    return -1;
}

enum gen_status file_map_open_readable(struct file_map *map, const char *path,
                                       struct gen_error *err) {
    *map = (struct file_map){0};
    struct stat status;
    int descriptor = open_regular(path, &status, err);
    if (descriptor < 0) {
        return GEN_IO_ERROR;
    }
    size_t size = (size_t)status.st_size;
    void *data = size == 0 ? NULL : mmap(NULL, size, PROT_READ, MAP_SHARED, descriptor, 0);
    enum gen_status result = data == MAP_FAILED ? file_error(err, path, "map", errno) : GEN_OK;
    if (size == 0 || result != GEN_OK) {
        close(descriptor);
        return result;
    }
    *map = (struct file_map){.data = data,
                             .size = size,
                             .mapped = true,
                             .readable = true,
                             .descriptor = descriptor,
                             .device = (uint64_t)status.st_dev,
                             .inode = (uint64_t)status.st_ino};
    return GEN_OK;
}

enum gen_status file_map_open(struct file_map *map, const char *path, struct gen_error *err) {
    enum gen_status status = file_map_open_readable(map, path, err);
    file_map_stop_reading(map);
    return status;
}

void file_map_stop_reading(struct file_map *map) {
    if (map->readable) {
        close(map->descriptor);
        map->readable = false;
    }
}

void file_map_close(struct file_map *map) {
    if (map->mapped) {
        /* munmap takes a plain pointer; the mapping itself stays read-only. */
        void *data;
        memcpy(&data, &map->data, sizeof data);
        munmap(data, map->size);
    }
    file_map_stop_reading(map);
    *map = (struct file_map){0};
}

struct file_identity file_identity_of(const char *path) {
    struct stat status;
    if (stat(path, &status) != 0) {
        return (struct file_identity){0};
    }
    return (struct file_identity){(uint64_t)status.st_dev, (uint64_t)status.st_ino,
                                  (int64_t)status.st_mtim.tv_sec, (int64_t)status.st_mtim.tv_nsec};
}

bool file_identity_equal(struct file_identity a, struct file_identity b) {
    return a.device == b.device && a.inode == b.inode && a.seconds == b.seconds &&
           a.nanoseconds == b.nanoseconds;
}

bool file_map_is(const struct file_map *map, const char *path) {
    struct stat status;
    return map->mapped && stat(path, &status) == 0 && map->device == (uint64_t)status.st_dev &&
           map->inode == (uint64_t)status.st_ino;
}

/* Read exactly n bytes from `begin` on; false at an error, with its number in errno, which is
 * ENODATA at an early end. */
static bool read_exactly(int descriptor, void *out, size_t n, size_t begin) {
    for (size_t done = 0; done < n;) {
        ssize_t got =
            pread(descriptor, (unsigned char *)out + done, n - done, (off_t)(begin + done));
        if (got == 0) {
            errno = ENODATA;
        }
        if (got == 0 || (got < 0 && errno != EINTR)) {
            return false;
        }
        done += got > 0 ? (size_t)got : 0;
    }
    return true;
}

const unsigned char *file_map_read(const struct file_map *map, const unsigned char *at, size_t n,
                                   unsigned char *scratch) {
    if (!map->readable) {
        return at;
    }
    return read_exactly(map->descriptor, scratch, n, (size_t)(at - map->data)) ? scratch : NULL;
}

void file_map_drop(const struct file_map *map, const void *at, size_t n) {
    if (!map->mapped) {
        return;
    }
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t begin = (size_t)((const unsigned char *)at - map->data);
    size_t first = size_round_up(begin, page);
    size_t last = (begin + n) / page * page;
    if (first < last) {
        void *data;
        memcpy(&data, &map->data, sizeof data);
        madvise((unsigned char *)data + first, last - first, MADV_DONTNEED);
    }
}

enum gen_status file_read(char **out, size_t *size, const char *path, size_t limit,
                          struct gen_error *err) {
    struct error_quoted quoted;
    struct stat status;
    int descriptor = open_regular(path, &status, err);
    if (descriptor < 0) {
        return GEN_IO_ERROR;
    }
    size_t n = (size_t)status.st_size;
    enum gen_status result = GEN_OK;
    char *text = NULL;
    if (n > limit) {
        result = error_set(err, GEN_BAD_FILE,
                           "%s: has %zu bytes, at most %zu are read for a file of this kind",
                           error_path(&quoted, path), n, limit);
    } else if ((text = memory_new(n + 1, 1)) == NULL) {
        result = error_no_memory(err, path);
    } else if (!read_exactly(descriptor, text, n, 0)) {
        result = file_read_error(err, path, errno);
    }
    close(descriptor);
    if (result != GEN_OK) {
        memory_free(text);
        return result;
    }
    *out = text;
    *size = n;
    return GEN_OK;
}

char *file_join(const char *directory, const char *name) {
    size_t length = strlen(directory);
    const char *slash = length > 0 && directory[length - 1] == '/' ? "" : "/";
    size_t size = length + strlen(name) + 2;
    char *path = memory_new(size, 1);
    if (path != NULL) {
        snprintf(path, size, "%s%s%s", directory, slash, name);
    }
    return path;
}
