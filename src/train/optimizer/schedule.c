/**
 * schedule.c - the learning rate of a step: warm-up, then constant, cosine or wsd. A pure function
 * of the step's number; options.c has checked its numbers.
 */
#include "train/optimizer/schedule.h"

#include <math.h>

/* cos(pi x) for 0 <= x <= 1, by its Taylor series around 1/2 from plain operations: the same bits
 * everywhere, which libm does not promise. Error below 1e-14. */
static double cos_pi(double x) {
    double t = 0x1.921fb54442d18p1 * (0.5 - x);
    double square = t * t;
    double sum = 0;
    for (int n = 21; n > 1; n -= 2) {
        sum = (1 + sum) * -square / (n * (n - 1));
    }
    return t * (1 + sum);
}

/* What is left of peak - least when `done` of `n` steps of the fall are done. */
static double share_left(enum gen_schedule kind, uint64_t done, uint64_t n) {
    double share = n > 0 ? (double)done / (double)n : 1;
    share = share < 1 ? share : 1;
    return kind == GEN_SCHEDULE_COSINE ? 0.5 * (1 + cos_pi(share)) : 1 - sqrt(share);
}

double schedule_rate(const struct schedule *schedule, uint64_t step) {
    if (step < schedule->n_warmup) {
        return schedule->peak * (double)(step + 1) / (double)schedule->n_warmup;
    }
    uint64_t start = schedule->n_warmup; /* of the fall */
    if (schedule->kind == GEN_SCHEDULE_WSD) {
        /* Shares were floats: 0.7f of 10 steps is 6.9999998, which are 7. */
        double n_share = schedule->decay_share * (double)schedule->n_steps;
        double nearest = floor(n_share + 0.5);
        uint64_t n_decay =
            (uint64_t)(fabs(n_share - nearest) <= 1e-7 * n_share ? nearest : n_share);
        uint64_t stable = schedule->n_steps - n_decay;
        start = stable > start ? stable : start;
    }
    if (schedule->kind == GEN_SCHEDULE_CONSTANT || step < start) {
        return schedule->peak;
    }
    double left = share_left(schedule->kind, step - start, schedule->n_steps - start);
    return schedule->least + (schedule->peak - schedule->least) * left;
}
