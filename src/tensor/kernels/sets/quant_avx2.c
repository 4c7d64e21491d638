/**
 * quant_avx2.c - products with block formats for AVX2, whose 16 registers go in pairs, one for each
 * half of a vector. The code is in quant_matmul.h and what it includes, the tile sizes in set.h.
 */
#include "tensor/kernels/kernels.h"

#ifdef KERNELS_X86

#define OF_QUANT_SET OF_QUANT_AVX2

#include "tensor/kernels/vec/vec_avx2.h"

#include "tensor/kernels/limit/int8_limit.h"
#include "tensor/kernels/quant/quant_kernels.h"
#include "tensor/kernels/quant/quant_matmul.h"

QUANT_KERNELS_ARE(avx2)

#endif
