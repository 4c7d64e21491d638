/**
 * progress.h - a bar on stderr for work that takes more than a second.
 *
 * Drawn only where stderr is a terminal, and wiped out at the end.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/message.h"

/** Back to the beginning of the line, which is empty then. */
#define PROGRESS_WIPE "\r\033[K"

struct progress {
    const char *label;
    bool enabled;
    bool drawn;
    double start; /**< seconds, as all below */
    double last;  /**< when it was last drawn */
};

/** Begin; quiet: draw nothing. */
void progress_begin(struct progress *progress, const char *label, bool quiet);
void progress_update(struct progress *progress, uint64_t done, uint64_t total);
/** The same where nobody knows how much it is in all: what was done so far, in words. */
void progress_count(struct progress *progress, const char *format, ...) MESSAGE_PRINTF(2, 3);
/** Wipe it out. It may be drawn again. */
void progress_end(struct progress *progress);

/**
 * Draw a line of ASCII over the one where the cursor is, on a terminal: `before`, a bar of `width`
 * (60 at most; 0: none) of which a share, 0 ... 1, is done, `after`. Where the terminal is too
 * narrow for all the bar goes first; what is still too wide is cut, since a line that wrapped could
 * not be drawn over.
 */
void progress_bar(const char *before, double share, int width, const char *after);

#endif
