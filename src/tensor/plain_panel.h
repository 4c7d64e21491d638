/**
 * plain_panel.h - packing panels of plain floats: 16 columns of n_in numbers, the 16 of each k
 * side by side, as matrix.h draws. Numbers are moved as the bits they are.
 *
 * `to` is a zeroed panel, n_columns is 1 ... 16. False if a number is not finite; all are packed
 * all the same.
 */
#ifndef TENSOR_PLAIN_PANEL_H
#define TENSOR_PLAIN_PANEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAIN_COLUMNS 16

/** From rows of outputs: column n is the n_in numbers from `from` + n * n_in on. Those of 32 bits
 * are f32, of 16 bits f16 or bf16, as `exponent` says: the bits that are all ones in infinity. */
bool plain_panel_pack_32(uint32_t *restrict to, const unsigned char *restrict from, size_t n_in,
                         size_t n_columns, uint32_t exponent);
bool plain_panel_pack_16(uint16_t *restrict to, const unsigned char *restrict from, size_t n_in,
                         size_t n_columns, uint16_t exponent);

#endif
