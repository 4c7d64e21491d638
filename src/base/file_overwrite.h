/**
 * file_overwrite.h - a file's bytes replaced in place, for where it cannot be renamed over.
 */
#ifndef BASE_FILE_OVERWRITE_H
#define BASE_FILE_OVERWRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/** The bytes: all of the file `from`, which are on the disk; `buffer` is scratch of n_buffer bytes.
 */
struct file_overwriting {
    int from;
    unsigned char *buffer;
    size_t n_buffer;
    off_t n_old; /**< set: bytes of the target before */
    int target;  /**< open for writing; then also locked, its offset at its end. Closed where it
                      failed */
    bool begun;  /**< set: if it failed, the target may be half old and half new */
};

/**
 * Overwrite the open file, which must still be that of the name `path`. Before it is touched it is
 * locked against others that lock it, and room for all is claimed. Returns an errno value; ETXTBSY:
 * another process has it locked.
 */
int file_overwrite(struct file_overwriting *overwriting, const char *path);

#endif
