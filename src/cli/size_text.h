/** size_text.h - sizes in bytes as people write them. */
#ifndef CLI_SIZE_TEXT_H
#define CLI_SIZE_TEXT_H

#include <stdbool.h>
#include <stdint.h>

/** What a size is, for messages. */
#define SIZE_TEXT_FORM "a size such as 900000, 80M or 1.5GB (K, M, G, T: thousands; KiB, MiB, ...)"

/**
 * A number, perhaps with a point, and perhaps K, M, G or T, perhaps with B (thousands, as of files)
 * or iB (of 1024) after it, in letters of any case: "5GB", "80M", "1.5GiB". Parts of bytes are
 * dropped. False: it is none, or is 0, or 2^63 or more.
 */
bool size_text_parse(uint64_t *bytes, const char *text);

#endif
