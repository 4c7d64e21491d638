/**
 * train_metrics.h - the figures of a training run: kept for the loss curve, and written as JSON
 * lines to the file of --metrics.
 *
 * A resumed run reads the file first and drops what comes after the checkpoint it goes on from,
 * so that in the end the file is that of an unbroken run. A new file takes its place at once, and
 * has a whole line more after each step.
 */
#ifndef CMD_TRAIN_TRAIN_METRICS_H
#define CMD_TRAIN_TRAIN_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/text_out.h"
#include "gen_train.h"

struct train_point {
    uint64_t step;
    double loss;
};

/** A growing curve; start from {0}. */
struct train_curve {
    struct train_point *points;
    size_t n;
    size_t capacity;
};

struct train_metrics {
    struct train_curve loss, valid;
    bool writes;
    struct text_out out;
};

/**
 * Open the file; NULL: keep the figures only. Of what it holds, keep the steps up to
 * `first_step`, 0 for a new run. Returns false after a message.
 */
bool train_metrics_open(struct train_metrics *metrics, const char *path, uint64_t first_step);
/** Add a step that was made or, with made false, the validation before the first step. Returns
 *  false if writing failed, the message is out by then. */
bool train_metrics_add(struct train_metrics *metrics, const struct gen_train_report *report,
                       bool made);
/** Returns false if any write failed. */
bool train_metrics_close(struct train_metrics *metrics);

#endif
