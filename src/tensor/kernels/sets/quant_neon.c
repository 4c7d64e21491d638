/**
 * quant_neon.c - products with block formats for AArch64 NEON, whose 32 registers go in fours, one
 * for each quarter of a vector: the tile sizes. The code is in quant_matmul.h and what it includes.
 */
#include "tensor/kernels/kernels.h"

#ifdef KERNELS_NEON

#include "tensor/kernels/vec/vec_neon.h"

#define QUANT_TILE_ROWS         3
#define QUANT_TILE_PANELS       1
#define QUANT_TILE_ROWS_GROUPED 2

#include "tensor/kernels/limit/int8_limit.h"
#include "tensor/kernels/quant/quant_kernels.h"
#include "tensor/kernels/quant/quant_matmul.h"

QUANT_KERNELS_ARE(neon)

#endif
