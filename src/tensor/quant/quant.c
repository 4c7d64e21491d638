/**
 * quant.c - blocks of any block format to floats and back, and whether their factors are finite.
 * Where the bits of a block lie, and how numbers are rounded, is in quant_legacy.c and quant_k.c.
 */
#include "tensor/quant/quant.h"

#include <string.h>

#include "base/bytes.h"
#include "tensor/float_types.h"
#include "tensor/tensor_type.h"

/* What a row of the list must be for this file, for panels and for kernels: bits that come to its
 * bytes, sizes that there is room for, groups in the large blocks alone. */
#define QUANT_CHECK(LABEL, NAME, ID, NUMBERS, BYTES, GROUP, LOW, HIGH, OFFSET, MIN, GROUP_BITS,    \
                    SHORT, CODEBOOK, WRITTEN)                                                      \
    _Static_assert((BYTES)*8 == (NUMBERS) * ((LOW) + (HIGH)) + 16 * ((MIN) ? 2 : 1) +              \
                                    (NUMBERS) / (GROUP) * (GROUP_BITS) &&                          \
                       (BYTES) <= QUANT_BYTES_MAX,                                                 \
                   #LABEL ": bytes of a block");                                                   \
    _Static_assert((NUMBERS) == ((GROUP_BITS) > 0 ? QUANT_LARGE : QUANT_SMALL) &&                  \
                       ((GROUP) == QUANT_SMALL || ((GROUP) == 16 && (GROUP_BITS) > 0)) &&          \
                       (NUMBERS) / (GROUP) <= QUANT_GROUPS_MAX,                                    \
                   #LABEL ": numbers of a block and of a group");                                  \
    _Static_assert(!(SHORT) || ((MIN) && (GROUP_BITS) == 8), #LABEL ": groups of four bits each");
QUANT_FORMATS(QUANT_CHECK)

/* No format has a d that reaches further. */
#define REACH 0x1p32f

void quant_unpack(const struct quant_format *format, struct quant_block *out,
                  const unsigned char *in) {
    if (format->has_groups) {
        format->unpack_groups(out, in);
    } else {
        out->scale[0] = 1;
        out->min[0] = 1;
    }
    out->d = bytes_u16(in + format->d_at);
    out->m = 0;
    if (format->has_min) {
        out->m = bytes_u16(in + format->m_at);
        out->m ^= format->subtracts ? QUANT_F16_SIGN : 0;
    }
    format->unpack(format, out, in);
}

void quant_pack(const struct quant_format *format, unsigned char *out,
                const struct quant_block *in) {
    memset(out, 0, format->block_bytes);
    bytes_put_u16(out + format->d_at, in->d);
    if (format->has_min) {
        bytes_put_u16(out + format->m_at,
                      (uint16_t)(in->m ^ (format->subtracts ? QUANT_F16_SIGN : 0)));
    }
    format->pack(format, out, in);
}

void quant_to_f32(const struct quant_format *format, float *out, const unsigned char *in,
                  size_t n) {
    struct quant_block block;
    for (size_t first = 0; first < n; first += format->block_size) {
        quant_unpack(format, &block, in);
        float d = tensor_f16_to_f32(block.d);
        float m = tensor_f16_to_f32(block.m);
        for (size_t i = 0; i < format->block_size; i++) {
            size_t g = i / format->group_size;
            out[first + i] = quant_number(format, d, block.scale[g], block.q[i], m, block.min[g]);
        }
        in += format->block_bytes;
    }
}

static bool is_within_reach(const float *x, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (!(x[i] < REACH && x[i] > -REACH)) {
            return false;
        }
    }
    return true;
}

void quant_from_f32(const struct quant_format *format, unsigned char *out, const float *in,
                    size_t n) {
    for (size_t first = 0; first < n; first += format->block_size) {
        struct quant_block block = {.d = QUANT_F16_INFINITY, .scale = {1}};
        if (is_within_reach(in + first, format->block_size)) {
            format->quantize(format, &block, in + first);
        }
        quant_pack(format, out, &block);
        out += format->block_bytes;
    }
}

size_t quant_find_not_finite(const struct quant_format *format, const unsigned char *in, size_t n) {
    for (size_t first = 0; first < n; first += format->block_size) {
        if (!quant_is_finite(bytes_u16(in + format->d_at)) ||
            (format->has_min && !quant_is_finite(bytes_u16(in + format->m_at)))) {
            return first;
        }
        in += format->block_bytes;
    }
    return n;
}
