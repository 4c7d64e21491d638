/**
 * ways.h - ways to decode that the options of a text ask for, besides drawing id by id: searches,
 * guidance, token healing, choices; and what does not go with them.
 */
#ifndef GENERATE_WAYS_H
#define GENERATE_WAYS_H

#include "generate/sequence.h"

/** Whether ids are chosen by a contrastive search. */
bool ways_has_contrast(const struct gen_generate_options *options);
/** Texts that a search needs, all together: beams, or candidates of a contrastive search. 0: there
 *  is no search. */
size_t ways_n_searching(const struct sequence_rules *rules);
/** The least number of texts at once that the options need. */
int32_t ways_least_batch(const struct gen_generate_options *options);
/** Whether another text goes along with each. */
bool ways_has_guidance(const struct gen_generate_options *options);
/** Ids that it begins with; 0: there is none. */
size_t ways_n_other(const struct sequence_rules *rules);
/** Check the options of these ways, alone and against others. */
enum gen_status ways_check(const struct sequence_rules *rules, struct gen_error *err);
/** What they need of an engine with so many slots, whose sink hears of logits or not. */
enum gen_status ways_check_engine(const struct sequence_rules *rules, size_t n_slots,
                                  bool tells_logits, struct gen_error *err);

#endif
