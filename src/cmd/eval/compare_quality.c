/**
 * compare_quality.c - the models of `gen compare` on a text or a data set: each by itself, and
 * against the base.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/alloc.h"
#include "cli/compute_options.h"
#include "cli/exit_code.h"
#include "cli/input.h"
#include "cli/message.h"
#include "cli/signals.h"
#include "cmd/eval/compare_job.h"
#include "text/lines.h"

static bool on_progress(void *context, uint64_t done, uint64_t total) {
    struct compare_job *job = context;
    progress_update(&job->progress, done, total);
    return signals_caught() == 0;
}

static bool go_on(void *context) {
    (void)context;
    return signals_caught() == 0;
}

/* An exit code; what a signal ended needs no word. */
static int failure(struct compare_job *job, const struct gen_error *err) {
    progress_end(&job->progress);
    if (err->status != GEN_CANCELED) {
        message("%s", err->message);
    }
    return EXIT_FAILED;
}

static struct gen_score_options score_options(const struct compare_job *job) {
    return (struct gen_score_options){.n_threads = job->n_threads,
                                      .kernels = compute_kernels(),
                                      .kv_type = compute_kv_types[job->settings->model.kv_type],
                                      .n_ctx = job->n_ctx};
}

/* ---- a text ----------------------------------------------------------------------------------*/

static enum gen_status encode(struct compare_job *job, const struct compared *model,
                              struct gen_error *err) {
    job->ids.n = 0;
    if (model->load.tokenizer == NULL) {
        message_set(err, GEN_UNSUPPORTED, "%.300s: the model has no tokenizer", model->load.name);
        return GEN_UNSUPPORTED;
    }
    return gen_tokenizer_encode(model->load.tokenizer, job->content.data, job->content.n,
                                job->settings->special, &job->ids, err);
}

/* What a text of n tokens in n_bytes says. */
static void set_text(struct compared *model, uint64_t n, uint64_t n_bytes, double logprob,
                     double mean_stderr) {
    model->n_scored = n;
    model->n_bytes = n_bytes;
    model->logprob = logprob;
    model->perplexity = exp(-logprob / (double)n);
    model->perplexity_stderr = model->perplexity * mean_stderr;
    model->bits_per_byte = n_bytes > 0 ? -logprob / log(2) / (double)n_bytes : (double)NAN;
}

/* A model by itself. */
static enum gen_status eval_alone(struct compare_job *job, struct compared *model,
                                  struct gen_error *err) {
    const struct gen_score_options options = score_options(job);
    const struct gen_eval_text_options text_options = {.convention = job->convention,
                                                       .stride = job->settings->stride,
                                                       .context = job,
                                                       .progress = on_progress,
                                                       .go_on = go_on};
    struct gen_scorer *scorer = NULL;
    struct gen_eval_text result;
    enum gen_status status = encode(job, model, err);
    if (status == GEN_OK) {
        status = gen_scorer_new(&scorer, model->load.model, &options, err);
    }
    if (status == GEN_OK) {
        status = gen_eval_text(&result, scorer, model->load.tokenizer, job->ids.data, job->ids.n,
                               &text_options, err);
    }
    if (status == GEN_OK) {
        set_text(model, result.n_scored, result.n_bytes, result.logprob,
                 result.perplexity_stderr / result.perplexity);
    }
    gen_scorer_free(scorer);
    return status;
}

/* The base and all models of its vocabulary, together. */
static enum gen_status eval_together(struct compare_job *job, struct gen_error *err) {
    const struct gen_compare_options options = {.n_threads = job->n_threads,
                                                .kernels = compute_kernels(),
                                                .kv_type =
                                                    compute_kv_types[job->settings->model.kv_type],
                                                .n_ctx = job->n_ctx,
                                                .stride = job->settings->stride,
                                                .convention = job->convention,
                                                .save_base = job->save_base,
                                                .context = job,
                                                .progress = on_progress};
    size_t first = job->base == NULL ? 1 : 0;
    size_t n = 0;
    const struct gen_model **models = alloc_new(job->n, sizeof *models);
    struct gen_agreement *found = alloc_new(job->n, sizeof *found);
    for (size_t i = first; i < job->n; i++) {
        if (!job->models[i].is_stranger) {
            models[n++] = job->models[i].load.model;
        }
    }
    enum gen_status status =
        gen_compare(found, job->base == NULL ? job->models[0].load.model : NULL, job->base, models,
                    n, job->base == NULL ? job->ids.data : NULL, job->ids.n, &options, err);
    size_t at = 0;
    for (size_t i = first; i < job->n && status == GEN_OK; i++) {
        struct compared *model = &job->models[i];
        if (!model->is_stranger) {
            const struct gen_agreement *agreement = &found[at++];
            model->agreement = *agreement;
            model->agrees = true;
            set_text(model, agreement->n, agreement->n_bytes, agreement->logprob,
                     agreement->mean_stderr);
            if (first == 1) {
                set_text(&job->models[0], agreement->n, agreement->n_bytes, agreement->logprob_base,
                         agreement->mean_stderr_base);
            }
        }
    }
    free(models);
    free(found);
    return status;
}

