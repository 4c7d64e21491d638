/**
 * crc32.h - the check sum of ZIP: CRC-32 with the polynomial 0x04C11DB7, bits reflected.
 */
#ifndef FORMAT_TORCH_CRC32_H
#define FORMAT_TORCH_CRC32_H

#include <stddef.h>
#include <stdint.h>

/** Of n bytes. */
uint32_t crc32_of(const unsigned char *bytes, size_t n);

#endif
