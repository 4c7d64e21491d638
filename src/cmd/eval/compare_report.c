/**
 * compare_report.c - the table and the JSON of `gen compare`.
 */
#include "cmd/eval/compare_report.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/size.h"
#include "cli/alloc.h"
#include "cli/json_out.h"
#include "cli/text_line.h"
#include "gen_bench.h"

/* Digits that count in JSON: of logarithms and times, of shares. */
#define DIGITS       9
#define TIME_DIGITS  6
#define SHARE_DIGITS 17

/* ---- JSON ------------------------------------------------------------------------------------*/

static void string(struct json_out *json, const char *name, const char *value) {
    json_out_string(json, name, value, strlen(value));
}

static void agreement_json(struct json_out *json, const struct gen_agreement *agreement) {
    json_out_uint(json, "n_windows", agreement->n_windows);
    json_out_double(json, "difference", agreement->difference, DIGITS);
    json_out_double(json, "difference_stderr", agreement->difference_stderr, DIGITS);
    json_out_double(json, "same_top", agreement->same_top, DIGITS);
    json_out_double(json, "same_top_stderr", agreement->same_top_stderr, DIGITS);
    json_out_open(json, "kl", '{');
    json_out_double(json, "mean", agreement->kl_mean, DIGITS);
    json_out_double(json, "stderr", agreement->kl_stderr, DIGITS);
    json_out_double(json, "median", agreement->kl_median, DIGITS);
    json_out_double(json, "p99", agreement->kl_p99, DIGITS);
    json_out_double(json, "greatest", agreement->kl_greatest, DIGITS);
    json_out_close(json, '}');
    json_out_open(json, "change", '{');
    json_out_double(json, "mean", agreement->change_mean, DIGITS);
    json_out_double(json, "stderr", agreement->change_stderr, DIGITS);
    json_out_double(json, "rms", agreement->change_rms, DIGITS);
    json_out_double(json, "rms_stderr", agreement->change_rms_stderr, DIGITS);
    json_out_double(json, "greatest", agreement->change_greatest, DIGITS);
    json_out_close(json, '}');
}

static void text_json(struct json_out *json, const struct compared *model) {
    json_out_uint(json, "n_scored", model->n_scored);
    json_out_double(json, "logprob", model->logprob, DIGITS);
    json_out_double(json, "perplexity", model->perplexity, DIGITS);
    json_out_double(json, "perplexity_stderr", model->perplexity_stderr, DIGITS);
    json_out_double(json, "bits_per_byte", model->bits_per_byte, DIGITS);
    json_out_bool(json, "same_vocabulary", !model->is_stranger);
    if (model->agrees) {
        agreement_json(json, &model->agreement);
    }
}

static void task_json(struct json_out *json, const struct compared *model, bool is_base) {
    const struct gen_eval_choices *choices = &model->choices;
    json_out_uint(json, "n", choices->n);
    json_out_uint(json, "n_failed", choices->n_failed);
    json_out_double(json, "acc", choices->acc, SHARE_DIGITS);
    json_out_double(json, "acc_stderr", choices->acc_stderr, SHARE_DIGITS);
    if (!isnan(choices->acc_norm)) {
        json_out_double(json, "acc_norm", choices->acc_norm, SHARE_DIGITS);
        json_out_double(json, "acc_norm_stderr", choices->acc_norm_stderr, SHARE_DIGITS);
    }
    if (!isnan(choices->perplexity)) {
        json_out_double(json, "perplexity", choices->perplexity, DIGITS);
        json_out_double(json, "perplexity_stderr", choices->perplexity_stderr, DIGITS);
    }
    if (!is_base) {
        json_out_double(json, "acc_difference", model->acc.mean, DIGITS);
        json_out_double(json, "acc_difference_stderr", model->acc.error, DIGITS);
        if (!isnan(choices->acc_norm)) {
            json_out_double(json, "acc_norm_difference", model->acc_norm.mean, DIGITS);
            json_out_double(json, "acc_norm_difference_stderr", model->acc_norm.error, DIGITS);
        }
    }
}

static void model_json(struct json_out *json, const struct compare_job *job, size_t i) {
    const struct compared *model = &job->models[i];
    bool is_base = i == 0 && job->base == NULL;
    json_out_open(json, NULL, '{');
    string(json, "model", model->load.name);
    json_out_bool(json, "base", is_base);
    json_out_uint(json, "file_bytes", gen_model_file_size(model->load.model));
    json_out_uint(json, "weight_bytes", gen_model_cost(model->load.model).weight_bytes);
    json_out_uint(json, "parameters", gen_model_n_parameters(model->load.model));
    if (model->prompt_speed > 0) {
        json_out_double(json, "load_seconds", model->load_seconds, TIME_DIGITS);
        json_out_double(json, "prompt_tokens_per_second", model->prompt_speed, TIME_DIGITS);
        json_out_double(json, "decode_tokens_per_second", model->decode_speed, TIME_DIGITS);
    }
    if (job->task != NULL) {
        task_json(json, model, is_base);
    } else {
        text_json(json, model);
    }
    json_out_close(json, '}');
}

