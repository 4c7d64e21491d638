/**
 * record_notes.c - members of records that are no option although somebody may have meant one: so
 * "temprature" and "num_beams" do not go into a night unseen. Names of one word that llama.cpp has,
 * as "i" and "draft", are more often data, and nothing is said of them.
 */
#include "cmd/generate/record_notes.h"

#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "cli/alloc.h"
#include "cli/habits.h"
#include "cli/message.h"
#include "cli/suggest.h"
#include "cmd/generate/record_options.h"
#include "cmd/generate/record_template.h"

/* Names that are looked at: as many as records of one kind have. All keys of a dictionary may be
 * others in each record. */
#define NAMES_MOST 64

/* Longer names are no mistyped option. */
#define NAME_LONGEST 60

static bool was_seen(const struct record_notes *notes, const char *name) {
    for (size_t i = 0; i < notes->n; i++) {
        if (strcmp(notes->names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static int to_lower(char c) {
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

/* Whether names are equal but for case, `-` and `_`: topK, max-new-tokens. */
static bool is_spelling_of(const char *name, const char *option) {
    for (;; name++, option++) {
        name += strspn(name, "-_");
        option += strspn(option, "-_");
        if (to_lower(*name) != to_lower(*option)) {
            return false;
        }
        if (*name == '\0') {
            return true;
        }
    }
}

/* The option that is so near that it was meant, or NULL. */
static const char *nearest_option(const char *name) {
    size_t n = strlen(name);
    size_t least = n < 5 ? 1 : n < 8 ? 2 : 3; /* typing errors that are too many */
    const char *option, *nearest = NULL;
    for (size_t i = 0; (option = record_options_name(i)) != NULL; i++) {
        size_t errors = is_spelling_of(name, option) ? 0 : suggest_distance(name, option);
        if (errors < least) {
            least = errors;
            nearest = option;
        }
    }
    return nearest;
}

/* With `_`, as a member is written. */
static void write_name(char name[NAME_LONGEST + 1], const char *option) {
    size_t n = 0;
    for (; n < NAME_LONGEST && option[n] != '\0'; n++) {
        name[n] = option[n];
        if (name[n] == '-') {
            name[n] = '_';
        }
    }
    name[n] = '\0';
}

/* Whether a name is looked up: it has several words, or is one that no data has. */
static bool is_telling(const char *name) {
    return strpbrk(name, "-_") != NULL || strcmp(name, "temp") == 0 ||
           strcmp(name, "defaults") == 0 || strcmp(name, "constraints") == 0;
}

/* The option of the run that is spelled so, or NULL. Those of a record are none of these. */
static const struct option *run_option(const char *name) {
    for (size_t i = 0; i < generate_spec.n_table; i++) {
        const struct option *option = &generate_spec.table[i];
        if (option->kind != OPTION_HEADING && is_telling(name) &&
            habits_same(option->name, name, strlen(name))) {
            return option;
        }
    }
    return NULL;
}

static void look_at(const char *name, const char *where, struct progress *progress) {
    const struct option *of_run = run_option(name);
    if (of_run != NULL && !record_options_is(name) && strchr(name, '-') == NULL) {
        progress_end(progress);
        message("%s: \"%s\" is no option of one prompt, but of the run: --%s", where, name,
                of_run->name);
        return;
    }
    const struct habit *habit =
        is_telling(name) ? habits_find(habits_generate, name, strlen(name)) : NULL;
    const char *option = habit != NULL ? habit->alias : nearest_option(name);
    char option_name[NAME_LONGEST + 1];
    if (habit == NULL && option == NULL) {
        return;
    }
    progress_end(progress);
    if (option != NULL) {
        write_name(option_name, option);
        message("%s: \"%s\" is no option (did you mean \"%s\"?)", where, name, option_name);
    } else {
        message("%s: \"%s\" is no option: %s", where, name, habit->say);
    }
}

void record_notes_say(struct record_notes *notes, const struct record_fields *fields,
                      const struct gen_bytes *template, const char *where,
                      struct progress *progress) {
    for (size_t i = 0; i < fields->n && notes->n < NAMES_MOST; i++) {
        const char *name = fields->data[i].name;
        if (strlen(name) > NAME_LONGEST || record_options_is(name) || was_seen(notes, name)) {
            continue;
        }
        alloc_grow(&notes->names, &notes->capacity, notes->n + 1, sizeof *notes->names);
        notes->names[notes->n++] = alloc_printf("%s", name);
        if (template == NULL || !record_template_has(template, name)) {
            look_at(name, where, progress);
        }
    }
}

void record_notes_release(struct record_notes *notes) {
    for (size_t i = 0; i < notes->n; i++) {
        free(notes->names[i]);
    }
    free(notes->names);
    *notes = (struct record_notes){0};
}
