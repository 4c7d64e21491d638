/* Plain C: the reference. */
#include "tensor/kernels/vec_scalar.h"

#include "tensor/kernels/quant_kernels.h"
#include "tensor/kernels/quant_plain.h"

QUANT_KERNELS_ARE(generic)
