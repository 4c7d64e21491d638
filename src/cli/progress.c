/**
 * progress.c - the progress bar on stderr: when it is drawn, what it looks like, and wiping it out.
 * How far the work is, its caller knows.
 */
#include "cli/progress.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/message.h"
#include "cli/terminal_size.h"
#include "gen.h"

#define BAR_WIDTH 40

/* Seconds before the first bar, and between two. */
#define FIRST_AFTER 1.0
#define NEXT_AFTER  0.1

void progress_begin(struct progress *progress, const char *label, bool quiet) {
    *progress = (struct progress){
        .label = label, .enabled = !quiet && isatty(STDERR_FILENO), .start = gen_clock()};
}

/* Whether it is time to draw. */
static bool is_due(struct progress *progress) {
    double time = progress->enabled ? gen_clock() : 0;
    if (!progress->enabled || time - progress->start < FIRST_AFTER ||
        time - progress->last < NEXT_AFTER) {
        return false;
    }
    progress->last = time;
    progress->drawn = true;
    return true;
}

void progress_update(struct progress *progress, uint64_t done, uint64_t total) {
    if (total == 0 || !is_due(progress)) {
        return;
    }
    double share = (double)done / (double)total;
    char before[90];
    char after[20];
    snprintf(before, sizeof before, "%.80s ", progress->label);
    snprintf(after, sizeof after, "%3.0f%%", share * 100);
    progress_bar(before, share, BAR_WIDTH, after);
}

void progress_count(struct progress *progress, const char *format, ...) {
    if (!is_due(progress)) {
        return;
    }
    char done[80], line[160];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(done, sizeof done, format, arguments);
    va_end(arguments);
    snprintf(line, sizeof line, "%s: %s", progress->label, done);
    progress_bar(line, 0, 0, "");
}

void progress_end(struct progress *progress) {
    if (progress->drawn) {
        message_raw(PROGRESS_WIPE, strlen(PROGRESS_WIPE));
        progress->drawn = false;
    }
}

void progress_bar(const char *before, double share, int width, const char *after) {
    size_t columns = terminal_columns(STDERR_FILENO);
    int most = columns > 1 ? (int)columns - 1 : INT_MAX;
    char bar[64] = "";
    int n = width < (int)sizeof bar - 4 ? width : (int)sizeof bar - 4;
    if (n > 0 && strlen(before) + (size_t)n + 3 + strlen(after) <= (size_t)most) {
        memset(bar, '.', (size_t)n + 1);
        memset(bar + 1, '#', (size_t)(share * n));
        bar[0] = '[';
        memcpy(bar + n + 1, "] ", sizeof "] ");
    }
    char line[320];
    snprintf(line, sizeof line, "%s%s%s", before, bar, after);
    char shown[400];
    snprintf(shown, sizeof shown, PROGRESS_WIPE "%.*s", most, line);
    message_raw(shown, strlen(shown));
}
