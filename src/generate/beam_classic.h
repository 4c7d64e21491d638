/**
 * beam_classic.h - the rules of transformers 4.56, for searches in groups and with words that must
 * come.
 */
#ifndef GENERATE_BEAM_CLASSIC_H
#define GENERATE_BEAM_CLASSIC_H

#include "generate/beam_candidates.h"
#include "generate/beam_successor.h"

/** What of a group's candidates, best first, goes on, and what is found; over: nothing better is in
 *  sight. */
enum gen_status beam_classic_choose(const struct beam_candidates *list, struct beam_search *search,
                                    struct beam_group *group, struct successors *next,
                                    struct gen_error *err);

/** The search ends as there is no room for more: the next beams of a group are texts, too. */
enum gen_status beam_classic_finish(struct beam_search *search, struct beam_group *group,
                                    struct successors *next, struct gen_error *err);

#endif
