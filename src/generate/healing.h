/**
 * healing.h - token healing: the last id of a prompt is left out, and the first new one is one
 * whose bytes begin with those of it.
 */
#ifndef GENERATE_HEALING_H
#define GENERATE_HEALING_H

#include "generate/sequence.h"

/** Whether an id can be replaced so: it is cut from text. */
bool healing_is_possible(const struct sequence_rules *rules, int32_t id);
/** The scores[n_vocab] of ids that may replace it, as they are in `logits`; others: -INFINITY. */
void healing_mask(const struct sequence_rules *rules, int32_t id, const float *logits,
                  float *scores);

#endif
