/**
 * crc32.c - CRC-32: half a byte at a time; where there is much, eight bytes at a time by tables
 * that are made for it.
 */
#include "format/torch/crc32.h"

#include "base/bytes.h"

/* From here on tables are worth their making. */
#define MANY ((size_t)1 << 15)

static uint32_t add_byte(uint32_t crc, unsigned char byte) {
    /* The remainders of the sixteen halves of a byte. */
    static const uint32_t remainders[16] = {0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC,
                                            0x76DC4190, 0x6B6B51F4, 0x4DB26158, 0x5005713C,
                                            0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C,
                                            0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C};
    crc ^= byte;
    crc = crc >> 4 ^ remainders[crc & 15];
    return crc >> 4 ^ remainders[crc & 15];
}

/* Whole groups of eight bytes: tables[k] has the remainder of a byte with k bytes of zeros after
 * it. */
static uint32_t add_groups(uint32_t crc, const unsigned char *bytes, size_t n_groups) {
    uint32_t tables[8][256];
    for (unsigned byte = 0; byte < 256; byte++) {
        tables[0][byte] = add_byte(0, (unsigned char)byte);
        for (int k = 1; k < 8; k++) {
            tables[k][byte] = add_byte(tables[k - 1][byte], 0);
        }
    }
    for (size_t i = 0; i < n_groups; i++, bytes += 8) {
        uint32_t low = crc ^ bytes_u32(bytes), high = bytes_u32(bytes + 4);
        crc = tables[7][low & 255] ^ tables[6][low >> 8 & 255] ^ tables[5][low >> 16 & 255] ^
              tables[4][low >> 24] ^ tables[3][high & 255] ^ tables[2][high >> 8 & 255] ^
              tables[1][high >> 16 & 255] ^ tables[0][high >> 24];
    }
    return crc;
}

uint32_t crc32_of(const unsigned char *bytes, size_t n) {
    uint32_t crc = UINT32_MAX;
    size_t done = 0;
    if (n >= MANY) {
        done = n / 8 * 8;
        crc = add_groups(crc, bytes, n / 8);
    }
    for (; done < n; done++) {
        crc = add_byte(crc, bytes[done]);
    }
    return ~crc;
}
