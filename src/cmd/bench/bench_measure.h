/**
 * bench_measure.h - the measuring of `gen bench`.
 *
 * All quantities are measured in turns, one round after the other, because the speed of a machine
 * drifts: numbers that are compared were then measured one right after the other.
 */
#ifndef CMD_BENCH_BENCH_MEASURE_H
#define CMD_BENCH_BENCH_MEASURE_H

#include "cli/model_load.h"
#include "cmd/bench/bench_figures.h"

/**
 * Measure everything. Opens the model, which is left in `load` (to be closed whatever comes back).
 * GEN_CANCELED after a signal.
 */
enum gen_status bench_measure(struct bench_results *results, struct model_load *load,
                              const struct bench_settings *settings, const char *kernels,
                              struct gen_error *err);

#endif
