/**
 * bench_figures.c - which figures `gen bench` measures, from the lists on its command line and the
 * model's sizes, and what each costs in bytes and operations. The clock runs in bench_measure.c.
 */
#include "cmd/bench/bench_figures.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "cli/message.h"
#include "cli/options.h"

/* Tokens that each sequence is decoded for in one measurement. */
#define DECODE_STEPS       16
#define DECODE_STEPS_QUICK 4
/* Positions that sequences decoded together hold before, where the context has room. */
#define BATCH_CONTEXT 128
/* Bytes of KV cache for them, beyond which a batch is measured on request only. */
#define BATCH_MEMORY ((double)((int64_t)2 << 30))
/* Longest of the lengths chosen for --quick. */
#define QUICK_LENGTH 128

/* ---- series ----------------------------------------------------------------------------------*/

void bench_series_add(struct bench_series *series, double value) {
    if (series->n < BENCH_MAX_REPEAT) {
        series->values[series->n++] = value;
    }
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_series_median(const struct bench_series *series) {
    struct bench_series sorted = *series;
    qsort(sorted.values, sorted.n, sizeof sorted.values[0], compare);
    return (sorted.values[(sorted.n - 1) / 2] + sorted.values[sorted.n / 2]) / 2;
}

double bench_series_min(const struct bench_series *series) {
    double min = series->values[0];
    for (size_t i = 1; i < series->n; i++) {
        min = series->values[i] < min ? series->values[i] : min;
    }
    return min;
}

double bench_series_max(const struct bench_series *series) {
    double max = series->values[0];
    for (size_t i = 1; i < series->n; i++) {
        max = series->values[i] > max ? series->values[i] : max;
    }
    return max;
}

/* ---- lists -----------------------------------------------------------------------------------*/

/* Insert in ascending order; what is there already is not inserted again. */
static void insert(struct bench_list *list, int32_t number) {
    size_t at = 0;
    while (at < list->n && list->numbers[at] < number) {
        at++;
    }
    if (at < list->n && list->numbers[at] == number) {
        return;
    }
    memmove(list->numbers + at + 1, list->numbers + at, (list->n - at) * sizeof list->numbers[0]);
    list->numbers[at] = number;
    list->n++;
}

/* Read "32,128" given for --option: at most BENCH_MAX_LIST numbers from 1 to max. */
static enum gen_status parse_list(struct bench_list *list, const char *option, const char *text,
                                  int32_t max, struct gen_error *err) {
    list->n = 0;
    for (const char *at = text;; at++) {
        char number[16] = "";
        size_t n = strcspn(at, ",");
        int64_t value = 0;
        if (n < sizeof number) {
            memcpy(number, at, n);
        }
        if (!options_parse_int(&value, number) || value < 1 || value > max) {
            message_set(err, GEN_BAD_ARGUMENT,
                        "--%s: \"%.*s\" is not a whole number from 1 to %d (give some, divided by "
                        "commas)",
                        option, (int)size_min(n, 80), at, (int)max);
            return GEN_BAD_ARGUMENT;
        }
        if (list->n == BENCH_MAX_LIST) {
            message_set(err, GEN_BAD_ARGUMENT, "--%s: more than %d numbers", option,
                        BENCH_MAX_LIST);
            return GEN_BAD_ARGUMENT;
        }
        insert(list, (int32_t)value);
        at += n;
        if (*at == '\0') {
            return GEN_OK;
        }
    }
}

enum gen_status bench_settings_check(const struct bench_settings *settings, struct gen_error *err) {
    struct bench_list list;
    const struct {
        const char *option, *text;
        int32_t max;
    } lists[] = {{"prompt-lengths", settings->prompt_lengths, INT32_MAX},
                 {"decode-lengths", settings->decode_lengths, INT32_MAX},
                 {"batch", settings->batch, BENCH_MAX_BATCH}};
    enum gen_status status = GEN_OK;
    for (size_t i = 0; status == GEN_OK && i < N_OF(lists); i++) {
        if (lists[i].text != NULL) {
            status = parse_list(&list, lists[i].option, lists[i].text, lists[i].max, err);
        }
    }
    return status;
}

/* 32, 128, 512 ... and n_ctx itself; for a quick look the short ones. */
static void default_lengths(struct bench_list *list, int32_t n_ctx, bool quick) {
    list->n = 0;
    for (int32_t length = 32; length < n_ctx && list->n < BENCH_MAX_LIST - 1; length *= 4) {
        if (!quick || length <= QUICK_LENGTH) {
            insert(list, length);
        }
        if (length > INT32_MAX / 4) {
            break;
        }
    }
    if (!quick || n_ctx <= QUICK_LENGTH) {
        insert(list, n_ctx);
    }
}

static enum gen_status length_list(struct bench_list *list, const char *option, const char *text,
                                   int32_t n_ctx, bool quick, struct gen_error *err) {
    if (text != NULL) {
        return parse_list(list, option, text, n_ctx, err);
    }
    default_lengths(list, n_ctx, quick);
    return GEN_OK;
}

/* `memory`: bytes that a sequence takes. */
static enum gen_status batch_list(struct bench_list *list, const char *text, bool quick,
                                  double memory, struct gen_error *err) {
    if (text != NULL) {
        return parse_list(list, "batch", text, BENCH_MAX_BATCH, err);
    }
    static const int32_t numbers[] = {1, 2, 4, 16, 64};
    static const int32_t few[] = {1, 4};
    const int32_t *chosen = quick ? few : numbers;
    size_t n = quick ? N_OF(few) : N_OF(numbers);
    list->n = 0;
    for (size_t i = 0; i < n; i++) {
        if (chosen[i] == 1 || chosen[i] * memory <= BATCH_MEMORY) {
            insert(list, chosen[i]);
        }
    }
    return GEN_OK;
}

/* Of a number in the KV cache. */
static double number_bytes(const struct bench_results *results) {
    return strcmp(results->kv_type, "f16") == 0 ? 2 : 4;
}

/* ---- figures ---------------------------------------------------------------------------------*/

static void add_figure(struct bench_results *results, enum bench_kind kind, int32_t n_sequences,
                       int32_t start, int32_t n_evals, int32_t n_rows) {
    results->figures[results->n_figures++] = (struct bench_figure){.kind = kind,
                                                                   .n_sequences = n_sequences,
                                                                   .start = start,
                                                                   .n_evals = n_evals,
                                                                   .n_rows = n_rows};
}

enum gen_status bench_figures_plan(struct bench_results *results,
                                   const struct bench_settings *settings, int32_t n_ctx,
                                   struct gen_error *err) {
    struct bench_list prompts, marks, batches;
    bool quick = settings->quick;
    int32_t steps = settings->steps > 0 ? settings->steps
                    : quick             ? DECODE_STEPS_QUICK
                                        : DECODE_STEPS;
    int32_t length = settings->batch_length;
    if (length > n_ctx) {
        message_set(err, GEN_BAD_ARGUMENT,
                    "--batch-length: %" PRId32 " is more than the context of %" PRId32, length,
                    n_ctx);
        return GEN_BAD_ARGUMENT;
    }
    if (length == 0) {
        length = n_ctx - BATCH_CONTEXT < steps ? n_ctx : BATCH_CONTEXT + steps;
    }
    const struct gen_cost *cost = &results->cost;
    double numbers = (double)cost->seen_numbers + (double)cost->local_numbers;
    double memory = numbers * number_bytes(results) * length;
    if (length_list(&prompts, "prompt-lengths", settings->prompt_lengths, n_ctx, quick, err) !=
            GEN_OK ||
        length_list(&marks, "decode-lengths", settings->decode_lengths, n_ctx, quick, err) !=
            GEN_OK ||
        batch_list(&batches, settings->batch, quick, memory, err) != GEN_OK) {
        return GEN_BAD_ARGUMENT;
    }
    for (size_t i = 0; i < prompts.n; i++) {
        add_figure(results, BENCH_PROMPT, 1, 0, 1, prompts.numbers[i]);
    }
    for (size_t i = 0; i < marks.n; i++) {
        int32_t mark = marks.numbers[i];
        int32_t n = mark < steps ? mark : steps;
        add_figure(results, BENCH_DECODE, 1, mark - n, n, 1);
    }
    int32_t n = length < steps ? length : steps;
    for (size_t i = 0; i < batches.n; i++) {
        add_figure(results, BENCH_BATCH, batches.numbers[i], length - n, n, 1);
    }
    return GEN_OK;
}

/* Positions that n rows see together, in layers in which each sees `most` at most, if `held` come
 * before the first: from held + 1 to held + n, as far as that is less. */
static double seen_by(double n, double held, double most) {
    double growing = most - held < 0 ? 0 : most - held < n ? most - held : n;
    return growing * held + growing * (growing + 1) / 2 + (n - growing) * most;
}

/* Each evaluation reads the weights once and every sequence's cache once; only the last row of a
 * sequence wants logits. */
static void count(struct bench_figure *figure, const struct gen_cost *cost, double bytes_each) {
    double n_sequences = figure->n_sequences;
    figure->tokens = n_sequences * figure->n_evals * figure->n_rows;
    for (int32_t eval = 0; eval < figure->n_evals; eval++) {
        double n_rows = figure->n_rows;
        double held = (double)figure->start + eval * n_rows;
        double all = held + n_rows;
        double seen = seen_by(n_rows, held, all);
        double window = cost->window < all ? cost->window : all;
        double local = seen_by(n_rows, held, window);
        double read = window + n_rows - 1 < all ? window + n_rows - 1 : all; /* of local layers */
        double numbers = all * (double)cost->seen_numbers + read * (double)cost->local_numbers;
        figure->bytes += (double)cost->weight_bytes + n_sequences * numbers * bytes_each;
        figure->operations +=
            n_sequences *
            (n_rows * (double)cost->row_operations + (double)cost->head_operations +
             seen * (double)cost->row_seen_operations + local * (double)cost->row_local_operations +
             all * (double)cost->head_seen_operations +
             window * (double)cost->head_local_operations);
        figure->int8_operations += n_sequences * (n_rows * (double)cost->row_int8_operations +
                                                  (double)cost->head_int8_operations);
    }
}

void bench_figures_count(struct bench_results *results) {
    for (size_t i = 0; i < results->n_figures; i++) {
        count(&results->figures[i], &results->cost, number_bytes(results));
    }
}

double bench_figure_share(const struct bench_results *results, const struct bench_figure *figure,
                          enum gen_limit limit) {
    const struct bench_series *measured = &results->limits[limit];
    double work = limit == GEN_LIMIT_READ  ? figure->bytes
                  : limit == GEN_LIMIT_F32 ? figure->operations - figure->int8_operations
                                           : figure->int8_operations;
    if (measured->n == 0 || figure->seconds.n == 0) {
        return 0;
    }
    return work / bench_series_median(&figure->seconds) / bench_series_median(measured);
}
