/**
 * fuzz.c - what the fuzzers share: files in a directory of their own, bytes taken as choices, and
 * what every message must be. What the inputs mean is left to each.
 */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_SIZE 256
#define PATHS     8

static char directory[PATH_SIZE];

static void remove_directory(void) {
    DIR *all = opendir(directory);
    const struct dirent *entry;
    while (all != NULL && (entry = readdir(all)) != NULL) {
        if (entry->d_name[0] != '.' || strncmp(entry->d_name, ".gen-", 5) == 0) {
            unlink(fuzz_path(entry->d_name));
        }
    }
    if (all != NULL) {
        closedir(all);
    }
    rmdir(directory);
}

const char *fuzz_directory(void) {
    if (directory[0] == '\0') {
        const char *top = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
        snprintf(directory, sizeof directory, "%s/gen-fuzz-XXXXXX", top);
        if (mkdtemp(directory) == NULL) {
            abort();
        }
        atexit(remove_directory);
    }
    return directory;
}

const char *fuzz_path(const char *name) {
    static char paths[PATHS][2 * PATH_SIZE];
    static unsigned next;
    char *path = paths[next++ % PATHS];
    snprintf(path, sizeof paths[0], "%s/%s", fuzz_directory(), name);
    return path;
}

const char *fuzz_write(const char *name, const void *data, size_t size) {
    const char *path = fuzz_path(name);
    if (data == NULL) {
        unlink(path);
        return path;
    }
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(data, 1, size, file) != size || fclose(file) != 0) {
        abort();
    }
    return path;
}

void fuzz_copy(const char *from, const char *name) {
    static char bytes[1 << 20];
    char path[2 * PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", from, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        abort();
    }
    fuzz_write(name, bytes, fread(bytes, 1, sizeof bytes, file));
    fclose(file);
}

void fuzz_check_error(const struct gen_error *err) {
    size_t n = strnlen(err->message, sizeof err->message);
    if (n == 0 || n == sizeof err->message || strchr(err->message, '\n') != NULL) {
        abort();
    }
}

unsigned fuzz_byte(struct fuzz_bytes *bytes) {
    if (bytes->n == 0) {
        return 0;
    }
    bytes->n--;
    return *bytes->data++;
}
