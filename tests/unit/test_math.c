/**
 * test_math.c - exp, log and erf against libm in double precision: the errors base/math.h states.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/math.h"

static float float_of(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Distance to the true value in units of the last place of the float nearest to it. */
static double error_in_ulp(float found, double wanted) {
    float nearest = (float)wanted;
    double ulp = (double)(nextafterf(fabsf(nearest), INFINITY) - fabsf(nearest));
    return fabs((double)found - wanted) / ulp;
}

/* The greatest error over every step-th float between two bit patterns, both signs if wanted. */
static double worst(float (*function)(float), double (*truth)(double), uint32_t low, uint32_t high,
                    uint32_t step, int both_signs) {
    double greatest = 0;
    for (uint64_t bits = low; bits <= high; bits += step) {
        for (int sign = 0; sign <= both_signs; sign++) {
            float x = float_of((uint32_t)bits | (uint32_t)sign << 31);
            double error = error_in_ulp(function(x), truth((double)x));
            greatest = error > greatest ? error : greatest;
        }
    }
    return greatest;
}

/* Steps are odd, so that all low bits of the pattern occur. */
static void test_exp(void **state) {
    (void)state;
    double error = worst(math_exp, exp, 0x2f000000u, 0x42aeac50u, 997, 1); /* |x| to 87.3365 */
    print_message("exp: at most %.3f ulp\n", error);
    assert_true(error <= 1.01);
    assert_true(math_exp(0.0f) == 1.0f);
    assert_true(math_exp(-104.0f) == 0.0f);
    assert_true(math_exp(-1e30f) == 0.0f);
    assert_true(isinf(math_exp(88.8f)));
    assert_true(isinf(math_exp(1e30f)));
    assert_true(math_exp(88.7f) < INFINITY);
    /* Subnormal results: right to half of their last place, 2^-149, and a little. */
    for (float x = -103.0f; x < -87.4f; x += 0.0137f) {
        assert_true(fabs((double)math_exp(x) - exp((double)x)) <= 0.76 * 0x1p-149);
    }
}

static void test_erf(void **state) {
    (void)state;
    double error = worst(math_erf, erf, 0x20000000u, 0x40c00000u, 499, 1);
    print_message("erf: at most %.3f ulp\n", error);
    assert_true(error <= 2.5);
    assert_true(math_erf(0.0f) == 0.0f);
    assert_true(math_erf(10.0f) == 1.0f);
    assert_true(math_erf(-1e30f) == -1.0f);
}

static void test_log(void **state) {
    (void)state;
    double error = worst(math_log, log, 1, 0x7f7fffffu, 2003, 0);
    error = fmax(error, worst(math_log, log, 0x3f700000u, 0x3f900000u, 7, 0)); /* around 1 */
    print_message("log: at most %.3f ulp\n", error);
    assert_true(error <= 1.0);
    assert_true(math_log(1.0f) == 0.0f);
    assert_true(math_log(0.0f) == -INFINITY);
    assert_true(math_log(INFINITY) == INFINITY);
    assert_true(isnan(math_log(-1.0f)));
    assert_true(isnan(math_log(NAN)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exp),
        cmocka_unit_test(test_erf),
        cmocka_unit_test(test_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
