#include "tensor/quant_panel.h"

#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "tensor/tensor_type.h"

enum { PART = QUANT_STEPS * 4 };

static size_t groups_per_part(const struct quant_format *format) {
    return PART / format->group_size;
}

bool quant_layout_init(struct quant_layout *layout, const struct quant_format *format,
                       size_t n_in) {
    size_t n_factors = format->has_min ? 2 : 1;
    size_t n_group_bytes = format->has_min && !format->short_groups ? 2 : 1;
    *layout =
        (struct quant_layout){.format = format,
                              .n_parts = n_in / PART,
                              .parts_per_block = format->block_size / PART,
                              .parts_at = n_factors * QUANT_COLUMNS * sizeof(uint16_t),
                              .high_at = format->low_bits * QUANT_LINE,
                              .groups_at = (format->low_bits + format->high_bits) * QUANT_LINE};
    layout->part_bytes = layout->groups_at;
    if (format->has_groups) {
        layout->part_bytes += n_group_bytes * groups_per_part(format) * QUANT_COLUMNS;
    }
    layout->record_bytes = layout->parts_at + layout->parts_per_block * layout->part_bytes;
    size_t end;
    if (!memory_multiply(layout->n_parts / layout->parts_per_block, layout->record_bytes, &end) ||
        end > SIZE_MAX - MEMORY_ALIGNMENT) {
        return false;
    }
    layout->panel_bytes = (end + MEMORY_ALIGNMENT - 1) / MEMORY_ALIGNMENT * MEMORY_ALIGNMENT;
    return true;
}

/* ---- packing -------------------------------------------------------------------------------- */

/* `width` bits of the 32 numbers of a column, taken from q >> down, into lines that are zero. */
static void put_field(unsigned char *lines, const uint8_t *q, size_t column, unsigned width,
                      unsigned down) {
    unsigned mask = (1u << width) - 1;
    for (unsigned step = 0; width > 0 && step < QUANT_STEPS; step++) {
        unsigned char *at = lines + step % width * QUANT_LINE + column * 4;
        unsigned shift = width * (step / width);
        for (size_t i = 0; i < 4; i++) {
            at[i] = (unsigned char)(at[i] | (q[step * 4 + i] >> down & mask) << shift);
        }
    }
}

static void put_groups(const struct quant_layout *layout, unsigned char *at,
                       const struct quant_block *block, size_t first, size_t column) {
    size_t n = groups_per_part(layout->format);
    for (size_t g = 0; g < n; g++) {
        unsigned scale = (unsigned)block->scale[first + g];
        unsigned min = block->min[first + g];
        unsigned char *scale_at = at + g * QUANT_COLUMNS + column;
        if (layout->format->short_groups) {
            *scale_at = (unsigned char)(scale | min << 4);
        } else {
            *scale_at = (unsigned char)scale; /* two's complement */
            if (layout->format->has_min) {
                scale_at[n * QUANT_COLUMNS] = (unsigned char)min;
            }
        }
    }
}

static void put_block(const struct quant_layout *layout, unsigned char *record,
                      const struct quant_block *block, size_t column) {
    const struct quant_format *format = layout->format;
    bytes_put_u16(record + column * 2, block->d);
    if (format->has_min) {
        bytes_put_u16(record + (QUANT_COLUMNS + column) * 2, block->m);
    }
    for (size_t i = 0; i < layout->parts_per_block; i++) {
        unsigned char *part = record + layout->parts_at + i * layout->part_bytes;
        const uint8_t *q = block->q + i * PART;
        put_field(part, q, column, format->low_bits, 0);
        put_field(part + layout->high_at, q, column, format->high_bits, format->low_bits);
        if (format->has_groups) {
            put_groups(layout, part + layout->groups_at, block, i * groups_per_part(format),
                       column);
        }
    }
}

void quant_panel_pack(const struct quant_layout *layout, unsigned char *panel,
                      const unsigned char *rows, size_t n_columns) {
    const struct quant_format *format = layout->format;
    size_t n_blocks = layout->n_parts / layout->parts_per_block;
    struct quant_block block;
    /* Block by block over all columns: then a panel is written from its beginning to its end. */
    for (size_t number = 0; number < n_blocks; number++) {
        for (size_t column = 0; column < n_columns; column++) {
            quant_unpack(format, &block, rows + (column * n_blocks + number) * format->block_bytes);
            put_block(layout, panel + number * layout->record_bytes, &block, column);
        }
    }
}

