/**
 * math.h - exp, log, tanh and erf of our own, from fused multiply-adds only, so that every
 * machine gets the same bits. No libm.
 *
 * The vector kernels (tensor/kernels) follow these step by step with the same coefficients; a
 * unit test holds them together bit by bit. Errors are measured against libm in double by
 * tests/unit/test_math.c and stated here.
 */
#ifndef BASE_MATH_H
#define BASE_MATH_H

/** e^x; error <= 1 ulp where the result is normal; 0 below -104, infinity above 88.73. */
float math_exp(float x);
/** Natural logarithm; error <= 2 ulp; -infinity for 0, NaN below. */
float math_log(float x);
/** Hyperbolic tangent; error <= 3 ulp. */
float math_tanh(float x);
/** Error function; error <= 3 ulp. */
float math_erf(float x);

#endif
