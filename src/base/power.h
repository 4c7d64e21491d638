/**
 * power.h - whole powers, by products alone: the same bits on every machine.
 */
#ifndef BASE_POWER_H
#define BASE_POWER_H

#include <stddef.h>

/** base^n by squaring; infinite where it overflows. */
static inline double power_of(double base, size_t n) {
    double power = 1.0;
    for (; n > 0; n /= 2) {
        power *= n % 2 == 1 ? base : 1.0;
        base *= base;
    }
    return power;
}

#endif
