/**
 * activations.h - the MLP's activation functions, over the vectors of the vec_*.h included
 * before.
 *
 *   gelu_new    x sigmoid(2 u), u = sqrt(2/pi) (x + 0.044715 x^3), since
 *               1/2 (1 + tanh u) = sigmoid(2 u): the exponential is all it needs
 *   gelu        x/2 (1 + erf(x / sqrt 2))
 *   silu        x sigmoid(x)
 *   quick_gelu  x sigmoid(1.702 x)
 *   relu        x, but 0 below 0
 *
 * NaN stays NaN in all of them: sums that overflowed must show in the logits, not vanish.
 */
#ifndef KERNELS_ACTIVATIONS_H
#define KERNELS_ACTIVATIONS_H

#include "base/math_steps.h"
#include "gen.h"

/* x / (1 + e^-z) */
VF_INLINE vf vf_times_sigmoid(vf x, vf z) {
    vf decay = vf_exp(vf_sub(vf_set1(0.0f), z));
    return vf_div(x, vf_add(vf_set1(1.0f), decay));
}

VF_INLINE vf vf_gelu_new(vf x) {
    vf two_sqrt_2_over_pi = vf_set1(0x1.988454p0f);
    vf cubic = vf_mul(vf_mul(x, x), vf_set1(0.044715f));
    vf u = vf_fma(cubic, x, x);
    return vf_times_sigmoid(x, vf_mul(two_sqrt_2_over_pi, u));
}

VF_INLINE vf vf_gelu(vf x) {
    vf half = vf_mul(x, vf_set1(0.5f));
    vf erf = vf_erf(vf_mul(x, vf_set1(0x1.6a09e6p-1f)));
    return vf_fma(half, erf, half);
}

VF_INLINE vf vf_activate(vf x, enum gen_activation activation) {
    switch (activation) {
    case GEN_GELU_NEW:
        return vf_gelu_new(x);
    case GEN_GELU:
        return vf_gelu(x);
    case GEN_SILU:
        return vf_times_sigmoid(x, x);
    case GEN_QUICK_GELU:
        return vf_times_sigmoid(x, vf_mul(x, vf_set1(1.702f)));
    case GEN_RELU:
    default:
        return vf_select_lt(x, vf_set1(0.0f), vf_set1(0.0f), x); /* vf_max would lose NaN */
    }
}

#endif
