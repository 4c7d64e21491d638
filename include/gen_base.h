/**
 * gen_base.h - what every function of libgen uses: errors, growing arrays, notes.
 *
 * gen.h includes it, and states the conventions.
 */
#ifndef GEN_BASE_H
#define GEN_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- errors ----------------------------------------------------------------------------------*/

/** What kind of thing went wrong; GEN_OK is 0. */
enum gen_status {
    GEN_OK = 0,
    GEN_BAD_ARGUMENT, /**< a value the caller chose is out of its range */
    GEN_IO_ERROR,     /**< a file cannot be opened, read or written */
    GEN_BAD_FILE,     /**< a file's contents are malformed or contradict themselves */
    GEN_UNSUPPORTED,  /**< a file is well-formed but needs what gen does not do */
    GEN_NO_MEMORY,    /**< an allocation failed */
    GEN_CONTEXT_FULL, /**< more positions were asked for than the context has */
    GEN_CANCELED      /**< a callback asked to stop */
};

/** Longest message including its NUL; with `gen: ` and a newline a line stays under 600 bytes. */
#define GEN_MESSAGE_SIZE 560

/** One sentence about a failure: no trailing newline, no control characters, valid UTF-8. */
struct gen_error {
    enum gen_status status;
    char message[GEN_MESSAGE_SIZE];
};

/* ---- growing arrays --------------------------------------------------------------------------*/

/** A growing array of token ids; start from {0}. */
struct gen_ids {
    int32_t *data;
    size_t n;
    size_t capacity;
};

/** A growing array of bytes (not NUL-terminated); start from {0}. */
struct gen_bytes {
    char *data;
    size_t n;
    size_t capacity;
};

/** Append n ids. GEN_NO_MEMORY leaves the array as it was. */
enum gen_status gen_ids_append(struct gen_ids *ids, const int32_t *more, size_t n);
/** Append n bytes. GEN_NO_MEMORY leaves the array as it was. */
enum gen_status gen_bytes_append(struct gen_bytes *bytes, const char *more, size_t n);
/** Free the memory and make the array {0} again. */
void gen_ids_release(struct gen_ids *ids);
void gen_bytes_release(struct gen_bytes *bytes);

/* ---- notes -----------------------------------------------------------------------------------*/

/**
 * A sentence about what was read that is no failure: which of two sources won, what is not heeded.
 * The library never prints; show each once. As clean and short as the message of a gen_error.
 */
struct gen_note {
    bool verbose_only; /**< for those who ask for details */
    const char *text;  /**< belongs to what it is about */
};

#ifdef __cplusplus
}
#endif
#endif