void compare_report_json(struct gen_bytes *out, const struct compare_job *job) {
    struct json_out json = {.text = *out};
    json_out_open(&json, NULL, '{');
    if (job->task != NULL) {
        string(&json, "task", job->task);
        string(&json, "file", job->file);
    } else {
        bool is_llama = job->base != NULL || job->convention == GEN_CONVENTION_LLAMA_CPP;
        string(&json, job->base != NULL ? "base" : "text",
               job->base != NULL ? job->base_file : job->text);
        string(&json, "convention", is_llama ? "llama.cpp" : "windows");
        if (job->base == NULL) {
            json_out_int(&json, "ctx", job->n_ctx);
        }
    }
    json_out_open(&json, "models", '[');
    for (size_t i = 0; i < job->n; i++) {
        model_json(&json, job, i);
    }
    json_out_close(&json, ']');
    json_out_close(&json, '}');
    alloc_append(&json.text, "\n", 1);
    *out = json.text;
}

/* ---- a table ---------------------------------------------------------------------------------*/

struct cell {
    char text[40];
};

/* A number with its error, as shares in per cent; what is not there is "-". */
static void put(struct cell *cell, double value, double error, int decimals) {
    if (isnan(value)) {
        snprintf(cell->text, sizeof cell->text, "-");
    } else {
        /* What has more digits than a column is for a power of ten. */
        bool is_long = decimals > 0 && fmax(fabs(value), fabs(error)) >= 1e5;
        int digits = is_long ? 4 : decimals;
        int n = snprintf(cell->text, sizeof cell->text, is_long ? "%.*g" : "%.*f", digits, value);
        if (!isnan(error)) {
            snprintf(cell->text + n, sizeof cell->text - (size_t)n,
                     is_long ? " +- %.*g" : " +- %.*f", digits, error);
        }
    }
}

typedef void put_cell(struct cell *cell, const struct compared *model);

#define NONE ((double)NAN)

static void put_perplexity(struct cell *cell, const struct compared *model) {
    put(cell, model->perplexity, model->perplexity_stderr, 4);
}
static void put_bits(struct cell *cell, const struct compared *model) {
    put(cell, model->bits_per_byte, NONE, 4);
}
static void put_difference(struct cell *cell, const struct compared *model) {
    const struct gen_agreement *a = &model->agreement;
    put(cell, model->agrees ? a->difference : NONE, a->difference_stderr, 5);
}
static void put_same_top(struct cell *cell, const struct compared *model) {
    const struct gen_agreement *a = &model->agreement;
    put(cell, model->agrees ? 100 * a->same_top : NONE, 100 * a->same_top_stderr, 2);
}
static void put_kl(struct cell *cell, const struct compared *model) {
    put(cell, model->agrees ? model->agreement.kl_mean : NONE, model->agreement.kl_stderr, 6);
}
static void put_kl_median(struct cell *cell, const struct compared *model) {
    put(cell, model->agrees ? model->agreement.kl_median : NONE, NONE, 6);
}
static void put_kl_p99(struct cell *cell, const struct compared *model) {
    put(cell, model->agrees ? model->agreement.kl_p99 : NONE, NONE, 6);
}
static void put_kl_greatest(struct cell *cell, const struct compared *model) {
    put(cell, model->agrees ? model->agreement.kl_greatest : NONE, NONE, 6);
}
static void put_change(struct cell *cell, const struct compared *model) {
    const struct gen_agreement *a = &model->agreement;
    put(cell, model->agrees ? 100 * a->change_rms : NONE, 100 * a->change_rms_stderr, 3);
}
static void put_acc(struct cell *cell, const struct compared *model) {
    put(cell, model->choices.acc, model->choices.acc_stderr, 4);
}
static void put_acc_norm(struct cell *cell, const struct compared *model) {
    put(cell, model->choices.acc_norm, model->choices.acc_norm_stderr, 4);
}
static void put_acc_norm_difference(struct cell *cell, const struct compared *model) {
    put(cell, isnan(model->choices.acc_norm) ? NONE : model->acc_norm.mean, model->acc_norm.error,
        4);
}
static void put_word_perplexity(struct cell *cell, const struct compared *model) {
    put(cell, model->choices.perplexity, model->choices.perplexity_stderr, 4);
}
static void put_records(struct cell *cell, const struct compared *model) {
    const struct gen_eval_choices *choices = &model->choices;
    snprintf(cell->text, sizeof cell->text,
             choices->n_failed > 0 ? "%" PRIu64 ", %" PRIu64 " failed" : "%" PRIu64, choices->n,
             choices->n_failed);
}
static void put_acc_difference(struct cell *cell, const struct compared *model) {
    put(cell, model->acc.mean, model->acc.error, 4);
}
static void put_file(struct cell *cell, const struct compared *model) {
    put(cell, (double)gen_model_file_size(model->load.model) / 1e6, NONE, 1);
}
static void put_weights(struct cell *cell, const struct compared *model) {
    put(cell, (double)gen_model_cost(model->load.model).weight_bytes / 1e6, NONE, 1);
}
static void put_load(struct cell *cell, const struct compared *model) {
    put(cell, model->prompt_speed > 0 ? model->load_seconds : NONE, NONE, 3);
}
static void put_prompt(struct cell *cell, const struct compared *model) {
    put(cell, model->prompt_speed > 0 ? model->prompt_speed : NONE, NONE, 0);
}
static void put_decode(struct cell *cell, const struct compared *model) {
    put(cell, model->decode_speed > 0 ? model->decode_speed : NONE, NONE, 0);
}

