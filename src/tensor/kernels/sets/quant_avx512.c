/**
 * quant_avx512.c - products with block formats for AVX-512 F, BW, VL and DQ: the tile sizes. The
 * code is in quant_matmul.h and what it includes.
 */
#include "tensor/kernels/kernels.h"

#ifdef KERNELS_X86

#include "tensor/kernels/vec/vec_avx512.h"

#define QUANT_TILE_ROWS         6
#define QUANT_TILE_PANELS       2
#define QUANT_TILE_ROWS_GROUPED 4

#include "tensor/kernels/limit/int8_limit.h"
#include "tensor/kernels/quant/quant_kernels.h"
#include "tensor/kernels/quant/quant_matmul.h"

QUANT_KERNELS_ARE(avx512)

#endif
