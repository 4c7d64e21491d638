/**
 * file.h - regular files only: mapped, read in pieces or whole, or written next to their target and
 * renamed.
 *
 * Reading never waits: what is not a regular file (FIFO, socket, directory, device) is refused
 * before anything is read from it.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/file_target.h"
#include "gen.h"

/** A file's bytes in memory, read-only. */
struct file_map {
    const unsigned char *data;
    size_t size;
    bool mapped;   /**< false: the memory is somebody else's (an embedded image) */
    bool readable; /**< whether `descriptor` is open, for file_map_read() */
    int descriptor;
    uint64_t device, inode; /**< which file it is, where it is mapped */
};

enum file_kind { FILE_MISSING, FILE_REGULAR, FILE_DIRECTORY, FILE_OTHER };

/** The sentence "PATH: cannot DOING: reason" for an errno value; returns GEN_IO_ERROR. */
enum gen_status file_error(struct gen_error *err, const char *path, const char *doing, int number);
/** The same for reading, where ENODATA says that the file became shorter meanwhile. */
enum gen_status file_read_error(struct gen_error *err, const char *path, int number);

/**
 * What `path` is, symbolic links followed. A link that leads nowhere or in a circle is FILE_OTHER:
 * something is there, so passing over it would be wrong, and opening it says what the matter is.
 * A path that cannot be looked up is FILE_MISSING.
 */
enum file_kind file_kind_of(const char *path);

/** Which file it is, whatever its name; all 0: none. */
struct file_identity {
    uint64_t device, inode;
    int64_t seconds, nanoseconds; /**< when it was last written: inodes are used again */
};

/** The file that `path` leads to. */
struct file_identity file_identity_of(const char *path);
bool file_identity_equal(struct file_identity a, struct file_identity b);

/** Map a regular file read-only. An empty file gives size 0 and no mapping. */
enum gen_status file_map_open(struct file_map *map, const char *path, struct gen_error *err);
/** The same, and until file_map_stop_reading() the file stays open, for file_map_read(). */
enum gen_status file_map_open_readable(struct file_map *map, const char *path,
                                       struct gen_error *err);
void file_map_stop_reading(struct file_map *map);
void file_map_close(struct file_map *map);
/** Whether `path` leads to the mapped file, by this or any other name. */
bool file_map_is(const struct file_map *map, const char *path);

/**
 * The n bytes at `at` in the mapping, to be looked at once: read into `scratch`, which has room for
 * them, where the file is open; else where they are. Large parts that are read so, in pieces that
 * stay in a cache, take less time than the page faults of a mapping, and leave no pages behind that
 * count as this process's memory. NULL at an error, with its number in errno: ENODATA where the
 * file has become shorter.
 */
const unsigned char *file_map_read(const struct file_map *map, const unsigned char *at, size_t n,
                                   unsigned char *scratch);

/**
 * Tell the system that the pages wholly inside [at, at + n) need not stay in this process's
 * memory: they are read again from the file when touched. For after weights were repacked.
 */
void file_map_drop(const struct file_map *map, const void *at, size_t n);

/**
 * Read a regular file of at most `limit` bytes into *out, a memory_new() string with a NUL
 * behind it. A longer file is GEN_BAD_FILE.
 */
enum gen_status file_read(char **out, size_t *size, const char *path, size_t limit,
                          struct gen_error *err);

/** `directory`/`name` as a memory_new() string; NULL if out of memory. */
char *file_join(const char *directory, const char *name);

/**
 * A file being written next to its target. Start from {0}.
 *
 * A symbolic link is followed, so that its target is what is replaced; a file that is replaced
 * hands its mode on, and its owner and group as far as this process may; one that may not be
 * written is refused. Files that killed processes left half-written in the same directory are
 * removed.
 */
struct file_writer {
    char *path; /**< as the caller named it, for messages */
    struct file_target target;
    char *temporary; /**< what is written, in the target's directory */
    int descriptor;
    bool failed; /**< a write failed: there is nothing whole to commit */
    unsigned char *buffer;
    size_t n_buffered;
    uint64_t n_written; /**< bytes given to file_writer_put so far */
};

enum gen_status file_writer_open(struct file_writer *writer, const char *path,
                                 struct gen_error *err);
enum gen_status file_writer_put(struct file_writer *writer, const void *data, size_t n,
                                struct gen_error *err);
/**
 * Flush to the disk. Of several files that belong together all are flushed before the first is
 * committed, so that a full disk changes none.
 */
enum gen_status file_writer_sync(struct file_writer *writer, struct gen_error *err);
/** Flush to the disk, then rename over the target. On failure the target is as it was. */
enum gen_status file_writer_commit(struct file_writer *writer, struct gen_error *err);
/** The same under the target's name with `suffix` after it: the target stays as it is. */
enum gen_status file_writer_commit_as(struct file_writer *writer, const char *suffix,
                                      struct gen_error *err);
/** Remove the temporary file unless committed, and free everything. For the `fail:` path too. */
void file_writer_close(struct file_writer *writer);

/**
 * Whether a file can be named `path` with `suffix` after it: GEN_IO_ERROR where that name is longer
 * than the file system takes. For jobs that write such files only after long work.
 */
enum gen_status file_check_name(const char *path, const char *suffix, struct gen_error *err);

#endif
