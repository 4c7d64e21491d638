/**
 * generic.c - the kernel set in plain C: the reference, and the version for machines without one of
 * their own. Block formats are in quant_generic.c.
 */
#include "tensor/kernels/vec/vec_scalar.h"

#define TILE_ROWS            2
#define TILE_PANELS          1
#define TILE_PANELS_FEW_ROWS 1
#define ATTENTION_PANELS     1
#define TILE_UNROLL_K

#include "tensor/kernels/attention/attention.h"
#include "tensor/kernels/sets/training_kernels.h"

const struct kernels kernels_generic = KERNELS_TABLE("generic", generic);
