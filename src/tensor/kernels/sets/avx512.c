/**
 * avx512.c - the kernel set for AVX-512 F, BW, VL and DQ: its tile sizes; the code is in the
 * headers it includes. Compiled with these enabled, entered (kernels.c) only where the CPU has
 * them. Block formats are in quant_avx512.c.
 */
#include "tensor/kernels/kernels.h"

#ifdef KERNELS_X86

#include "tensor/kernels/vec/vec_avx512.h"

/* 32 registers: 8 rows of three panels take 24 for the sums, 3 for the weights, 1 for x. */
#define TILE_ROWS            8
#define TILE_PANELS          3
#define TILE_PANELS_FEW_ROWS 4
#define ATTENTION_PANELS     8
#define TILE_UNROLL_K

#include "tensor/kernels/attention/attention.h"
#include "tensor/kernels/sets/training_kernels.h"

const struct kernels kernels_avx512 = KERNELS_TABLE("avx512", avx512);

/* The same but for block formats, where the CPU has VNNI too. */
const struct kernels kernels_avx512_vnni = KERNELS_TABLE("avx512vnni", avx512_vnni);

#endif
