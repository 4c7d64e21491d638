/**
 * quant_neon.c - products with block formats for AArch64 NEON, whose 32 registers go in fours, one
 * for each quarter of a vector. The code is in quant_matmul.h and what it includes, the tile sizes
 * in set.h.
 */
#include "tensor/kernels/kernels.h"

#ifdef KERNELS_NEON

#define OF_QUANT_SET OF_QUANT_NEON

#include "tensor/kernels/vec/vec_neon.h"

#include "tensor/kernels/limit/int8_limit.h"
#include "tensor/kernels/quant/quant_kernels.h"
#include "tensor/kernels/quant/quant_matmul.h"

QUANT_KERNELS_ARE(neon)

#endif
