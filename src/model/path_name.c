/**
 * path_name.c - the name of a model that says none of its own, from where it lies.
 */
#include "model/path_name.h"

#include <string.h>

/* The last part of path[0 ... end), which gets shorter by it and the slash before it. */
static const char *last_part(const char *path, size_t *end, size_t *n) {
    while (*end > 1 && path[*end - 1] == '/') {
        (*end)--;
    }
    size_t start = *end;
    while (start > 0 && path[start - 1] != '/') {
        start--;
    }
    *n = *end - start;
    *end = start > 0 ? start - 1 : 0;
    return path + start;
}

/* .../models--OWNER--NAME/snapshots/REVISION is how the Hub's cache has a model. */
static const char *hub_name(const char *path, size_t end, size_t *n) {
    static const char snapshots[] = "snapshots", models[] = "models--";
    const char *part = last_part(path, &end, n);
    if (*n != sizeof snapshots - 1 || memcmp(part, snapshots, *n) != 0) {
        return NULL;
    }
    part = last_part(path, &end, n);
    if (*n < sizeof models || memcmp(part, models, sizeof models - 1) != 0) {
        return NULL;
    }
    size_t start = *n;
    while (start > 2 && !(part[start - 1] == '-' && part[start - 2] == '-')) {
        start--;
    }
    *n -= start;
    return *n > 0 ? part + start : NULL;
}

const char *model_path_name(const char *path, size_t *n) {
    static const char ending[] = ".gguf";
    size_t end = strlen(path);
    const char *name = last_part(path, &end, n);
    size_t n_hub;
    if (*n == 0 || (*n <= 2 && memcmp(name, "..", *n) == 0)) {
        *n = strlen("model");
        return "model"; /* "." and the like: a path without a name */
    }
    const char *hub = end > 0 ? hub_name(path, end, &n_hub) : NULL;
    if (hub != NULL) {
        *n = n_hub;
        return hub;
    }
    if (*n > sizeof ending - 1 &&
        memcmp(name + *n - (sizeof ending - 1), ending, sizeof ending - 1) == 0) {
        *n -= sizeof ending - 1;
    }
    return name;
}
