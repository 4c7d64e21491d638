/**
 * quant_avx2_vnni.c - products with block formats for AVX2 and its dot products of bytes
 * (AVX-VNNI); the 16 registers go in pairs, one for each half of a vector: the tile sizes. The code
 * is in quant_matmul.h and what it includes.
 */
#include "tensor/kernels/kernels.h"

#ifdef KERNELS_X86

/* Where the compiler does not know the instruction, this is a second set of plain AVX2. A test
 * defines it as something else. */
#if defined(__AVXVNNI__) && !defined(VI_DPBUSD)
#define VI_DPBUSD _mm256_dpbusd_avx_epi32
#endif

#include "tensor/kernels/vec/vec_avx2.h"

#define QUANT_TILE_ROWS         6
#define QUANT_TILE_PANELS       1
#define QUANT_TILE_ROWS_GROUPED 3

#include "tensor/kernels/limit/int8_limit.h"
#include "tensor/kernels/quant/quant_kernels.h"
#include "tensor/kernels/quant/quant_matmul.h"

QUANT_KERNELS_ARE(avx2_vnni)

#endif
