/**
 * file_writer.c - writing a temporary file next to its target and renaming it: the second half of
 * file.h. The temporary file is locked (flock) as long as it is open, which tells others that it is
 * no left-over; so it is renamed while it is open, and closed after that.
 *
 * A target that may be written, but in whose directory nothing may be made or renamed, is
 * overwritten instead, in the end, from a file elsewhere that has no name (file_overwrite.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/file_overwrite.h"
#include "base/file_sweep.h"
#include "base/memory.h"
#include "base/rng.h"

#define BUFFER_SIZE ((size_t)1 << 18)
#define TRIES       16

/* Length of the path up to and with its last slash. */
static size_t directory_length(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash == NULL ? 0 : (size_t)(slash - path) + 1;
}

/* The directory that `path` lies in, to be read or synced; -1 if that cannot be. */
static int open_directory_of(const char *path) {
    size_t n = directory_length(path);
    char *directory = n == 0 ? memory_copy_string(".", 1) : memory_copy_string(path, n);
    int descriptor = directory != NULL ? open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    memory_free(directory);
    return descriptor;
}

/* ---- opening ---------------------------------------------------------------------------------*/

/* Create the file at writer->temporary, which nobody else may have. The descriptor, or -1 with the
 * number in errno: EEXIST also where a sweep has removed it between its creation and its lock. */
static int create_locked(const struct file_writer *writer) {
    mode_t mode = writer->replaces ? 0600 : 0666;
    int descriptor = open(writer->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (descriptor < 0) {
        return -1;
    }
    struct stat status;
    while (flock(descriptor, LOCK_EX) != 0 && errno == EINTR) {
    }
    if (fstat(descriptor, &status) == 0 && status.st_nlink == 0) {
        close(descriptor);
        errno = EEXIST;
        return -1;
    }
    return descriptor;
}

/* Create a file under a hidden random name in the directory that the first n bytes of `path` are.
 * Returns an errno value. */
static int create_in(struct file_writer *writer, const char *path, size_t n) {
    size_t size = n + sizeof ".gen-0123456789abcdef.tmp";
    writer->temporary = memory_new(size, 1);
    if (writer->temporary == NULL) {
        return ENOMEM;
    }
    int number = EEXIST;
    for (int i = 0; i < TRIES && number == EEXIST; i++) {
        snprintf(writer->temporary, size, "%.*s.gen-%016llx.tmp", (int)n, path,
                 (unsigned long long)rng_entropy());
        writer->descriptor = create_locked(writer);
        number = writer->descriptor < 0 ? errno : 0;
    }
    return number;
}

/* In the target's directory. The target's own name is no part of it: it may be as long as names can
 * be. */
static int create_hidden(struct file_writer *writer) {
    return create_in(writer, writer->target, directory_length(writer->target));
}

/* Where nothing can be made next to the target: a file elsewhere that has no name, so that it is
 * gone with this process. */
static int create_unnamed(struct file_writer *writer) {
    static const char elsewhere[] = P_tmpdir "/";
    int number = create_in(writer, elsewhere, sizeof elsewhere - 1);
    if (number == 0) {
        unlink(writer->temporary);
        writer->unnamed = true;
    }
    memory_free(writer->temporary);
    writer->temporary = NULL;
    return number;
}

static bool name_partial(struct file_writer *writer) {
    size_t size = strlen(writer->target) + sizeof ".partial";
    memory_free(writer->temporary);
    writer->temporary = memory_new(size, 1);
    if (writer->temporary != NULL) {
        snprintf(writer->temporary, size, "%s.partial", writer->target);
    }
    return writer->temporary != NULL;
}

/* The same under the target's name with ".partial", where a process that is gone may have left
 * one. */
static int create_partial(struct file_writer *writer) {
    if (!name_partial(writer)) {
        return ENOMEM;
    }
    int number = EEXIST;
    for (int i = 0; i < TRIES && number == EEXIST; i++) {
        file_sweep_one(AT_FDCWD, writer->temporary);
        writer->descriptor = create_locked(writer);
        number = writer->descriptor < 0 ? errno : 0;
    }
    return number;
}

/* The one that a process that is gone has left, to be written on; else a new one. */
static int continue_partial(struct file_writer *writer) {
    if (!name_partial(writer)) {
        return ENOMEM;
    }
    const int flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    int descriptor = open(writer->temporary, flags);
    if (descriptor < 0) {
        return errno == ENOENT ? create_partial(writer) : errno;
    }
    struct stat status, named;
    int locked;
    do {
        locked = flock(descriptor, LOCK_EX | LOCK_NB);
    } while (locked != 0 && errno == EINTR);
    bool good = locked == 0 && fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) &&
                lstat(writer->temporary, &named) == 0 && named.st_dev == status.st_dev &&
                named.st_ino == status.st_ino && lseek(descriptor, 0, SEEK_END) == status.st_size;
    if (!good) {
        close(descriptor);
        return EEXIST;
    }
    writer->descriptor = descriptor;
    writer->n_written = (uint64_t)status.st_size;
    return 0;
}

