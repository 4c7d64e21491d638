#include "cli/exit_code.h"
#include "cli/ranks.h"
#include "cmd/command.h"
#include "cmd/train_options.h"
#include "cmd/train_report.h"

static enum gen_status train(const void *opaque, const struct gen_train_watch *watch,
                             struct gen_error *err) {
    const struct train_settings *settings = opaque;
    return gen_train(settings->output, &settings->options, watch, err);
}

static int run(void *opaque, const struct options_parsed *parsed) {
    struct train_settings *settings = opaque;
    struct gen_ranks ranks;
    int code;
    if (!ranks_begin(&ranks)) {
        return ranks_end(EXIT_USAGE);
    }
    train_settings_share(settings, &ranks);
    if (train_settings_complete(settings, parsed, &code)) {
        code = train_report_run(settings, train, settings);
    }
    train_settings_release(settings);
    return ranks_end(code);
}

const struct command train_command = {
    .name = "train",
    .summary = "make a model from text, or teach one more",
    .spec = &train_spec,
    .settings_size = sizeof(struct train_settings),
    .set_defaults = train_set_defaults,
    .run = run,
};
