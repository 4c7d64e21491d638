/**
 * bench_figures.h - what `gen bench` measures, and what it found.
 *
 * Every figure is one kind of work: a number of sequences that already hold `start` positions
 * each take `n_rows` tokens per evaluation, `n_evals` evaluations in a row. A prompt is one
 * evaluation of many rows, decoding is many evaluations of one row per sequence.
 */
#ifndef CMD_BENCH_BENCH_FIGURES_H
#define CMD_BENCH_BENCH_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/model_options.h"
#include "gen_bench.h"

#define BENCH_MAX_REPEAT 100
#define BENCH_MAX_LIST   16
#define BENCH_MAX_BATCH  1024

/** A list of numbers, as --batch 1,2,4 gives it. */
struct bench_list {
    int32_t numbers[BENCH_MAX_LIST];
    size_t n;
};

/** What the command line says. */
struct bench_settings {
    struct model_settings model;
    int32_t repeat; /**< 0: the default */
    const char *prompt_lengths, *decode_lengths, *batch;
    int32_t steps;        /**< tokens each sequence is decoded for; 0: the default */
    int32_t batch_length; /**< of sequences decoded together; 0: the default */
    bool quick, json, quiet;
    const char *constraint; /**< a file with a JSON schema: measure that, and nothing else */
};

/** One quantity, measured several times. */
struct bench_series {
    double values[BENCH_MAX_REPEAT];
    size_t n;
};

void bench_series_add(struct bench_series *series, double value);
/** Of n >= 1 values; the median of an even number is the mean of the two in the middle. */
double bench_series_median(const struct bench_series *series);
double bench_series_min(const struct bench_series *series);
double bench_series_max(const struct bench_series *series);

enum bench_kind { BENCH_PROMPT, BENCH_DECODE, BENCH_BATCH };

struct bench_figure {
    enum bench_kind kind;
    int32_t n_sequences, start, n_evals, n_rows;
    double tokens, bytes, operations; /**< of one measurement */
    double int8_operations;           /**< of the operations, those on int8 */
    struct bench_series seconds;
    struct bench_series first_token; /**< of a prompt: seconds until a token is chosen, too */
};

#define BENCH_N_LIMITS 3 /* enum gen_limit */

struct bench_results {
    struct bench_figure figures[3 * BENCH_MAX_LIST]; /**< by kind, each ascending */
    size_t n_figures;
    struct bench_series limits[BENCH_N_LIMITS]; /**< per second; empty: cannot be measured */
    struct bench_series first_token;            /**< seconds from the opening of the model on */
    int32_t n_first_prompt;                     /**< tokens of its prompt */
    int32_t repeat;
    size_t buffer_bytes; /**< that were read to measure the limit */
    const char *kernels;
    const char *kv_type;
    int n_threads;
    struct gen_cost cost;
};

/**
 * Plan all figures: those of the settings' lists, or of lists made for a context of `n_ctx`.
 * GEN_BAD_ARGUMENT and a sentence where a list is none, or does not fit the context.
 * results->cost and results->kv_type are set before.
 */
enum gen_status bench_figures_plan(struct bench_results *results,
                                   const struct bench_settings *settings, int32_t n_ctx,
                                   struct gen_error *err);

/** Check the lists as far as that needs no model. */
enum gen_status bench_settings_check(const struct bench_settings *settings, struct gen_error *err);

/** Count what one measurement of each figure reads and computes at the least. */
void bench_figures_count(struct bench_results *results);

/** What share of a limit a figure reaches; 0 where the limit says nothing about it. */
double bench_figure_share(const struct bench_results *results, const struct bench_figure *figure,
                          enum gen_limit limit);

#endif
