/**
 * train_note.h - the options of a run, kept in its state, so that `--resume -o FILE` is enough to
 * go on.
 *
 * A note is a JSON array of arguments as they could be given on the command line: those that were
 * given and say what the run is, not how it is watched or where it computes. Of files it has the
 * paths, made absolute, and nothing of what is in them.
 */
#ifndef CMD_TRAIN_TRAIN_NOTE_H
#define CMD_TRAIN_TRAIN_NOTE_H

#include <stdbool.h>

#include "cli/options.h"
#include "cmd/train/train_options.h"

/** The arguments of a note; start from {0}. */
struct train_note {
    char **arguments;
    size_t n, capacity;
};

/**
 * Where a run is resumed: set what its state has and the command line has not, as if it had been
 * given, and say in a line what both have and is not the same. Files to write are restored where
 * they lie next to the model; others must be given again, and that is said. The note outlives the
 * settings. Returns false, after a message, where the run is one of another command.
 */
bool train_note_restore(struct train_note *note, struct train_settings *settings,
                        struct options_parsed *parsed, const struct options_spec *spec);
void train_note_release(struct train_note *note);

/** The note of settings that are complete; free() it. */
char *train_note_make(const struct train_settings *settings, const struct options_parsed *parsed,
                      const struct options_spec *spec);

#endif
