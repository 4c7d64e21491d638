/**
 * set.h - what differs between kernel sets apart from their vectors: one table of the sizes that
 * each set gives to the one source of all. A set's file says which column is its own before it
 * includes anything of the kernels: `#define OF_SET OF_AVX2`, `#define OF_QUANT_SET OF_QUANT_AVX2`.
 * What vectors can do, VI_HAS_PAIRS and VI_DOT_IS_SIGNED, the vec_*.h say of themselves.
 *
 * A tile is a few rows of x by a few panels of w, so small that all its sums stay in registers:
 *
 *   avx2     16 registers, two for a vector: 6 rows of one panel take 12 for the sums, 2 for the
 *            weights, 1 for x
 *   avx512   32 registers: 8 rows of three panels take 24 for the sums, 3 for the weights, 1 for x
 *   neon     32 registers, four for a vector: 6 rows of one panel take 24 for the sums, 4 for the
 *            weights, 1 for x
 *
 * For every set, matmul_tiles.h and those that build on it:
 *
 *   TILE_ROWS             rows of a tile, at most 8
 *   TILE_PANELS           panels of a tile, at most KERNELS_SCRATCH_PANELS
 *   TILE_PANELS_FEW_ROWS  the same for one or two rows: a sum waits for its own last addition, and
 *                         only other sums can fill that time
 *   TILE_UNROLL_K         before the loop over k of tiles of TILE_ROWS rows: nothing, or a pragma
 *   ATTENTION_PANELS      panels of keys that one row takes at once (attention.h), at most 8
 *   PRODUCT_INNER_ACROSS  k of a block where x lies across (training_product.h): each k is a
 *                         line of x then, which the other tiles read again, and they should all
 *                         stay in the first cache. A multiple of 16, at most PRODUCT_INNER. 128
 *                         was measured on a Zen 3, whose caches have 32 and 512 KB
 *
 * For every set but generic, the block formats (quant_tiles.h and those that build on it):
 *
 *   QUANT_TILE_ROWS          rows of a tile, at most QUANT_MAX_ROWS
 *   QUANT_TILE_PANELS        panels of a tile, at most QUANT_MAX_PANELS
 *   QUANT_TILE_ROWS_GROUPED  rows of a tile of formats with groups of 16, which need a second
 *                            integer for every sum
 *   QUANT_TILE_ROWS_WIDENED  rows of a tile over a panel that was unpacked before
 *                            (quant_widened.h); 0: the set has no such tiles
 *   QUANT_AHEAD_LONE_8_BITS  how far ahead one row prefetches weights of 8 bits, which come
 *                            fastest, in bytes; 1536 was measured on a Zen 3. Other prefetching:
 *                            QUANT_AHEAD
 */
#ifndef KERNELS_SET_H
#define KERNELS_SET_H

#if !defined(OF_SET) && !defined(OF_QUANT_SET)
#error "a kernel set must say which it is: #define OF_SET or OF_QUANT_SET as a column of sets/set.h"
#endif

#define OF_AVX2(avx2, avx512, neon, generic)    avx2
#define OF_AVX512(avx2, avx512, neon, generic)  avx512
#define OF_NEON(avx2, avx512, neon, generic)    neon
#define OF_GENERIC(avx2, avx512, neon, generic) generic

#define OF_QUANT_AVX2(avx2, avx2_vnni, avx512, avx512_vnni, neon, neon_dotprod)         avx2
#define OF_QUANT_AVX2_VNNI(avx2, avx2_vnni, avx512, avx512_vnni, neon, neon_dotprod)    avx2_vnni
#define OF_QUANT_AVX512(avx2, avx2_vnni, avx512, avx512_vnni, neon, neon_dotprod)       avx512
#define OF_QUANT_AVX512_VNNI(avx2, avx2_vnni, avx512, avx512_vnni, neon, neon_dotprod)  avx512_vnni
#define OF_QUANT_NEON(avx2, avx2_vnni, avx512, avx512_vnni, neon, neon_dotprod)         neon
#define OF_QUANT_NEON_DOTPROD(avx2, avx2_vnni, avx512, avx512_vnni, neon, neon_dotprod) neon_dotprod

// clang-format off
#ifdef OF_SET
/*                                   AVX2 AVX512 NEON GENERIC */
#define TILE_ROWS             OF_SET(  6,     8,   6,      2)
#define TILE_PANELS           OF_SET(  1,     3,   1,      1)
#define TILE_PANELS_FEW_ROWS  OF_SET(  2,     4,   2,      1)
#define TILE_UNROLLS_K        OF_SET(  1,     0,   0,      0)
#define ATTENTION_PANELS      OF_SET(  4,     8,   4,      1)
#define PRODUCT_INNER_ACROSS  OF_SET(128,   512, 512,    512)
#endif

#ifdef OF_QUANT_SET
/*                                           AVX2 AVX2  AVX512 AVX512 NEON NEON
 *                                                _VNNI        _VNNI       _DOTPROD */
#define QUANT_TILE_ROWS         OF_QUANT_SET(  4,    6,     6,     5,   3,   3)
#define QUANT_TILE_PANELS       OF_QUANT_SET(  1,    1,     2,     2,   1,   1)
#define QUANT_TILE_ROWS_GROUPED OF_QUANT_SET(  2,    3,     4,     4,   2,   2)
#define QUANT_TILE_ROWS_WIDENED OF_QUANT_SET(  5,    0,     0,     0,   0,   0)
#define QUANT_AHEAD_LONE_8_BITS OF_QUANT_SET(1536, 4096, 4096,  4096, 4096, 4096)
#endif
// clang-format on

#ifdef OF_SET
#if TILE_UNROLLS_K
#define TILE_UNROLL_K _Pragma("GCC unroll 4")
#else
#define TILE_UNROLL_K
#endif
#endif

#endif
