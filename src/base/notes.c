/**
 * notes.c - a growing list of sentences. They are made by the same function as messages of
 * failures, so that no name from a file reaches a terminal as it is.
 */
#include "base/notes.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

static bool is_there(const struct note_list *list, const char *text) {
    for (size_t i = 0; i < list->n; i++) {
        if (strcmp(list->notes[i].text, text) == 0) {
            return true;
        }
    }
    return false;
}

enum gen_status notes_add_list(struct note_list *list, bool verbose_only, struct gen_error *err,
                               const char *format, va_list arguments) {
    struct gen_error sentence;
    char text[2 * GEN_MESSAGE_SIZE]; /* more than fits, so that error_set() sees where to cut */
    vsnprintf(text, sizeof text, format, arguments);
    error_set(&sentence, GEN_OK, "%s", text);
    if (is_there(list, sentence.message)) {
        return GEN_OK;
    }
    char *copy = memory_copy_string(sentence.message, strlen(sentence.message));
    if (copy == NULL ||
        !memory_grow(&list->notes, &list->capacity, list->n + 1, sizeof *list->notes)) {
        memory_free(copy);
        return error_no_memory(err, "a note");
    }
    list->notes[list->n++] = (struct gen_note){verbose_only, copy};
    return GEN_OK;
}

void notes_release(struct note_list *list) {
    for (size_t i = 0; i < list->n; i++) {
        memory_free((char *)list->notes[i].text);
    }
    memory_free(list->notes);
    *list = (struct note_list){0};
}
