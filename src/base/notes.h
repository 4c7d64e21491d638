/**
 * notes.h - sentences about what was read that are no failures: which of two sources won, what is
 * not heeded. The library collects them, the program says each once.
 */
#ifndef BASE_NOTES_H
#define BASE_NOTES_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "gen.h"

/** Start from {0}. The texts belong to the list. */
struct note_list {
    struct gen_note *notes;
    size_t n;
    size_t capacity;
};

/**
 * Append a sentence of printf's, cleaned and cut as error_set() does. A sentence that is there
 * already is not added again. GEN_NO_MEMORY leaves the list as it was and fills `err`.
 */
enum gen_status notes_add_list(struct note_list *list, bool verbose_only, struct gen_error *err,
                               const char *format, va_list arguments);
/** Free the memory and make the list {0} again. */
void notes_release(struct note_list *list);

#endif
