/**
 * quant_panel.h - panels of 16 columns in a block format, laid out for integer dot products.
 *
 * A panel is one record after the other, one for every block (32 or 256 k), so that a product
 * reads a single stream from end to end. A record begins with the block's factors, then come its
 * parts, one for every 32 k:
 *
 *   factors   d of the 16 columns, f16; then m if there is one
 *   part      numbers: the low bits of q, then its high bits;
 *             groups, where the format stores them: scale[g] of the 16 columns, i8, for each of
 *             the one or two groups; then min[g] in the same order, u8. With short_groups one byte
 *             holds both, min in its upper half
 *
 * (Areas that run through the whole panel were tried first: with three streams a panel, memory
 * gave 36 GB/s where it gives 51 so; scripts/SPEED.md.)
 *
 * 32 k are eight steps of four; a step has 64 numbers, four of column 0, four of column 1, ...:
 *
 *   step s:  q[4 s + 0..3] of column 0 | q[4 s + 0..3] of column 1 | ... | of column 15
 *
 * which is what instructions that add four products of bytes to a 32-bit sum want (VNNI, SDOT).
 * Fields of 8, 4, 2 or 1 bits lie in as many lines of 64 bytes; byte i of a line belongs to byte
 * i of its steps, so one load gives several steps by shifting and masking:
 *
 *   width 8   line s       holds step s
 *   width 4   line s % 4   holds step s (s < 4) in its lower halves, step s + 4 in its upper
 *   width 2   line s % 2   holds steps s, s + 2, s + 4, s + 6 from the lowest bits up
 *   width 1   line 0       holds step s in bit s
 *
 *   that is:  step s of width w is bits w (s / w) ... of line s % w
 *
 * Each area begins at a multiple of 32 bytes, the panel at a multiple of 64. The whole takes the
 * size it has in the file, up to 3.7 % more for K-types, whose group bytes are unpacked, plus what
 * the last panel lacks in columns; these are all 0, so is their d.
 */
#ifndef TENSOR_QUANT_PANEL_H
#define TENSOR_QUANT_PANEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/quant/quant.h"

#define QUANT_COLUMNS 16
#define QUANT_STEPS   8                   /**< of 32 k */
#define QUANT_LINE    (QUANT_COLUMNS * 4) /**< bytes of a line, and of a step widened */

/** Where things lie in a panel. */
struct quant_layout {
    const struct quant_format *format;
    size_t n_parts;         /**< of 32 k */
    size_t parts_per_block; /**< 1 or 8 */
    size_t parts_at;        /**< in a record, of its first part: bytes of its factors */
    size_t part_bytes;      /**< with groups */
    size_t high_at;         /**< in a part, of the high bits */
    size_t groups_at;       /**< in a part */
    size_t record_bytes;
    size_t panel_bytes;
};

/** For columns of n_in numbers, a multiple of block_size; false if a panel's size overflows. */
bool quant_layout_init(struct quant_layout *layout, const struct quant_format *format, size_t n_in);

/**
 * Fill a zeroed panel with n_columns (1 ... 16) columns, each a row of `rows`. False if a d or m is
 * not finite. The plain version goes number by number by way of struct quant_block; the other
 * moves words, at the speed of memory, and gives the same panel.
 */
bool quant_panel_pack(const struct quant_layout *layout, unsigned char *panel,
                      const unsigned char *rows, size_t n_columns);
void quant_panel_pack_plain(const struct quant_layout *layout, unsigned char *panel,
                            const unsigned char *rows, size_t n_columns);

/** 32 k of a panel, unpacked. */
struct quant_part {
    uint8_t q[QUANT_STEPS][QUANT_LINE];       /**< value(q), see quant.h */
    float d[QUANT_COLUMNS], m[QUANT_COLUMNS]; /**< m: 0 where there is none */
    int32_t scale[2][QUANT_COLUMNS];          /**< of the one or two groups of 32 k */
    int32_t min[2][QUANT_COLUMNS];
};
void quant_panel_unpack(const struct quant_layout *layout, struct quant_part *out,
                        const unsigned char *panel, size_t part);

/** One column widened: the numbers quant_to_f32 gives for its row. */
void quant_panel_column(const struct quant_layout *layout, float *out, const unsigned char *panel,
                        size_t column);

#endif
