#include <stdlib.h>

#include "cli/exit_code.h"
#include "cli/message.h"
#include "cli/ranks.h"
#include "cli/signals.h"
#include "cmd/command.h"
#include "cmd/train_options.h"
#include "cmd/train_report.h"

static int train(struct train_settings *settings) {
    struct gen_error err = {0};
    struct train_report report;
    train_report_init(&report, settings);
    struct gen_train_watch watch = train_report_watch(&report);
    signals_catch();
    enum gen_status status = gen_train(settings->output, &settings->options, &watch, &err);
    bool written = train_report_end(&report);
    if (status != GEN_OK && status != GEN_CANCELED) {
        message("%s", err.message);
    }
    if (signals_caught() != 0) {
        return EXIT_SIGNAL + signals_caught();
    }
    return status == GEN_OK && !written ? EXIT_FAILED : message_exit_code(status);
}

static int run(void *opaque, const struct options_parsed *parsed) {
    struct train_settings *settings = opaque;
    /* For tests and measurements: the model is the same with any of them. */
    const char *kernels = getenv("GEN_KERNELS");
    settings->options.kernels = kernels != NULL && *kernels != '\0' ? kernels : NULL;
    struct gen_ranks ranks;
    int code;
    if (!ranks_begin(&ranks)) {
        return ranks_end(EXIT_USAGE);
    }
    if (train_settings_complete(settings, parsed, &code)) {
        train_settings_share(settings, &ranks);
        code = train(settings);
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
