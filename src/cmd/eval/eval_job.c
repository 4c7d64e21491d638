/**
 * eval_job.c - from the options of a command that judges a model to a scorer, and back to an exit
 * status. What is scored is the command's.
 */
#include "cmd/eval/eval_job.h"

#include <stdlib.h>

#include "cli/compute_options.h"
#include "cli/exit_code.h"
#include "cli/input.h"
#include "cli/message.h"
#include "cli/sandbox.h"
#include "cli/signals.h"

static int32_t n_threads_of(const struct eval_settings *settings) {
    return settings->model.n_threads > 0 ? settings->model.n_threads : gen_default_threads();
}

int eval_job_load(struct eval_job *job) {
    struct gen_model_options options = gen_model_options_default();
    struct gen_error err;
    options.n_threads = job->settings->model.n_threads;
    if (!text_out_check(job->settings->output)) {
        return EXIT_FAILED;
    }
    enum gen_status status = model_load_open(&job->load, job->settings->model.name, &options, &err);
    signals_catch();
    if (status != GEN_OK) {
        message("%s", err.message);
        return message_exit_code(status);
    }
    model_load_say_notes(&job->load, job->settings->verbose);
    return EXIT_DONE;
}

static void report_model(const struct eval_job *job) {
    const struct gen_model *model = job->load.model;
    message("model %.300s%s, %s, %.1f million parameters, context %d, %d threads", job->load.name,
            job->load.path == NULL ? " (built in)" : "", gen_model_format(model),
            (double)gen_model_n_parameters(model) / 1e6, (int)gen_model_config(model)->n_ctx,
            (int)n_threads_of(job->settings));
}

/* The context and stride that were asked for are possible. False after a message. */
static bool check_windows(const struct eval_job *job) {
    const struct eval_settings *settings = job->settings;
    int32_t most = gen_model_config(job->load.model)->n_ctx;
    int32_t n_ctx = settings->n_ctx > 0 ? settings->n_ctx : most;
    if (n_ctx > most) {
        message("--ctx is %d, but the model's context is %d", (int)n_ctx, (int)most);
        return false;
    }
    if (settings->stride > n_ctx) {
        message("--stride is %d, but must be at most --ctx, which is %d", (int)settings->stride,
                (int)n_ctx);
        return false;
    }
    return true;
}

int eval_job_begin(struct eval_job *job, const char *reads, bool many, int32_t n_best) {
    const struct eval_settings *settings = job->settings;
    struct gen_error err;
    if (!check_windows(job)) {
        return EXIT_USAGE;
    }
    if (input_spoiled_by(job->load.path, settings->output) ||
        input_spoiled_by(reads, settings->output)) {
        return EXIT_FAILED;
    }
    /* What the system says of its processors is read from files, so before the sandbox. */
    struct gen_score_options options = {
        .n_threads = n_threads_of(settings),
        .kernels = compute_kernels(),
        .kv_type = compute_kv_types[settings->model.kv_type],
        .n_ctx = settings->n_ctx,
        .stride = settings->stride,
        .n_best = n_best,
    };
    job->is_open = many ? text_out_open_many(&job->out, settings->output)
                        : text_out_open(&job->out, settings->output);
    if (!job->is_open) {
        return EXIT_FAILED;
    }
    if (settings->verbose) {
        report_model(job);
    }
    if (!settings->model.no_sandbox) {
        char *output = text_out_directory(&job->out);
        struct sandbox sandbox =
            sandbox_enter((const char *const *)&output, output != NULL ? 1 : 0, NULL);
        free(output);
        if (settings->verbose) {
            sandbox_report(&sandbox);
        }
    }
    enum gen_status status = gen_scorer_new(&job->scorer, job->load.model, &options, &err);
    if (status != GEN_OK) {
        message("%s", err.message);
        return message_exit_code(status);
    }
    progress_begin(&job->progress, "score", settings->quiet);
    job->start = gen_clock();
    return EXIT_DONE;
}

void eval_job_say_speed(const struct eval_job *job, const char *what, uint64_t n) {
    double seconds = gen_clock() - job->start;
    if (job->settings->verbose) {
        message("%llu %s in %.3f s (%.1f/s)", (unsigned long long)n, what, seconds,
                seconds > 0 ? (double)n / seconds : 0);
    }
}

bool eval_job_go_on(void *context) {
    const struct eval_job *job = context;
    return !job->out.failed && signals_caught() == 0;
}

int eval_job_end(struct eval_job *job, bool whole, int code) {
    progress_end(&job->progress);
    if (job->is_open && whole && signals_caught() == 0) {
        if (!text_out_close(&job->out) && code == EXIT_DONE) {
            code = EXIT_FAILED;
        }
    } else if (job->is_open) {
        text_out_give_up(&job->out);
    }
    gen_scorer_free(job->scorer);
    model_load_close(&job->load);
    return signals_caught() != 0 ? EXIT_SIGNAL + signals_caught() : code;
}
