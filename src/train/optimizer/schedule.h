/**
 * schedule.h - the learning rate of each step, in arithmetic that every machine does alike.
 *
 * All begin with a warm-up, in which it grows in equal parts from peak / n_warmup to the peak.
 *   constant  stays there
 *   cosine    falls as half a cosine wave to `least`, which the last step nearly has
 *   wsd       (warm-up, stable, decay) stays at the peak until the last `decay_share` of all steps,
 *             in which it falls as 1 - sqrt(share done) to `least` (Haegele et al. 2024, "Scaling
 *             Laws and Compute-Optimal Training Beyond Fixed Training Durations"). A run can be
 *             extended from any checkpoint made before the decay.
 */
#ifndef TRAIN_OPTIMIZER_SCHEDULE_H
#define TRAIN_OPTIMIZER_SCHEDULE_H

#include <stdint.h>

#include "gen_train.h"

struct schedule {
    enum gen_schedule kind;
    double peak, least;
    uint64_t n_steps, n_warmup;
    double decay_share; /**< 0 ... 1, of wsd */
};

/** The learning rate of step 0 ... n_steps - 1. */
double schedule_rate(const struct schedule *schedule, uint64_t step);

#endif
