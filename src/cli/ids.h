/**
 * ids.h - token ids as people write them.
 */
#ifndef CLI_IDS_H
#define CLI_IDS_H

#include <stddef.h>
#include <stdint.h>

#include "gen.h"

/**
 * Append the ids in text[n]: decimal numbers divided by blanks, newlines or commas; brackets
 * around them, as of a JSON array, are passed over. `name` is where the text is from.
 */
enum gen_status ids_parse(struct gen_ids *ids, const char *text, size_t n, const char *name,
                          struct gen_error *err);

/** Append ids as decimal numbers with `divider` between them. */
void ids_format(struct gen_bytes *text, const int32_t *ids, size_t n, char divider);

#endif