/* ---- unpacking ------------------------------------------------------------------------------ */

/* One byte of a step, from a field's lines. */
static unsigned field(const unsigned char *lines, unsigned width, unsigned step, size_t byte) {
    unsigned line = lines[step % width * QUANT_LINE + byte];
    return line >> width * (step / width) & ((1u << width) - 1);
}

static uint8_t number(const struct quant_layout *layout, const unsigned char *lines, unsigned step,
                      size_t byte) {
    const struct quant_format *format = layout->format;
    unsigned q = field(lines, format->low_bits, step, byte);
    if (format->high_bits > 0) {
        q |= field(lines + layout->high_at, format->high_bits, step, byte) << format->low_bits;
    }
    return (uint8_t)q;
}

static int32_t signed_byte(unsigned char byte) {
    return byte < 128 ? byte : byte - 256;
}

/* scale and min of a column's group, from the group's bytes. */
static void take_group(const struct quant_format *format, int32_t *scale, int32_t *min,
                       const unsigned char *at) {
    if (format->short_groups) {
        *scale = *at & 15;
        *min = *at >> 4;
    } else {
        *scale = signed_byte(*at);
        *min = format->has_min ? at[groups_per_part(format) * QUANT_COLUMNS] : 0;
    }
}

static const unsigned char *record_of(const struct quant_layout *layout, const unsigned char *panel,
                                      size_t part) {
    return panel + part / layout->parts_per_block * layout->record_bytes;
}

static const unsigned char *part_of(const struct quant_layout *layout, const unsigned char *panel,
                                    size_t part) {
    return record_of(layout, panel, part) + layout->parts_at +
           part % layout->parts_per_block * layout->part_bytes;
}

/* All of a column but its numbers. */
static void take_factors(const struct quant_layout *layout, struct quant_part *out,
                         const unsigned char *panel, size_t part, size_t column) {
    const struct quant_format *format = layout->format;
    const unsigned char *factors = record_of(layout, panel, part) + column * 2;
    out->d[column] = tensor_f16_to_f32(bytes_u16(factors));
    out->m[column] =
        format->has_min ? tensor_f16_to_f32(bytes_u16(factors + QUANT_COLUMNS * 2)) : 0.0f;
    const unsigned char *groups = part_of(layout, panel, part) + layout->groups_at + column;
    for (size_t g = 0; g < groups_per_part(format); g++) {
        out->scale[g][column] = out->min[g][column] = 1;
        if (format->has_groups) {
            take_group(format, &out->scale[g][column], &out->min[g][column],
                       groups + g * QUANT_COLUMNS);
        }
    }
}

void quant_panel_unpack(const struct quant_layout *layout, struct quant_part *out,
                        const unsigned char *panel, size_t part) {
    const unsigned char *lines = part_of(layout, panel, part);
    for (unsigned step = 0; step < QUANT_STEPS; step++) {
        for (size_t i = 0; i < QUANT_LINE; i++) {
            out->q[step][i] = number(layout, lines, step, i);
        }
    }
    for (size_t column = 0; column < QUANT_COLUMNS; column++) {
        take_factors(layout, out, panel, part, column);
    }
}

void quant_panel_column(const struct quant_layout *layout, float *out, const unsigned char *panel,
                        size_t column) {
    const struct quant_format *format = layout->format;
    struct quant_part part;
    for (size_t p = 0; p < layout->n_parts; p++) {
        const unsigned char *lines = part_of(layout, panel, p);
        take_factors(layout, &part, panel, p, column);
        for (unsigned i = 0; i < PART; i++) {
            size_t g = i / format->group_size;
            out[p * PART + i] = quant_number(format, part.d[column], part.scale[g][column],
                                             number(layout, lines, i / 4, column * 4 + i % 4),
                                             part.m[column], part.min[g][column]);
        }
    }
}
