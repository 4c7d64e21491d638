/**
 * math.h - exp, log and erf of our own, from fused multiply-adds only, so that every machine
 * gets the same bits. No libm.
 *
 * exp and erf are written once, in math_steps.h, and compiled here for one float and in
 * tensor/kernels for vectors of them. The errors stated are measured by tests/unit/test_math.c
 * over some million floats against libm in double precision.
 */
#ifndef BASE_MATH_H
#define BASE_MATH_H

/** e^x; error <= 1.01 ulp where the result is normal; 0 below -104, infinity above 88.73. */
float math_exp(float x);
/** Error function; error <= 2.5 ulp. The kernels have it of vectors; this one is what their
 *  results are compared with. */
float math_erf(float x);
/** Natural logarithm; error <= 1 ulp; -infinity for 0, NaN below 0. */
float math_log(float x);
/** The same in double precision, for x > 0; error <= 1e-13 of the result or of 1, whichever is
 *  more. */
double math_log_wide(double x);

#endif
