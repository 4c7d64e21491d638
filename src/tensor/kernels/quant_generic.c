/**
 * quant_generic.c - products with block formats in plain C: the reference that every other set must
 * equal bit for bit. The code is in quant_plain.h.
 */
#include "tensor/kernels/vec_scalar.h"

#include "tensor/kernels/quant_kernels.h"
#include "tensor/kernels/quant_plain.h"

QUANT_KERNELS_ARE(generic)
