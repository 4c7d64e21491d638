/**
 * model_path.c - where is the model of this name? Paths, directories of models, the Hub's cache.
 *
 * What the environment says is in path_variable.c; whether what is found is a model, the library
 * says when it opens it.
 */
#include "cli/model_path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/size.h"
#include "cli/alloc.h"
#include "cli/message.h"
#include "cli/path_variable.h"

/* A search for one name. */
struct search {
    const char *name;
    struct gen_bytes tried; /* the places looked at, for the message */
    char *found;
};

static bool exists(const char *path) {
    struct stat status;
    return stat(path, &status) == 0;
}

static bool is_directory(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* Whether `name` may be looked up: relative, and no part is empty, "." or "..". */
static bool is_name(const char *name) {
    for (;;) {
        size_t n = strcspn(name, "/");
        if (n == 0 || (n <= 2 && strncmp(name, "..", n) == 0)) {
            return false;
        }
        if (name[n] == '\0') {
            return true;
        }
        name += n + 1;
    }
}

static void note_tried(struct search *search, const char *place) {
    alloc_append(&search->tried, ", ", search->tried.n > 0 ? 2 : 0);
    alloc_append(&search->tried, place, strlen(place));
}

/* An environment variable that is an absolute path, to be freed, else NULL: the XDG rule. */
static char *directory_variable(const char *variable) {
    char *value = path_variable(variable);
    if (value != NULL && value[0] != '/') {
        free(value);
        value = NULL;
    }
    return value;
}

/* `tail` below $variable, else below `under_home` in $HOME; NULL where neither is set. */
static char *standard_directory(const char *variable, const char *under_home, const char *tail) {
    char *base = directory_variable(variable);
    char *home = base == NULL ? directory_variable("HOME") : NULL;
    char *found = NULL;
    if (base != NULL) {
        found = alloc_printf("%s/%s", base, tail);
    } else if (home != NULL) {
        found = alloc_printf("%s/%s/%s", home, under_home, tail);
    }
    free(base);
    free(home);
    return found;
}

/* ---- directories of models -------------------------------------------------------------------*/

static void look_in(struct search *search, const char *directory) {
    static const char *const suffixes[] = {"", ".gguf"};
    for (size_t i = 0; i < 2 && search->found == NULL; i++) {
        char *path = alloc_printf("%s/%s%s", directory, search->name, suffixes[i]);
        if (exists(path)) {
            search->found = path;
        } else {
            free(path);
        }
    }
    note_tried(search, directory);
}

static void look_in_list(struct search *search, const char *list) {
    while (*list != '\0' && search->found == NULL) {
        size_t n = strcspn(list, ":");
        if (n > 0) {
            char *directory = alloc_printf("%.*s", (int)n, list);
            look_in(search, directory);
            free(directory);
        }
        list += n + (list[n] == ':' ? 1 : 0);
    }
}

/* ---- the Hugging Face cache ------------------------------------------------------------------*/

static char *hub_directory(void) {
    char *hub = path_variable("HF_HUB_CACHE");
    if (hub == NULL) {
        hub = path_variable("HUGGINGFACE_HUB_CACHE");
    }
    char *home = hub == NULL ? path_variable("HF_HOME") : NULL;
    if (home != NULL) {
        hub = alloc_printf("%s/hub", home);
        free(home);
    }
    return hub != NULL ? hub : standard_directory("XDG_CACHE_HOME", ".cache", "huggingface/hub");
}

/* The revision in repository/refs/main: one name, cut of its newline; false if there is none. */
static bool read_main_revision(char *revision, size_t size, const char *repository) {
    char *path = alloc_printf("%s/refs/main", repository);
    struct stat status;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    free(path);
    ssize_t n = -1;
    if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) {
        n = read(fd, revision, size - 1);
    }
    if (fd >= 0) {
        close(fd);
    }
    if (n < 0) {
        return false;
    }
    revision[n] = '\0';
    revision[strcspn(revision, "\r\n")] = '\0';
    return is_name(revision) && strchr(revision, '/') == NULL;
}

/* The snapshot that was made last, to be freed; NULL if there is none. */
static char *newest_snapshot(const char *snapshots) {
    DIR *directory = opendir(snapshots);
    char *newest = NULL;
    time_t newest_time = 0;
    const struct dirent *entry;
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        struct stat status;
        char *path = alloc_printf("%s/%s", snapshots, entry->d_name);
        if (entry->d_name[0] != '.' && stat(path, &status) == 0 && S_ISDIR(status.st_mode) &&
            (newest == NULL || status.st_mtime > newest_time)) {
            newest_time = status.st_mtime;
            free(newest);
            newest = path;
        } else {
            free(path);
        }
    }
    if (directory != NULL) {
        closedir(directory);
    }
    return newest;
}

static void look_in_repository(struct search *search, const char *repository) {
    char revision[100];
    char *snapshots = alloc_printf("%s/snapshots", repository);
    if (read_main_revision(revision, sizeof revision, repository)) {
        char *path = alloc_printf("%s/%s", snapshots, revision);
        if (is_directory(path)) {
            search->found = path;
        } else {
            free(path);
        }
    }
    if (search->found == NULL) {
        search->found = newest_snapshot(snapshots);
    }
    free(snapshots);
}

static void look_in_hub(struct search *search, const char *hub) {
    const char *slash = strchr(search->name, '/');
    if (slash != NULL && strchr(slash + 1, '/') != NULL) {
        return;
    }
    char *repositories[2] = {NULL, NULL};
    if (slash != NULL) {
        repositories[0] = alloc_printf("%s/models--%.*s--%s", hub, (int)(slash - search->name),
                                       search->name, slash + 1);
    } else {
        repositories[0] = alloc_printf("%s/models--%s", hub, search->name);
        repositories[1] = alloc_printf("%s/models--openai-community--%s", hub, search->name);
    }
    for (size_t i = 0; i < 2; i++) {
        if (repositories[i] != NULL && search->found == NULL) {
            look_in_repository(search, repositories[i]);
        }
        free(repositories[i]);
    }
    note_tried(search, hub);
}

char *model_path_find(const char *name, struct gen_error *err) {
    struct search search = {.name = name};
    struct stat status;
    /* A link that leads nowhere is a path too: opening it says what is wrong with it. */
    if (lstat(name, &status) == 0) {
        return alloc_printf("%s", name);
    }
    if (*name == '\0' || !is_name(name)) {
        message_set(err, GEN_IO_ERROR, "%.400s: %s", message_name(name), strerror(ENOENT));
        return NULL;
    }
    char *list = path_list_variable("GEN_MODEL_PATH");
    if (list != NULL) {
        look_in_list(&search, list);
    }
    char *data = standard_directory("XDG_DATA_HOME", ".local/share", "gen/models");
    if (data != NULL && search.found == NULL) {
        look_in(&search, data);
    }
    char *hub = hub_directory();
    if (hub != NULL && search.found == NULL) {
        look_in_hub(&search, hub);
    }
    if (search.found == NULL && search.tried.n == 0) {
        note_tried(&search, "any directory, as HOME is not set");
    }
    if (search.found == NULL) {
        message_set(
            err, GEN_IO_ERROR,
            "no model \"%.100s\": it is no file here, nor in %.*s (give a path, or fetch it "
            "from Hugging Face: hf download NAME)",
            name, (int)size_min(search.tried.n, 300), search.tried.data);
    }
    free(list);
    free(data);
    free(hub);
    gen_bytes_release(&search.tried);
    return search.found;
}
