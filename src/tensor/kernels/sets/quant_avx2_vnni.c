/**
 * quant_avx2_vnni.c - products with block formats for AVX2 and its dot products of bytes (AVX-
 * VNNI); the 16 registers go in pairs, one for each half of a vector. The code is in quant_matmul.h
 * and what it includes, the tile sizes in set.h.
 */
#include "tensor/kernels/kernels.h"

#ifdef KERNELS_X86

/* Where the compiler does not know the instruction, this is a second set of plain AVX2. A test
 * defines it as something else. */
#if defined(__AVXVNNI__) && !defined(VI_DPBUSD)
#define VI_DPBUSD _mm256_dpbusd_avx_epi32
#endif

#define OF_QUANT_SET OF_QUANT_AVX2_VNNI

#include "tensor/kernels/vec/vec_avx2.h"

#include "tensor/kernels/limit/int8_limit.h"
#include "tensor/kernels/quant/quant_kernels.h"
#include "tensor/kernels/quant/quant_matmul.h"

QUANT_KERNELS_ARE(avx2_vnni)

#endif