/* Fill in what the writer knows of its target. */
static enum gen_status find_target(struct file_writer *writer, const char *path,
                                   struct gen_error *err) {
    struct file_target target;
    enum gen_status status = file_target_find(&target, path, err);
    if (status != GEN_OK) {
        return status;
    }
    writer->target = target.path;
    writer->replaces = target.kind == FILE_REGULAR;
    writer->mode = target.mode;
    writer->owner = target.owner;
    writer->group = target.group;
    if (target.kind == FILE_DIRECTORY || target.kind == FILE_OTHER) {
        struct error_quoted quoted;
        return error_set(err, GEN_IO_ERROR,
                         "%s: exists and is not a regular file (choose another name)",
                         error_path(&quoted, path));
    }
    if (!writer->replaces) {
        return GEN_OK;
    }
    /* Refused is what open(2) refuses: no other question has all its answers (modes, lists,
     * attributes, mounts). */
    writer->old = open(writer->target, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    return writer->old >= 0 ? GEN_OK : file_error(err, path, "write", errno);
}

static enum gen_status create(struct file_writer *writer, const char *path,
                              int (*make)(struct file_writer *), struct gen_error *err) {
    writer->path = memory_copy_string(path, strlen(path));
    writer->buffer = memory_new(BUFFER_SIZE, 1);
    if (writer->path == NULL || writer->buffer == NULL) {
        return error_no_memory(err, "writing a file");
    }
    writer->directory = open_directory_of(writer->target);
    if (writer->directory >= 0) {
        file_sweep(writer->directory);
    }
    int number = make(writer);
    if (writer->replaces && (number == EACCES || number == EPERM || number == EROFS)) {
        memory_free(writer->temporary);
        writer->temporary = NULL;
        if (create_unnamed(writer) == 0) {
            return GEN_OK;
        }
    }
    if (number == 0) {
        return GEN_OK;
    }
    enum gen_status status;
    if (make != create_hidden && writer->temporary != NULL) {
        struct error_quoted quoted;
        status = number == EEXIST
                     ? error_set(err, GEN_IO_ERROR,
                                 "%s: is there and cannot be replaced, or another process is "
                                 "writing it (give another output)",
                                 error_path(&quoted, writer->temporary))
                     : file_error(err, writer->temporary, "create", number);
    } else {
        status = number == ENOMEM
                     ? error_no_memory(err, "a path")
                     : file_error(err, writer->path,
                                  writer->replaces ? "make a file next to it" : "create", number);
    }
    memory_free(writer->temporary); /* never created: nothing to remove */
    writer->temporary = NULL;
    return status;
}

static enum gen_status open_writer(struct file_writer *writer, const char *path,
                                   int (*make)(struct file_writer *), struct gen_error *err) {
    *writer = (struct file_writer){.descriptor = -1, .directory = -1, .old = -1};
    enum gen_status status = find_target(writer, path, err);
    if (status == GEN_OK) {
        status = create(writer, path, make, err);
    }
    if (status != GEN_OK) {
        file_writer_close(writer);
    }
    return status;
}

enum gen_status file_writer_open(struct file_writer *writer, const char *path,
                                 struct gen_error *err) {
    return open_writer(writer, path, create_hidden, err);
}

enum gen_status file_writer_open_partial(struct file_writer *writer, const char *path,
                                         struct gen_error *err) {
    return open_writer(writer, path, create_partial, err);
}

enum gen_status file_writer_continue_partial(struct file_writer *writer, const char *path,
                                             struct gen_error *err) {
    return open_writer(writer, path, continue_partial, err);
}

enum gen_status file_writer_check(const char *path, struct gen_error *err) {
    struct file_writer writer;
    enum gen_status status = file_writer_open(&writer, path, err);
    if (status == GEN_OK) {
        file_writer_close(&writer);
    }
    return status;
}

enum gen_status file_writer_check_ending(const char *path, const char *ending,
                                         struct gen_error *err) {
    size_t size = strlen(path) + strlen(ending) + 1;
    char *whole = memory_new(size, 1);
    if (whole == NULL) {
        return error_no_memory(err, "a path");
    }
    snprintf(whole, size, "%s%s", path, ending);
    enum gen_status status = file_writer_check(whole, err);
    memory_free(whole);
    return status;
}

/* ---- writing ---------------------------------------------------------------------------------*/

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

enum gen_status file_writer_flush(struct file_writer *writer, struct gen_error *err) {
    size_t n = writer->n_buffered;
    writer->n_buffered = 0;
    return write_all(writer, writer->buffer, n, err);
}

enum gen_status file_writer_put(struct file_writer *writer, const void *data, size_t n,
                                struct gen_error *err) {
    enum gen_status status = GEN_OK;
    if (n > BUFFER_SIZE - writer->n_buffered) {
        status = file_writer_flush(writer, err);
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

enum gen_status file_writer_cut(struct file_writer *writer, uint64_t n, struct gen_error *err) {
    enum gen_status status = file_writer_flush(writer, err);
    if (status != GEN_OK) {
        return status;
    }
    if (ftruncate(writer->descriptor, (off_t)n) != 0 ||
        lseek(writer->descriptor, (off_t)n, SEEK_SET) != (off_t)n) {
        writer->failed = true;
        return file_error(err, writer->path, "cut", errno);
    }
    writer->n_written = n;
    return GEN_OK;
}

enum gen_status file_writer_sync(struct file_writer *writer, struct gen_error *err) {
    if (writer->failed) {
        return file_error(err, writer->path, "write", EIO);
    }
    enum gen_status status = file_writer_flush(writer, err);
    if (status == GEN_OK && fsync(writer->descriptor) != 0) {
        writer->failed = true;
        status = file_error(err, writer->path, "write", errno);
    }
    return status;
}

/* Give the file the mode of the one it replaces, and its owner and group where this process may.
 * If the group cannot be kept, its members have no more rights than everybody. */
static int take_mode(const struct file_writer *writer) {
    struct stat status;
    if (fstat(writer->descriptor, &status) != 0) {
        return errno;
    }
    mode_t mode = writer->mode & 0777;
    uid_t owner = writer->owner;
    gid_t group = writer->group;
    if (status.st_uid != owner && fchown(writer->descriptor, owner, group) == 0) {
        status.st_gid = group;
    }
    if (status.st_gid != group && fchown(writer->descriptor, (uid_t)-1, group) != 0) {
        mode &= (mode & 07) << 3 | 0707;
    }
    return fchmod(writer->descriptor, mode) == 0 ? 0 : errno;
}

/* Leave what was written under a name that can be seen, if it has one: the target is half of the
 * old and half of the new. */
static enum gen_status error_harmed(struct file_writer *writer, int number, struct gen_error *err) {
    struct error_quoted quoted[2];
    char reason[200];
    size_t size = strlen(writer->target) + sizeof ".partial";
    char *name = writer->temporary != NULL ? memory_new(size, 1) : NULL;
    if (name != NULL) {
        snprintf(name, size, "%s.partial", writer->target);
        if (rename(writer->temporary, name) == 0) {
            memory_free(writer->temporary);
            writer->temporary = name;
        } else {
            memory_free(name);
        }
    }
    if (strerror_r(number, reason, sizeof reason) != 0) {
        snprintf(reason, sizeof reason, "error %d", number);
    }
    if (writer->temporary == NULL) {
        return error_set(err, GEN_IO_ERROR, "%s: cannot be overwritten and is damaged now: %s",
                         error_path(&quoted[0], writer->path), reason);
    }
    error_set(err, GEN_IO_ERROR,
              "%s: cannot be overwritten and is damaged now: %s (what was to be in it is in %s)",
              error_path(&quoted[0], writer->path), reason,
              error_path(&quoted[1], writer->temporary));
    memory_free(writer->temporary);
    writer->temporary = NULL;
    return GEN_IO_ERROR;
}

/* Overwrite the target where it cannot be renamed over: where its directory may not be written, or
 * is sticky and the target somebody else's; or the target is a mount point of its own, as
 * containers have them. The writer goes on with it. */
static enum gen_status copy_over(struct file_writer *writer, struct gen_error *err) {
    struct file_overwriting overwriting = {.from = writer->descriptor,
                                           .buffer = writer->buffer,
                                           .n_buffer = BUFFER_SIZE,
                                           .target = writer->old};
    int number = file_overwrite(&overwriting, writer->target);
    writer->old = -1;
    if (number == 0) {
        close(writer->descriptor);
        writer->descriptor = overwriting.target;
        writer->unnamed = false;
        return GEN_OK;
    }
    if (!overwriting.begun) {
        return file_error(err, writer->path, "overwrite", number);
    }
    return error_harmed(writer, number, err);
}

/* Whether a rename failed for what only concerns the names. */
static bool is_about_names(int number) {
    return number == EBUSY || number == EACCES || number == EPERM;
}

enum gen_status file_writer_commit(struct file_writer *writer, struct gen_error *err) {
    enum gen_status status = file_writer_sync(writer, err);
    if (status != GEN_OK || writer->unnamed) {
        return status == GEN_OK ? copy_over(writer, err) : status;
    }
    int number = writer->replaces ? take_mode(writer) : 0;
    if (number != 0) {
        return file_error(err, writer->path, "set the mode of", number);
    }
    number = rename(writer->temporary, writer->target) == 0 ? 0 : errno;
    if (number != 0 && !(writer->replaces && is_about_names(number))) {
        return file_error(err, writer->path, "rename to", number);
    }
    if (number != 0 && (status = copy_over(writer, err)) == GEN_OK) {
        unlink(writer->temporary);
    }
    if (status != GEN_OK) {
        return status;
    }
    memory_free(writer->temporary);
    writer->temporary = NULL;
    /* The directory, too, must reach the disk for the new name to survive a power cut. Some file
     * systems cannot sync one; then there is nothing more to do. */
    if (writer->directory >= 0) {
        fsync(writer->directory);
    }
    return GEN_OK;
}

bool file_writer_leave(struct file_writer *writer, uint64_t n) {
    if (writer->temporary == NULL || ftruncate(writer->descriptor, (off_t)n) != 0 ||
        (writer->replaces && take_mode(writer) != 0)) {
        return false;
    }
    fsync(writer->descriptor);
    memory_free(writer->temporary);
    writer->temporary = NULL;
    return true;
}

void file_writer_close(struct file_writer *writer) {
    if (writer->path == NULL && writer->target == NULL && writer->buffer == NULL) {
        return; /* never opened, or closed already */
    }
    /* Removed while it is locked, so that nobody else has it under that name by then. */
    if (writer->temporary != NULL) {
        unlink(writer->temporary);
    }
    /* What a close could report, the sync has. */
    if (writer->descriptor >= 0) {
        close(writer->descriptor);
    }
    if (writer->directory >= 0) {
        close(writer->directory);
    }
    if (writer->old >= 0) {
        close(writer->old);
    }
    memory_free(writer->temporary);
    memory_free(writer->target);
    memory_free(writer->path);
    memory_free(writer->buffer);
    *writer = (struct file_writer){.descriptor = -1, .directory = -1, .old = -1};
}
