/**
 * neon.c - the kernel set for AArch64 NEON, which every such CPU has. Its code is in the headers it
 * includes, its tile sizes in set.h. Block formats are in quant_neon.c.
 */
#include "tensor/kernels/kernels.h"

#ifdef KERNELS_NEON

#define OF_SET OF_NEON

#include "tensor/kernels/vec/vec_neon.h"

#include "tensor/kernels/attention/attention.h"
#include "tensor/kernels/sets/training_kernels.h"

const struct kernels kernels_neon = KERNELS_TABLE("neon", neon);

/* The same but for block formats, where the CPU has dot products of bytes. */
const struct kernels kernels_neon_dotprod = KERNELS_TABLE("neondotprod", neon_dotprod);

#endif
