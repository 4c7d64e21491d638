/**
 * tree.c - what a directory holds, before and after a run: read, compared, put back. Only what a
 * run changed is written again, as there are thousands of runs.
 */
#include "tree.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 4096

void driver_failed(const char *what) {
    perror(what);
    _exit(2);
}

char *tree_slurp(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    struct stat status;
    if (file == NULL || fstat(fileno(file), &status) != 0) {
        driver_failed(path);
    }
    char *bytes = calloc((size_t)status.st_size + 1, 1);
    *size = bytes == NULL ? 0 : fread(bytes, 1, (size_t)status.st_size, file);
    if (*size != (size_t)status.st_size) {
        driver_failed(path);
    }
    fclose(file);
    return bytes;
}

/* The path of a name in a directory; the text stays until the next call. */
static const char *path_of(const char *directory, const char *name) {
    static char path[PATH_SIZE];
    int n = snprintf(path, sizeof path, "%s/%s", directory, name);
    if (n < 0 || (size_t)n >= sizeof path) {
        driver_failed(name);
    }
    return path;
}

static struct tree_file *add(struct tree *tree, const char *name) {
    tree->files = realloc(tree->files, (tree->n + 1) * sizeof *tree->files);
    char *copy = strdup(name);
    if (tree->files == NULL || copy == NULL) {
        driver_failed("memory");
    }
    tree->files[tree->n] = (struct tree_file){.name = copy};
    return &tree->files[tree->n++];
}

static void read_below(struct tree *tree, const char *top, const char *below) {
    DIR *directory = opendir(path_of(top, below));
    const struct dirent *entry;
    if (directory == NULL) {
        driver_failed(path_of(top, below));
    }
    while ((entry = readdir(directory)) != NULL) {
        char name[PATH_SIZE];
        struct stat status;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        snprintf(name, sizeof name, "%s%s", below, entry->d_name);
        if (lstat(path_of(top, name), &status) != 0) {
            driver_failed(name);
        }
        if (S_ISDIR(status.st_mode)) {
            snprintf(name, sizeof name, "%s%s/", below, entry->d_name);
            add(tree, name);
            read_below(tree, top, name);
        } else {
            struct tree_file *file = add(tree, name);
            file->bytes = tree_slurp(path_of(top, name), &file->size);
        }
    }
    closedir(directory);
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct tree_file *)a)->name, ((const struct tree_file *)b)->name);
}

void tree_read(struct tree *tree, const char *directory) {
    *tree = (struct tree){0};
    read_below(tree, directory, "");
    if (tree->n > 0) {
        qsort(tree->files, tree->n, sizeof *tree->files, by_name);
    }
}

const struct tree_file *tree_find(const struct tree *tree, const char *name) {
    for (size_t i = 0; i < tree->n; i++) {
        if (strcmp(tree->files[i].name, name) == 0) {
            return &tree->files[i];
        }
    }
    return NULL;
}

bool tree_file_equal(const struct tree_file *a, const struct tree_file *b) {
    return a->size == b->size && (a->size == 0 || memcmp(a->bytes, b->bytes, a->size) == 0);
}

bool tree_equal(const struct tree *a, const struct tree *b) {
    bool equal = a->n == b->n;
    for (size_t i = 0; equal && i < a->n; i++) {
        equal = strcmp(a->files[i].name, b->files[i].name) == 0 &&
                tree_file_equal(&a->files[i], &b->files[i]);
    }
    return equal;
}

void tree_restore(const struct tree *tree, const struct tree *now, const char *directory) {
    for (size_t i = now->n; i-- > 0;) { /* what is in a directory comes after it */
        const char *name = now->files[i].name;
        const struct tree_file *file = tree_find(tree, name);
        if ((file == NULL || !tree_file_equal(file, &now->files[i])) &&
            remove(path_of(directory, name)) != 0) {
            driver_failed(name);
        }
    }
    for (size_t i = 0; i < tree->n; i++) {
        const struct tree_file *file = &tree->files[i];
        const struct tree_file *old = tree_find(now, file->name);
        if (old != NULL && tree_file_equal(file, old)) {
            continue;
        }
        if (file->name[strlen(file->name) - 1] == '/') {
            mkdir(path_of(directory, file->name), 0777);
            continue;
        }
        FILE *out = fopen(path_of(directory, file->name), "wb");
        if (out == NULL || fwrite(file->bytes, 1, file->size, out) != file->size ||
            fclose(out) != 0) {
            driver_failed(file->name);
        }
    }
}

void tree_free(struct tree *tree) {
    for (size_t i = 0; i < tree->n; i++) {
        free(tree->files[i].name);
        free(tree->files[i].bytes);
    }
    free(tree->files);
    *tree = (struct tree){0};
}
