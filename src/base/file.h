/**
 * file.h - regular files only: mapped, read in pieces or whole, or written next to their target and
 * renamed: the one way in which gen writes files.
 *
 * Reading never waits: what is not a regular file (FIFO, socket, directory, device) is refused
 * before anything is read from it.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
 * stay in a cache, take less time than the page faults of a mapping, and leave no pages that
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
 * after it. A longer file is GEN_BAD_FILE.
 */
enum gen_status file_read(char **out, size_t *size, const char *path, size_t limit,
                          struct gen_error *err);

/** `directory`/`name` as a memory_new() string; NULL if out of memory. */
char *file_join(const char *directory, const char *name);

/**
 * Where a file that is named `path` is to be written: symbolic links are followed, as open(2) does,
 * so that what they lead to is replaced and not the link; one that leads nowhere names a new file.
 */
struct file_target {
    char *path; /**< without links in its last part; to be freed with memory_free() */
    /** FILE_OTHER: not to be replaced but written through: a FIFO, a device, and whatever is named
     * by a descriptor, as /dev/stdout is, even if that is a regular file. */
    enum file_kind kind;
    uint32_t mode, owner, group; /**< of what is there */
    uint64_t device, inode;      /**< which file that is; 0: nothing is there */
};

/** A circle of links, or a place that cannot be looked at, is an error; then there is no path. */
enum gen_status file_target_find(struct file_target *target, const char *path,
                                 struct gen_error *err);
/** Whether both names lead to one file, be it there already or not. */
bool file_target_same(const char *a, const char *b);

/**
 * A file being written next to its target, under a hidden name. Start from {0}.
 *
 * The temporary file is locked until file_writer_close(), so also when it bears its final name, and
 * never has a wider mode than what it replaces. Other hard links of that keep the old bytes.
 */
struct file_writer {
    char *path;      /**< as it was named, for messages */
    char *target;    /**< where that leads */
    char *temporary; /**< what is written, in the target's directory; NULL: it was renamed, or: */
    bool unnamed;    /**< nothing can be made there; it has no name, and is copied in the end */
    int descriptor;
    int directory; /**< that directory, to be synced; -1: it cannot be read */
    int old;     /**< the file that is there, open for writing: in a sandbox it could not be opened
                      when it is to be overwritten; -1: there is none */
    bool failed; /**< a write failed: there is nothing whole to commit */
    bool replaces; /**< there is a file, whose mode, owner and group are kept */
    uint32_t mode, owner, group;
    unsigned char *buffer;
    size_t n_buffered;
    uint64_t n_written; /**< bytes given to file_writer_put so far */
};

/**
 * Refused is what cannot be opened for writing, and what is no regular file. What killed processes
 * left in the directory, of any target, is removed.
 */
enum gen_status file_writer_open(struct file_writer *writer, const char *path,
                                 struct gen_error *err);
/**
 * The same with a name that can be seen, that of the target with ".partial", for what is worth
 * something before it is whole. What an earlier process left there is replaced; if another one is
 * still writing it, that is an error.
 */
enum gen_status file_writer_open_partial(struct file_writer *writer, const char *path,
                                         struct gen_error *err);
/**
 * The same, but what an earlier process left there is gone on with: n_written says how many bytes
 * that is. One that another process is still writing is an error.
 */
enum gen_status file_writer_continue_partial(struct file_writer *writer, const char *path,
                                             struct gen_error *err);
/** Go on after the first n bytes of those that there are; the others are gone. */
enum gen_status file_writer_cut(struct file_writer *writer, uint64_t n, struct gen_error *err);
enum gen_status file_writer_put(struct file_writer *writer, const void *data, size_t n,
                                struct gen_error *err);
/** Give what is buffered to the system, so that others who read the file see it. */
enum gen_status file_writer_flush(struct file_writer *writer, struct gen_error *err);
/**
 * Flush to the disk. Of several files that belong together all are flushed before the first is
 * committed, so that a full disk changes none.
 */
enum gen_status file_writer_sync(struct file_writer *writer, struct gen_error *err);
/**
 * Flush to the disk, then rename over the target. On failure the target is as it was.
 *
 * A target that may be written, but not be renamed over, is overwritten: its directory may not be
 * written, or is sticky and the target somebody else's, or it is a mount point. By then all bytes
 * are on the disk elsewhere (in P_tmpdir, mostly /tmp, where nothing can be made next to it), there
 * is room for them, and no other process that locks it writes it; only what fails in the middle of
 * this last copying, or ends the process there, leaves it half old and half new. The new bytes are
 * then left next to it, where they are there, under a name that the error tells.
 *
 * More may be put and flushed afterwards: it is appended to the file, which bears its name by then.
 */
enum gen_status file_writer_commit(struct file_writer *writer, struct gen_error *err);
/**
 * Instead of committing: leave the first n bytes, of those flushed so far, under the name that the
 * file has now. False if that cannot be, as without a name; it is removed then.
 */
bool file_writer_leave(struct file_writer *writer, uint64_t n);
/** Remove the temporary file unless committed, and free everything; also after a failure. */
void file_writer_close(struct file_writer *writer);

/** Whether `path` could be written now: to be known before hours of work. It is not changed. */
enum gen_status file_writer_check(const char *path, struct gen_error *err);
/** The same for the name that is `path` with `ending`. */
enum gen_status file_writer_check_ending(const char *path, const char *ending,
                                         struct gen_error *err);

/**
 * Remove the hidden temporary files that this process is writing, before it ends without more ado.
 * May be called by a signal's handler. Only where /proc tells the names of descriptors.
 */
void file_writer_remove_all(void);

#endif
