/**
 * train_note.c - the options of a run as a note in its state: written from the table of options and
 * what was given on the command line, and read back as arguments that the one parser of options
 * takes.
 */
#include "cmd/train/train_note.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/field.h"
#include "cli/alloc.h"
#include "cli/exit_code.h"
#include "cli/message.h"
#include "cmd/train/train_rows.h"

static bool is_among(const char *name, const char *const *names) {
    for (; *names != NULL; names++) {
        if (strcmp(name, *names) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether an option says what the run is. The shape of a model is in the state itself. */
static bool is_kept(const struct option *option) {
    static const char *const others[] = {
        "output", "resume", "quiet",     "threads",     "preset",     "n-layer", "n-head",
        "n-embd", "n-ctx",  "log-every", "micro-batch", "vocab-size", NULL};
    return option->kind != OPTION_HEADING && !is_among(option->name, others);
}

/* ---- writing ---------------------------------------------------------------------------------*/

/* `path` from the root, where it is a path: what may also be a name is one if it leads there. */
static char *absolute(const struct option *option, const char *path) {
    static const char *const paths[] = {"data", "pairs", "valid", "metrics", "svg", "last", NULL};
    static const char *const names[] = {"vocab", "init", "model", NULL};
    bool is_path =
        is_among(option->name, paths) || (is_among(option->name, names) && access(path, F_OK) == 0);
    char *here = is_path && path[0] != '/' ? getcwd(NULL, 0) : NULL;
    char *made = here != NULL ? alloc_printf("%s/%s", here, path) : alloc_printf("%s", path);
    free(here);
    return made;
}

/* A float in as many digits as tell it from all others; free() it. */
static char *float_text(float value) {
    char text[40];
    for (int digits = 1; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value) {
            break;
        }
    }
    return alloc_printf("%s", text);
}

/* The value of an option, or entry i of a list, as an argument has it; free() it. */
static char *value_of(const struct train_settings *settings, const struct option *option,
                      size_t i) {
    const void *value = field_at_const(settings, option->offset);
    switch (option->kind) {
    case OPTION_INT:
        return alloc_printf("%" PRId32, *(const int32_t *)value);
    case OPTION_UINT64:
        return alloc_printf("%" PRIu64, *(const uint64_t *)value);
    case OPTION_FLOAT:
        return float_text(*(const float *)value);
    case OPTION_CHOICE:
        return alloc_printf("%s", option->choices[*(const int32_t *)value]);
    case OPTION_LIST:
        return absolute(option, ((const struct option_list *)value)->data[i]);
    default:
        return absolute(option, *(const char *const *)value);
    }
}

/* The argument of an option, as value_of(). */
static char *argument_of(const struct train_settings *settings, const struct option *option,
                         size_t i) {
    if (option->kind == OPTION_FLAG) {
        return alloc_printf("--%s", option->name);
    }
    char *value = value_of(settings, option, i);
    char *argument = alloc_printf("--%s=%s", option->name, value);
    free(value);
    return argument;
}

static size_t n_values(const struct train_settings *settings, const struct option *option,
                       bool given) {
    const void *value = field_at_const(settings, option->offset);
    if (option->kind == OPTION_STRING) {
        /* Of processes that train together the first alone has files to write. */
        return given && *(const char *const *)value != NULL;
    }
    if (option->kind != OPTION_LIST) {
        return given;
    }
    /* Operands are in the list of data, too. */
    return ((const struct option_list *)value)->n;
}

char *train_note_make(const struct train_settings *settings, const struct options_parsed *parsed,
                      const struct options_spec *spec) {
    cJSON *array = cJSON_CreateArray();
    for (size_t row = 0; row < spec->n_table; row++) {
        const struct option *option = &spec->table[row];
        bool sequences =
            settings->begins && strcmp(option->name, "n-ctx") == 0; /* shorter than the model's */
        /* A model that is only named again, of a run that was not begun with one, is none. */
        bool no_init = !settings->pairs && !settings->begins && option->offset == TRAIN_AT(init);
        if ((!is_kept(option) && !sequences) || no_init) {
            continue;
        }
        size_t n = n_values(settings, option, parsed->given[row]);
        for (size_t i = 0; i < n; i++) {
            char *argument = argument_of(settings, option, i);
            cJSON *item = cJSON_CreateString(argument);
            if (!cJSON_AddItemToArray(array, item)) {
                cJSON_Delete(item);
                alloc_failed();
            }
            free(argument);
        }
    }
    /* Names of files need not be UTF-8: here alone their bytes are kept as they are. */
    char *text = cJSON_PrintUnformatted(array);
    if (text == NULL) {
        alloc_failed();
    }
    char *note = alloc_printf("%s", text);
    cJSON_free(text);
    cJSON_Delete(array);
    return note;
}

/* ---- reading ---------------------------------------------------------------------------------*/

/* The row of the table that an argument is of; NULL: none any more. */
static const struct option *find_row(const struct options_spec *spec, const char *argument) {
    size_t n = strcspn(argument, "=");
    for (size_t i = 0; i < spec->n_table; i++) {
        const struct option *option = &spec->table[i];
        if (option->kind != OPTION_HEADING && n == strlen(option->name) + 2 &&
            memcmp(argument, "--", 2) == 0 && memcmp(argument + 2, option->name, n - 2) == 0) {
            return option;
        }
    }
    return NULL;
}

/* Whether the command line says the same or something that excludes it. */
static bool is_decided(const struct option *option, const struct options_parsed *parsed,
                       const struct options_spec *spec) {
    if (option->offset == TRAIN_AT(data) && parsed->n_operands > 0) {
        return true;
    }
    for (size_t i = 0; i < spec->n_table; i++) {
        if (parsed->given[i] && spec->table[i].offset == option->offset) {
            return true; /* or an alias */
        }
    }
    for (size_t i = 0; i < spec->n_conflicts; i++) {
        const struct option_conflict *conflict = &spec->conflicts[i];
        if ((strcmp(conflict->a, option->name) == 0 && options_given(parsed, spec, conflict->b)) ||
            (strcmp(conflict->b, option->name) == 0 && options_given(parsed, spec, conflict->a))) {
            return true;
        }
    }
    return false;
}

/* Add " --lr 0.1 (was 0.2)" to `line` if so. Lists, of which data are told by the library, are
 *  left out. */
static void compare(struct gen_bytes *line, const struct train_settings *settings,
                    const struct option *option, const char *before) {
    if (option->kind == OPTION_LIST || option->kind == OPTION_FLAG) {
        return;
    }
    char *value = value_of(settings, option, 0);
    const char *was = before + strcspn(before, "=");
    was += *was == '=';
    if (strcmp(value, was) != 0) {
        char *text = alloc_printf("%s --%s %.60s (was %.60s)", line->n > 0 ? "," : "", option->name,
                                  value, was);
        alloc_append(line, text, strlen(text));
        free(text);
    }
    free(value);
}

/* The arguments of the state's note; none where there is no state or no note. With a state that
 *  cannot be read there is nothing to go on from, so the run ends. */
static cJSON *read_note(const struct train_settings *settings) {
    struct gen_bytes text = {0};
    struct gen_error err;
    cJSON *array = NULL;
    enum gen_status status = gen_train_note(settings->output, &text, &err);
    if (status == GEN_NO_MEMORY) {
        alloc_failed();
    }
    if (status != GEN_OK) {
        message("%s", err.message);
        exit(EXIT_FAILED);
    }
    if (text.n > 0) {
        array = cJSON_ParseWithLength(text.data, text.n);
    }
    if (text.n > 0 && array == NULL) {
        message(
            "%.300s.state: the options that it keeps cannot be read: they are not JSON, or there "
            "is not enough memory",
            settings->output);
        exit(EXIT_FAILED);
    }
    gen_bytes_release(&text);
    return array;
}

/* The directory of a path; false if it cannot be looked at. */
static bool find_directory(struct stat *status, const char *path) {
    const char *slash = strrchr(path, '/');
    char *directory =
        slash != NULL ? alloc_printf("%.*s", (int)(slash - path) + 1, path) : alloc_printf(".");
    bool found = stat(directory, status) == 0;
    free(directory);
    return found;
}

/* Whether an argument names a file to write that does not lie next to the model. A state may come
 *  from a stranger: it has nothing written where its user has not said so. */
static bool writes_elsewhere(const struct train_settings *settings, const struct option *option,
                             const char *argument) {
    static const char *const outputs[] = {"metrics", "svg", "last", NULL};
    struct stat own, other;
    const char *path = argument + strcspn(argument, "=");
    path += *path == '=';
    if (!is_among(option->name, outputs) ||
        (find_directory(&own, settings->output) && find_directory(&other, path) &&
         own.st_dev == other.st_dev && own.st_ino == other.st_ino)) {
        return false;
    }
    message("%.200s.state: --%s was %.200s, which is not next to the model and not written (give "
            "it again)",
            settings->output, option->name, path);
    return true;
}

static void take(struct train_note *note, const char *argument) {
    alloc_grow(&note->arguments, &note->capacity, note->n + 1, sizeof *note->arguments);
    note->arguments[note->n++] = alloc_printf("%s", argument);
}

/* Parse the note's arguments into the settings, as if they had been given. */
static void set(const struct train_note *note, struct train_settings *settings,
                struct options_parsed *parsed, const struct options_spec *spec) {
    struct options_parsed restored;
    struct gen_error err;
    if (options_parse(settings, &restored, spec, settings->pairs ? "finetune" : "train",
                      (int)note->n, note->arguments, &err) != OPTIONS_RUN) {
        message("%.300s.state: %s (an option of its run; give another)", settings->output,
                err.message);
        exit(EXIT_FAILED);
    }
    settings->init_restored =
        options_given(&restored, spec, "init") || options_given(&restored, spec, "model");
    settings->vocab_restored = options_given(&restored, spec, "vocab");
    for (size_t i = 0; i < spec->n_table; i++) {
        parsed->given[i] = parsed->given[i] || restored.given[i];
    }
    free(restored.operands);
    free(restored.given);
}

/* Whether an argument names what gen train, or gen finetune, learns, and the other is resuming. */
static bool is_of_other(const char *argument, const struct options_spec *spec) {
    return (strncmp(argument, "--pairs=", 8) == 0 || strncmp(argument, "--data=", 7) == 0) &&
           find_row(spec, argument) == NULL;
}

/* Whether the run is one of this command; if not, after a message. The best model of a run would
 *  be lost to a word that was mistyped. */
static bool check_command(const cJSON *array, const struct train_settings *settings,
                          const struct options_spec *spec) {
    const char *other = settings->pairs ? "train" : "finetune";
    const cJSON *entry;
    cJSON_ArrayForEach(entry, array) {
        const char *argument = cJSON_GetStringValue(entry);
        if (argument != NULL && is_of_other(argument, spec)) {
            message("%.200s.state: the run was begun by gen %s (gen %s --resume goes on with it; a "
                    "new run needs another output)",
                    message_name(settings->output), other, other);
            return false;
        }
    }
    return true;
}

bool train_note_restore(struct train_note *note, struct train_settings *settings,
                        struct options_parsed *parsed, const struct options_spec *spec) {
    if (!settings->options.resume || settings->output == NULL) {
        return true;
    }
    cJSON *array = read_note(settings);
    if (!check_command(array, settings, spec)) {
        cJSON_Delete(array);
        return false;
    }
    struct gen_bytes line = {0};
    const cJSON *entry;
    cJSON_ArrayForEach(entry, array) {
        const char *argument = cJSON_GetStringValue(entry);
        const struct option *option = argument != NULL ? find_row(spec, argument) : NULL;
        if (option != NULL && option->offset == TRAIN_AT(init)) {
            settings->init_noted = true;
        }
        if (option != NULL && !is_decided(option, parsed, spec)) {
            if (!writes_elsewhere(settings, option, argument)) {
                take(note, argument);
            }
        } else if (option != NULL && options_given(parsed, spec, option->name)) {
            compare(&line, settings, option, argument);
        }
    }
    if (line.n > 0 && !settings->quiet) {
        message("%.200s: going on with%.*s", settings->output, (int)line.n, line.data);
    }
    gen_bytes_release(&line);
    cJSON_Delete(array);
    if (note->n > 0) {
        set(note, settings, parsed, spec);
    }
    return true;
}

void train_note_release(struct train_note *note) {
    for (size_t i = 0; i < note->n; i++) {
        free(note->arguments[i]);
    }
    free(note->arguments);
    *note = (struct train_note){0};
}
