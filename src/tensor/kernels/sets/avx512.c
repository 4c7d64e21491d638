/**
 * avx512.c - the kernel set for AVX-512 F, BW, VL and DQ. Its code is in the headers it includes,
 * its tile sizes in set.h. Compiled with these enabled, entered (kernels.c) only where the CPU has
 * them. Block formats are in quant_avx512.c.
 */
#include "tensor/kernels/kernels.h"

#ifdef KERNELS_X86

#define OF_SET OF_AVX512

#include "tensor/kernels/vec/vec_avx512.h"

#include "tensor/kernels/attention/attention.h"
#include "tensor/kernels/sets/training_kernels.h"

const struct kernels kernels_avx512 = KERNELS_TABLE("avx512", avx512);

/* The same but for block formats, where the CPU has VNNI too. */
const struct kernels kernels_avx512_vnni = KERNELS_TABLE("avx512vnni", avx512_vnni);

#endif
