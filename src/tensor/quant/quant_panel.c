/**
 * quant_panel.c - panels of block formats: laid out, packed from a file's blocks (number by number,
 * and fast by words), unpacked again. Products with them are in kernels/quant/.
 */
#include "tensor/quant/quant_panel.h"

#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "base/size.h"
#include "tensor/float_types.h"
#include "tensor/tensor_type.h"
#include "tensor/words.h"

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
    layout->panel_bytes = size_round_up(end, MEMORY_ALIGNMENT);
    return true;
}

/* ---- packing ---------------------------------------------------------------------------------*/

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

static void put_part_groups(const struct quant_layout *layout, unsigned char *at,
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

static void put_groups(const struct quant_layout *layout, unsigned char *record,
                       const struct quant_block *block, size_t column) {
    for (size_t i = 0; i < layout->parts_per_block; i++) {
        unsigned char *part = record + layout->parts_at + i * layout->part_bytes;
        put_part_groups(layout, part + layout->groups_at, block,
                        i * groups_per_part(layout->format), column);
    }
}

static void put_factors(const struct quant_layout *layout, unsigned char *record,
                        const struct quant_block *block, size_t column) {
    bytes_put_u16(record + column * 2, block->d);
    if (layout->format->has_min) {
        bytes_put_u16(record + (QUANT_COLUMNS + column) * 2, block->m);
    }
}

static void put_numbers(const struct quant_layout *layout, unsigned char *record,
                        const struct quant_block *block, size_t column) {
    const struct quant_format *format = layout->format;
    for (size_t i = 0; i < layout->parts_per_block; i++) {
        unsigned char *lines = record + layout->parts_at + i * layout->part_bytes;
        const uint8_t *q = block->q + i * PART;
        put_field(lines, q, column, format->low_bits, 0);
        put_field(lines + layout->high_at, q, column, format->high_bits, format->low_bits);
    }
}

void quant_panel_pack_plain(const struct quant_layout *layout, unsigned char *panel,
                            const unsigned char *rows, size_t n_columns) {
    const struct quant_format *format = layout->format;
    size_t n_blocks = layout->n_parts / layout->parts_per_block;
    struct quant_block block;
    for (size_t number = 0; number < n_blocks; number++) {
        unsigned char *record = panel + number * layout->record_bytes;
        for (size_t column = 0; column < n_columns; column++) {
            quant_unpack(format, &block, rows + (column * n_blocks + number) * format->block_bytes);
            put_factors(layout, record, &block, column);
            if (format->has_groups) {
                put_groups(layout, record, &block, column);
            }
            put_numbers(layout, record, &block, column);
        }
    }
}

/* ---- packing by words ------------------------------------------------------------------------*/

/*
 * A line has four bytes, a word, of each column. How a word comes from the bytes of a block
 * depends on `line`, how far apart numbers lie that share a byte of the file:
 *
 *   all that share one are of the same 32 k    the word lies in the file as in the panel
 *   32 or more: none are                       one field of 8 / width words, side by side
 *   1: neighbours share one                    32 bits in another order
 */

/* One kind of bits of 32 k of the columns. */
struct bits {
    unsigned char *out;
    const unsigned char *from; /* the block's bits of this kind, in column 0 */
    size_t stride;             /* from column to column */
    size_t n_columns;
    unsigned shift; /* where the field lies in each byte */
};

/* Four words of a column as the panel wants them. `flip` turns two's complement into numbers with
 * an offset of 128. */
ALWAYS_INLINE words copied_words(const unsigned char *from, uint32_t flip) {
    return words_load(from) ^ flip;
}

/* The same of two times four words, of steps 0 to 3 and of steps 4 to 7, half a byte of each. */
ALWAYS_INLINE words joined_words(const unsigned char *from, unsigned shift) {
    words mask = (words){0} + 0x0f0f0f0fu;
    words low = words_load(from) >> shift & mask;
    words high = words_load(from + sizeof low) >> shift & mask;
    return low | high << 4;
}

ALWAYS_INLINE words take_words(const unsigned char *from, struct bits bits, bool join,
                               uint32_t flip) {
    return join ? joined_words(from, bits.shift) : copied_words(from, flip);
}

/* Four words of each column into four lines; `join` and `flip` are constants. Four columns make a
 * square of words, read as columns and written as lines. */
ALWAYS_INLINE void put_four_lines(struct bits bits, bool join, uint32_t flip) {
    size_t column = 0;
    for (; column + 4 <= bits.n_columns; column += 4) {
        words square[4];
        for (size_t i = 0; i < 4; i++) {
            square[i] = take_words(bits.from + (column + i) * bits.stride, bits, join, flip);
        }
        words_transpose(square);
        for (size_t i = 0; i < 4; i++) {
            words_store(bits.out + i * QUANT_LINE + column * sizeof(uint32_t), square[i]);
        }
    }
    for (; column < bits.n_columns; column++) {
        words four = take_words(bits.from + column * bits.stride, bits, join, flip);
        for (size_t i = 0; i < 4; i++) {
            uint32_t word = four[i];
            memcpy(bits.out + i * QUANT_LINE + column * sizeof word, &word, sizeof word);
        }
    }
}

static void copy_words(struct bits bits, size_t n_words, uint32_t flip) {
    for (size_t i = 0; i < n_words; i += 4) {
        put_four_lines(bits, false, flip);
        bits.from += sizeof(words);
        bits.out += (size_t)4 * QUANT_LINE;
    }
}

/* Two neighbouring words of lines from those of n steps, `apart` bytes from one to the next: the
 * fields of step j move up by j * up. Bits that cross a byte's border are masked out. */
static inline uint64_t join_pair(const unsigned char *from, size_t n, size_t apart, unsigned shift,
                                 uint64_t mask, unsigned up) {
    uint64_t joined = 0;
    for (size_t j = 0; j < n; j++) {
        uint64_t pair;
        memcpy(&pair, from + j * apart, sizeof pair);
        joined |= (pair >> shift & mask) << j * up;
    }
    return joined;
}

/* Lines of fields of 2 or of 1 bits, of which the even and the odd steps have one each; with 1 bit
 * these make one line. */
static inline void join_pairs(struct bits bits, unsigned width) {
    uint64_t mask = UINT64_MAX / 255 * ((1u << width) - 1);
    for (size_t column = 0; column < bits.n_columns; column++) {
        uint64_t pair = join_pair(bits.from + column * bits.stride, 4, 8, bits.shift, mask, 2);
        uint32_t lines[2];
        memcpy(lines, &pair, sizeof lines);
        if (width == 1) {
            lines[0] |= lines[1] << 1;
        }
        for (size_t i = 0; i < width; i++) {
            memcpy(bits.out + i * QUANT_LINE + column * sizeof *lines, &lines[i], sizeof *lines);
        }
    }
}

/* Exchange the bits of `mask` with those `by` places above them. */
static uint32_t exchange(uint32_t x, uint32_t mask, unsigned by) {
    uint32_t different = (x >> by ^ x) & mask;
    return x ^ different ^ different << by;
}

/* Bit 4 s + i, which is that of byte i of step s, becomes bit 8 i + s. The number of a bit has
 * five binary digits, which turn round by two places; each exchange swaps two of them. */
static void spread_bits(struct bits bits) {
    for (size_t column = 0; column < bits.n_columns; column++) {
        uint32_t x = bytes_u32(bits.from + column * bits.stride);
        x = exchange(x, 0x22222222u, 1);  /* digits 0 and 1 */
        x = exchange(x, 0x0a0a0a0au, 3);  /* 0 and 2 */
        x = exchange(x, 0x00cc00ccu, 6);  /* 1 and 3 */
        x = exchange(x, 0x0000f0f0u, 12); /* 2 and 4 */
        bytes_put_u32(bits.out + column * sizeof x, x);
    }
}

/* The low or the high bits of part i of a block; `bits.from` is where they begin in the block. */
static void pack_bits(struct bits bits, unsigned i, unsigned width, unsigned line) {
    unsigned n_fields = 8 / width;
    if (width == 8) {
        copy_words(bits, 8, 0x80808080u);
    } else if (line * n_fields == PART) {
        copy_words(bits, 4, 0);
    } else if (line == 1) {
        spread_bits(bits);
    } else {
        unsigned first = i * PART;
        bits.from += first / (line * n_fields) * line + first % line;
        bits.shift = width * (first / line % n_fields);
        if (width == 4) {
            put_four_lines(bits, true, 0);
        } else if (width == 2) {
            join_pairs(bits, 2);
        } else {
            join_pairs(bits, 1);
        }
    }
}

/* The blocks of a panel that have the same number, one of each column. */
struct blocks {
    const unsigned char *at;
    size_t stride; /* bytes from one to the next */
    size_t n_columns;
    size_t number;
};

static void pack_numbers(const struct quant_layout *layout, unsigned char *record,
                         const struct blocks *blocks) {
    const struct quant_format *format = layout->format;
    for (unsigned i = 0; i < layout->parts_per_block; i++) {
        struct bits low = {.out = record + layout->parts_at + i * layout->part_bytes,
                           .from = blocks->at + format->low_at,
                           .stride = blocks->stride,
                           .n_columns = blocks->n_columns};
        struct bits high = low;
        high.out += layout->high_at;
        high.from = blocks->at + format->high_at;
        pack_bits(low, i, format->low_bits, format->low_line);
        if (format->high_bits > 0) {
            pack_bits(high, i, format->high_bits, format->high_line);
        }
    }
}

/* One of the half-precision factors, stored at `at` in each block. */
static bool pack_factor(unsigned char *out, const struct blocks *blocks, size_t at, unsigned flip) {
    unsigned carries = 0; /* to the sign's place, from exponents that are all ones */
    const unsigned char *from = blocks->at + at;
    for (size_t column = 0; column < blocks->n_columns; column++, from += blocks->stride) {
        uint16_t bits;
        memcpy(&bits, from, sizeof bits);
        carries |= (bits & QUANT_F16_INFINITY) + (QUANT_F16_SIGN - QUANT_F16_INFINITY);
        bits = (uint16_t)(bits ^ flip);
        memcpy(out + column * sizeof bits, &bits, sizeof bits);
    }
    return (carries & QUANT_F16_SIGN) == 0;
}

/* Line by line, each with one byte of every column. */
static void pack_part_groups(const struct quant_layout *layout, unsigned char *line,
                             const struct quant_block *of_columns, size_t n_columns, size_t first) {
    const struct quant_format *format = layout->format;
    size_t n = groups_per_part(format);
    for (size_t g = first; g < first + n; g++, line += QUANT_COLUMNS) {
        for (size_t column = 0; column < n_columns; column++) {
            const struct quant_block *block = &of_columns[column];
            unsigned above = format->short_groups ? (unsigned)block->min[g] << 4 : 0;
            line[column] = (unsigned char)((unsigned)block->scale[g] | above);
        }
        for (size_t column = 0; format->has_min && !format->short_groups && column < n_columns;
             column++) {
            line[n * QUANT_COLUMNS + column] = of_columns[column].min[g];
        }
    }
}

static void pack_groups(const struct quant_layout *layout, unsigned char *record,
                        const struct blocks *blocks) {
    struct quant_block of_columns[QUANT_COLUMNS];
    for (size_t column = 0; column < blocks->n_columns; column++) {
        layout->format->unpack_groups(&of_columns[column], blocks->at + column * blocks->stride);
    }
    for (size_t i = 0; i < layout->parts_per_block; i++) {
        unsigned char *part = record + layout->parts_at + i * layout->part_bytes;
        pack_part_groups(layout, part + layout->groups_at, of_columns, blocks->n_columns,
                         i * groups_per_part(layout->format));
    }
}

static bool pack_scales(const struct quant_layout *layout, unsigned char *record,
                        const struct blocks *blocks) {
    const struct quant_format *format = layout->format;
    bool finite = pack_factor(record, blocks, format->d_at, 0);
    if (format->has_min) {
        finite &= pack_factor(record + QUANT_COLUMNS * 2, blocks, format->m_at,
                              format->subtracts ? QUANT_F16_SIGN : 0);
    }
    if (format->has_groups) {
        pack_groups(layout, record, blocks);
    }
    return finite;
}

/* The next panel's rows are prefetched while this one's are packed: 16 short streams are more than
 * processors foresee. To prefetch beyond the end does no harm. */
static void prefetch_ahead(const struct blocks *blocks, size_t panel_bytes, size_t block_bytes) {
    enum { CACHE_LINE = 64 };
    size_t n = blocks->n_columns * block_bytes;
    const unsigned char *from = blocks->at - blocks->number * block_bytes;
    /* Through integers, because the address may lie after the end. */
    uintptr_t next = (uintptr_t)from + panel_bytes + blocks->number * n;
    for (size_t i = 0; i < n; i += CACHE_LINE) {
        __builtin_prefetch((const void *)(next + i)); // NOLINT(performance-no-int-to-ptr)
    }
}

bool quant_panel_pack(const struct quant_layout *layout, unsigned char *panel,
                      const unsigned char *rows, size_t n_columns) {
    size_t block_bytes = layout->format->block_bytes;
    size_t n_blocks = layout->n_parts / layout->parts_per_block;
    struct blocks blocks = {rows, n_blocks * block_bytes, n_columns, 0};
    bool finite = true;
    /* Block by block over all columns: then a panel is written from its beginning to its end. */
    for (; blocks.number < n_blocks; blocks.number++, blocks.at += block_bytes) {
        prefetch_ahead(&blocks, blocks.stride * n_columns, block_bytes);
        unsigned char *record = panel + blocks.number * layout->record_bytes;
        finite &= pack_scales(layout, record, &blocks);
        pack_numbers(layout, record, &blocks);
    }
    return finite;
}

/* ---- unpacking -------------------------------------------------------------------------------*/

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
    if (layout->format->codebook != NULL) {
        /* A loop of its own: the one above is slow with a table in it. */
        for (size_t i = 0; i < sizeof out->q; i++) {
            uint8_t *q = &out->q[i / QUANT_LINE][i % QUANT_LINE];
            *q = (uint8_t)quant_value(layout->format, *q);
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
