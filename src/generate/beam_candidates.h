/**
 * beam_candidates.h - which beams go on with which ids: the choice at one step of a beam search.
 */
#ifndef GENERATE_BEAM_CANDIDATES_H
#define GENERATE_BEAM_CANDIDATES_H

#include "base/rng.h"
#include "gen.h"

/** A beam with one more id. */
struct beam_candidate {
    float score; /**< the sum of the log probabilities of its new ids */
    size_t rank; /**< of the beam, among those that run */
    int32_t id;
};

/** What beams may go on with. Start from {0}; memory is kept from one step to the next. */
struct beam_candidates {
    struct beam_candidate *data; /**< in order of rank and, unless they are the best, of id */
    float *weights;
    size_t n, capacity, weights_capacity;
};

void beam_candidates_release(struct beam_candidates *list);

/** Append those of a beam with that score: its n ids, each with its log probability. False: out of
 *  memory. */
bool beam_candidates_add(struct beam_candidates *list, size_t rank, float score,
                         const struct gen_logprob *next, size_t n);

/** Keep the k best, best first; of equals the one of the lower rank, then of the lower id. */
void beam_candidates_keep_best(struct beam_candidates *list, size_t k);

/**
 * Keep k that are drawn one after the other, each with a probability in proportion to the exp of
 * its score among those not drawn yet; best first, as above. A draw takes one rng_double(). The
 * sums are of doubles, in the order of the list. False: out of memory.
 */
bool beam_candidates_draw(struct beam_candidates *list, size_t k, struct rng *rng);

#endif
