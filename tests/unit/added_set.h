/**
 * added_set.h - sets of added tokens from the JSON files of tests/golden.
 */
#ifndef ADDED_SET_H
#define ADDED_SET_H

#include <cjson/cJSON.h>

#include "gen.h"

/** The tokenizer of a directory with the small vocabulary and the set's "added_tokens_decoder". */
struct gen_tokenizer *added_set_open(const cJSON *set);

#endif
