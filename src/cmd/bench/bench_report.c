/**
 * bench_report.c - the results of `gen bench` as a table and as JSON: rates, spreads, shares of the
 * machine's limits. Nothing is measured here.
 */
#include "cmd/bench/bench_report.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/alloc.h"
#include "cli/json_out.h"
#include "cli/text_line.h"

/* Digits of measured numbers in JSON: more than the measuring is good for. */
#define DIGITS 6

/* The limits, in the order of enum gen_limit. */
static const struct limit_name {
    const char *text;      /* name in the table */
    const char *json;      /* name of the JSON member */
    const char *json_unit; /* and what is in it */
} limit_names[BENCH_N_LIMITS] = {
    [GEN_LIMIT_READ] = {"memory", "read", "gb_per_second"},
    [GEN_LIMIT_F32] = {"f32", "f32", "gflop_per_second"},
    [GEN_LIMIT_INT8] = {"int8", "int8", "gop_per_second"},
};

/* How much of something a figure does in a second, in its median measurement. */
static double rate(const struct bench_figure *figure, double amount) {
    return amount / bench_series_median(&figure->seconds);
}

/* ---- as text ---------------------------------------------------------------------------------*/

struct number {
    char text[32];
};

/* Three digits, or all that come before the point. */
static const char *show(struct number *number, double value) {
    int decimals = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    snprintf(number->text, sizeof number->text, "%.*f", decimals, value);
    return number->text;
}

/* How far the measurements lie apart, printed next to the median. */
static const char *show_spread(struct number *number, const struct bench_series *series) {
    double range = bench_series_max(series) - bench_series_min(series);
    snprintf(number->text, sizeof number->text, "%.0f %%",
             range / bench_series_median(series) * 100);
    return series->n > 1 ? number->text : "";
}

static void head_text(struct gen_bytes *text, const struct bench_results *results,
                      const struct model_load *load) {
    struct number n = {""}, bytes = {""};
    text_line(text, "%.200s%s: %s million parameters, %s MB of weights", load->name,
              load->path == NULL ? " (built in)" : "",
              show(&n, (double)gen_model_n_parameters(load->model) / 1e6),
              show(&bytes, (double)results->cost.weight_bytes / 1e6));
    text_line(text, "%s kernels, %d thread%s, KV cache of %s, %s%" PRId32 " measurement%s each",
              results->kernels, results->n_threads, results->n_threads > 1 ? "s" : "",
              results->kv_type, results->repeat > 1 ? "medians of " : "", results->repeat,
              results->repeat > 1 ? "s" : "");
    text_line(text, "%s", "");
}

static void limits_text(struct gen_bytes *text, const struct bench_results *results) {
    for (size_t i = 0; i < BENCH_N_LIMITS; i++) {
        char label[40];
        struct number n = {""}, apart = {""};
        snprintf(label, sizeof label, "the limit: %s", limit_names[i].text);
        show(&n, bench_series_median(&results->limits[i]) / 1e9);
        text_line(text, "%-22s %10s %8s %*s", label, "", show_spread(&apart, &results->limits[i]),
                  i == GEN_LIMIT_READ ? 9 : 19, n.text);
    }
}

/* The limit that a figure is nearest to: that is the one it is bounded by. */
static enum gen_limit nearest_limit(const struct bench_results *results,
                                    const struct bench_figure *figure) {
    enum gen_limit nearest = GEN_LIMIT_READ;
    for (int i = 0; i < BENCH_N_LIMITS; i++) {
        if (bench_figure_share(results, figure, (enum gen_limit)i) >
            bench_figure_share(results, figure, nearest)) {
            nearest = (enum gen_limit)i;
        }
    }
    return nearest;
}

static void figure_text(struct gen_bytes *text, const struct bench_results *results,
                        const struct bench_figure *figure) {
    char label[40];
    int length = figure->start + figure->n_evals * figure->n_rows;
    if (figure->kind == BENCH_PROMPT) {
        snprintf(label, sizeof label, "prompt of %d", length);
    } else if (figure->kind == BENCH_DECODE) {
        snprintf(label, sizeof label, "decode at %d", length);
    } else {
        snprintf(label, sizeof label, "%d together at %d", (int)figure->n_sequences, length);
    }
    struct number tokens = {""}, apart = {""}, bytes = {""}, operations = {""};
    enum gen_limit limit = nearest_limit(results, figure);
    text_line(text, "%-22s %10s %8s %9s %9s  %4.0f %% of %s", label,
              show(&tokens, rate(figure, figure->tokens)), show_spread(&apart, &figure->seconds),
              show(&bytes, rate(figure, figure->bytes) / 1e9),
              show(&operations, rate(figure, figure->operations) / 1e9),
              bench_figure_share(results, figure, limit) * 100, limit_names[limit].text);
}

static void first_tokens_text(struct gen_bytes *text, const struct bench_results *results) {
    struct number n = {""};
    text_line(text, "%-22s %10s ms: open the model, read %d token%s, choose one", "first token",
              show(&n, bench_series_median(&results->first_token) * 1e3),
              (int)results->n_first_prompt, results->n_first_prompt > 1 ? "s" : "");
    for (size_t i = 0; i < results->n_figures; i++) {
        const struct bench_figure *figure = &results->figures[i];
        if (figure->kind == BENCH_PROMPT) {
            char label[40];
            snprintf(label, sizeof label, "first token at %d", (int)figure->n_rows);
            text_line(text, "%-22s %10s ms: read the prompt, choose one", label,
                      show(&n, bench_series_median(&figure->first_token) * 1e3));
        }
    }
}

