/**
 * avx2.c - the kernel set for AVX2 with FMA and F16C: its tile sizes; the code is in the headers it
 * includes. Compiled with these enabled, entered (kernels.c) only where the CPU has them. Block
 * formats are in quant_avx2.c.
 */
#include "tensor/kernels/kernels.h"

#ifdef KERNELS_X86

#include "tensor/kernels/vec/vec_avx2.h"

/* 16 registers: 6 rows of one panel take 12 for the sums, 2 for the weights, 1 for x. */
#define TILE_ROWS            6
#define TILE_PANELS          1
#define TILE_PANELS_FEW_ROWS 2
#define ATTENTION_PANELS     4
#define TILE_UNROLL_K        _Pragma("GCC unroll 4")
/* Measured on a Zen 3, whose caches have 32 and 512 KB. */
#define PRODUCT_INNER_ACROSS 128

#include "tensor/kernels/attention/attention.h"
#include "tensor/kernels/sets/training_kernels.h"

const struct kernels kernels_avx2 = KERNELS_TABLE("avx2", avx2);

/* The same but for block formats, where the CPU has AVX-VNNI too. */
const struct kernels kernels_avx2_vnni = KERNELS_TABLE("avx2vnni", avx2_vnni);

#endif
