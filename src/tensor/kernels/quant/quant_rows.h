/**
 * quant_rows.h - rounding rows of x to bytes for products with block formats, over the vectors
 * of the vec_*.h included before; kernels.h defines the arithmetic.
 */
#ifndef KERNELS_QUANT_ROWS_H
#define KERNELS_QUANT_ROWS_H

#include <string.h>

#include "base/math_steps.h"
#include "tensor/kernels/kernels.h"
#include "tensor/quant/quant.h"

/* Below this, 127 / greatest could overflow; such inputs count as 0. */
#define QUANT_LEAST_INPUT 0x1p-100f

/* Integers and what belongs to them for 32 numbers. Fields are written once, each from a register:
 * to read them back together would wait until all stores before them are done, also those of the
 * lines that another core has. */
static void quantize_part(int8_t *q, struct quantized_part *part, const float *x) {
    vf low = vf_load(x);
    vf high = vf_load(x + VF_LANES);
    float greatest = vf_greatest(vf_max(vf_abs(low), vf_abs(high)));
    /* x - x is 0, or NaN where x is not finite, which no maximum would show for sure. */
    float nothing = vf_sum(vf_add(vf_sub(low, low), vf_sub(high, high)));
    float d = nothing;
    int32_t first = 0;
    int32_t second = 0;
    if (nothing != 0.0f || greatest < QUANT_LEAST_INPUT) {
        memset(q, 0, QUANT_SMALL);
    } else {
        vf factor = vf_set1(127.0f / greatest);
        d = greatest / 127.0f;
        first = vf_store_i8(q, vf_round_small(vf_mul(low, factor)));
        second = vf_store_i8(q + VF_LANES, vf_round_small(vf_mul(high, factor)));
    }
    part->d = d;
    part->scaled_sum = d * (float)(first + second);
    part->sum[0] = first;
    part->sum[1] = second;
    part->total = first + second;
}

static void quantize_row(unsigned char *out, const float *x, size_t n) {
    struct quantized_part *parts = (struct quantized_part *)(void *)(out + n);
    for (size_t i = 0; i < n / QUANT_SMALL; i++) {
        quantize_part((int8_t *)out + i * QUANT_SMALL, &parts[i], x + i * QUANT_SMALL);
    }
}

#endif