/* The context and stride that were asked for are possible, or the exit code after a message. */
static int check_windows(const struct compare_job *job, int32_t least) {
    int32_t n_ctx = job->settings->n_ctx;
    int32_t stride = job->settings->stride;
    if (n_ctx > least) {
        message("--ctx is %d, but the least context of the models is %d", (int)n_ctx, (int)least);
    } else if (stride > job->n_ctx) {
        message("--stride is %d, but must be at most --ctx, which is %d", (int)stride,
                (int)job->n_ctx);
    } else {
        return EXIT_DONE;
    }
    return EXIT_USAGE;
}

/* Where nobody says, the least context of all models; 512 at most by llama.cpp's convention. */
static int choose_ctx(struct compare_job *job) {
    int32_t n_ctx = job->settings->n_ctx;
    int32_t least = INT32_MAX;
    for (size_t i = 0; i < job->n; i++) {
        int32_t own = gen_model_config(job->models[i].load.model)->n_ctx;
        least = own < least ? own : least;
    }
    job->n_ctx = n_ctx > 0                                                          ? n_ctx
                 : job->convention == GEN_CONVENTION_LLAMA_CPP && least > LLAMA_CTX ? LLAMA_CTX
                                                                                    : least;
    return check_windows(job, least);
}

int compare_job_text(struct compare_job *job) {
    struct gen_error err = {0};
    size_t n_strangers = 0;
    enum gen_status status = GEN_OK;
    int code = choose_ctx(job);
    if (code != EXIT_DONE) {
        return code;
    }
    for (size_t i = 0; i < job->n; i++) {
        if (job->models[i].is_stranger) {
            n_strangers++;
            message("%.200s has another vocabulary than %.200s: compared by bits per byte alone",
                    compare_label(&job->models[i]), compare_label(&job->models[0]));
        }
    }
    progress_begin(&job->progress, "text", job->settings->quiet);
    bool together = job->base != NULL || job->save_base != NULL || n_strangers + 1 < job->n;
    if (together) {
        status = job->base == NULL ? encode(job, &job->models[0], &err) : GEN_OK;
        if (status == GEN_OK) {
            status = eval_together(job, &err);
        }
    }
    for (size_t i = 0; i < job->n && status == GEN_OK; i++) {
        if (job->models[i].n_scored == 0 && job->base == NULL) {
            status = eval_alone(job, &job->models[i], &err);
        }
    }
    progress_end(&job->progress);
    if (status == GEN_BAD_ARGUMENT && job->base == NULL) { /* what is wrong is the text */
        struct gen_error cause = err;
        message_set(&err, cause.status, "%.200s: %s", message_name(job->text), cause.message);
    }
    return status == GEN_OK ? EXIT_DONE : failure(job, &err);
}

/* ---- a data set ------------------------------------------------------------------------------*/

struct task_run {
    struct compare_job *job;
    struct compared *model;
    size_t at;        /* in the content: where the next line begins */
    uint64_t n_lines; /* before it */
    char where[340];
    struct gen_error error;
};

static const char *name_of(const struct compare_job *job) {
    return strcmp(job->file, "-") == 0 ? "stdin" : message_name(job->file);
}

/* Whether a record has failed with the base already, and so was told of. */
static bool is_told(const struct task_run *run, size_t record) {
    const struct compared *base = &run->job->models[0];
    return run->model != base && record < base->n_records && base->right[record] < 0;
}

