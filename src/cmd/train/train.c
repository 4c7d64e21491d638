/**
 * train.c - `gen train`: the command's row. Its options are in train_options.c, what is shown of a
 * run in train_report.c, the work is gen_train() in src/train.
 */
#include "cmd/command.h"
#include "cmd/train/train_options.h"
#include "cmd/train/train_report.h"

static enum gen_status train(void *opaque, const char *note, const struct gen_train_watch *watch,
                             struct gen_error *err) {
    struct train_settings *settings = opaque;
    settings->options.note = note;
    return gen_train(settings->output, &settings->options, watch, err);
}

static int run(void *settings, const struct options_parsed *parsed) {
    return train_report_command(settings, parsed, &train_spec, train_settings_complete, train);
}

const struct command train_command = {
    .name = "train",
    .summary = "make a model from text, or teach one more",
    .spec = &train_spec,
    .settings_size = sizeof(struct train_settings),
    .set_defaults = train_set_defaults,
    .run = run,
};
