/**
 * quant_avx512.c - products with block formats for AVX-512 F, BW, VL and DQ. The code is in
 * quant_matmul.h and what it includes, the tile sizes in set.h.
 */
#include "tensor/kernels/kernels.h"

#ifdef KERNELS_X86

#define OF_QUANT_SET OF_QUANT_AVX512

#include "tensor/kernels/vec/vec_avx512.h"

#include "tensor/kernels/limit/int8_limit.h"
#include "tensor/kernels/quant/quant_kernels.h"
#include "tensor/kernels/quant/quant_matmul.h"

QUANT_KERNELS_ARE(avx512)

#endif
