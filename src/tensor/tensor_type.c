/**
 * tensor_type.c - the table of tensor types: names, sizes of blocks, conversion to and from f32,
 * and the search for numbers that are not finite. F32, F16 and BF16 are converted in float_types.c,
 * block formats in quant/quant.c.
 */
#include "tensor/tensor_type.h"

#include <string.h>

#include "base/size.h"
#include "tensor/float_types.h"
#include "tensor/quant/quant.h"

/* A number is not finite where its exponent bits are all ones. Runs of CHECK numbers are tested
 * at once without branches, which compilers turn into vectors; only a bad run is looked into. */
#define CHECK 256
#define FIND_NOT_FINITE(name, type, mask)                                                          \
    static size_t name(const unsigned char *in, size_t n) {                                        \
        for (size_t i = 0; i < n;) {                                                               \
            size_t end = n - i < CHECK ? n : i + CHECK;                                            \
            unsigned bad = 0;                                                                      \
            for (size_t j = i; j < end; j++) {                                                     \
                type bits;                                                                         \
                memcpy(&bits, in + j * sizeof bits, sizeof bits);                                  \
                bad |= (bits & (mask)) == (mask);                                                  \
            }                                                                                      \
            for (; bad && i < end; i++) {                                                          \
                type bits;                                                                         \
                memcpy(&bits, in + i * sizeof bits, sizeof bits);                                  \
                if ((bits & (mask)) == (mask)) {                                                   \
                    return i;                                                                      \
                }                                                                                  \
            }                                                                                      \
            i = end;                                                                               \
        }                                                                                          \
        return n;                                                                                  \
    }

FIND_NOT_FINITE(f32_find_not_finite, uint32_t, 0x7f800000u)
FIND_NOT_FINITE(f16_find_not_finite, uint16_t, 0x7c00u)
FIND_NOT_FINITE(bf16_find_not_finite, uint16_t, 0x7f80u)

/* What the table has of a block format: three functions and a row. */
#define QUANT_FUNCTIONS(LABEL, NAME, ...)                                                          \
    static void NAME##_to_f32(float *out, const unsigned char *in, size_t n) {                     \
        quant_to_f32(&quant_##NAME, out, in, n);                                                   \
    }                                                                                              \
    static void NAME##_from_f32(unsigned char *out, const float *in, size_t n) {                   \
        quant_from_f32(&quant_##NAME, out, in, n);                                                 \
    }                                                                                              \
    static size_t NAME##_find_not_finite(const unsigned char *in, size_t n) {                      \
        return quant_find_not_finite(&quant_##NAME, in, n);                                        \
    }
#define QUANT_ENTRY(LABEL, NAME, ID, NUMBERS, BYTES, GROUP, LOW, HIGH, OFFSET, MIN, GROUP_BITS,    \
                    SHORT, CODEBOOK, WRITTEN)                                                      \
    [TENSOR_##LABEL] = {.name = #LABEL,                                                            \
                        .option_name = #NAME,                                                      \
                        .gguf_id = (ID),                                                           \
                        .block_size = (NUMBERS),                                                   \
                        .block_bytes = (BYTES),                                                    \
                        .quant = &quant_##NAME,                                                    \
                        .to_f32 = NAME##_to_f32,                                                   \
                        .from_f32 = (WRITTEN) ? NAME##_from_f32 : NULL,                            \
                        .find_not_finite = NAME##_find_not_finite},

QUANT_FORMATS(QUANT_FUNCTIONS)

static const struct tensor_type_info types[TENSOR_N_TYPES] = {
    [TENSOR_F32] = {.name = "F32",
                    .option_name = "f32",
                    .gguf_id = 0,
                    .block_size = 1,
                    .block_bytes = 4,
                    .to_f32 = floats_f32_to_f32,
                    .from_f32 = floats_f32_from_f32,
                    .find_not_finite = f32_find_not_finite},
    [TENSOR_F16] = {.name = "F16",
                    .option_name = "f16",
                    .gguf_id = 1,
                    .block_size = 1,
                    .block_bytes = 2,
                    .to_f32 = floats_f16_to_f32,
                    .from_f32 = floats_f16_from_f32,
                    .find_not_finite = f16_find_not_finite},
    [TENSOR_BF16] = {.name = "BF16",
                     .option_name = "bf16",
                     .gguf_id = 30,
                     .block_size = 1,
                     .block_bytes = 2,
                     .to_f32 = floats_bf16_to_f32,
                     .from_f32 = floats_bf16_from_f32,
                     .find_not_finite = bf16_find_not_finite},
    QUANT_FORMATS(QUANT_ENTRY)};

const struct tensor_type_info *tensor_type_info(enum tensor_type type) {
    return &types[type];
}

bool tensor_type_from_gguf(uint32_t gguf_id, enum tensor_type *type) {
    for (int i = 0; i < TENSOR_N_TYPES; i++) {
        if (types[i].gguf_id == gguf_id) {
            *type = (enum tensor_type)i;
            return true;
        }
    }
    return false;
}

bool tensor_type_from_name(const char *name, size_t n, enum tensor_type *type) {
    for (int i = 0; i < TENSOR_N_TYPES; i++) {
        if (strlen(types[i].name) == n && memcmp(types[i].name, name, n) == 0) {
            *type = (enum tensor_type)i;
            return true;
        }
    }
    return false;
}

const struct tensor_other_type *tensor_type_other(uint32_t gguf_id) {
    /* Numbers of ggml_type; block formats of gen follow from their list. Types without sizes were
     * withdrawn. */
#define QUANT_SIZES(LABEL, NAME, ID, NUMBERS, BYTES, ...) [ID] = {#LABEL, NUMBERS, BYTES},
    static const struct tensor_other_type others[] = {
        [0] = {"F32", 1, 4},         [1] = {"F16", 1, 2},         [4] = {"Q4_2", 0, 0},
        [5] = {"Q4_3", 0, 0},        [9] = {"Q8_1", 32, 40},      [15] = {"Q8_K", 256, 292},
        [16] = {"IQ2_XXS", 256, 66}, [17] = {"IQ2_XS", 256, 74},  [18] = {"IQ3_XXS", 256, 98},
        [19] = {"IQ1_S", 256, 50},   [21] = {"IQ3_S", 256, 110},  [22] = {"IQ2_S", 256, 82},
        [23] = {"IQ4_XS", 256, 136}, [24] = {"I8", 1, 1},         [25] = {"I16", 1, 2},
        [26] = {"I32", 1, 4},        [27] = {"I64", 1, 8},        [28] = {"F64", 1, 8},
        [29] = {"IQ1_M", 256, 56},   [30] = {"BF16", 1, 2},       [31] = {"Q4_0_4_4", 0, 0},
        [32] = {"Q4_0_4_8", 0, 0},   [33] = {"Q4_0_8_8", 0, 0},   [34] = {"TQ1_0", 256, 54},
        [35] = {"TQ2_0", 256, 66},   [36] = {"IQ4_NL_4_4", 0, 0}, [37] = {"IQ4_NL_4_8", 0, 0},
        [38] = {"IQ4_NL_8_8", 0, 0}, [39] = {"MXFP4", 32, 17},    [40] = {"NVFP4", 64, 36},
        [41] = {"Q1_0", 128, 18},    [42] = {"Q2_0", 0, 0},       QUANT_FORMATS(QUANT_SIZES)};
#undef QUANT_SIZES
    return gguf_id < N_OF(others) ? &others[gguf_id] : NULL;
}
