/**
 * train_report.c - running `gen train` or `gen finetune`: what the library tells of the run
 * (gen_train_watch) becomes a moving line or plain lines, metrics, chart and samples; signals
 * become a wish to stop; and the end becomes an exit status.
 */
#include "cmd/train/train_report.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/exit_code.h"
#include "cli/message.h"
#include "cli/ranks.h"
#include "cli/signals.h"
#include "cli/text_out.h"
#include "cmd/train/train_chart.h"
#include "cmd/train/train_note.h"
#include "cmd/train/train_sample.h"

#define BAR_WIDTH 20
/* Seconds between two drawings of the moving line. */
#define DRAW_AFTER 0.1

static void init(struct train_report *report, const struct train_settings *settings) {
    *report = (struct train_report){.settings = settings,
                                    .terminal = !settings->quiet && isatty(STDERR_FILENO)};
    progress_begin(&report->reading, "reading the data", settings->quiet);
}

/* ---- the moving line -------------------------------------------------------------------------*/

static void wipe(struct train_report *report) {
    progress_end(&report->reading);
    report->reading.drawn = false;
    if (report->drawn) {
        message_raw(PROGRESS_WIPE, strlen(PROGRESS_WIPE));
        report->drawn = false;
    }
}

/* "45 s", "3:07", "2:15:30" */
static void format_time(char *text, size_t size, double seconds) {
    uint64_t s = seconds > 0 ? (uint64_t)(seconds + 0.5) : 0;
    if (s < 60) {
        snprintf(text, size, "%" PRIu64 " s", s);
    } else if (s < 3600) {
        snprintf(text, size, "%" PRIu64 ":%02" PRIu64, s / 60, s % 60);
    } else {
        snprintf(text, size, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, s / 3600, s / 60 % 60, s % 60);
    }
}

/* Steps, loss, speed and time left, as both kinds of lines have them. */
static void format_figures(char *text, size_t size, const struct train_report *report) {
    const struct gen_train_report *last = &report->last;
    double passed = gen_clock() - report->start;
    double done = (double)(last->step - report->first_step);
    char left[40];
    format_time(left, sizeof left, passed / done * (double)(last->n_steps - last->step));
    snprintf(text, size, "step %" PRIu64 "/%" PRIu64 "  loss %.4f  %.0f tok/s  %s left", last->step,
             last->n_steps, last->loss, last->tokens_per_second, left);
}

static void draw(struct train_report *report) {
    double now = gen_clock();
    if (!report->terminal || now - report->last_drawn < DRAW_AFTER) {
        return;
    }
    const struct gen_train_report *last = &report->last;
    char figures[160];
    format_figures(figures, sizeof figures, report);
    progress_bar("", (double)last->step / (double)last->n_steps, BAR_WIDTH, figures);
    report->drawn = true;
    report->last_drawn = now;
}

/* ---- callbacks -------------------------------------------------------------------------------*/

static const char *plural(uint64_t n) {
    return n == 1 ? "" : "s";
}

static void say_pairs(const struct gen_train_plan *plan) {
    if (plan->n_trainable < plan->n_parameters) {
        message("%.2f million of them learn, in adapters", (double)plan->n_trainable / 1e6);
    }
    char last[60] = "";
    if (plan->last_sequences > 0) {
        snprintf(last, sizeof last, " (the last of an epoch %" PRIu64 ")", plan->last_sequences);
    }
    message("%" PRIu64 " pair%s of %d tokens at most, %" PRIu64 " more to validate; %" PRIu64
            " steps of %" PRIu64 " pair%s%s, %d at a time, in %.2f GB of memory",
            plan->n_sequences, plural(plan->n_sequences), plan->sequence_length + 1,
            plan->n_valid_sequences, plan->n_steps, plan->step_sequences,
            plural(plan->step_sequences), last, plan->micro_batch, (double)plan->memory / 1e9);
    if (plan->n_left_out > 0) {
        message("%" PRIu64 " more pairs are longer than %d tokens and left out", plan->n_left_out,
                plan->config->n_ctx);
    }
}

static void say_text(const struct gen_train_plan *plan) {
    message("%" PRIu64 " tokens of text in %" PRIu64 " document%s, %" PRIu64
            " more to validate; a step has %" PRIu64
            " sequences of %d, %d at a time, in %.2f GB of memory",
            plan->n_tokens, plan->n_documents, plural(plan->n_documents), plan->n_valid_tokens,
            plan->step_sequences, plan->sequence_length, plan->micro_batch,
            (double)plan->memory / 1e9);
    double n_read = (double)(plan->n_steps - plan->first_step) * (double)plan->step_sequences *
                    (double)plan->sequence_length;
    double times = n_read / (double)plan->n_tokens;
    if (plan->first_step < plan->n_steps) {
        message("%" PRIu64 "%s steps: %.*f times over %" PRIu64 " tokens",
                plan->n_steps - plan->first_step, plan->first_step > 0 ? " more" : "",
                times < 100 ? 2 : 0, times, plan->n_tokens);
    }
}

