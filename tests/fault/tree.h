#ifndef TESTS_FAULT_TREE_H
#define TESTS_FAULT_TREE_H

#include <stdbool.h>
#include <stddef.h>

/** The files of a small directory, with all that is in them, sorted by name. */
struct tree {
    struct tree_file {
        char *name; /* from the top; a directory's ends with '/' */
        char *bytes;
        size_t size;
    } * files;
    size_t n;
};

/** Read what lies in a directory. Ends the program where that fails, as all of these do. */
void tree_read(struct tree *tree, const char *directory);

/** Make the directory, which need not exist, hold just these files; `now` is what it holds. */
void tree_restore(const struct tree *tree, const struct tree *now, const char *directory);

/** The file of that name, or NULL. */
const struct tree_file *tree_find(const struct tree *tree, const char *name);

bool tree_equal(const struct tree *a, const struct tree *b);
bool tree_file_equal(const struct tree_file *a, const struct tree_file *b);
void tree_free(struct tree *tree);

/** Everything of one file into memory of the caller's own; a 0 follows. */
char *tree_slurp(const char *path, size_t *size);

/** Say what the driver itself cannot do, and end. */
_Noreturn void driver_failed(const char *what);

#endif
