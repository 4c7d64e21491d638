/**
 * compute_options.h - choices of how to compute that several commands offer.
 */
#ifndef CLI_COMPUTE_OPTIONS_H
#define CLI_COMPUTE_OPTIONS_H

/** What --kv-type takes, the default first; NULL after the last. */
extern const char *const compute_kv_types[];

/** The kernel set that $GEN_KERNELS names, or NULL: the fastest. For tests and measurements, since
 * what is computed is the same with any of them. */
const char *compute_kernels(void);

#endif