/* What does not go on as it was in the run that is resumed. */
static void say_resumed(const struct gen_train_plan *plan) {
    message("going on after step %" PRIu64, plan->first_step);
    if (plan->first_step >= plan->n_steps) {
        message("all steps are done (more --steps or --epochs make the run longer)");
    }
    if (plan->from_beginning) {
        message("the data, or their order, are not those of the checkpoint: they are read from "
                "their beginning");
    }
    if (plan->other_valid) {
        message("the best validation so far was on other data: the best model begins anew");
    }
    if (plan->lost_best) {
        message("the best model so far is not there any more: the best model begins anew");
    }
}

/* A learning rate that hardly gets where it shall, or not at all. */
static void check_warmup(const struct train_settings *settings, const struct gen_train_plan *plan) {
    double rate = (double)settings->options.learning_rate;
    if (plan->n_steps < plan->n_warmup) {
        message("the warm-up of %" PRIu64 " steps is longer than the run of %" PRIu64
                ": the learning rate ends at %.2g of %.2g (give a shorter --warmup)",
                plan->n_warmup, plan->n_steps,
                rate * (double)plan->n_steps / (double)plan->n_warmup, rate);
    } else if (plan->n_steps / 3 < plan->n_warmup) {
        message("the warm-up of %" PRIu64 " steps is more than a third of the %" PRIu64
                " (give a shorter --warmup)",
                plan->n_warmup, plan->n_steps);
    }
}

static void on_plan(void *context, const struct gen_train_plan *plan) {
    struct train_report *report = context;
    const struct gen_config *config = plan->config;
    report->first_step = plan->first_step;
    report->n_steps = plan->n_steps;
    report->start = gen_clock();
    report->keeps_best = plan->n_valid_tokens > 0;
    report->has_best = plan->has_best;
    report->best_step = plan->best_step;
    report->has_first = plan->has_first;
    report->first_loss = plan->first_loss;
    report->failed =
        !train_metrics_open(&report->metrics, report->settings->metrics, plan->first_step) ||
        report->failed;
    if (report->settings->quiet) {
        return;
    }
    wipe(report);
    message("%.1f million parameters: %d layers, %d heads, width %d, context %d, vocabulary %d",
            (double)plan->n_parameters / 1e6, config->n_layer, config->n_head, config->n_embd,
            config->n_ctx, config->n_vocab);
    if (report->settings->pairs) {
        say_pairs(plan);
    } else {
        say_text(plan);
    }
    if (plan->first_step > 0) {
        say_resumed(plan);
    }
    check_warmup(report->settings, plan);
}

static bool go_on(const struct train_report *report) {
    return signals_caught() == 0 && !report->failed;
}

static void say_valid(struct train_report *report, const struct gen_train_report *last) {
    if (last->is_best) {
        report->has_best = true;
        report->best_step = last->step;
    }
    report->last_loss = last->valid_loss;
    report->has_last = true;
    if (report->settings->quiet) {
        return;
    }
    wipe(report);
    message("step %" PRIu64 ": validation loss %.4f, perplexity %.2f, %.4f bits per byte",
            last->step, last->valid_loss, exp(last->valid_loss), last->valid_bits);
}

static bool on_began(void *context, const struct gen_train_report *began) {
    struct train_report *report = context;
    report->has_first = true;
    report->first_loss = began->valid_loss;
    if (!train_metrics_add(&report->metrics, began, false)) {
        report->failed = true;
    }
    say_valid(report, began);
    report->start = gen_clock();
    return go_on(report);
}

static bool on_step(void *context, const struct gen_train_report *step) {
    struct train_report *report = context;
    const struct train_settings *settings = report->settings;
    report->last = *step;
    if (!train_metrics_add(&report->metrics, step, true)) {
        report->failed = true;
    }
    bool log = settings->log_every > 0 && step->step % settings->log_every == 0;
    log = log || step->step == step->n_steps || step->step == report->first_step + 1;
    if (!settings->quiet && !report->terminal && log) {
        char figures[160];
        format_figures(figures, sizeof figures, report);
        message("%s  lr %.3g  gradient %.3g", figures, step->learning_rate, step->gradient_norm);
    }
    if (step->has_valid) {
        say_valid(report, step);
    }
    draw(report);
    return go_on(report);
}

static bool on_progress(void *context, enum gen_train_phase phase, uint64_t done, uint64_t total) {
    struct train_report *report = context;
    if (phase == GEN_TRAIN_READING || phase == GEN_TRAIN_VOCABULARY) {
        report->reading.label =
            phase == GEN_TRAIN_READING ? "reading the data" : "learning a vocabulary";
        progress_update(&report->reading, done, total);
    }
    return go_on(report);
}

static bool on_sample(void *context, uint64_t step, const struct gen_model *model) {
    struct train_report *report = context;
    if (!report->settings->quiet) {
        wipe(report);
        train_sample_show(report->settings, step, model);
    }
    return go_on(report);
}

static void on_note(void *context, const struct gen_note *note) {
    const struct train_report *report = context;
    if (!report->settings->quiet && !note->verbose_only) {
        message("%s", note->text);
    }
}

