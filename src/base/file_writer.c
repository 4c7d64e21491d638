/**
 * file_writer.c - writing a file next to its target and renaming it: the second half of file.h.
 * What the target is, file_target.c finds out.
 */
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
#include "base/file_target.h"
#include "base/memory.h"
#include "base/rng.h"

#define BUFFER_SIZE ((size_t)1 << 18)
#define TRIES       16

/* ---- what is left of others ----------------------------------------------------------------- */

/* Whether it is a name as create_temporary() gives them. */
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

/* Remove what killed processes left in the directory: temporary files of any target that nobody is
 * writing any more. */
static void sweep(const char *path) {
    DIR *directory = opendir(path);
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

/* ---- writing ------------------------------------------------------------------------------- */

/* Lock the new file for as long as it is being written, so that sweep() knows it from
 * one whose process is gone. False if a sweep has removed it between its creation and here. */
static bool lock(int descriptor) {
    struct stat status;
    while (flock(descriptor, LOCK_EX) != 0 && errno == EINTR) {
    }
    return fstat(descriptor, &status) != 0 || status.st_nlink > 0;
}

/* Create a file nobody else has, under a hidden random name in the target's directory. The
 * target's own name is no part of it: it may be as long as names can be. Where there is a target,
 * nobody else may read the new one before it has its mode. */
static int create_temporary(struct file_writer *writer) {
    size_t size = strlen(writer->target.directory) + sizeof "/.gen-0123456789abcdef.tmp";
    writer->temporary = memory_new(size, 1);
    if (writer->temporary == NULL) {
        errno = ENOMEM;
        return -1;
    }
    mode_t mode = writer->target.exists ? 0600 : 0666;
    int descriptor = -1;
    for (int i = 0; i < TRIES && descriptor < 0; i++) {
        snprintf(writer->temporary, size, "%s/.gen-%016llx.tmp", writer->target.directory,
                 (unsigned long long)rng_entropy());
        descriptor = open(writer->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (descriptor < 0 && errno != EEXIST) {
            break;
        }
        if (descriptor >= 0 && !lock(descriptor)) {
            close(descriptor);
            descriptor = -1;
        }
    }
    if (descriptor >= 0) {
        file_target_apply(&writer->target, descriptor);
    }
    return descriptor;
}

enum gen_status file_writer_open(struct file_writer *writer, const char *path,
                                 struct gen_error *err) {
    *writer = (struct file_writer){.descriptor = -1};
    writer->path = memory_copy_string(path, strlen(path));
    writer->buffer = memory_new(BUFFER_SIZE, 1);
    enum gen_status status = writer->path == NULL || writer->buffer == NULL
                                 ? error_no_memory(err, "writing a file")
                                 : file_target_find(&writer->target, path, err);
    if (status == GEN_OK) {
        sweep(writer->target.directory);
        writer->descriptor = create_temporary(writer);
        if (writer->descriptor < 0) {
            status = file_error(err, path, "create", errno);
            memory_free(writer->temporary); /* never created: nothing to remove */
            writer->temporary = NULL;
        }
    }
    if (status != GEN_OK) {
        file_writer_close(writer);
    }
    return status;
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
static void sync_directory(const char *directory) {
    int descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor >= 0) {
        fsync(descriptor);
        close(descriptor);
    }
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

/* Renamed while it is open, and so locked: closed first, it would be nobody's for a moment, and
 * swept. That all of it is on the disk is known since the sync. */
static enum gen_status rename_to(struct file_writer *writer, const char *target,
                                 struct gen_error *err) {
    if (rename(writer->temporary, target) != 0) {
        return file_error(err, writer->path, "rename to", errno);
    }
    memory_free(writer->temporary);
    writer->temporary = NULL;
    sync_directory(writer->target.directory);
    close(writer->descriptor);
    writer->descriptor = -1;
    return GEN_OK;
}

enum gen_status file_writer_commit(struct file_writer *writer, struct gen_error *err) {
    enum gen_status status = file_writer_sync(writer, err);
    return status == GEN_OK ? rename_to(writer, writer->target.path, err) : status;
}

enum gen_status file_writer_commit_as(struct file_writer *writer, const char *suffix,
                                      struct gen_error *err) {
    size_t size = strlen(writer->target.path) + strlen(suffix) + 1;
    char *target = memory_new(size, 1);
    if (target == NULL) {
        return error_no_memory(err, "a path");
    }
    snprintf(target, size, "%s%s", writer->target.path, suffix);
    enum gen_status status = file_writer_sync(writer, err);
    if (status == GEN_OK) {
        status = rename_to(writer, target, err);
    }
    memory_free(target);
    return status;
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
    file_target_release(&writer->target);
    memory_free(writer->path);
    memory_free(writer->buffer);
    *writer = (struct file_writer){.descriptor = -1};
}
