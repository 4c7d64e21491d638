/* simulated_vnni.h - kernel sets by name, one also where the machine lacks its instruction. */
#ifndef SIMULATED_VNNI_H
#define SIMULATED_VNNI_H

#include "tensor/kernels/kernels.h"

/* kernels_by_name(), but "avx2vnni" needs no more than AVX2: without AVX-VNNI it is the same code
 * with that instruction made of others. */
const struct kernels *kernels_or_simulated(const char *name);

#endif
