/**
 * quant_k.h - how the formats of blocks of 256 numbers choose their integers.
 *
 * Two steps. First each group is fitted alone with real scales: many steps are tried, for each
 * the numbers are rounded to it and the scale (and minimum) that suits these integers best is
 * solved for. Then the scales themselves become integers of the block's d (and m), and each
 * group tries the neighbours of what its scale was rounded to.
 */
#ifndef TENSOR_QUANT_K_H
#define TENSOR_QUANT_K_H

#include "tensor/quant/quant.h"

/** Q6_K: x = d * scale * (q - offset), scale of either sign. */
void quant_k_fit_signed(const struct quant_format *format, struct quant_block *out, const float *x);
/** Q4_K and Q5_K: x = d * scale * q + m * min, m <= 0. */
void quant_k_fit_ranged(const struct quant_format *format, struct quant_block *out, const float *x);

#endif
