/**
 * generic.c - the kernel set in plain C: the reference, and the version for machines without one of
 * their own. Block formats are in quant_generic.c.
 */
#define OF_SET OF_GENERIC

#include "tensor/kernels/vec/vec_scalar.h"

#include "tensor/kernels/attention/attention.h"
#include "tensor/kernels/sets/training_kernels.h"

const struct kernels kernels_generic = KERNELS_TABLE("generic", generic);
