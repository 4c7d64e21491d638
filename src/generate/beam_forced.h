/**
 * beam_forced.h - the next beams where words must come.
 */
#ifndef GENERATE_BEAM_FORCED_H
#define GENERATE_BEAM_FORCED_H

#include "generate/beam_successor.h"

/** Put ids that bring a text closer to its words among the next beams of a group. */
enum gen_status beam_forced_choose(struct beam_search *search, struct beam_group *group,
                                   struct successors *next, struct gen_error *err);

#endif
