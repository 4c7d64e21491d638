/**
 * golden_texts.h - texts that other programs made of golden models, as JSON: reading the cases, and
 * going through them, for tests of the ways to decode.
 */
#ifndef GOLDEN_TEXTS_H
#define GOLDEN_TEXTS_H

#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "gen.h"

/** The JSON of a file, to be deleted; fails the test where there is none. */
cJSON *golden_texts_read(const char *path);
/** A member of a case's settings; `otherwise` where there is none, or it is no number. */
double golden_texts_number(const cJSON *settings, const char *name, double otherwise);
/** The most ids that a list of the cases has. */
#define GOLDEN_TEXTS_IDS 64
/** One id or a list of them, into ids[GOLDEN_TEXTS_IDS]; how many. More fail the test. */
size_t golden_texts_ids(int32_t *ids, const cJSON *list);

/** Check one case with the golden model that its "model" names. */
typedef void golden_texts_check(const struct gen_model *model, const cJSON *item, void *context);
/** Check all of `root`'s "cases", at least 300; a model is opened once for neighbours. */
void golden_texts_each(const cJSON *root, golden_texts_check *check, void *context);

#endif
