/**
 * file_overwrite.c - overwriting a file that cannot be renamed over: with bytes that are whole
 * somewhere else by then, for which there is room, and while it is locked. So a failure before the
 * first byte changes nothing; one in the middle, as the loss of power, leaves the file half old and
 * half new.
 */
#include "base/file_overwrite.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Nobody else writes it now, and there is room for `size` bytes. Returns an errno value. */
static int claim(struct file_overwriting *overwriting, const char *path, off_t size) {
    struct stat before, named;
    if (flock(overwriting->target, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        return ETXTBSY;
    }
    if (fstat(overwriting->target, &before) != 0 || stat(path, &named) != 0) {
        return errno;
    }
    if (before.st_dev != named.st_dev || before.st_ino != named.st_ino) {
        return ESTALE; /* somebody put another file there meanwhile */
    }
    overwriting->n_old = before.st_size;
    int number = size > before.st_size ? posix_fallocate(overwriting->target, 0, size) : 0;
    if (number == ENOSPC || number == EDQUOT || number == EFBIG) {
        return ftruncate(overwriting->target, before.st_size) == 0 ? number : errno;
    }
    return 0; /* where room cannot be claimed, writing tells */
}

/* The bytes from `at` to `end` to the same place of the target. Returns an errno value. */
static int copy_range(const struct file_overwriting *overwriting, off_t at, off_t end) {
    int number = 0;
    while (number == 0 && at < end) {
        size_t most =
            end - at < (off_t)overwriting->n_buffer ? (size_t)(end - at) : overwriting->n_buffer;
        ssize_t n = pread(overwriting->from, overwriting->buffer, most, at);
        n = n > 0 ? pwrite(overwriting->target, overwriting->buffer, (size_t)n, at) : n;
        number = n > 0 || (n < 0 && errno == EINTR) ? 0 : n < 0 ? errno : EIO;
        at += n > 0 ? n : 0;
    }
    return number;
}

/* What goes beyond the old end comes first: it alone needs room on the disk, should none have been
 * claimed, and can be taken back. Returns an errno value. */
static int replace(struct file_overwriting *overwriting, off_t size) {
    int target = overwriting->target;
    int number = size > overwriting->n_old ? copy_range(overwriting, overwriting->n_old, size) : 0;
    if (number != 0) {
        overwriting->begun = ftruncate(target, overwriting->n_old) != 0;
        return number;
    }
    overwriting->begun = true;
    number = copy_range(overwriting, 0, size < overwriting->n_old ? size : overwriting->n_old);
    if (number == 0 && (ftruncate(target, size) != 0 || fsync(target) != 0 ||
                        lseek(target, size, SEEK_SET) != size)) {
        number = errno;
    }
    return number;
}

int file_overwrite(struct file_overwriting *overwriting, const char *path) {
    off_t size = lseek(overwriting->from, 0, SEEK_END);
    overwriting->begun = false;
    int number = claim(overwriting, path, size);
    if (number == 0) {
        number = replace(overwriting, size);
    }
    if (number != 0) {
        close(overwriting->target);
        overwriting->target = -1;
    }
    return number;
}
