/**
 * file_target.h - what a path to be written leads to, and what a file there keeps when another is
 * renamed over it. For file_writer.c.
 */
#ifndef BASE_FILE_TARGET_H
#define BASE_FILE_TARGET_H

#include <stdbool.h>
#include <sys/types.h>

#include "gen.h"

struct file_target {
    char *path;      /**< absolute; symbolic links followed, the last name included */
    char *directory; /**< of it */
    bool exists;     /**< a regular file that may be written; else there is nothing yet */
    mode_t mode;     /**< of it */
    uid_t owner;
    gid_t group;
};

/**
 * Find out what `path` leads to. As with the shell's `>`, a link that leads to no file yet is where
 * the file will be, and what open(2) would not let us write is refused. Release in any case.
 */
enum gen_status file_target_find(struct file_target *target, const char *path,
                                 struct gen_error *err);
void file_target_release(struct file_target *target);

/** Give the open file the owner, group and mode of the target, none of them wider; does nothing
 *  where there is no target yet. */
void file_target_apply(const struct file_target *target, int descriptor);

#endif
