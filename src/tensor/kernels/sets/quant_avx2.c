/**
 * quant_avx2.c - products with block formats for AVX2, whose 16 registers go in pairs, one for each
 * half of a vector: the tile sizes. The code is in quant_matmul.h and what it includes.
 */
#include "tensor/kernels/kernels.h"

#ifdef KERNELS_X86

#include "tensor/kernels/vec/vec_avx2.h"

#define QUANT_TILE_ROWS         4
#define QUANT_TILE_PANELS       1
#define QUANT_TILE_ROWS_GROUPED 2
#define QUANT_TILE_ROWS_WIDENED 5
/* Measured on a Zen 3. */
#define QUANT_AHEAD_LONE_8_BITS 1536

#include "tensor/kernels/limit/int8_limit.h"
#include "tensor/kernels/quant/quant_kernels.h"
#include "tensor/kernels/quant/quant_matmul.h"

QUANT_KERNELS_ARE(avx2)

#endif
