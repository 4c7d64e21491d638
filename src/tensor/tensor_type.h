/**
 * tensor_type.h - how numbers are stored in a tensor: plain floats, and the block formats that
 * quant_formats.h lists.
 *
 * A row of a tensor is a sequence of blocks; a block holds block_size numbers in block_bytes
 * bytes. For the plain float types a block is one number; blocks of more are drawn in quant.h.
 */
#ifndef TENSOR_TENSOR_TYPE_H
#define TENSOR_TENSOR_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/quant/quant_formats.h"

enum tensor_type {
    TENSOR_F32,
    TENSOR_F16,
    TENSOR_BF16,
#define TENSOR_ENTRY(LABEL, ...) TENSOR_##LABEL,
    QUANT_FORMATS(TENSOR_ENTRY) TENSOR_N_TYPES
#undef TENSOR_ENTRY
};

struct quant_format;

struct tensor_type_info {
    const char *name;        /**< as GGUF tools and safetensors print it: "F32" */
    const char *option_name; /**< "f32": as --type takes it where a whole model can have it */
    uint32_t gguf_id;        /**< ggml_type number in a GGUF */
    size_t block_size;       /**< numbers per block */
    size_t block_bytes;      /**< bytes per block */
    const struct quant_format *quant; /**< of a block format, else NULL */
    /** Widen n numbers (a multiple of block_size) exactly to f32; source at any alignment. */
    void (*to_f32)(float *out, const unsigned char *in, size_t n);
    /** Round n numbers to this type, to nearest even or to the blocks that come closest. Overflow
     *  gives infinity. NULL for types that are only read. */
    void (*from_f32)(unsigned char *out, const float *in, size_t n);
    /** Index of the first number among n that is not finite, or n. In a block format: of the
     *  first number of such a block. */
    size_t (*find_not_finite)(const unsigned char *in, size_t n);
};

/** Entry of a type; the table is constant. */
const struct tensor_type_info *tensor_type_info(enum tensor_type type);
/** Type by its number in a GGUF, by its safetensors name ("F16"). */
bool tensor_type_from_gguf(uint32_t gguf_id, enum tensor_type *type);
bool tensor_type_from_name(const char *name, size_t n, enum tensor_type *type);
/** A type of ggml's, also one that gen does not compute with. */
struct tensor_other_type {
    const char *name;
    size_t block_size, block_bytes; /**< 0: the type was withdrawn, or its size is not known */
};
/** What ggml calls a type number ("IQ1_S"), and how large a block is; NULL if it has none. */
const struct tensor_other_type *tensor_type_other(uint32_t gguf_id);

#endif
