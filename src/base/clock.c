/**
 * clock.c - seconds of the monotonic clock, to measure how long something took. It is no time of
 * day.
 */
#include <time.h>

#include "gen.h"

double gen_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}
