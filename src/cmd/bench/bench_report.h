/**
 * bench_report.h - the results of `gen bench`, for people and for programs.
 */
#ifndef CMD_BENCH_BENCH_REPORT_H
#define CMD_BENCH_BENCH_REPORT_H

#include "cli/model_load.h"
#include "cmd/bench/bench_figures.h"

/** The table, appended to `text`. */
void bench_report_text(struct gen_bytes *text, const struct bench_results *results,
                       const struct model_load *load);

/** The same as one line of JSON, with every share and the least and greatest measurement. */
void bench_report_json(struct gen_bytes *text, const struct bench_results *results,
                       const struct model_load *load);

#endif
