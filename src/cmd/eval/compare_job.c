/**
 * compare_job.c - loading the models of `gen compare`, and their speed, measured in turns. What
 * they make of texts is compare_quality.c's.
 */
#include "cmd/eval/compare_job.h"

#include <stdlib.h>
#include <string.h>

#include "cli/alloc.h"
#include "cli/compute_options.h"
#include "cli/exit_code.h"
#include "cli/input.h"
#include "cli/message.h"
#include "cli/signals.h"

/* Longest text in bytes; well before it the memory of the machine ends. */
#define TEXT_LIMIT ((size_t)1 << (sizeof(size_t) > 4 ? 36 : 30))

/* What is measured: a prompt, tokens after a text that is half as long, each so many times. */
#define PROMPT_TOKENS 256
#define DECODE_TOKENS 16
#define TURNS         5

const char *compare_label(const struct compared *model) {
    return model->label;
}

/* The end of a path that has n parts, or all of it. */
static const char *end_of_path(const char *path, size_t n) {
    const char *end = path + strlen(path);
    while (end > path && end[-1] == '/') {
        end--;
    }
    for (; n > 0 && end > path; n--) {
        do {
            end--;
        } while (end > path && end[-1] != '/');
        if (n > 1 && end > path) {
            end--; /* over the slash */
        }
    }
    return end;
}

/* Whether the last n parts of a path are those of another one, and there is more to tell. */
static bool is_twin(const struct compare_job *job, size_t i, size_t n) {
    const char *path = job->models[i].load.name;
    const char *end = end_of_path(path, n);
    bool is = false;
    for (size_t k = 0; k < job->n && end > path; k++) {
        is = is || (k != i && strcmp(end_of_path(job->models[k].load.name, n), end) == 0);
    }
    return is;
}

static void choose_labels(struct compare_job *job) {
    for (size_t i = 0; i < job->n; i++) {
        size_t n = 1;
        while (is_twin(job, i, n)) {
            n++;
        }
        job->models[i].label = end_of_path(job->models[i].load.name, n);
    }
}

/* Whether ids mean the same to a model as to the base. */
static bool is_stranger(const struct compare_job *job, const struct compared *model) {
    const struct compared *base = &job->models[0];
    if (model == base || job->base != NULL) {
        return false; /* a file knows no more than the number of ids, which the library checks */
    }
    if (base->load.tokenizer == NULL || model->load.tokenizer == NULL) {
        return gen_model_config(base->load.model)->n_vocab !=
               gen_model_config(model->load.model)->n_vocab;
    }
    return gen_model_config(base->load.model)->n_vocab !=
               gen_model_config(model->load.model)->n_vocab ||
           !gen_same_vocabulary(base->load.tokenizer, model->load.tokenizer);
}

static int open_base(struct compare_job *job) {
    struct gen_error err;
    if (job->base_file != NULL && gen_base_file_open(&job->base, job->base_file, &err) != GEN_OK) {
        message("%s", err.message);
        return EXIT_FAILED;
    }
    return EXIT_DONE;
}

int compare_job_load(struct compare_job *job, const struct option_list *names) {
    struct gen_model_options options = gen_model_options_default();
    job->n_threads =
        job->settings->model.n_threads > 0 ? job->settings->model.n_threads : gen_default_threads();
    options.n_threads = job->n_threads;
    job->models = alloc_new(names->n, sizeof *job->models);
    signals_catch();
    int code = open_base(job);
    for (size_t i = 0; i < names->n && code == EXIT_DONE && signals_caught() == 0; i++) {
        struct compared *model = &job->models[job->n++];
        struct gen_error err;
        double start = gen_clock();
        enum gen_status status = model_load_open(&model->load, names->data[i], &options, &err);
        model->load_seconds = gen_clock() - start;
        if (status != GEN_OK) {
            message("%s", err.message);
            return message_exit_code(status);
        }
        model_load_say_notes(&model->load, job->settings->verbose);
        model->is_stranger = is_stranger(job, model);
    }
    choose_labels(job);
    return signals_caught() != 0 ? EXIT_FAILED : code;
}