static bool next_line(void *context, const char **line, size_t *n, const char **where,
                      const struct gen_error **error) {
    struct task_run *run = context;
    const struct gen_bytes *content = &run->job->content;
    size_t next;
    do {
        if (run->at == content->n) {
            return false;
        }
        *line = content->data + run->at;
        *n = text_line_length(*line, content->n - run->at, &next);
        run->at += next;
        run->n_lines++;
    } while (text_is_blank(*line, *n));
    snprintf(run->where, sizeof run->where, "%.300s: line %llu", name_of(run->job),
             (unsigned long long)run->n_lines);
    *where = run->where;
    *error = NULL;
    if (*n > INPUT_PROMPT_LIMIT) { /* as it is with gen eval */
        message_set(&run->error, GEN_BAD_FILE, "%s: " INPUT_TOO_LONG_FORMAT, run->where,
                    INPUT_PROMPT_LIMIT >> 20);
        *error = &run->error;
    }
    return true;
}

static bool on_answer(void *context, const struct gen_eval_answer *answer) {
    struct task_run *run = context;
    struct compared *model = run->model;
    size_t n = model->n_records + 1;
    alloc_grow(&model->right, &model->right_capacity, n, sizeof *model->right);
    alloc_grow(&model->right_norm, &model->norm_capacity, n, sizeof *model->right_norm);
    bool failed = answer->error != NULL;
    model->right[n - 1] = failed ? -1 : answer->right;
    model->right_norm[n - 1] = failed ? -1 : answer->right_norm;
    model->n_records = n;
    run->job->some_failed = run->job->some_failed || failed;
    if (failed && !is_told(run, n - 1)) {
        progress_end(&run->job->progress);
        message("%.200s: record with index %llu: %s", compare_label(model),
                (unsigned long long)answer->index, answer->error->message);
    }
    progress_update(&run->job->progress, run->at, run->job->content.n);
    return signals_caught() == 0;
}

static enum gen_status run_task(struct task_run *run, struct gen_error *err) {
    const struct gen_score_options options = score_options(run->job);
    const struct gen_eval_lines lines = {.context = run, .next = next_line};
    const struct gen_eval_choices_options choices = {.task = run->job->task,
                                                     .special = run->job->settings->special,
                                                     .context = run,
                                                     .answer = on_answer,
                                                     .go_on = go_on};
    struct gen_scorer *scorer = NULL;
    enum gen_status status = gen_scorer_new(&scorer, run->model->load.model, &options, err);
    if (status == GEN_OK) {
        status = gen_eval_choices(&run->model->choices, scorer, run->model->load.model, &lines,
                                  &choices, err);
    }
    gen_scorer_free(scorer);
    return status;
}

/* Mean of the differences over records that both have answered, and its standard error. */
static struct paired pair(const int *base, const int *other, size_t n) {
    double count = 0, sum = 0, sum_squares = 0;
    uint64_t n_unlike = 0;
    for (size_t i = 0; i < n; i++) {
        if (base[i] >= 0 && other[i] >= 0) {
            double difference = (double)(other[i] - base[i]);
            count += 1;
            sum += difference;
            sum_squares += difference * difference;
            n_unlike += base[i] != other[i];
        }
    }
    double mean = sum / count;
    double variance = (sum_squares - count * mean * mean) / (count - 1);
    return (struct paired){.n = (uint64_t)count,
                           .n_unlike = n_unlike,
                           .mean = count > 0 ? mean : (double)NAN,
                           .error = count > 1 ? sqrt(fmax(variance, 0) / count) : (double)NAN};
}

int compare_job_task(struct compare_job *job) {
    job->n_ctx = job->settings->n_ctx;
    progress_begin(&job->progress, "records", job->settings->quiet);
    for (size_t i = 0; i < job->n; i++) {
        struct gen_error err = {0};
        struct task_run run = {.job = job, .model = &job->models[i]};
        if (run_task(&run, &err) != GEN_OK) {
            return failure(job, &err);
        }
        const struct compared *base = &job->models[0];
        struct compared *model = &job->models[i];
        if (model->choices.n == 0) {
            message("%.300s: there is no record in it that can be answered", name_of(job));
            return EXIT_FAILED;
        }
        size_t n = base->n_records < model->n_records ? base->n_records : model->n_records;
        model->acc = pair(base->right, model->right, n);
        model->acc_norm = pair(base->right_norm, model->right_norm, n);
    }
    progress_end(&job->progress);
    return EXIT_DONE;
}
