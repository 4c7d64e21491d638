/**
 * ids_check.h - ids of the options, held against the vocabulary.
 */
#ifndef SAMPLE_RULES_IDS_CHECK_H
#define SAMPLE_RULES_IDS_CHECK_H

#include "gen.h"

/** Whether all ids are from 0 to n_vocab - 1; `name` is what the error calls them. */
enum gen_status ids_check(const struct gen_ids *ids, const char *name, int32_t n_vocab,
                          struct gen_error *err);

#endif
