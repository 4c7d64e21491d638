/* Writing a file beside its target and renaming it: the second half of file.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/rng.h"

#define BUFFER_SIZE ((size_t)1 << 18)
#define TRIES       16

/* Length of the path up to and with its last slash. */
static size_t directory_length(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash == NULL ? 0 : (size_t)(slash - path) + 1;
}

/* Lock the new file for as long as it is being written, so that file_writer_sweep() knows it from
 * one whose process is gone. False if a sweep has removed it between its creation and here. */
static bool lock(int descriptor) {
    struct stat status;
    while (flock(descriptor, LOCK_EX) != 0 && errno == EINTR) {
    }
    return fstat(descriptor, &status) != 0 || status.st_nlink > 0;
}

/* Create a file nobody else has, under a hidden random name in the target's directory. The
 * target's own name is no part of it: it may be as long as names can be. */
static int create_beside(struct file_writer *writer) {
    size_t n = directory_length(writer->path);
    size_t size = n + sizeof ".gen-0123456789abcdef.tmp";
    writer->temporary = memory_new(size, 1);
    if (writer->temporary == NULL) {
        errno = ENOMEM;
        return -1;
    }
    int descriptor = -1;
    for (int i = 0; i < TRIES && descriptor < 0; i++) {
        snprintf(writer->temporary, size, "%.*s.gen-%016llx.tmp", (int)n, writer->path,
                 (unsigned long long)rng_entropy());
        descriptor = open(writer->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (descriptor < 0 && errno != EEXIST) {
            break;
        }
        if (descriptor >= 0 && !lock(descriptor)) {
            close(descriptor);
            descriptor = -1;
        }
    }
    return descriptor;
}

enum gen_status file_writer_open(struct file_writer *writer, const char *path,
                                 struct gen_error *err) {
    *writer = (struct file_writer){.descriptor = -1};
    struct error_quoted quoted;
    enum file_kind kind = file_kind_of(path);
    if (kind == FILE_DIRECTORY || kind == FILE_OTHER) {
        return error_set(err, GEN_IO_ERROR,
                         "%s: exists and is not a regular file (choose another name)",
                         error_path(&quoted, path));
    }
    if (*path == '\0') {
        return error_set(err, GEN_IO_ERROR, "the name of the file to write is empty");
    }
    writer->path = memory_copy_string(path, strlen(path));
    writer->buffer = memory_new(BUFFER_SIZE, 1);
    if (writer->path == NULL || writer->buffer == NULL) {
        file_writer_close(writer);
        return error_no_memory(err, "writing a file");
    }
    writer->descriptor = create_beside(writer);
    if (writer->descriptor < 0) {
        enum gen_status status = file_error(err, writer->path, "create", errno);
        memory_free(writer->temporary); /* never created: nothing to remove */
        writer->temporary = NULL;
        file_writer_close(writer);
        return status;
    }
    return GEN_OK;
}

static enum gen_status write_all(struct file_writer *writer, const unsigned char *data, size_t n,
                                 struct gen_error *err) {
    while (n > 0) {
        ssize_t done = write(writer->descriptor, data, n);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            writer->failed = true;
            return file_error(err, writer->path, "write", done < 0 ? errno : EIO);
        }
        data += done;
        n -= (size_t)done;
    }
    return GEN_OK;
}

static enum gen_status flush(struct file_writer *writer, struct gen_error *err) {
    size_t n = writer->n_buffered;
    writer->n_buffered = 0;
    return write_all(writer, writer->buffer, n, err);
}

enum gen_status file_writer_put(struct file_writer *writer, const void *data, size_t n,
                                struct gen_error *err) {
    enum gen_status status = GEN_OK;
    if (n > BUFFER_SIZE - writer->n_buffered) {
        status = flush(writer, err);
    }
    if (status == GEN_OK && n >= BUFFER_SIZE) {
        status = write_all(writer, data, n, err);
    } else if (status == GEN_OK && n > 0) {
        memcpy(writer->buffer + writer->n_buffered, data, n);
        writer->n_buffered += n;
    }
    if (status == GEN_OK) {
        writer->n_written += n;
    }
    return status;
}

/* After a rename the directory, too, must reach the disk for the new name to survive a power
 * cut. Some file systems cannot sync a directory; then there is nothing more to do. */
static void sync_directory_of(const char *path) {
    size_t n = directory_length(path);
    char *directory = n == 0 ? memory_copy_string(".", 1) : memory_copy_string(path, n);
    if (directory == NULL) {
        return;
    }
    int descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor >= 0) {
        fsync(descriptor);
        close(descriptor);
    }
    memory_free(directory);
}

enum gen_status file_writer_sync(struct file_writer *writer, struct gen_error *err) {
    if (writer->failed) {
        return file_error(err, writer->path, "write", EIO);
    }
    enum gen_status status = flush(writer, err);
    if (status == GEN_OK && fsync(writer->descriptor) != 0) {
        writer->failed = true;
        status = file_error(err, writer->path, "write", errno);
    }
    return status;
}

enum gen_status file_writer_commit(struct file_writer *writer, struct gen_error *err) {
    enum gen_status status = file_writer_sync(writer, err);
    if (status != GEN_OK) {
        return status;
    }
    int closed = close(writer->descriptor);
    writer->descriptor = -1;
    if (closed != 0) {
        return file_error(err, writer->path, "write", errno);
    }
    if (rename(writer->temporary, writer->path) != 0) {
        return file_error(err, writer->path, "rename to", errno);
    }
    memory_free(writer->temporary);
    writer->temporary = NULL;
    sync_directory_of(writer->path);
    return GEN_OK;
}

void file_writer_close(struct file_writer *writer) {
    if (writer->path == NULL && writer->buffer == NULL) {
        return; /* never opened, or closed already */
    }
    if (writer->descriptor >= 0) {
        close(writer->descriptor);
    }
    if (writer->temporary != NULL) {
        unlink(writer->temporary);
    }
    memory_free(writer->temporary);
    memory_free(writer->path);
    memory_free(writer->buffer);
    *writer = (struct file_writer){.descriptor = -1};
}

/* ---- what is left of others ----------------------------------------------------------------- */

/* Whether it is a name as create_beside() gives them. */
static bool is_temporary(const char *name) {
    static const char pattern[] = ".gen-0123456789abcdef.tmp";
    return strlen(name) == sizeof pattern - 1 && strncmp(name, pattern, 5) == 0 &&
           strspn(name + 5, "0123456789abcdef") == 16 && strcmp(name + 21, ".tmp") == 0;
}

/* Remove it unless somebody is still writing it. */
static void sweep_one(int directory, const char *name) {
    int descriptor = openat(directory, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0) {
        return;
    }
    if (flock(descriptor, LOCK_EX | LOCK_NB) == 0) {
        unlinkat(directory, name, 0);
    }
    close(descriptor);
}

void file_writer_sweep(const char *path) {
    size_t n = directory_length(path);
    char *name = n == 0 ? memory_copy_string(".", 1) : memory_copy_string(path, n);
    DIR *directory = name != NULL ? opendir(name) : NULL;
    memory_free(name);
    if (directory == NULL) {
        return;
    }
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        if (is_temporary(entry->d_name)) {
            sweep_one(dirfd(directory), entry->d_name);
        }
    }
    closedir(directory);
}