/* The title of a chart: the file's name, not where it is. */
static const char *last_part(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static bool on_checkpoint_now(void *context) {
    struct train_report *report = context;
    bool asked = signals_checkpoint_asked();
    report->asked = report->asked || asked;
    return asked;
}

static void on_wrote(void *context, uint64_t step) {
    struct train_report *report = context;
    report->wrote = true;
    report->wrote_step = step;
}

static void on_saved(void *context, uint64_t step) {
    struct train_report *report = context;
    report->saved = true;
    report->saved_step = step;
    if (report->asked && !report->settings->quiet) {
        wipe(report);
        message("%.300s.state: written after step %" PRIu64 ", as SIGUSR1 asked",
                report->settings->output, step);
    }
    report->asked = false;
    if (report->settings->svg != NULL && !train_chart_write(report->settings->svg, &report->metrics,
                                                            last_part(report->settings->output))) {
        report->failed = true;
    }
}

static struct gen_train_watch watch_of(struct train_report *report) {
    return (struct gen_train_watch){.context = report,
                                    .plan = on_plan,
                                    .began = on_began,
                                    .step = on_step,
                                    .progress = on_progress,
                                    .sample = on_sample,
                                    .note = on_note,
                                    .checkpoint_now = on_checkpoint_now,
                                    .wrote = on_wrote,
                                    .saved = on_saved};
}

/* What files hold now, by what was written. */
static void say_written(const struct train_report *report) {
    const char *name = report->settings->output;
    const char *more = signals_caught() != 0 ? "; --resume goes on" : "";
    bool best = report->keeps_best && report->has_best;
    if (report->wrote && report->wrote_step == report->saved_step) {
        message("%.300s: written after step %" PRIu64 "%s%s", name, report->wrote_step,
                best ? ", the best model" : "", more);
    } else if (report->wrote || best) {
        message("%.300s: %s step %" PRIu64 ", the best model; the state next to it after step "
                "%" PRIu64 "%s",
                name, report->wrote ? "written after" : "as it was, of",
                report->wrote ? report->wrote_step : report->best_step, report->saved_step, more);
    }
}

/* A run that was of no use is said to be so. */
static void say_worse(const struct train_report *report) {
    if (report->has_first && report->has_last && report->last_loss > report->first_loss) {
        message("the last validation, %.4f, is worse than that before the first step, %.4f (a "
                "lower --lr, fewer steps or more data may help)",
                report->last_loss, report->first_loss);
    }
}

/* The last words, and the closing of files. Returns false if something could not be written. */
static bool end(struct train_report *report, bool done) {
    const struct train_settings *settings = report->settings;
    wipe(report);
    uint64_t last = report->last.step > 0 ? report->last.step : report->first_step;
    if (!settings->quiet && done && last < report->n_steps) {
        message("stopped early: no better validation after that of step %" PRIu64
                " (--resume with a larger --patience goes on)",
                report->best_step);
    }
    if (!settings->quiet && report->saved) {
        say_written(report);
        say_worse(report);
    } else if (!settings->quiet && report->wrote) {
        message("%.300s: written before the first step", settings->output);
    }
    return train_metrics_close(&report->metrics) && !report->failed;
}

static int run(struct train_settings *settings, const char *note, train_function *train) {
    struct gen_error err = {0};
    struct train_report report;
    init(&report, settings);
    /* Before the data are read, which may take long. Other processes hear of it where they meet. */
    report.failed = (settings->metrics != NULL && !text_out_check(settings->metrics)) ||
                    (settings->svg != NULL && !train_chart_check(settings->svg));
    if (report.failed && settings->options.ranks == NULL) {
        return EXIT_FAILED;
    }
    struct gen_train_watch watch = watch_of(&report);
    signals_catch();
    signals_catch_checkpoint();
    signals_ignore_pipe();
    enum gen_status status = train(settings, note, &watch, &err);
    bool written = end(&report, status == GEN_OK);
    if (status != GEN_OK && status != GEN_CANCELED) {
        message("%s", err.message);
    }
    if (signals_caught() != 0) {
        return EXIT_SIGNAL + signals_caught();
    }
    return status == GEN_OK && !written ? EXIT_FAILED : message_exit_code(status);
}

int train_report_command(void *settings, const struct options_parsed *given,
                         const struct options_spec *spec, train_complete_function *complete,
                         train_function *train) {
    struct gen_ranks ranks;
    struct options_parsed parsed = *given;
    struct train_note restored = {0};
    int code = EXIT_USAGE;
    if (!ranks_begin(&ranks)) {
        return ranks_end(EXIT_USAGE);
    }
    bool ours = train_note_restore(&restored, settings, &parsed, spec);
    train_settings_share(settings, &ranks);
    if (ours && complete(settings, &parsed, &code)) {
        char *note = train_note_make(settings, &parsed, spec);
        code = run(settings, note, train);
        free(note);
    }
    train_settings_release(settings);
    train_note_release(&restored);
    return ranks_end(code);
}
