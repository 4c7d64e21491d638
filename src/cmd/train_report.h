/**
 * train_report.h - what is heard of a training run: a line with loss, speed and time left that
 * moves along on a terminal, plain lines elsewhere; metrics, loss curve and samples on request.
 */
#ifndef CMD_TRAIN_REPORT_H
#define CMD_TRAIN_REPORT_H

#include "cli/progress.h"
#include "cmd/train_metrics.h"
#include "cmd/train_options.h"
#include "gen.h"

struct train_report {
    const struct train_settings *settings;
    struct train_metrics metrics;
    struct progress reading;
    bool terminal;       /**< stderr is one, and is wanted */
    bool drawn;          /**< the moving line stands there */
    bool failed;         /**< something could not be written; the message is out */
    uint64_t first_step; /**< of this session */
    uint64_t saved_step; /**< of the last checkpoint; 0: none */
    double start;        /**< when the first step began */
    double last_drawn;
    struct gen_train_report last;
};

void train_report_init(struct train_report *report, const struct train_settings *settings);

/** The callbacks of a run; a signal stops it, as does what cannot be written. */
struct gen_train_watch train_report_watch(struct train_report *report);

/** The last words, and the closing of files. Returns false if something could not be written. */
bool train_report_end(struct train_report *report);

#endif
