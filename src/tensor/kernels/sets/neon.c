/**
 * neon.c - the kernel set for AArch64 NEON, which every such CPU has: its tile sizes; the code is
 * in the headers it includes. Block formats are in quant_neon.c.
 */
#include "tensor/kernels/kernels.h"

#ifdef KERNELS_NEON

#include "tensor/kernels/vec/vec_neon.h"

/* 32 registers: 6 rows of one panel take 24 for the sums, 4 for the weights, 1 for x. */
#define TILE_ROWS            6
#define TILE_PANELS          1
#define TILE_PANELS_FEW_ROWS 2
#define ATTENTION_PANELS     4
#define TILE_UNROLL_K

#include "tensor/kernels/attention/attention.h"
#include "tensor/kernels/sets/training_kernels.h"

const struct kernels kernels_neon = KERNELS_TABLE("neon", neon);

/* The same but for block formats, where the CPU has dot products of bytes. */
const struct kernels kernels_neon_dotprod = KERNELS_TABLE("neondotprod", neon_dotprod);

#endif
