/**
 * quant_formats.h - the list of block formats: one row each.
 *
 * The entries of enum tensor_type, the tables of types and of ggml's sizes, struct quant_format and
 * the kernels of all sets come from these rows. A row says what the formula of quant.h has; how the
 * bytes of a block lie is told where its struct quant_format is made: quant_legacy.c for blocks of
 * 32 numbers, quant_k.c for blocks of 256. To add a format, write its row, name the row in
 * QUANT_FORMATS, and give it a struct quant_format, a fixture of tests/unit/test_quant.c and, if
 * gen writes it, a recipe (model/recipe.c).
 *
 *   LABEL, NAME   as GGUF tools print it, and as options and quant_NAME spell it
 *   ID            ggml_type number in a GGUF
 *   NUMBERS       in a block
 *   BYTES         of a block; quant.c checks that the other columns come to as many
 *   GROUP         numbers that share scale[g] and min[g]
 *   LOW, HIGH     bits of q: files and panels hold the higher ones apart
 *   OFFSET        that q, or what it stands for, has; of Q8_0 the file holds q - 128, signed
 *   MIN           whether there are m and min[g]
 *   GROUP_BITS    of scale[g] and min[g] in the file; 0: it has none, and they are 1
 *   SHORT         both are 0..15, and panels hold them in one byte
 *   CODEBOOK      what q stands for, else NULL: q itself
 *   WRITTEN       gen also makes it; else it is read only
 */
#ifndef TENSOR_QUANT_FORMATS_H
#define TENSOR_QUANT_FORMATS_H

#include <stdbool.h>

// clang-format off
/*                      LABEL NAME  ID NUMBERS    GROUP     OFFSET    GROUP_BITS   CODEBOOK
 *                                         BYTES      LOW,HIGH   MIN        SHORT  WRITTEN */
#define QUANT_Q8_0(ROW) ROW(Q8_0, q8_0,  8,  32,  34, 32, 8, 0, 128, false,  0, false, NULL, true)
#define QUANT_Q4_0(ROW) ROW(Q4_0, q4_0,  2,  32,  18, 32, 4, 0,   8, false,  0, false, NULL, true)
#define QUANT_Q4_1(ROW) ROW(Q4_1, q4_1,  3,  32,  20, 32, 4, 0,   0, true,   0, false, NULL, true)
#define QUANT_Q5_0(ROW) ROW(Q5_0, q5_0,  6,  32,  22, 32, 4, 1,  16, false,  0, false, NULL, true)
#define QUANT_Q5_1(ROW) ROW(Q5_1, q5_1,  7,  32,  24, 32, 4, 1,   0, true,   0, false, NULL, true)
#define QUANT_Q2_K(ROW) ROW(Q2_K, q2_k, 10, 256,  84, 16, 2, 0,   0, true,   8, true,  NULL, false)
#define QUANT_Q3_K(ROW) ROW(Q3_K, q3_k, 11, 256, 110, 16, 2, 1,   4, false,  6, false, NULL, false)
#define QUANT_Q4_K(ROW) ROW(Q4_K, q4_k, 12, 256, 144, 32, 4, 0,   0, true,  12, false, NULL, true)
#define QUANT_Q5_K(ROW) ROW(Q5_K, q5_k, 13, 256, 176, 32, 4, 1,   0, true,  12, false, NULL, true)
#define QUANT_Q6_K(ROW) ROW(Q6_K, q6_k, 14, 256, 210, 16, 4, 2,  32, false,  8, false, NULL, true)
#define QUANT_IQ4_NL(ROW) \
                        ROW(IQ4_NL, iq4_nl, 20, 32, 18, 32, 4, 0, 128, false, 0, false, \
                            quant_iq4_nl_values, true)
// clang-format on

/** ROW(LABEL, NAME, ID, ...) of every format, in the order of enum tensor_type. */
#define QUANT_FORMATS(ROW)                                                                         \
    QUANT_Q8_0(ROW)                                                                                \
    QUANT_Q4_0(ROW)                                                                                \
    QUANT_Q4_1(ROW)                                                                                \
    QUANT_Q5_0(ROW)                                                                                \
    QUANT_Q5_1(ROW)                                                                                \
    QUANT_Q2_K(ROW)                                                                                \
    QUANT_Q3_K(ROW)                                                                                \
    QUANT_Q4_K(ROW)                                                                                \
    QUANT_Q5_K(ROW)                                                                                \
    QUANT_Q6_K(ROW)                                                                                \
    QUANT_IQ4_NL(ROW)

#endif
