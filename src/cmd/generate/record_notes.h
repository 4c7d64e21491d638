/**
 * record_notes.h - names in records that look like options and are none: mistyped ones, and those
 * of other programs. They are data, as every other member is; but each is said once.
 */
#ifndef CMD_GENERATE_RECORD_NOTES_H
#define CMD_GENERATE_RECORD_NOTES_H

#include "cli/progress.h"
#include "cmd/record/record_fields.h"

/** Names that have been looked at. Start from {0}. */
struct record_notes {
    char **names;
    size_t n, capacity;
};

/**
 * Say which of the fields look like options, if that has not been said of their names. What the
 * template (may be NULL) puts into the prompt is meant as it is. `where` names the record;
 * `progress`, which may be drawn, is wiped out before.
 */
void record_notes_say(struct record_notes *notes, const struct record_fields *fields,
                      const struct gen_bytes *template, const char *where,
                      struct progress *progress);
void record_notes_release(struct record_notes *notes);

#endif
