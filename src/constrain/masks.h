/**
 * masks.h - which tokens may come after a set of stacks. Found by a walk over the tree of the
 * vocabulary, and kept.
 *
 * What a rule says of the tokens does not depend on where it was called, up to its end: so the walk
 * over the tops of the stacks is kept for all that lies below, with the nodes of the tree at which
 * the rule may be at its end (escapes). From them, which are few, the walk goes on with what lies
 * below.
 */
#ifndef CONSTRAIN_MASKS_H
#define CONSTRAIN_MASKS_H

#include "constrain/states.h"
#include "constrain/trie.h"

/** Of a set. */
struct known {
    uint64_t *mask;    /**< NULL: not known */
    uint32_t *escapes; /**< nodes of the tree */
    size_t n_escapes, escapes_capacity;
};

struct masks {
    const struct gen_pieces *pieces;
    struct states *states;
    struct known *known; /**< [n] */
    size_t n, capacity;
    uint32_t *path; /**< [depth] the set at each node on the way */
    size_t bytes;   /**< memory of what is known */
};

/** False: out of memory. Release also after a failure. */
bool masks_init(struct masks *masks, const struct gen_pieces *pieces, struct states *states);
void masks_release(struct masks *masks);

/** The mask after a set, good until the next call; NULL: out of memory, or over a bound. */
const uint64_t *masks_find(struct masks *masks, uint32_t set);
/** Keep memory within its bound: what is known may be forgotten. */
void masks_trim(struct masks *masks);

#endif
