/**
 * inline.h - functions that are part of their caller whatever the compiler thinks of their size.
 *
 * A vector handed to a function that was not inlined goes through memory, and a loop over the rows
 * of a tile vanishes only where their number is a constant: the kernels are written for neither to
 * happen, whatever the level of optimization (but for -O0).
 */
#ifndef BASE_INLINE_H
#define BASE_INLINE_H

#define ALWAYS_INLINE static inline __attribute__((always_inline))

#endif
