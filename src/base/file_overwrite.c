/* Overwriting a file that cannot be renamed over: with bytes that are whole somewhere else by then,
 * for which there is room, and while it is locked. So a failure before the first byte changes
 * nothing; one in the middle, as the loss of power, leaves the file half old and half new. */
#include "base/file_overwrite.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Nobody else writes it now, and there is room for `size` bytes. Returns an errno value. */
static int claim(int target, off_t size) {
    struct stat before;
    if (flock(target, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        return ETXTBSY;
    }
    if (fstat(target, &before) != 0) {
        return errno;
    }
    int number = size > before.st_size ? posix_fallocate(target, 0, size) : 0;
    if (number == ENOSPC || number == EDQUOT || number == EFBIG) {
        return ftruncate(target, before.st_size) == 0 ? number : errno;
    }
    return 0; /* where room cannot be claimed, writing tells */
}

static int copy_bytes(const struct file_overwriting *overwriting, off_t size) {
    int target = overwriting->target;
    for (off_t at = 0; at < size;) {
        ssize_t n = pread(overwriting->from, overwriting->buffer, overwriting->n_buffer, at);
        n = n > 0 ? pwrite(target, overwriting->buffer, (size_t)n, at) : n;
        if (n == 0 || (n < 0 && errno != EINTR)) {
            return n < 0 ? errno : EIO;
        }
        at += n > 0 ? n : 0;
    }
    bool good =
        ftruncate(target, size) == 0 && fsync(target) == 0 && lseek(target, size, SEEK_SET) == size;
    return good ? 0 : errno;
}

int file_overwrite(struct file_overwriting *overwriting, const char *path) {
    off_t size = lseek(overwriting->from, 0, SEEK_END);
    overwriting->begun = false;
    overwriting->target = open(path, O_WRONLY | O_CLOEXEC);
    int number = overwriting->target < 0 ? errno : claim(overwriting->target, size);
    if (number == 0) {
        overwriting->begun = true;
        number = copy_bytes(overwriting, size);
    }
    if (number != 0 && overwriting->target >= 0) {
        close(overwriting->target);
        overwriting->target = -1;
    }
    return number;
}
