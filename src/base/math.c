/**
 * math.c - exp and erf of one float, made from the steps in math_steps.h, and log. Vectors of
 * floats get the same steps in floats_avx2.c and tensor/kernels.
 */
#include "base/math.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* The operations of math_steps.h for one float. */
typedef float vf;
#define VF_INLINE static inline

static inline vf vf_set1(float x) {
    return x;
}
static inline vf vf_add(vf a, vf b) {
    return a + b;
}
static inline vf vf_sub(vf a, vf b) {
    return a - b;
}
static inline vf vf_mul(vf a, vf b) {
    return a * b;
}
static inline vf vf_fma(vf a, vf b, vf c) {
    return fmaf(a, b, c);
}
static inline vf vf_min(vf a, vf b) {
    return a < b ? a : b;
}
static inline vf vf_max(vf a, vf b) {
    return a > b ? a : b;
}
static inline vf vf_abs(vf a) {
    return __builtin_fabsf(a);
}
static inline vf vf_copysign(vf magnitude, vf sign) {
    return __builtin_copysignf(magnitude, sign);
}
static inline vf vf_select_lt(vf a, vf b, vf if_less, vf otherwise) {
    return a < b ? if_less : otherwise;
}
/* 2^n for n in -126 ... 127. */
static inline vf vf_pow2(int32_t n) {
    uint32_t bits = (uint32_t)(n + 127) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return power;
}
static inline vf vf_times_pow2(vf x, vf n) {
    int32_t half = (int32_t)n / 2;
    return x * vf_pow2(half) * vf_pow2((int32_t)n - half);
}

#include "base/math_steps.h"

float math_exp(float x) {
    return vf_exp(x);
}

float math_erf(float x) {
    return vf_erf(x);
}

/*
 * x = 2^e m with sqrt(1/2) <= m < sqrt(2); ln m = 2 artanh(s) = 2 (s + s^3/3 + ...) with
 * s = (m - 1)/(m + 1), |s| < 0.1716, in double: the series to s^15 is exact to 2e-14.
 */
double math_log_wide(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int exponent = (int)(bits >> 52) - 1023;
    bits = (bits & 0x000fffffffffffffu) | (uint64_t)1023 << 52;
    double m;
    memcpy(&m, &bits, sizeof m);
    if (m >= 0x1.6a09e667f3bcdp0) {
        m *= 0.5;
        exponent++;
    }
    double s = (m - 1) / (m + 1);
    double s2 = s * s;
    double series = 1.0 / 15;
    for (int odd = 13; odd >= 1; odd -= 2) {
        series = series * s2 + 1.0 / odd;
    }
    return exponent * 0x1.62e42fefa39efp-1 + 2 * s * series;
}

float math_log(float x) {
    if (!(x > 0)) {
        return x == 0 ? -INFINITY : NAN;
    }
    if (x > 0x1.fffffep127f) {
        return x;
    }
    return (float)math_log_wide((double)x); /* only the rounding to float is left */
}
