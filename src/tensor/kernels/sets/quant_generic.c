/**
 * quant_generic.c - products with block formats in plain C: the reference that every other set must
 * equal bit for bit. The code is in quant_plain.h.
 */
#include "tensor/kernels/vec/vec_scalar.h"

#include "tensor/kernels/quant/quant_kernels.h"
#include "tensor/kernels/quant/quant_plain.h"

QUANT_KERNELS_ARE(generic)