int compare_job_read(struct compare_job *job) {
    const char *path = job->task != NULL ? job->file : job->text;
    struct gen_error err;
    if (path == NULL || input_read_file(&job->content, path, TEXT_LIMIT, &err) == GEN_OK) {
        return EXIT_DONE;
    }
    if (signals_caught() == 0) {
        message("%s", err.message);
    }
    return EXIT_FAILED;
}

void compare_job_release(struct compare_job *job) {
    for (size_t i = 0; i < job->n; i++) {
        model_load_close(&job->models[i].load);
        free(job->models[i].right);
        free(job->models[i].right_norm);
    }
    free(job->models);
    gen_ids_release(&job->ids);
    gen_bytes_release(&job->content);
    gen_base_writer_free(job->save_base);
    gen_base_file_free(job->base);
}

/* ---- speed -----------------------------------------------------------------------------------*/

/* Tokens per second of n rows, all at once or one after the other, in a session that has some. */
static bool measure(struct gen_session *session, int32_t n_before, int32_t n, bool at_once,
                    double *speed, struct gen_error *err) {
    struct gen_row rows[PROMPT_TOKENS] = {{0}};
    enum gen_status status = GEN_OK;
    gen_session_truncate(session, 0, n_before);
    rows[n - 1].want_logits = true;
    double start = gen_clock();
    if (at_once) {
        status = gen_session_eval(session, rows, (size_t)n, err);
    }
    for (int32_t i = 0; i < n && !at_once && status == GEN_OK; i++) {
        status = gen_session_eval(session, &rows[n - 1], 1, err);
    }
    *speed = (double)n / (gen_clock() - start);
    return status == GEN_OK;
}

/* Both speeds of one turn. */
static bool take_turn(const struct compare_job *job, const struct compared *model, double *prompt,
                      double *decode) {
    struct gen_session_options options = gen_session_options_default();
    struct gen_session *session = NULL;
    struct gen_error err;
    options.n_threads = job->n_threads;
    options.kernels = compute_kernels();
    options.kv_type = compute_kv_types[job->settings->model.kv_type];
    bool good = gen_session_new(&session, model->load.model, &options, &err) == GEN_OK;
    int32_t n_ctx = good ? gen_session_n_ctx(session) : 0;
    int32_t n_prompt = n_ctx < PROMPT_TOKENS ? n_ctx : PROMPT_TOKENS;
    int32_t n_decode = n_ctx < 2 * DECODE_TOKENS ? (n_ctx + 1) / 2 : DECODE_TOKENS;
    /* The first touches memory that the next ones find. */
    good = good && measure(session, 0, n_prompt, true, prompt, &err) &&
           measure(session, 0, n_prompt, true, prompt, &err) &&
           measure(session, n_prompt / 2, n_decode, false, decode, &err);
    if (!good) {
        message("%s", err.message);
    }
    gen_session_free(session);
    return good;
}

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

int compare_job_speed(struct compare_job *job) {
    double(*prompt)[TURNS] = alloc_new(job->n, sizeof *prompt);
    double(*decode)[TURNS] = alloc_new(job->n, sizeof *decode);
    bool good = true;
    progress_begin(&job->progress, "speed", job->settings->quiet);
    for (size_t turn = 0; turn < TURNS && good; turn++) {
        for (size_t i = 0; i < job->n && good; i++) {
            good = take_turn(job, &job->models[i], &prompt[i][turn], &decode[i][turn]) &&
                   signals_caught() == 0;
            progress_update(&job->progress, turn * job->n + i + 1, TURNS * job->n);
        }
    }
    progress_end(&job->progress);
    for (size_t i = 0; i < job->n && good; i++) {
        qsort(prompt[i], TURNS, sizeof(double), compare_doubles);
        qsort(decode[i], TURNS, sizeof(double), compare_doubles);
        job->models[i].prompt_speed = prompt[i][TURNS / 2];
        job->models[i].decode_speed = decode[i][TURNS / 2];
    }
    free(prompt);
    free(decode);
    return good ? EXIT_DONE : EXIT_FAILED;
}
