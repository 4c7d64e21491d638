/**
 * suggest.c - "did you mean": the names nearest to one that does not exist, by Damerau-Levenshtein
 * distance. Which names there are is for the caller to say.
 */
#include "cli/suggest.h"

#include <stdbool.h>
#include <string.h>

#include "base/size.h"

/* Longer names are compared up to here. */
#define NAME_MAX_LENGTH 40

/* Lower case with `-` for `_`; returns the length. */
static size_t normalize(char out[NAME_MAX_LENGTH], const char *name) {
    size_t n = 0;
    for (; n < NAME_MAX_LENGTH && name[n] != '\0'; n++) {
        char c = name[n];
        out[n] = (char)(c == '_' ? '-' : (c >= 'A' && c <= 'Z') ? c - 'A' + 'a' : c);
    }
    return n;
}

/*
 * Typing errors between two names: the Damerau-Levenshtein distance (optimal string alignment).
 * rows[i % 3][j] is the distance of the first i letters of a from the first j of b.
 */
static size_t distance(const char *a, size_t n_a, const char *b, size_t n_b) {
    size_t rows[3][NAME_MAX_LENGTH + 1];
    for (size_t j = 0; j <= n_b; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= n_a; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i - 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= n_b; j++) {
            size_t changed = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = size_min(size_min(above[j], row[j - 1]) + 1, changed);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                size_t exchanged = rows[(i - 2) % 3][j - 2] + 1;
                row[j] = size_min(exchanged, row[j]);
            }
        }
    }
    return rows[n_a % 3][n_b];
}

size_t suggest(const char **names, size_t max, const char *written, const char *const *known,
               size_t n_known) {
    char wrong[NAME_MAX_LENGTH];
    size_t n_wrong = normalize(wrong, written);
    size_t n_names = 0;
    const char *nearest = NULL;
    /* A third of the letters may be wrong, but not all. */
    size_t least = size_min(n_wrong / 3 + 2, n_wrong);
    for (size_t i = 0; i < n_known; i++) {
        char name[NAME_MAX_LENGTH];
        size_t n = normalize(name, known[i]);
        if (n_wrong >= 2 && n > n_wrong && memcmp(name, wrong, n_wrong) == 0 && n_names < max) {
            names[n_names++] = known[i];
        }
        size_t errors = distance(wrong, n_wrong, name, n);
        if (errors == 0 && max > 0) {
            names[0] = known[i];
            return 1;
        }
        if (errors < least) {
            least = errors;
            nearest = known[i];
        }
    }
    if (n_names == 0 && nearest != NULL && max > 0) {
        names[n_names++] = nearest;
    }
    return n_names;
}

size_t suggest_distance(const char *written, const char *known) {
    char a[NAME_MAX_LENGTH], b[NAME_MAX_LENGTH];
    size_t n_a = normalize(a, written);
    size_t n_b = normalize(b, known);
    return distance(a, n_a, b, n_b);
}
