/**
 * avx2.c - the kernel set for AVX2 with FMA and F16C. Its code is in the headers it includes, its
 * tile sizes in set.h. Compiled with these enabled, entered (kernels.c) only where the CPU has
 * them. Block formats are in quant_avx2.c.
 */
#include "tensor/kernels/kernels.h"

#ifdef KERNELS_X86

#define OF_SET OF_AVX2

#include "tensor/kernels/vec/vec_avx2.h"

#include "tensor/kernels/attention/attention.h"
#include "tensor/kernels/sets/training_kernels.h"

const struct kernels kernels_avx2 = KERNELS_TABLE("avx2", avx2);

/* The same but for block formats, where the CPU has AVX-VNNI too. */
const struct kernels kernels_avx2_vnni = KERNELS_TABLE("avx2vnni", avx2_vnni);

#endif
