/**
 * quant_avx512_vnni.c - products with block formats for AVX-512 and its dot products of bytes
 * (VNNI). The code is in quant_matmul.h and what it includes, the tile sizes in set.h.
 */
#include "tensor/kernels/kernels.h"

#ifdef KERNELS_X86

#define OF_QUANT_SET OF_QUANT_AVX512_VNNI

#include "tensor/kernels/vec/vec_avx512.h"

#include "tensor/kernels/limit/int8_limit.h"
#include "tensor/kernels/quant/quant_kernels.h"
#include "tensor/kernels/quant/quant_matmul.h"

QUANT_KERNELS_ARE(avx512_vnni)

#endif
