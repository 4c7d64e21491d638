/**
 * compute_options.c - what several commands offer of how to compute: the names of --kv-type, and
 * the kernel set of $GEN_KERNELS. Whether the set exists is checked by the library.
 */
#include "cli/compute_options.h"

#include <stdlib.h>

const char *const compute_kv_types[] = {"f32", "f16", NULL};

const char *compute_kernels(void) {
    const char *kernels = getenv("GEN_KERNELS");
    return kernels != NULL && *kernels != '\0' ? kernels : NULL;
}