enum of { OF_TEXT = 1, OF_TASK = 2, OF_ALL = 3 };

static const struct {
    const char *name;
    put_cell *put;
    enum of of;
    bool against_base; /* the base has none */
} rows[] = {
    {"perplexity", put_perplexity, OF_TEXT, false},
    {"bits/byte", put_bits, OF_TEXT, false},
    {"log p - base's", put_difference, OF_TEXT, true},
    {"same top, %", put_same_top, OF_TEXT, true},
    {"KL, mean", put_kl, OF_TEXT, true},
    {"KL, median", put_kl_median, OF_TEXT, true},
    {"KL, 99th", put_kl_p99, OF_TEXT, true},
    {"KL, largest", put_kl_greatest, OF_TEXT, true},
    {"RMS change p, %", put_change, OF_TEXT, true},
    {"records", put_records, OF_TASK, false},
    {"acc", put_acc, OF_TASK, false},
    {"- base's", put_acc_difference, OF_TASK, true},
    {"acc_norm", put_acc_norm, OF_TASK, false},
    {"- base's", put_acc_norm_difference, OF_TASK, true},
    {"perplexity", put_word_perplexity, OF_TASK, false},
    {"file, MB", put_file, OF_ALL, false},
    {"weights, MB", put_weights, OF_ALL, false},
    {"load, s", put_load, OF_ALL, false},
    {"prompt, tok/s", put_prompt, OF_ALL, false},
    {"decode, tok/s", put_decode, OF_ALL, false},
};

/* Width of a column: a cell with its error and two blanks. */
#define COLUMN 24

static void put_row(struct gen_bytes *out, const struct compare_job *job, size_t row) {
    char line[32];
    bool any = false;
    struct gen_bytes text = {0};
    snprintf(line, sizeof line, "%-16s", rows[row].name);
    alloc_append(&text, line, strlen(line));
    for (size_t i = 0; i < job->n; i++) {
        struct cell cell = {.text = "-"};
        char padded[COLUMN + 40];
        if (!(rows[row].against_base && i == 0 && job->base == NULL)) {
            rows[row].put(&cell, &job->models[i]);
        }
        any = any || strcmp(cell.text, "-") != 0;
        int width = i + 1 < job->n ? COLUMN - 2 : 0;
        snprintf(padded, sizeof padded, "%-*s%s", width, cell.text, width > 0 ? "  " : "");
        alloc_append(&text, padded, strlen(padded));
    }
    if (any) {
        alloc_append(&text, "\n", 1);
        alloc_append(out, text.data, text.n);
    }
    gen_bytes_release(&text);
}

/* Of a name that is too long for a column the end, where names are likelier to differ. */
static void put_name(struct cell *cell, const char *name) {
    const size_t most = COLUMN - 2;
    size_t n = strlen(name);
    if (n <= most) {
        snprintf(cell->text, sizeof cell->text, "%s", name);
        return;
    }
    const char *end = name + n - (most - 3);
    while (((unsigned char)*end & 0xc0) == 0x80) { /* not amid a character */
        end++;
    }
    snprintf(cell->text, sizeof cell->text, "...%s", end);
}

static void put_head(struct gen_bytes *out, const struct compare_job *job) {
    struct gen_bytes line = {0};
    alloc_append(&line, "                ", 16);
    for (size_t i = 0; i < job->n; i++) {
        struct cell name;
        char padded[COLUMN + 40];
        put_name(&name, compare_label(&job->models[i]));
        snprintf(padded, sizeof padded, i + 1 < job->n ? "%-*s" : "%.*s", COLUMN, name.text);
        alloc_append(&line, padded, strlen(padded));
    }
    alloc_append(&line, "", 1);
    text_line(out, "%s", line.data);
    gen_bytes_release(&line);
}

void compare_report_text(struct gen_bytes *out, const struct compare_job *job) {
    put_head(out, job);
    for (size_t row = 0; row < N_OF(rows); row++) {
        if (((unsigned)rows[row].of & (job->task != NULL ? OF_TASK : OF_TEXT)) != 0) {
            put_row(out, job, row);
        }
    }
    compare_words(out, job);
}