/* Whether some work was faster than memory can be read. */
static bool is_in_cache(const struct bench_results *results) {
    for (size_t i = 0; i < results->n_figures; i++) {
        if (bench_figure_share(results, &results->figures[i], GEN_LIMIT_READ) > 1.1) {
            return true;
        }
    }
    return false;
}

void bench_report_text(struct gen_bytes *text, const struct bench_results *results,
                       const struct model_load *load) {
    head_text(text, results, load);
    text_line(text, "%-22s %10s %8s %9s %9s  %s", "", "tokens/s", "spread", "GB/s", "GFLOP/s",
              "of the limit");
    limits_text(text, results);
    for (size_t i = 0; i < results->n_figures; i++) {
        if (i == 0 || results->figures[i].kind != results->figures[i - 1].kind) {
            text_line(text, "%s", "");
        }
        figure_text(text, results, &results->figures[i]);
    }
    text_line(text, "%s", "");
    first_tokens_text(text, results);
    if (is_in_cache(results)) {
        text_line(text, "More than 100 %% of memory: the weights stay in the cache.");
    }
}

/* ---- as JSON ---------------------------------------------------------------------------------*/

static void string_json(struct json_out *json, const char *name, const char *value) {
    json_out_string(json, name, value, strlen(value));
}

static void spread_json(struct json_out *json, const char *name, double median, double min,
                        double max) {
    json_out_open(json, name, '{');
    json_out_double(json, "median", median, DIGITS);
    json_out_double(json, "min", min, DIGITS);
    json_out_double(json, "max", max, DIGITS);
    json_out_close(json, '}');
}

static void series_json(struct json_out *json, const char *name, const struct bench_series *series,
                        double unit) {
    spread_json(json, name, bench_series_median(series) / unit, bench_series_min(series) / unit,
                bench_series_max(series) / unit);
}

static void limits_json(struct json_out *json, const struct bench_results *results) {
    json_out_open(json, "limits", '{');
    for (size_t i = 0; i < BENCH_N_LIMITS; i++) {
        json_out_open(json, limit_names[i].json, '{');
        series_json(json, limit_names[i].json_unit, &results->limits[i], 1e9);
        if (i == GEN_LIMIT_READ) {
            json_out_uint(json, "buffer_bytes", results->buffer_bytes);
        }
        json_out_close(json, '}');
    }
    json_out_close(json, '}');
}

static void figure_json(struct json_out *json, const struct bench_results *results,
                        const struct bench_figure *figure) {
    json_out_open(json, NULL, '{');
    if (figure->kind == BENCH_BATCH) {
        json_out_int(json, "sequences", figure->n_sequences);
    }
    json_out_int(json, "length", figure->start + figure->n_evals * figure->n_rows);
    spread_json(json, "tokens_per_second", rate(figure, figure->tokens),
                figure->tokens / bench_series_max(&figure->seconds),
                figure->tokens / bench_series_min(&figure->seconds));
    json_out_double(json, "gb_per_second", rate(figure, figure->bytes) / 1e9, DIGITS);
    json_out_double(json, "gflop_per_second", rate(figure, figure->operations) / 1e9, DIGITS);
    json_out_open(json, "share_of_limit", '{');
    for (size_t i = 0; i < BENCH_N_LIMITS; i++) {
        double share = bench_figure_share(results, figure, (enum gen_limit)i);
        if (share > 0) {
            json_out_double(json, limit_names[i].json, share, DIGITS);
        }
    }
    json_out_close(json, '}');
    if (figure->kind == BENCH_PROMPT) {
        series_json(json, "first_token_seconds", &figure->first_token, 1);
    }
    json_out_close(json, '}');
}

static void figures_json(struct json_out *json, const char *name,
                         const struct bench_results *results, enum bench_kind kind) {
    json_out_open(json, name, '[');
    for (size_t i = 0; i < results->n_figures; i++) {
        if (results->figures[i].kind == kind) {
            figure_json(json, results, &results->figures[i]);
        }
    }
    json_out_close(json, ']');
}

void bench_report_json(struct gen_bytes *text, const struct bench_results *results,
                       const struct model_load *load) {
    struct json_out json = {0};
    json_out_open(&json, NULL, '{');
    string_json(&json, "version", GEN_VERSION);
    string_json(&json, "model", load->name);
    json_out_bool(&json, "embedded", load->path == NULL);
    string_json(&json, "format", gen_model_format(load->model));
    json_out_uint(&json, "parameters", gen_model_n_parameters(load->model));
    json_out_uint(&json, "weight_bytes", results->cost.weight_bytes);
    json_out_int(&json, "n_ctx", gen_model_config(load->model)->n_ctx);
    string_json(&json, "kv_type", results->kv_type);
    string_json(&json, "kernels", results->kernels);
    json_out_int(&json, "threads", results->n_threads);
    json_out_int(&json, "repeat", results->repeat);
    limits_json(&json, results);
    figures_json(&json, "prompt", results, BENCH_PROMPT);
    figures_json(&json, "decode", results, BENCH_DECODE);
    figures_json(&json, "batch", results, BENCH_BATCH);
    json_out_open(&json, "first_token", '{');
    json_out_int(&json, "prompt", results->n_first_prompt);
    series_json(&json, "seconds", &results->first_token, 1);
    json_out_close(&json, '}');
    json_out_close(&json, '}');
    alloc_append(text, json.text.data, json.text.n);
    alloc_append(text, "\n", 1);
    gen_bytes_release(&json.text);
}
