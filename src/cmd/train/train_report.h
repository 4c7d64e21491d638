/**
 * train_report.h - what is heard of a training run: a line with loss, speed and time left that
 * moves along on a terminal, plain lines elsewhere; metrics, loss curve and samples on request.
 */
#ifndef CMD_TRAIN_TRAIN_REPORT_H
#define CMD_TRAIN_TRAIN_REPORT_H

#include "cli/progress.h"
#include "cmd/train/train_metrics.h"
#include "cmd/train/train_options.h"
#include "gen_train.h"

struct train_report {
    const struct train_settings *settings;
    struct train_metrics metrics;
    struct progress reading;
    bool terminal;                /**< stderr is one, and --quiet was not given */
    bool drawn;                   /**< the moving line is there */
    bool failed;                  /**< something could not be written; the message is out */
    uint64_t first_step;          /**< of this session */
    uint64_t n_steps;             /**< of the run, at most */
    bool asked;                   /**< somebody asked for a checkpoint that is not written yet */
    bool saved;                   /**< a checkpoint was written, */
    uint64_t saved_step;          /**< the last one after this step */
    bool wrote;                   /**< the model was written, */
    uint64_t wrote_step;          /**< of this step */
    bool keeps_best;              /**< that of the best validation is, */
    bool has_best;                /**< of which there was one, */
    uint64_t best_step;           /**< after this step */
    double first_loss, last_loss; /**< of the first and the last validation */
    bool has_first, has_last;
    double start; /**< when the first step began */
    double last_drawn;
    struct gen_train_report last;
};

/** Train, whatever it is, heard of by the watch. */
typedef enum gen_status train_function(void *context, const char *note,
                                       const struct gen_train_watch *watch, struct gen_error *err);

/** Fills in settings from operands; false after a message, with the exit code in *code. */
typedef bool train_complete_function(void *settings, const struct options_parsed *parsed,
                                     int *code);

/**
 * The whole of a command that trains: complete the settings, which begin with a struct
 * train_settings, call `train` with the callbacks of a report, release them, and return the exit
 * code. A signal stops the run, as does what cannot be written; a stderr or stdout that nobody
 * reads any more is only the latter.
 */
int train_report_command(void *settings, const struct options_parsed *given,
                         const struct options_spec *spec, train_complete_function *complete,
                         train_function *train);

#endif
