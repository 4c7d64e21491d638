/**
 * math_steps.h - the steps of exp and erf, for whatever `vf` the includer has defined.
 *
 * The includer provides VF_INLINE, what a function on vf begins with (static inline, or inlined by
 * force), a type vf (one float, or a vector of them) and the elementwise functions
 * vf_set1, vf_add, vf_sub, vf_mul, vf_div, vf_fma, vf_min, vf_max, vf_abs, vf_copysign,
 * vf_select_lt and vf_times_pow2. Each rounds once and correctly, as IEEE has it (the selections
 * are exact), so the same steps give the same bits in every version. vf_times_pow2(x, n) is x 2^n
 * for x in 0.5 ... 2 and integers n in -152 ... 130: multiplied in two halves, each a normal
 * number, only the second product rounds, also where the result is subnormal.
 */
#ifndef BASE_MATH_STEPS_H
#define BASE_MATH_STEPS_H

/* Nearest integer, ties to even, for |x| < 2^22: adding 1.5 * 2^23 leaves no room for a
 * fraction. */
VF_INLINE vf vf_round_small(vf x) {
    vf magic = vf_set1(0x1.8p23f);
    return vf_sub(vf_add(x, magic), magic);
}

/*
 * e^x = 2^n e^r with n = round(x / ln 2) and |r| <= ln 2 / 2; e^r = 1 + r + r^2 P(r), P fitted to
 * (e^r - 1 - r) / r^2 with relative error 3e-9. ln 2 is taken in two pieces, the first short
 * enough for n times it to be exact.
 */
VF_INLINE vf vf_exp(vf x) {
    x = vf_max(vf_min(x, vf_set1(89.0f)), vf_set1(-104.0f));
    vf n = vf_round_small(vf_mul(x, vf_set1(0x1.715476p0f)));
    vf r = vf_fma(n, vf_set1(-0x1.63p-1f), x);
    r = vf_fma(n, vf_set1(0x1.bd0106p-13f), r);
    vf p = vf_set1(0x1.6db648p-10f);
    p = vf_fma(p, r, vf_set1(0x1.123ce0p-7f));
    p = vf_fma(p, r, vf_set1(0x1.55545cp-5f));
    p = vf_fma(p, r, vf_set1(0x1.55548cp-3f));
    p = vf_fma(p, r, vf_set1(0x1.0p-1f));
    p = vf_fma(p, vf_mul(r, r), r);
    p = vf_add(p, vf_set1(1.0f));
    return vf_times_pow2(p, n);
}

/*
 * |x| < 0.92: erf x = x A(x^2). Beyond: erf x = 1 - e^-B(|x|), B fitted to -ln erfc; from 4 on
 * the result rounds to 1.
 */
VF_INLINE vf vf_erf(vf x) {
    vf t = vf_min(vf_abs(x), vf_set1(4.0f));
    vf s = vf_mul(x, x);
    vf a = vf_set1(0x1.60bcd6p-14f);
    a = vf_fma(a, s, vf_set1(-0x1.ab6eb8p-11f));
    a = vf_fma(a, s, vf_set1(0x1.54ea6ap-8f));
    a = vf_fma(a, s, vf_set1(-0x1.b8122ap-6f));
    a = vf_fma(a, s, vf_set1(0x1.ce2e34p-4f));
    a = vf_fma(a, s, vf_set1(-0x1.812744p-2f));
    a = vf_fma(a, s, vf_set1(0x1.20dd76p0f));
    vf near = vf_mul(x, a);
    vf b = vf_set1(0x1.6309b2p-16f);
    b = vf_fma(b, t, vf_set1(-0x1.c85c2ep-12f));
    b = vf_fma(b, t, vf_set1(0x1.1196e4p-8f));
    b = vf_fma(b, t, vf_set1(-0x1.9bb518p-6f));
    b = vf_fma(b, t, vf_set1(0x1.bb926ep-4f));
    b = vf_fma(b, t, vf_set1(0x1.444470p-1f));
    b = vf_fma(b, t, vf_set1(0x1.212846p0f));
    b = vf_fma(b, t, vf_set1(-0x1.70d5f0p-13f));
    vf far = vf_sub(vf_set1(1.0f), vf_exp(vf_sub(vf_set1(0.0f), b)));
    return vf_select_lt(t, vf_set1(0.92f), near, vf_copysign(far, x));
}

#endif
