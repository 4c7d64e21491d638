/**
 * beam_step.h - one step of a search: which beams go on, which texts are found.
 */
#ifndef GENERATE_BEAM_STEP_H
#define GENERATE_BEAM_STEP_H

#include "generate/beam_search.h"
#include "generate/decoder.h"

/** Note what a beam may go on with, of its scores: where it is drawn all there is, else the best.
 *  False: out of memory. */
bool beam_step_note_next(struct beam *beam, const float *scores);

/** All beams of a search that run know what may come next: go on with the best of that. */
enum gen_status beam_step_take(struct beams *beams, struct beam_search *search,
                               struct gen_error *err);

/** The search ends here, with the best of what was found and of the beams as they are. */
enum gen_status beam_step_conclude(struct beam_search *search, struct gen_error *err);

#endif
