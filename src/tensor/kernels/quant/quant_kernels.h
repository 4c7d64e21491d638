/**
 * quant_kernels.h - the kernels for block formats of all sets, each compiled in a file of its own
 * (quant_*.c): they are many, and what they gain most from, instructions for dot products of
 * bytes, is not the same in all machines of a set.
 */
#ifndef KERNELS_QUANT_KERNELS_H
#define KERNELS_QUANT_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct matmul_job;

/* What struct kernels says of matmul_quantized, quantize_row and int8_loop. */
#define QUANT_KERNELS(set)                                                                         \
    void matmul_quantized_##set(const struct matmul_job *job, size_t begin, size_t end,            \
                                float *scratch);                                                   \
    void quantize_row_##set(unsigned char *out, const float *x, size_t n);                         \
    size_t int8_loop_##set(int32_t *sums, const int8_t *numbers, size_t n_rounds, bool full);

QUANT_KERNELS(generic)
QUANT_KERNELS(avx2)
QUANT_KERNELS(avx2_vnni)
QUANT_KERNELS(avx512)
QUANT_KERNELS(avx512_vnni)
QUANT_KERNELS(neon)
QUANT_KERNELS(neon_dotprod)

#undef QUANT_KERNELS

/* Define them as the static functions of quant_tiles.h and int8_limit.h, or of quant_plain.h. */
#define QUANT_KERNELS_ARE(set)                                                                     \
    void matmul_quantized_##set(const struct matmul_job *job, size_t begin, size_t end,            \
                                float *scratch) {                                                  \
        matmul_quantized(job, begin, end, scratch);                                                \
    }                                                                                              \
    void quantize_row_##set(unsigned char *out, const float *x, size_t n) {                        \
        quantize_row(out, x, n);                                                                   \
    }                                                                                              \
    size_t int8_loop_##set(int32_t *sums, const int8_t *numbers, size_t n_rounds, bool full) {     \
        return int8_loop(sums, numbers, n_rounds, full);                                           \
    }

#endif
