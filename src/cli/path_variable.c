/**
 * path_variable.c - paths from the environment, with `~` and variables in them.
 *
 * A shell would have expanded them, but values also come from a Dockerfile, a systemd unit or a
 * .env file, and the other tools that read the same variables expand them.
 */
#include "cli/path_variable.h"

#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cli/alloc.h"
#include "gen.h"

static bool is_name_byte(char byte) {
    return byte == '_' || (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z');
}

/* The home directory of the user that n bytes name, of this one where n is 0; NULL: none. */
static const char *home_of(const char *user, size_t n) {
    if (n == 0) {
        const char *home = getenv("HOME");
        return home != NULL && *home != '\0' ? home : NULL;
    }
    char *name = alloc_printf("%.*s", (int)n, user);
    const struct passwd *entry = getpwnam(name);
    free(name);
    return entry != NULL ? entry->pw_dir : NULL;
}

/* Append what stands for a part of n bytes that may begin with `~`: returns the bytes used. */
static size_t append_home(struct gen_bytes *out, const char *text, size_t n) {
    if (n == 0 || text[0] != '~') {
        return 0;
    }
    const char *slash = memchr(text, '/', n);
    size_t used = slash != NULL ? (size_t)(slash - text) : n;
    const char *home = home_of(text + 1, used - 1);
    if (home == NULL) {
        return 0;
    }
    alloc_append(out, home, strlen(home));
    return used;
}

/* Append the value of the variable at `$`: returns the bytes used, 0 if it is none that is set. */
static size_t append_variable(struct gen_bytes *out, const char *text, size_t left) {
    bool braced = left > 1 && text[1] == '{';
    const char *name = text + 1 + braced;
    size_t room = left - 1 - braced;
    size_t n = 0;
    while (n < room && (braced ? name[n] != '}' : is_name_byte(name[n]))) {
        n++;
    }
    if (n == 0 || (braced && n == room)) {
        return 0;
    }
    char *copy = alloc_printf("%.*s", (int)n, name);
    const char *value = getenv(copy);
    free(copy);
    if (value == NULL) {
        return 0;
    }
    alloc_append(out, value, strlen(value));
    return 1 + n + (braced ? 2 : 0);
}

static void append_part(struct gen_bytes *out, const char *text, size_t n) {
    size_t at = append_home(out, text, n);
    while (at < n) {
        size_t used = text[at] == '$' ? append_variable(out, text + at, n - at) : 0;
        if (used == 0) {
            alloc_append(out, text + at, 1);
            used = 1;
        }
        at += used;
    }
}

static char *expand(const char *variable, const char *divider) {
    const char *value = getenv(variable);
    if (value == NULL || *value == '\0') {
        return NULL;
    }
    struct gen_bytes out = {0};
    for (;;) {
        size_t n = strcspn(value, divider);
        append_part(&out, value, n);
        if (value[n] == '\0') {
            break;
        }
        alloc_append(&out, value + n, 1);
        value += n + 1;
    }
    alloc_append(&out, "", 1);
    return out.data;
}

char *path_variable(const char *variable) {
    return expand(variable, "");
}

char *path_list_variable(const char *variable) {
    return expand(variable, ":");
}
